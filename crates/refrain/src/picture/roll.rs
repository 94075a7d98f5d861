//! Figures of piano rolls, time to the right and pitch upwards, and text for the terminal.

use super::figure::{Anchor, Figure};
use super::{ACCENT, INK, faint};
use crate::format::{Roll, Span};

/// Pixels of a semitone, and of the margins with labels.
const SEMITONE: f32 = 6.0;
const LEFT: f32 = 28.0;
const ABOVE: f32 = 4.0;
const BELOW: f32 = 18.0;
/// Preferred width in pixels, and minimum distance of time labels.
const WIDTH: f32 = 900.0;
const LABEL_SPACING: f32 = 60.0;

/// The roll, legible on light and dark backgrounds: a bar per note, a line at every C with the octave's number (C4 is middle
/// C, 60), and frame numbers below. A frame is at most 12 pixels wide, less in long rolls.
pub fn roll_figure(roll: &Roll) -> Figure {
    let (lowest, highest) = pitches(roll);
    let step = (WIDTH / roll.len().max(1) as f32).clamp(0.5, 12.0);
    let (width, height) = (step * roll.len() as f32, f32::from(highest - lowest + 1) * SEMITONE);
    let (right, bottom) = (LEFT + width, ABOVE + height);
    let mut figure =
        Figure::new(&format!("Piano roll of {} frames", roll.len()), right + LEFT, bottom + BELOW);
    for note in (lowest..=highest).filter(|note| note % 12 == 0) {
        let y = ABOVE + f32::from(highest - note + 1) * SEMITONE;
        figure.line(vec![(LEFT, y), (right, y)], faint(INK), 1.0);
        figure.text((LEFT - 5.0, y), format!("C{}", octave(note)), Anchor::End, INK);
    }
    let mut every = 4;
    while every as f32 * step < LABEL_SPACING {
        every *= 2;
    }
    for frame in (0..=roll.len()).step_by(every) {
        let x = LEFT + step * frame as f32;
        figure.line(vec![(x, ABOVE), (x, bottom)], faint(INK), 1.0);
        figure.text((x, bottom + 14.0), frame.to_string(), Anchor::Middle, INK);
    }
    for Span { note, start, end } in roll.spans() {
        let (x, y) = (LEFT + step * start as f32, ABOVE + f32::from(highest - note) * SEMITONE);
        figure.rectangle([x, y + 0.5, step * (end - start) as f32, SEMITONE - 1.0], ACCENT);
    }
    figure
}

/// The roll in Braille dots, two frames and four semitones per character, in staves of at most `columns` characters
/// (8 or more), separated by an empty line; every line ends in a newline. A label `C4` refers to the lowest row of dots of
/// its line.
pub fn roll_text(roll: &Roll, columns: usize) -> String {
    /// The dots of a character from the bottom up, left and right.
    const DOTS: [[u32; 4]; 2] = [[0x40, 0x04, 0x02, 0x01], [0x80, 0x20, 0x10, 0x08]];
    const LABEL: usize = 4;
    let (lowest, highest) = pitches(roll);
    let mut text = String::new();
    for stave in roll.frames().chunks(2 * (columns.max(8) - LABEL)) {
        if !text.is_empty() {
            text.push('\n');
        }
        for row in (lowest / 4..=highest / 4).rev() {
            let label = if row % 3 == 0 { format!("C{}", octave(4 * row)) } else { String::new() };
            text.push_str(&format!("{label:LABEL$}"));
            for pair in stave.chunks(2) {
                let dots = DOTS.iter().zip(pair).flat_map(|(dots, frame)| {
                    let sounds = move |up: &u8| frame.binary_search(&(4 * row + up)).is_ok();
                    (0..4).filter(sounds).map(|up| dots[usize::from(up)])
                });
                text.extend(char::from_u32(0x2800 + dots.sum::<u32>()));
            }
            text.push('\n');
        }
    }
    text
}

/// The lowest and highest note of the roll, or the octave of middle C.
fn pitches(roll: &Roll) -> (u8, u8) {
    let notes = || roll.frames().iter().flatten().copied();
    (notes().min().unwrap_or(60), notes().max().unwrap_or(72))
}

/// The number of a note's octave; middle C is C4.
fn octave(note: u8) -> i32 {
    i32::from(note) / 12 - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale() -> Roll {
        Roll::new(vec![vec![60], vec![60, 62], vec![64], vec![65, 72]]).unwrap()
    }

    #[test]
    fn a_figure_has_one_bar_per_note_and_one_line_per_octave() {
        let svg = roll_figure(&scale()).svg();
        for bar in ["x=\"28.0\" y=\"76.5\" width=\"24.0\"", "x=\"64.0\" y=\"4.5\" width=\"12.0\""] {
            assert!(svg.contains(bar), "{bar} in {svg}");
        }
        assert!(
            svg.matches("<rect").count() == 5 && svg.contains(">C4</text>") && svg.contains(">C5</text>")
        );
    }

    #[test]
    fn text_has_two_frames_and_four_semitones_per_character() {
        assert_eq!(roll_text(&scale(), 80), "C5  ⠀⢀\n    ⠀⠀\n    ⠀⡠\nC4  ⣐⠀\n");
        let long = Roll::new(vec![vec![60]; 10]).unwrap();
        assert_eq!(roll_text(&long, 8), "C4  ⣀⣀⣀⣀\n\nC4  ⣀\n");
    }

    #[test]
    fn empty_rolls_can_be_drawn() {
        for roll in [Roll::default(), Roll::new(vec![vec![]; 3]).unwrap()] {
            assert!(roll_figure(&roll).svg().ends_with("</svg>\n"));
            assert!(roll_text(&roll, 0).chars().all(|c| "C45 \u{2800}\n".contains(c)));
        }
    }
}
