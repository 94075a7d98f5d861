//! Baseline without a network: the text of the nearest input of the training set.

use refrain_kernels::Backend;

/// For each input, the text of the nearest known one by Euclidean distance; the first in case of a tie.
pub(super) fn nearest<'a>(
    backend: &impl Backend,
    known: &[(&[f32], &'a str)],
    inputs: impl Iterator<Item = &'a [f32]>,
) -> Vec<&'a str> {
    let mut found: Vec<(&[f32], &str)> = inputs.map(|input| (input, "")).collect();
    backend.parallel(&mut found, |_, (input, text)| {
        let mut least = f32::INFINITY;
        for &(values, near) in known {
            let distance: f32 = values.iter().zip(*input).map(|(a, b)| (a - b) * (a - b)).sum();
            if distance < least {
                (least, *text) = (distance, near);
            }
        }
    });
    found.into_iter().map(|(_, text)| text).collect()
}
