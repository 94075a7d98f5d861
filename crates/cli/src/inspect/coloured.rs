//! The text in a terminal, coloured by a unit: orange above 0, blue below.

use refrain::inspect::Recording;
use refrain::picture::diverging;

use super::Selection;

/// What the colours of values are mixed with: a dark ground, on which light text stays legible.
const GROUND: [f32; 3] = [24.0, 26.0, 30.0];

pub(super) fn text(recording: &Recording, selection: &Selection) -> String {
    let inspection = &recording.inspection;
    let plane = &recording.planes[&(selection.layer, selection.plane)];
    let unit = selection.units.first().copied().unwrap_or(0);
    let column = plane.units().iter().position(|&other| other == unit);
    let values: Vec<f32> = column.map(|column| plane.column(column).collect()).unwrap_or_default();
    let most = values.iter().fold(0.0_f32, |most, x| most.max(x.abs())).max(f32::MIN_POSITIVE);
    let follows = inspection.finder.iter().flat_map(|found| &found.properties).find_map(|finding| {
        let own = finding.units.first()?;
        let same = (own.layer, own.plane, own.unit) == (selection.layer, selection.plane, unit);
        same.then(|| format!(", which follows {} (r {:.2})", finding.property.name, own.r))
    });
    let mut text = format!(
        "{}, {}[{unit}]{}: blue {:.2}, orange {:.2}\n\n",
        inspection.layers[selection.layer].name,
        selection.plane,
        follows.unwrap_or_default(),
        -most,
        most
    );
    for (token, value) in inspection.tokens.iter().zip(&values) {
        let [red, green, blue, cover] = diverging(value / most);
        let share = f32::from(cover) / 255.0;
        let mixed = [red, green, blue].into_iter().zip(GROUND);
        let [red, green, blue] = {
            let mut mixed =
                mixed.map(|(own, ground)| (f32::from(own) * share + ground * (1.0 - share)) as u8);
            [(); 3].map(|()| mixed.next().unwrap_or(0))
        };
        for c in token.chars() {
            let shown = match c {
                // The line end shows its colour too, and then ends the line.
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
