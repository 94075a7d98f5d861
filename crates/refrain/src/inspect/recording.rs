//! A recording of one pass, whatever the task.

use std::collections::BTreeMap;

use refrain_kernels::Backend;

use super::recorder::{described, planes_of};
use super::{Facts, Inspection, Own, Plane, Recording, SaturationCounter};
use crate::Session;
use crate::model::{Network, Tapes, Task};

impl Recording {
    /// Of a pass of one row over a sequence with these steps; what else there is to see belongs into its
    /// [`Inspection::own`].
    pub(crate) fn of_pass<T: Task, B: Backend>(
        session: &Session<T, B>,
        pass: &<T::Network as Network>::Workspace<B>,
        name: &str,
        (axis, tokens): (&str, Vec<String>),
    ) -> Self {
        let (network, backend) = (session.model().task.network(), session.backend());
        let stacks = network.stacks();
        let specs: Vec<_> = stacks.iter().flat_map(|stack| stack.specs()).collect();
        let (mut layers, mut planes, mut traces) = (vec![], BTreeMap::new(), vec![]);
        for Tapes { name, first, tapes } in network.tapes(pass) {
            let both = specs[first..first + tapes.len()].iter().any(|spec| spec.reverse);
            for (i, tape) in tapes.iter().enumerate() {
                let spec = specs[first + i];
                let trace = backend.trace(&session.weights().layers[first + i], tape);
                let number = if both { i / 2 } else { i } + 1;
                let direction = match (both, spec.reverse) {
                    (false, _) => "",
                    (true, false) => " forwards",
                    (true, true) => " backwards",
                };
                let name = format!("{name} layer {number}{direction}").trim_start().to_owned();
                for (plane, values) in planes_of(&trace) {
                    let mut kept = Plane::new((0..spec.hidden_size).collect());
                    kept.extend(values, spec.hidden_size);
                    planes.insert((layers.len(), plane), kept);
                }
                layers.push((name, spec.hidden_size));
                traces.push(trace);
            }
        }
        let mut saturation = SaturationCounter::default();
        saturation.add(tokens.len(), &traces);
        let units: Vec<usize> = layers.iter().map(|(_, units)| *units).collect();
        let mut described = described(&units, &planes);
        described.iter_mut().zip(layers).for_each(|(layer, (name, _))| layer.name = name);
        let inspection = Inspection {
            model: Facts::of(session.model(), name),
            axis: axis.to_owned(),
            tokens,
            layers: described,
            gates: gate_names(),
            truncated: None,
            predictions: None,
            saturation: saturation.shares(),
            gradients: None,
            unrolled: None,
            finder: None,
            path: None,
            embedding: None,
            own: Own::default(),
        };
        Self { inspection, planes }
    }
}

pub(crate) fn gate_names() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([
        ("h", "hidden state"),
        ("c", "cell state"),
        ("i", "input gate"),
        ("f", "forget gate"),
        ("g", "candidate"),
        ("o", "output gate"),
        ("r", "reset gate"),
        ("z", "update gate"),
        ("n", "candidate"),
    ])
}
