//! A confusion matrix as a picture.

use std::fmt::Write;

use super::escaped;
use crate::metric::Confusion;

/// Pixels of a cell, of a character of a label, and above the matrix.
const CELL: usize = 34;
const CHARACTER: usize = 7;
const GAP: usize = 8;
/// Longer names are cut.
const NAME: usize = 24;

/// An SVG of a confusion matrix over the labels `names`, legible on light and dark ground: a row for each true label, a
/// column for each predicted one, the darker the larger its share of the row. Cells have their counts.
pub fn confusion_picture(confusion: &Confusion, names: &[impl AsRef<str>]) -> String {
    let mut svg = String::new();
    // Writing to a string cannot fail.
    let _ = write_svg(&mut svg, confusion, names);
    svg
}

fn write_svg(svg: &mut String, confusion: &Confusion, names: &[impl AsRef<str>]) -> std::fmt::Result {
    let names: Vec<String> = names.iter().map(|name| escaped(&cut(name.as_ref()))).collect();
    let longest = names.iter().map(|name| name.chars().count().min(NAME)).max().unwrap_or(0);
    let margin = longest * CHARACTER + 2 * GAP;
    let size = names.len() * CELL;
    let (width, height) = (margin + size + GAP, margin + size + GAP + 16);
    writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\" fill=\"#7a828c\">\n<title>Which label was taken for which: {} of {} right</title>",
        (0..names.len() as u32).map(|label| confusion.count(label, label)).sum::<u64>(),
        confusion.total()
    )?;
    for (i, name) in names.iter().enumerate() {
        let at = margin + i * CELL + CELL / 2;
        let (edge, along) = (margin - GAP, at + 4);
        writeln!(svg, "<text x=\"{edge}\" y=\"{along}\" text-anchor=\"end\">{name}</text>")?;
        writeln!(svg, "<text transform=\"translate({along} {edge}) rotate(-90)\">{name}</text>")?;
    }
    for truth in 0..names.len() as u32 {
        let row: u64 = (0..names.len() as u32).map(|predicted| confusion.count(truth, predicted)).sum();
        for predicted in 0..names.len() as u32 {
            let count = confusion.count(truth, predicted);
            let (x, y) = (margin + predicted as usize * CELL, margin + truth as usize * CELL);
            let share = count as f64 / row.max(1) as f64;
            // Right ones in blue, wrong ones in orange; a rare mistake still shows.
            let colour = if truth == predicted { "#2f6db5" } else { "#e0703a" };
            let opacity = if count == 0 { 0.05 } else { 0.15 + 0.85 * share };
            let inside = CELL - 2;
            writeln!(
                svg,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{inside}\" height=\"{inside}\" fill=\"{colour}\" fill-opacity=\"{opacity:.2}\"/>"
            )?;
            if count > 0 {
                let ink = if opacity > 0.6 { "#fff" } else { "#7a828c" };
                let (x, y) = (x + inside / 2, y + inside / 2 + 4);
                writeln!(
                    svg,
                    "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" font-size=\"11\" fill=\"{ink}\">{count}</text>"
                )?;
            }
        }
    }
    writeln!(
        svg,
        "<text x=\"{margin}\" y=\"{}\" font-size=\"11\">rows: what it is; columns: what it was taken for</text>\n</svg>",
        margin + size + GAP + 8
    )
}

/// A name that is not too long for its place.
fn cut(name: &str) -> String {
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
            confusion_picture(&confusion, &["<good> & fine", "a name that is much too long for its place"]);
        assert_eq!(svg.matches("<rect").count(), 4);
        assert!(svg.contains("&lt;good&gt; &amp; fine") && svg.contains("a name that is much too…"));
        assert!(svg.contains(">7</text>") && svg.contains("7 of 8 right"));
        assert!(svg.ends_with("</svg>\n"));
    }
}
