//! A figure of a confusion matrix.

use super::figure::{Anchor, Figure};
use super::{ACCENT, BLUE, INK, WHITE};
use crate::metric::Confusion;

/// Pixels of a cell, of a character of a label, and around the matrix.
const CELL: f32 = 34.0;
const CHARACTER: f32 = 7.0;
const GAP: f32 = 8.0;
/// Maximum length of names.
const NAME: usize = 24;

/// A confusion matrix over the labels `names`, legible on light and dark backgrounds: a row per true label, a column per
/// predicted label, darker for a larger share of the row, with counts.
pub fn confusion_figure(confusion: &Confusion, names: &[impl AsRef<str>]) -> Figure {
    let names: Vec<String> = names.iter().map(|name| truncated(name.as_ref())).collect();
    let labels = 0..names.len() as u32;
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let margin = longest as f32 * CHARACTER + 2.0 * GAP;
    let size = names.len() as f32 * CELL;
    let right = labels.clone().map(|label| confusion.count(label, label)).sum::<u64>();
    let title = format!("Confusion matrix: {right} of {} correct", confusion.total());
    let side = margin + size + GAP;
    let below = "rows: true label; columns: predicted label";
    let width = side.max(2.0 * GAP + below.len() as f32 * CHARACTER);
    let mut figure = Figure::new(&title, width, side + 2.0 * GAP);
    for (i, name) in names.iter().enumerate() {
        let (edge, along) = (margin - GAP, margin + i as f32 * CELL + CELL / 2.0 + 4.0);
        figure.text((edge, along), &**name, Anchor::End, INK);
        figure.text_upwards((along, edge), &**name, INK);
    }
    for truth in labels.clone() {
        let row: u64 = labels.clone().map(|predicted| confusion.count(truth, predicted)).sum();
        for predicted in labels.clone() {
            let count = confusion.count(truth, predicted);
            let (x, y) = (margin + predicted as f32 * CELL, margin + truth as f32 * CELL);
            // Correct ones in blue, errors in orange; rare errors remain visible.
            let [red, green, blue, _] = if truth == predicted { BLUE } else { ACCENT };
            let share = count as f32 / row.max(1) as f32;
            let cover = if count == 0 { 0.05 } else { 0.15 + 0.85 * share };
            let inside = CELL - 2.0;
            figure.rectangle([x, y, inside, inside], [red, green, blue, (255.0 * cover) as u8]);
            if count > 0 {
                let ink = if cover > 0.6 { WHITE } else { INK };
                figure.text(
                    (x + inside / 2.0, y + inside / 2.0 + 4.0),
                    count.to_string(),
                    Anchor::Middle,
                    ink,
                );
            }
        }
    }
    figure.text((GAP, side + GAP), below, Anchor::Start, INK);
    figure
}

/// The name, truncated to [`NAME`] characters.
fn truncated(name: &str) -> String {
    let mut characters = name.chars();
    let mut cut: String = characters.by_ref().take(NAME).collect();
    if characters.next().is_some() {
        cut.pop();
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_is_drawn_and_names_are_escaped() {
        let mut confusion = Confusion::default();
        (0..7).for_each(|_| confusion.add(0, 0));
        confusion.add(1, 0);
        let svg =
            confusion_figure(&confusion, &["<good> & fine", "a name that is much too long for its place"])
                .svg();
        assert_eq!(svg.matches("<rect").count(), 4);
        assert!(svg.contains("&lt;good&gt; &amp; fine") && svg.contains("a name that is much too…"));
        assert!(svg.contains(">7</text>") && svg.contains("7 of 8 correct"));
        assert!(svg.ends_with("</svg>\n"));
    }
}
