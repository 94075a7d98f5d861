//! Activations on a fixed text during training.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Layer, Plane};

/// Activations on a short text at one time of training.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Probe {
    /// The input of each time step.
    #[serde(skip)]
    pub tokens: Vec<String>,
    /// The layers.
    #[serde(skip)]
    pub layers: Vec<Layer>,
    /// All planes of all units.
    #[serde(skip)]
    pub planes: BTreeMap<(usize, &'static str), Plane>,
    /// For each gate the means over its units.
    pub saturation: Vec<MeanSaturation>,
}

/// How often the gates of a layer are closed and open.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MeanSaturation {
    /// Layer, from 0, lowest first.
    pub layer: usize,
    /// Name of the gate in the tape.
    pub gate: &'static str,
    /// The mean share of time steps below 0.1.
    pub left: f32,
    /// The mean share of time steps above 0.9.
    pub right: f32,
}
