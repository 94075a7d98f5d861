//! A stack of recurrent layers, in one direction or in both, with layer normalisation, where it is wanted, and dropout on
//! each layer's output.

mod pass;

use refrain_kernels::{Backend, Cell, Dropout, Gradients, InputSpec, RecurrentSpec, State, Upstream};

pub use pass::{Source, StackBack, StackInput, StackWorkspace};

use super::dropout::{DropoutRate, WeightDrop};
use super::norm::{LayerNorm, NormWorkspace};
use crate::params::{Init, Layout};

/// Recurrent layers, each over the output of the one below.
#[derive(Clone, Debug)]
pub struct Stack {
    /// Lowest layer first; of each layer forwards before backwards.
    specs: Vec<RecurrentSpec>,
    /// One a layer, or none at all.
    norms: Vec<LayerNorm>,
    sizes: StackSizes,
}

/// What a stack is made of.
#[derive(Clone, Copy, Debug)]
pub struct StackSizes {
    /// The cell of every layer.
    pub cell: Cell,
    /// What the lowest layer reads.
    pub input: InputSpec,
    /// `H`, of each direction.
    pub hidden_size: usize,
    /// `L`.
    pub num_layers: usize,
    /// Whether a second set of layers reads each sequence from its end; outputs are then `[T, B, 2 H]`, forwards first.
    pub bidirectional: bool,
    /// Whether each layer's output, both directions together, is normalised before it is dropped and read. The state that
    /// a layer carries is not.
    pub layer_norm: bool,
    /// On each layer's output.
    pub dropout: DropoutRate,
    /// Whether also on that of the top layer.
    pub drops_top: bool,
}

impl Stack {
    /// Appends layers to `layout`: matrices now, all vectors by [`Stack::push_biases`]. Names are PyTorch's, behind `prefix`.
    pub(crate) fn new(layout: &mut Layout, prefix: &str, sizes: StackSizes) -> Self {
        let StackSizes { cell, input, hidden_size, num_layers, .. } = sizes;
        let rows = cell.gates() * hidden_size;
        let init = Init::Uniform(1.0 / (hidden_size as f32).sqrt());
        let directions = 1 + usize::from(sizes.bidirectional);
        let above = InputSpec::Frames { size: directions * hidden_size };
        let spec = |number: usize| {
            let input = if number < directions { input } else { above };
            let name = name(number, directions);
            RecurrentSpec {
                cell,
                input,
                hidden_size,
                reverse: number % directions == 1,
                weight_ih: layout.push(format!("{prefix}.weight_ih_{name}"), &[rows, input.size()], init),
                weight_hh: layout.push(format!("{prefix}.weight_hh_{name}"), &[rows, hidden_size], init),
                bias: None,
            }
        };
        Self { specs: (0..directions * num_layers).map(spec).collect(), norms: vec![], sizes }
    }

    /// Appends the layers' biases, and what normalises their outputs.
    pub(crate) fn push_biases(&mut self, layout: &mut Layout, prefix: &str) {
        let directions = self.directions();
        for (number, spec) in self.specs.iter_mut().enumerate() {
            let shape = [spec.cell.gates() * spec.hidden_size];
            let bound = 1.0 / (spec.hidden_size as f32).sqrt();
            let init_ih =
                if spec.cell == Cell::Lstm { Init::ForgetGate(bound) } else { Init::Uniform(bound) };
            let name = name(number, directions);
            let ih = layout.push(format!("{prefix}.bias_ih_{name}"), &shape, init_ih);
            let hh = layout.push(format!("{prefix}.bias_hh_{name}"), &shape, Init::Uniform(bound));
            spec.bias = Some((ih, hh));
        }
        if self.sizes.layer_norm {
            let width = directions * self.sizes.hidden_size;
            // Apart from the names of the recurrent layers, which PyTorch takes as they are.
            let norm = |l: usize| LayerNorm::new(layout, &format!("{prefix}_norm_l{l}"), width);
            self.norms = (0..self.sizes.num_layers).map(norm).collect();
        }
    }

    /// The layers, lowest first; of each layer forwards before backwards.
    pub fn specs(&self) -> &[RecurrentSpec] {
        &self.specs
    }

    fn directions(&self) -> usize {
        1 + usize::from(self.sizes.bidirectional)
    }

    /// The zero state of `rows` sequences, one element a spec.
    pub fn zero_state<B: Backend>(&self, rows: usize) -> Vec<State<B::Real>> {
        self.specs.iter().map(|spec| State::zeros(spec, rows)).collect()
    }

