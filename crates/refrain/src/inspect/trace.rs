//! Named activations of one pass, exact.

use std::ops::Index;

use refrain_kernels::{self as kernels, Backend};

use crate::Session;
use crate::model::{Network, Tapes, Task};

/// The activations of recurrent layers over a sequence: `trace["c"]` are the cell states of the top layer, `trace.layers[0]["i"]`
/// the input gates of the lowest.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace<R> {
    /// Lowest layer first, forward direction first.
    pub layers: Vec<LayerTrace<R>>,
}

/// The activations of one layer in one direction.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerTrace<R> {
    /// Name to display: `layer 1`, `layer 2 backwards`.
    pub name: String,
    /// `H`.
    pub units: usize,
    /// The trace of the kernels.
    pub activations: kernels::Trace<R>,
}

impl<R> LayerTrace<R> {
    /// The activations of this name, `[T, H]`: `h`, `c` of cells that have it, or a gate (`i`, `f`, `g`, `o`; `r`, `z`, `n`).
    pub fn get(&self, name: &str) -> Option<&[R]> {
        let kernels::Trace { h, c, gates } = &self.activations;
        match name {
            "h" => Some(h),
            "c" => Some(&c[..]).filter(|c| !c.is_empty()),
            _ => gates.iter().find(|(gate, _)| *gate == name).map(|(_, values)| &values[..]),
        }
    }
}

impl<R> Trace<R> {
    /// As [`LayerTrace::get`], of the top layer.
    pub fn get(&self, name: &str) -> Option<&[R]> {
        self.layers.last()?.get(name)
    }

    /// Of a pass of one row.
    pub(crate) fn of_pass<T: Task, B: Backend<Real = R>>(
        session: &Session<T, B>,
        pass: &<T::Network as Network>::Workspace<B>,
    ) -> Self {
        let network = session.model().task.network();
        let mut layers = vec![];
        for Tapes { name, stack, tapes } in network.tapes(pass) {
            let both = stack.specs().iter().any(|spec| spec.reverse);
            let of_stack = stack.specs().iter().zip(stack.weights(session.weights()));
            for (i, ((spec, layer), tape)) in of_stack.zip(tapes).enumerate() {
                let number = if both { i / 2 } else { i } + 1;
                let direction = match (both, spec.reverse) {
                    (false, _) => "",
                    (true, false) => " forwards",
                    (true, true) => " backwards",
                };
                layers.push(LayerTrace {
                    name: format!("{name} layer {number}{direction}").trim_start().to_owned(),
                    units: spec.hidden_size,
                    activations: session.backend().trace(layer, tape),
                });
            }
        }
        Self { layers }
    }
}

/// # Panics
/// For a name that the cell does not have.
impl<R> Index<&str> for LayerTrace<R> {
    type Output = [R];

    fn index(&self, name: &str) -> &[R] {
        let names = || self.activations.gates.iter().map(|(gate, _)| *gate).collect::<Vec<_>>().join(", ");
        self.get(name)
            .unwrap_or_else(|| panic!("{} has h, c if it is an LSTM, and {}: not {name}", self.name, names()))
    }
}

/// # Panics
/// For a name that the cell does not have.
impl<R> Index<&str> for Trace<R> {
    type Output = [R];

    fn index(&self, name: &str) -> &[R] {
        &self.layers[self.layers.len() - 1][name]
    }
}
