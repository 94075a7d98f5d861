//! Activations for a text during training.

use refrain_kernels::Backend;

use super::for_each_window;
use crate::inspect::{MeanSaturation, Probe, Recorder, SaturationCounter};
use crate::model::Weights;
use crate::task::Language;

/// Runs the model with these weights on the tokens.
pub(in crate::task::language) fn probe<B: Backend>(
    backend: &B,
    task: &Language,
    weights: &Weights<B>,
    ids: &[u32],
) -> Probe {
    let (mut recorder, mut saturation) =
        (Recorder::new(ids.len(), usize::MAX, &[]), SaturationCounter::default());
    for_each_window(backend, task, weights, ids, |window| {
        recorder.add(window.ids.len(), window.layers);
        saturation.add(window.ids.len(), window.layers);
    });
    let (layers, planes) = recorder.finish();
    let mean = |shares: &[f32]| shares.iter().sum::<f32>() / shares.len().max(1) as f32;
    let saturation = saturation.shares().into_iter().map(|gate| MeanSaturation {
        layer: gate.layer,
        gate: gate.gate,
        left: mean(&gate.left),
        right: mean(&gate.right),
    });
    let shown = |&id: &u32| String::from_utf8_lossy(task.vocabulary.text_of(id, &mut [0; 4])).into_owned();
    Probe { tokens: ids.iter().map(shown).collect(), layers, saturation: saturation.collect(), planes }
}
