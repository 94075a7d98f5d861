//! A fixed text, read again and again while a model learns.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Layer, Plane};

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
