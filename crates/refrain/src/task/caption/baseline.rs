//! What it takes no learning to do: the text of the nearest input learned from.

use refrain_kernels::Backend;

use super::data::Described;

/// For each input the text of the one that is nearest to it, by Euclidean distance; the first of several.
pub(super) fn nearest<'a>(
    backend: &impl Backend,
    known: &'a [Described],
    inputs: impl Iterator<Item = &'a [f32]>,
) -> Vec<&'a str> {
    let mut found: Vec<(&[f32], &str)> = inputs.map(|input| (input, "")).collect();
    backend.parallel(&mut found, |_, (input, text)| {
        let mut least = f32::INFINITY;
        for described in known {
            let distance: f32 = described.values.iter().zip(*input).map(|(a, b)| (a - b) * (a - b)).sum();
            if distance < least {
                (least, *text) = (distance, &described.text);
            }
        }
    });
    found.into_iter().map(|(_, text)| text).collect()
}
