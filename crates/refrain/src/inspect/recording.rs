//! A recording of one pass, for any task.

use std::collections::BTreeMap;

use refrain_kernels::Backend;

use super::recorder::{described, planes_of};
use super::{Inspection, LayerTrace, ModelSummary, Plane, Recording, SaturationCounter, Trace};
use crate::Session;
use crate::model::{Network, Task};

impl Recording {
    /// Of a pass of one row over a sequence with these time steps, without [`Inspection::own`].
    pub(crate) fn of_pass<T: Task, B: Backend>(
        session: &Session<T, B>,
        pass: &<T::Network as Network>::Workspace<B>,
        name: &str,
        (axis, tokens): (&str, Vec<String>),
    ) -> Self {
        let Trace { layers } = Trace::of_pass(session, pass);
        let mut planes = BTreeMap::new();
        for (l, LayerTrace { units, activations, .. }) in layers.iter().enumerate() {
            for (plane, values) in planes_of(activations) {
                let mut kept = Plane::new((0..*units).collect());
                kept.extend(values, *units);
                planes.insert((l, plane), kept);
            }
        }
        let units: Vec<usize> = layers.iter().map(|layer| layer.units).collect();
        let mut described = described(&units, &planes);
        described.iter_mut().zip(&layers).for_each(|(to, layer)| to.name.clone_from(&layer.name));
        let traces: Vec<_> = layers.into_iter().map(|layer| layer.activations).collect();
        let mut saturation = SaturationCounter::default();
        saturation.add(tokens.len(), &traces);
        let inspection = Inspection {
            model: ModelSummary::of(session.model(), name),
            axis: axis.to_owned(),
            tokens,
            layers: described,
            gates: gate_names(),
            saturation: saturation.shares(),
            ..Inspection::default()
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
