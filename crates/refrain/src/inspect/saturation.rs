//! How often gates are closed or open (Karpathy, Johnson & Li 2015, figure 2).

use refrain_kernels::{Real, Trace};
use serde::Serialize;

/// A gate below this is left-saturated, one above `1 - CLOSED` right-saturated.
const CLOSED: f32 = 0.1;

/// The names of gates, which are between 0 and 1.
const GATES: [&str; 5] = ["i", "f", "o", "r", "z"];

/// One gate of one layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GateSaturation {
    /// Layer, from 0, lowest first.
    pub layer: usize,
    /// Name of the gate in the tape.
    pub gate: &'static str,
    /// `[H]`: the share of time steps in which each unit's gate is below 0.1.
    pub left: Vec<f32>,
    /// `[H]`: the share of time steps above 0.9.
    pub right: Vec<f32>,
}

/// Counts saturated gates.
#[derive(Clone, Debug, Default)]
pub struct SaturationCounter {
    steps: usize,
    /// For each gate, the counts of its units.
    gates: Vec<(usize, &'static str, Vec<[u32; 2]>)>,
}

impl SaturationCounter {
    /// Adds `steps` time steps of one row, from the traces of all layers.
    pub fn add<R: Real>(&mut self, steps: usize, traces: &[Trace<R>]) {
        let gates = traces.iter().enumerate().flat_map(|(layer, trace)| {
            let own = trace.gates.iter().filter(|(name, _)| GATES.contains(name));
            own.map(move |(name, values)| (layer, *name, values))
        });
        for (place, (layer, name, values)) in gates.enumerate() {
            let units = values.len() / steps.max(1);
            if self.gates.len() == place {
                self.gates.push((layer, name, vec![[0; 2]; units]));
            }
            for step in values.chunks_exact(units) {
                for (count, x) in self.gates[place].2.iter_mut().zip(step) {
                    count[0] += u32::from(x.as_f32() < CLOSED);
                    count[1] += u32::from(x.as_f32() > 1.0 - CLOSED);
                }
            }
        }
        self.steps += steps;
    }

    /// The shares over all time steps so far.
    pub fn shares(&self) -> Vec<GateSaturation> {
        let share = |counts: &[[u32; 2]], side: usize| {
            counts.iter().map(|count| count[side] as f32 / self.steps.max(1) as f32).collect()
        };
        let gate = |(layer, gate, counts): &(usize, &'static str, Vec<[u32; 2]>)| GateSaturation {
            layer: *layer,
            gate,
            left: share(counts, 0),
            right: share(counts, 1),
        };
        self.gates.iter().map(gate).collect()
    }
}
