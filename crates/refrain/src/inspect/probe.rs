//! A fixed text, read again and again while a model learns.

use std::collections::BTreeMap;

use refrain_kernels::Backend;
use serde::Serialize;

use super::report::{Layer, described, planes_of};
use super::{Plane, SaturationCounter, watch};
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
        let mut planes: BTreeMap<_, Plane> = BTreeMap::new();
        let (mut saturation, mut units) = (SaturationCounter::default(), vec![]);
        watch(backend, task, weights, ids, |seen| {
            saturation.add(seen.ids.len(), seen.layers);
            units = seen.layers.iter().map(|trace| trace.h.len() / seen.ids.len()).collect();
            for (layer, trace) in seen.layers.iter().enumerate() {
                for (name, values) in planes_of(trace) {
                    let all = || Plane::new((0..units[layer]).collect());
                    planes.entry((layer, name)).or_insert_with(all).extend(values, units[layer]);
                }
            }
        });
        let mean = |shares: &[f32]| shares.iter().sum::<f32>() / shares.len().max(1) as f32;
        let saturation = saturation.shares().into_iter().map(|gate| MeanSaturation {
            layer: gate.layer,
            gate: gate.gate,
            left: mean(&gate.left),
            right: mean(&gate.right),
        });
        let shown =
            |&id: &u32| String::from_utf8_lossy(task.vocabulary.text_of(id, &mut [0; 4])).into_owned();
        Self {
            tokens: ids.iter().map(shown).collect(),
            layers: described(&units, &planes),
            saturation: saturation.collect(),
            planes,
        }
    }
}