    /// Runs all `layers` over `x` from `state`, and leaves the state after it there.
    pub fn forward<B: Backend>(
        &self,
        backend: &B,
        (layers, params): (&[B::Recurrent], &B::Buffer),
        x: &StackInput<'_, B>,
        state: &mut [State<B::Real>],
        pass: &mut StackWorkspace<B>,
    ) {
        let directions = self.directions();
        let always = self.sizes.bidirectional || self.sizes.layer_norm;
        pass.derived = always || (x.dropout.is_some() && self.sizes.dropout.rate > 0.0);
        pass.top_derived = always || self.mask(x, self.sizes.num_layers - 1).is_some();
        pass.tapes.resize_with(self.specs.len(), Default::default);
        pass.outputs.resize_with(self.sizes.num_layers, Default::default);
        pass.norms.resize_with(self.norms.len(), NormWorkspace::default);
        for l in 0..self.sizes.num_layers {
            let (below, here) = pass.tapes.split_at_mut(l * directions);
            let outputs_below = &pass.outputs[..l];
            let input = x.of_layer(backend, below, pass.derived.then_some(outputs_below));
            let specs = l * directions..(l + 1) * directions;
            for ((layer, state), tape) in
                layers[specs.clone()].iter().zip(&mut state[specs]).zip(here.iter_mut())
            {
                backend.recurrent_forward(layer, input, state, x.lengths, tape);
                backend.final_state(tape, state);
            }
            self.derive(backend, params, x, l, pass);
        }
    }

    /// What is read of layer `l`, where that is not what lies on its tape.
    fn derive<B: Backend>(
        &self,
        backend: &B,
        params: &B::Buffer,
        x: &StackInput<'_, B>,
        l: usize,
        pass: &mut StackWorkspace<B>,
    ) {
        let StackWorkspace { tapes, outputs, norms, .. } = pass;
        let (directions, output) = (self.directions(), &mut outputs[l]);
        let tapes = &tapes[l * directions..][..directions];
        let mut on_tape = true;
        if let [forwards, backwards] = tapes {
            backend.join(&[backend.output(forwards), backend.output(backwards)], output);
            on_tape = false;
        }
        if let Some((norm, pass)) = self.norms.get(l).zip(norms.get_mut(l)) {
            let read = if on_tape { backend.output(&tapes[0]) } else { backend.view(output) };
            *output = norm.forward(backend, params, read, (x.rows, x.lengths), pass);
            on_tape = false;
        }
        match self.mask(x, l) {
            Some(dropout) if on_tape => backend.dropout(&dropout, backend.output(&tapes[0]), output),
            Some(dropout) => backend.dropout_in_place(&dropout, output),
            None => {}
        }
    }

    /// The way back from the gradient of the output in `pass.d_output`, through the same `x`.
    pub fn backward<B: Backend>(
        &self,
        backend: &B,
        layers: &[B::Recurrent],
        x: &StackInput<'_, B>,
        pass: &mut StackWorkspace<B>,
        mut back: StackBack<'_, B>,
    ) {
        let directions = self.directions();
        for l in (0..self.sizes.num_layers).rev() {
            if let Some(dropout) = self.mask(x, l) {
                backend.dropout_in_place(&dropout, &mut pass.d_output);
            }
            if let Some((norm, norm_pass)) = self.norms.get(l).zip(pass.norms.get(l)) {
                norm.backward(backend, back.params, norm_pass, &mut pass.d_output, back.grads);
            }
            let (below, here) = pass.tapes.split_at_mut(l * directions);
            let input = x.of_layer(backend, below, pass.derived.then_some(&pass.outputs[..l]));
            let wanted = l > 0 || back.d_input;
            for (direction, tape) in here.iter_mut().enumerate().take(directions) {
                let number = l * directions + direction;
                let d_output = if directions == 1 {
                    &pass.d_output
                } else {
                    let size = self.sizes.hidden_size;
                    backend.part(backend.view(&pass.d_output), direction * size, size, &mut pass.d_part);
                    &pass.d_part
                };
                let upstream = Upstream {
                    d_output: Some(backend.view(d_output)),
                    d_final: back.d_final.map(|states| &states[number]),
                };
                let d_input = if direction == 0 { &mut pass.d_input } else { &mut pass.d_other };
                let into = Gradients {
                    params: &mut *back.grads,
                    d_input: wanted.then_some(d_input),
                    d_initial: back.d_initial.as_deref_mut().map(|states| &mut states[number]),
                };
                backend.recurrent_backward(&layers[number], input, back.params, upstream, tape, into);
            }
            if directions == 2 && wanted {
                backend.add_gradients(backend.view(&pass.d_other), &mut pass.d_input);
            }
            std::mem::swap(&mut pass.d_output, &mut pass.d_input);
        }
    }

    /// Drops the layers' recurrent weights in the arena of parameters, or their gradients in that of gradients. `place` is
    /// the number of the first layer in the whole model.
    pub fn drop_weights<B: Backend>(
        &self,
        backend: &B,
        drop: &WeightDrop,
        place: u64,
        arena: &mut B::Buffer,
    ) {
        for (number, spec) in (place..).zip(&self.specs) {
            backend.dropout_weights(&drop.on(number), spec.weight_hh_range(), arena);
        }
    }

    /// The dropout on a layer's output, if there is any.
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
