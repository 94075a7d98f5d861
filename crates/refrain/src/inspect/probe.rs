//! A fixed text, read again and again while a model learns.

use std::collections::BTreeMap;

use refrain_kernels::Backend;
use serde::Serialize;

use super::recorder::Recorder;
use super::{Layer, Plane, SaturationCounter, watch};
use crate::model::Weights;
use crate::task::Language;

/// What a network does with a short text at one moment of its training.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Probe {
    /// What is read at each step.
    #[serde(skip)]
    pub tokens: Vec<String>,
    /// The layers.
    #[serde(skip)]
    pub layers: Vec<Layer>,
    /// All planes of all units.
    #[serde(skip)]
    pub planes: BTreeMap<(usize, &'static str), Plane>,
    /// Of each gate, the means over its units.
    pub saturation: Vec<MeanSaturation>,
}

/// How often the gates of a layer are shut and open.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MeanSaturation {
    /// Lowest 0.
    pub layer: usize,
    /// As the tape calls it.
    pub gate: &'static str,
    /// The mean share of steps below 0.1.
    pub left: f32,
    /// Above 0.9.
    pub right: f32,
}

impl Probe {
    /// Reads the tokens with these weights.
    pub fn take<B: Backend>(backend: &B, task: &Language, weights: &Weights<B>, ids: &[u32]) -> Self {
        let (mut recorder, mut saturation) =
            (Recorder::new(ids.len(), usize::MAX, &[]), SaturationCounter::default());
        watch(backend, task, weights, ids, |seen| {
            recorder.add(seen.ids.len(), seen.layers);
            saturation.add(seen.ids.len(), seen.layers);
        });
        let (layers, planes) = recorder.finish();
        let mean = |shares: &[f32]| shares.iter().sum::<f32>() / shares.len().max(1) as f32;
        let saturation = saturation.shares().into_iter().map(|gate| MeanSaturation {
            layer: gate.layer,
            gate: gate.gate,
            left: mean(&gate.left),
            right: mean(&gate.right),
        });
        let shown =
            |&id: &u32| String::from_utf8_lossy(task.vocabulary.text_of(id, &mut [0; 4])).into_owned();
        Self { tokens: ids.iter().map(shown).collect(), layers, saturation: saturation.collect(), planes }
    }
}
