//! A stack of recurrent layers, in one or both directions, with optional layer normalisation and dropout on each
//! layer's output.

mod workspace;

use refrain_kernels::{Backend, Cell, Dropout, Gradients, InputSpec, RecurrentSpec, State, Upstream};

pub use workspace::{Source, StackBack, StackInput, StackWorkspace};

use super::dropout::DropoutRate;
use super::norm::{LayerNorm, NormWorkspace};
use crate::params::{Init, LayoutBuilder, RecurrentIds, Weights};

/// Recurrent layers, each over the output of the one below.
#[derive(Clone, Debug)]
pub struct Stack {
    /// Lowest layer first; within a layer the forward direction first.
    specs: Vec<RecurrentSpec>,
    ids: RecurrentIds,
    /// One per layer, or empty.
    norms: Vec<LayerNorm>,
    sizes: StackSizes,
}

/// The configuration of a stack.
#[derive(Clone, Copy, Debug)]
pub struct StackSizes {
    /// The cell of every layer.
    pub cell: Cell,
    /// The input of the lowest layer.
    pub input: InputSpec,
    /// `H`, per direction.
    pub hidden_size: usize,
    /// `L`.
    pub num_layers: usize,
    /// Whether the layers run in both directions; outputs are then `[T, B, 2 H]`, forward direction first.
    pub bidirectional: bool,
    /// Whether each layer's output (both directions together) is normalised before dropout. The carried state is not
    /// normalised.
    pub layer_norm: bool,
    /// Whether the forget gates are initially open, which helps to keep information early in training (Jozefowicz et
    /// al. 2015, section 2.2).
    pub open_forget_gate: bool,
    /// Dropout on each layer's output.
    pub dropout: DropoutRate,
    /// Whether dropout also applies to the top layer's output.
    pub drops_top: bool,
}

impl StackSizes {
    /// One forward layer with open forget gate, without normalisation and dropout.
    pub fn new(cell: Cell, input: InputSpec, hidden_size: usize) -> Self {
        Self {
            cell,
            input,
            hidden_size,
            num_layers: 1,
            bidirectional: false,
            layer_norm: false,
            open_forget_gate: true,
            dropout: DropoutRate::default(),
            drops_top: false,
        }
    }

    fn directions(&self) -> usize {
        1 + usize::from(self.bidirectional)
    }

    /// `D H`.
    fn width(&self) -> usize {
        self.directions() * self.hidden_size
    }

    /// Initialisation of the biases of the input products.
    fn init_bias(&self) -> Init {
        let (h, usual) = (self.hidden_size, Init::of_products(self.hidden_size));
        match (self.cell.forget_gate().filter(|_| self.open_forget_gate), usual) {
            (Some(gate), Init::Uniform(bound)) => {
                Init::UniformPlusOne { bound, from: gate * h, to: (gate + 1) * h }
            }
            _ => usual,
        }
    }
}

impl Stack {
    /// Adds the parameters of the layers, with PyTorch's names after `prefix`.
    pub fn new(layout: &mut LayoutBuilder, prefix: &str, sizes: StackSizes) -> Self {
        let StackSizes { cell, input, hidden_size, num_layers, .. } = sizes;
        let rows = cell.gates() * hidden_size;
        let init = Init::of_products(hidden_size);
        let directions = sizes.directions();
        let above = InputSpec::Frames { size: sizes.width() };
        let spec = |number: usize| {
            let input = if number < directions { input } else { above };
            let name = name(number, directions);
            RecurrentSpec {
                cell,
                input,
                hidden_size,
                reverse: number % directions == 1,
                weight_ih: layout.matrix(format!("{prefix}.weight_ih_{name}"), [rows, input.size()], init),
                weight_hh: layout.matrix(format!("{prefix}.weight_hh_{name}"), [rows, hidden_size], init),
                bias: Some((
                    layout.vector(format!("{prefix}.bias_ih_{name}"), rows, sizes.init_bias()),
                    layout.vector(format!("{prefix}.bias_hh_{name}"), rows, init),
                )),
            }
        };
        let specs: Vec<RecurrentSpec> = (0..directions * num_layers).map(spec).collect();
        let ids = layout.recurrent(&specs);
        // Outside the names of the recurrent layers, which are PyTorch's.
        let norm = |l: usize| LayerNorm::new(layout, &format!("{prefix}_norm_l{l}"), sizes.width());
        let norms = if sizes.layer_norm { (0..num_layers).map(norm).collect() } else { vec![] };
        Self { specs, ids, norms, sizes }
    }

    /// The layers, lowest first; within a layer the forward direction first.
    pub fn specs(&self) -> &[RecurrentSpec] {
        &self.specs
    }

