//! The text in a terminal, coloured by the activation of a unit: orange above 0, blue below.

use refrain::inspect::Recording;
use refrain::picture::diverging;

use super::Selection;

/// Dark background of the colours, for light text.
const BACKGROUND: [f32; 3] = [24.0, 26.0, 30.0];

pub(super) fn text(recording: &Recording, selection: &Selection) -> String {
    let inspection = &recording.inspection;
    let plane = &recording.planes[&(selection.layer, selection.plane)];
    let unit = selection.units.first().copied().unwrap_or(0);
    let column = plane.units().iter().position(|&other| other == unit);
    let values: Vec<f32> = column.map(|column| plane.column(column).collect()).unwrap_or_default();
    let max = values.iter().fold(0.0_f32, |max, x| max.max(x.abs())).max(f32::MIN_POSITIVE);
    let correlated = inspection.finder.iter().flat_map(|found| &found.properties).find_map(|finding| {
        let own = finding.units.first()?;
        let same = (own.layer, own.plane, own.unit) == (selection.layer, selection.plane, unit);
        same.then(|| format!(", correlated with {} (r {:.2})", finding.property.name, own.r))
    });
    let mut text = format!(
        "{}, {}[{unit}]{}: blue {:.2}, orange {:.2}\n\n",
        inspection.layers[selection.layer].name,
        selection.plane,
        correlated.unwrap_or_default(),
        -max,
        max
    );
    for (token, value) in inspection.tokens.iter().zip(&values) {
        let [red, green, blue, cover] = diverging(value / max);
        let share = f32::from(cover) / 255.0;
        let mixed = [red, green, blue].into_iter().zip(BACKGROUND);
        let [red, green, blue] = {
            let mut mixed =
                mixed.map(|(own, background)| (f32::from(own) * share + background * (1.0 - share)) as u8);
            [(); 3].map(|()| mixed.next().unwrap_or(0))
        };
        for c in token.chars() {
            let shown = match c {
                // The newline is coloured, too.
                '\n' => "\u{b6}\u{1b}[0m\n".to_owned(),
                c if c.is_control() => c.escape_default().to_string(),
                c => c.to_string(),
            };
            text.push_str(&format!("\u{1b}[38;2;235;235;235;48;2;{red};{green};{blue}m{shown}"));
        }
    }
    text.push_str("\u{1b}[0m\n");
    text
}
