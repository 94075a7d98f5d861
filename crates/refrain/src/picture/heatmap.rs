//! Heatmaps of units over time steps.

use super::figure::{Anchor, Colour, Figure};
use super::{ACCENT, BLUE, INK};

/// Pixels of a cell, of the names of units, and of a letter.
const WIDTH: f32 = 9.0;
const HEIGHT: f32 = 9.0;
const LEFT: f32 = 44.0;
const ABOVE: f32 = 26.0;
const BELOW: f32 = 22.0;
/// Rows between names.
const NAMED: usize = 8;

/// Values over time steps, one row per unit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heatmap {
    /// Above it.
    pub title: String,
    /// `[T]`: label below each time step, a letter or two.
    pub steps: Vec<String>,
    /// The names and values `[T]` of the rows, drawn in blue below 0 and in orange above.
    pub rows: Vec<(String, Vec<f32>)>,
    /// The value with full colour.
    pub max: f32,
}

/// A colour for a value between -1 and 1: transparent at 0.
pub fn diverging(value: f32) -> Colour {
    let [red, green, blue, _] = if value < 0.0 { BLUE } else { ACCENT };
    [red, green, blue, (255.0 * value.abs().min(1.0)) as u8]
}

impl Heatmap {
    /// As a figure.
    pub fn figure(&self) -> Figure {
        let (steps, units) = (self.steps.len(), self.rows.len());
        let (width, height) = (steps as f32 * WIDTH, units as f32 * HEIGHT);
        let mut figure = Figure::new(&self.title, LEFT + width + WIDTH, ABOVE + height + BELOW);
        figure.text((LEFT, ABOVE - 10.0), &*self.title, Anchor::Start, INK);
        let scale = if self.max > 0.0 { self.max } else { 1.0 };
        let colours =
            self.rows.iter().flat_map(|(_, values)| values.iter().take(steps).map(|x| diverging(x / scale)));
        figure.cells([LEFT, ABOVE, width, height], steps, colours.collect());
        let every = if units > 24 { NAMED } else { 1 };
        for (i, (name, _)) in self.rows.iter().enumerate().step_by(every) {
            figure.text((LEFT - 6.0, ABOVE + (i as f32 + 1.0) * HEIGHT), &**name, Anchor::End, INK);
        }
        for (t, step) in self.steps.iter().enumerate() {
            let at = (LEFT + (t as f32 + 0.5) * WIDTH, ABOVE + height + 14.0);
            figure.text(at, visible(step), Anchor::Middle, INK);
        }
        figure
    }
}

/// A token in one line; spaces and newlines are visible.
fn visible(token: &str) -> String {
    match token {
        " " => "\u{b7}".to_owned(),
        "\n" => "\u{b6}".to_owned(),
        _ => token.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_coloured_and_time_steps_labelled() {
        let heatmap = Heatmap {
            title: "h".to_owned(),
            steps: ["a", " ", "<"].map(str::to_owned).to_vec(),
            rows: vec![("17".to_owned(), vec![-1.0, 0.0, 2.0])],
            max: 2.0,
        };
        let svg = heatmap.figure().svg();
        assert!(
            svg.contains(">17<") && svg.contains("\u{b7}") && svg.contains("&lt;") && svg.contains("<image")
        );
        assert_eq!(diverging(0.0)[3], 0);
        assert_eq!((diverging(-1.0), diverging(3.0)), (BLUE, ACCENT));
        Heatmap::default().figure().svg();
    }
}