    /// The layers' weights, one element per spec.
    pub fn weights<'w, B: Backend>(&self, weights: &'w Weights<B>) -> &'w [B::Recurrent] {
        weights.recurrent(&self.ids)
    }

    /// The zero state of `rows` sequences, one element per spec.
    pub fn zero_state<B: Backend>(&self, rows: usize) -> Vec<State<B::Real>> {
        self.specs.iter().map(|spec| State::zeros(spec, rows)).collect()
    }

    /// Runs all layers over `x` from `state`, and overwrites it with the final state.
    pub fn forward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        x: &StackInput<'_, B>,
        state: &mut [State<B::Real>],
        workspace: &mut StackWorkspace<B>,
    ) {
        let directions = self.sizes.directions();
        let always = self.sizes.bidirectional || self.sizes.layer_norm;
        workspace.derived = always || (x.dropout.is_some() && self.sizes.dropout.rate > 0.0);
        workspace.top_derived = always || self.mask(x, self.sizes.num_layers - 1).is_some();
        workspace.tapes.resize_with(self.specs.len(), Default::default);
        workspace.outputs.resize_with(self.sizes.num_layers, Default::default);
        workspace.norms.resize_with(self.norms.len(), NormWorkspace::default);
        for l in 0..self.sizes.num_layers {
            let (below, here) = workspace.tapes.split_at_mut(l * directions);
            let outputs_below = &workspace.outputs[..l];
            let input = x.of_layer(backend, below, workspace.derived.then_some(outputs_below));
            let specs = l * directions..(l + 1) * directions;
            for ((layer, state), tape) in
                self.weights(weights)[specs.clone()].iter().zip(&mut state[specs]).zip(here.iter_mut())
            {
                backend.recurrent_forward(layer, input, state, x.lengths, tape);
                backend.final_state(tape, state);
            }
            self.derive(backend, weights, x, l, workspace);
        }
    }

    /// The input of the layer above `l`, if it is not the output on the tape of `l`.
    fn derive<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        x: &StackInput<'_, B>,
        l: usize,
        workspace: &mut StackWorkspace<B>,
    ) {
        let StackWorkspace { tapes, outputs, norms, .. } = workspace;
        let (directions, output) = (self.sizes.directions(), &mut outputs[l]);
        let tapes = &tapes[l * directions..][..directions];
        let mut on_tape = true;
        if let [forwards, backwards] = tapes {
            backend.join(&[backend.output(forwards), backend.output(backwards)], output);
            on_tape = false;
        }
        if let Some((norm, workspace)) = self.norms.get(l).zip(norms.get_mut(l)) {
            let read = if on_tape { backend.output(&tapes[0]) } else { backend.view(output) };
            *output = norm.forward(backend, &weights.params, read, x.rows, x.lengths, workspace);
            on_tape = false;
        }
        match self.mask(x, l) {
            Some(dropout) if on_tape => backend.dropout(&dropout, backend.output(&tapes[0]), output),
            Some(dropout) => backend.dropout_in_place(&dropout, output),
            None => {}
        }
    }

    /// The backward pass from the gradient of the output in `workspace.d_output`, with the `x` of the forward pass.
    pub fn backward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        x: &StackInput<'_, B>,
        workspace: &mut StackWorkspace<B>,
        mut back: StackBack<'_, B>,
    ) {
        let (directions, size) = (self.sizes.directions(), self.sizes.hidden_size);
        for l in (0..self.sizes.num_layers).rev() {
            let StackWorkspace { tapes, outputs, norms, d_output, d_input, d_part, d_other, .. } = workspace;
            if let Some(dropout) = self.mask(x, l) {
                backend.dropout_in_place(&dropout, d_output);
            }
            if let Some((norm, workspace)) = self.norms.get(l).zip(norms.get(l)) {
                norm.backward(backend, &weights.params, workspace, d_output, back.grads);
            }
            let (below, here) = tapes.split_at_mut(l * directions);
            let input = x.of_layer(backend, below, workspace.derived.then_some(&outputs[..l]));
            let needs_d_input = l > 0 || back.d_input;
            for (direction, tape) in here.iter_mut().enumerate().take(directions) {
                let number = l * directions + direction;
                let d_output = if directions == 1 {
                    &*d_output
                } else {
                    backend.part(backend.view(d_output), direction * size, size, d_part);
                    &*d_part
                };
                let upstream = Upstream {
                    d_output: Some(backend.view(d_output)),
                    d_final: back.d_final.map(|states| &states[number]),
                };
                let d_input = if direction == 0 { &mut *d_input } else { &mut *d_other };
                let into = Gradients {
                    params: &mut *back.grads,
                    d_input: needs_d_input.then_some(d_input),
                    d_initial: back.d_initial.as_deref_mut().map(|states| &mut states[number]),
                };
                let layer = &self.weights(weights)[number];
                backend.recurrent_backward(layer, input, &weights.params, upstream, tape, into);
            }
            if directions == 2 && needs_d_input {
                backend.add_gradients(backend.view(d_other), d_input);
            }
            std::mem::swap(d_output, d_input);
        }
    }

    /// The dropout mask of a layer's output, if there is one.
    fn mask<B: Backend>(&self, x: &StackInput<'_, B>, layer: usize) -> Option<Dropout> {
        let mask = x.dropout.filter(|_| self.sizes.drops_top || layer + 1 < self.sizes.num_layers)?;
        mask.on(self.sizes.dropout, layer as u64, x.rows)
    }
}

/// `l0`, `l0_reverse`, `l1`...
fn name(number: usize, directions: usize) -> String {
    let reverse = if number % directions == 1 { "_reverse" } else { "" };
    format!("l{}{reverse}", number / directions)
}

#[cfg(test)]
mod tests;
