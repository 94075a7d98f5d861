//! Pictures of piano rolls, time to the right and pitch upwards: one for pages, one for the terminal.

use std::fmt::Write;

use crate::format::{Roll, Span};

/// Pixels of a semitone, and of the margins that hold the labels.
const SEMITONE: usize = 6;
const LEFT: usize = 28;
const ABOVE: usize = 4;
const BELOW: usize = 16;
/// Pixels that a roll should fill, and between two labels of time.
const WIDTH: f64 = 900.0;
const LABEL_SPACING: f64 = 60.0;

/// An SVG of the roll, legible on light and dark ground: a bar a note, a line at every C with the octave's number
/// (C4 is middle C, 60), and the number of the frame below. Long rolls are drawn narrower, short ones no wider than
/// 12 pixels a frame. A few bytes a note.
pub fn roll_picture(roll: &Roll) -> String {
    let (lowest, highest) = pitches(roll);
    let step = (WIDTH / roll.len().max(1) as f64).clamp(0.5, 12.0);
    let (width, height) = (step * roll.len() as f64, usize::from(highest - lowest + 1) * SEMITONE);
    let right = LEFT as f64 + width;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0}\" height=\"{2}\" viewBox=\"0 -{ABOVE} {0:.0} {2}\" \
         font-family=\"sans-serif\" font-size=\"10\" fill=\"#7a828c\">\n<title>Piano roll of {1} frames</title>\n",
        right + LEFT as f64,
        roll.len(),
        ABOVE + height + BELOW
    );
    // Writing to a string cannot fail.
    let _ = write_svg(&mut svg, roll, (lowest, highest), step, right, height);
    svg
}

fn write_svg(
    svg: &mut String,
    roll: &Roll,
    (lowest, highest): (u8, u8),
    step: f64,
    right: f64,
    height: usize,
) -> std::fmt::Result {
    let mut lines = String::new();
    for note in (lowest..=highest).filter(|note| note % 12 == 0) {
        let y = usize::from(highest - note + 1) * SEMITONE;
        write!(lines, "M{LEFT} {y}H{right:.0}")?;
        writeln!(svg, "<text x=\"{}\" y=\"{y}\" text-anchor=\"end\">C{}</text>", LEFT - 5, octave(note))?;
    }
    let mut every = 4;
    while every as f64 * step < LABEL_SPACING {
        every *= 2;
    }
    for frame in (0..=roll.len()).step_by(every) {
        let x = LEFT as f64 + step * frame as f64;
        write!(lines, "M{x:.1} 0V{height}")?;
        writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{frame}</text>",
            height + BELOW - 4
        )?;
    }
    writeln!(svg, "<path d=\"{lines}\" stroke=\"#7a828c\" stroke-opacity=\".35\"/>")?;
    // Drawn in frames and semitones, so that the numbers are short.
    let middle = SEMITONE / 2;
    write!(svg, "<path transform=\"translate({LEFT} {middle}) scale({step:.4} {SEMITONE})\" d=\"")?;
    for Span { note, start, end } in roll.spans() {
        write!(svg, "M{start} {}h{}", highest - note, end - start)?;
    }
    writeln!(svg, "\" stroke=\"#e0703a\" stroke-width=\".8\"/>\n</svg>")
}

/// The roll in Braille dots, two frames and four semitones a character, in staves of at most `columns` characters
/// (8 or more), one below the other with an empty line between; every line ends in a newline. The lines of each C
/// are labelled: it is the lowest row of dots there.
pub fn roll_text(roll: &Roll, columns: usize) -> String {
    /// The dots of a character, from the bottom up, on the left and on the right.
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

/// The lowest and highest note to be drawn: those that sound, or the octave of middle C.
fn pitches(roll: &Roll) -> (u8, u8) {
    let notes = || roll.frames().iter().flatten().copied();
    (notes().min().unwrap_or(60), notes().max().unwrap_or(72))
}

/// The number of a note's octave, by which middle C is C4.
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
    fn a_picture_has_a_bar_a_note_and_a_line_an_octave() {
        let svg = roll_picture(&scale());
        assert!(svg.contains(" d=\"M0 12h2M1 10h1M2 8h1M3 7h1M3 0h1\""), "{svg}");
        assert!(
            svg.contains(">C4</text>") && svg.contains(">C5</text>") && svg.contains("M28 78H76M28 6H76"),
            "{svg}"
        );
    }

    #[test]
    fn text_has_two_frames_and_four_semitones_a_character() {
        assert_eq!(roll_text(&scale(), 80), "C5  ⠀⢀\n    ⠀⠀\n    ⠀⡠\nC4  ⣐⠀\n");
        let long = Roll::new(vec![vec![60]; 10]).unwrap();
        assert_eq!(roll_text(&long, 8), "C4  ⣀⣀⣀⣀\n\nC4  ⣀\n");
    }

    #[test]
    fn nothing_at_all_can_be_drawn() {
        for roll in [Roll::default(), Roll::new(vec![vec![]; 3]).unwrap()] {
            assert!(roll_picture(&roll).ends_with("</svg>\n"));
            assert!(roll_text(&roll, 0).chars().all(|c| "C45 \u{2800}\n".contains(c)));
        }
    }
}
