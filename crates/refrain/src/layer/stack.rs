//! A stack of recurrent layers, in one direction or in both, with dropout on each layer's output.

use refrain_kernels::{Backend, Cell, Dropout, Gradients, Input, InputSpec, RecurrentSpec, State, Upstream};

use super::dropout::{DropoutMask, DropoutRate, WeightDrop};
use crate::params::{Init, Layout};

/// Recurrent layers, each over the output of the one below.
#[derive(Clone, Debug)]
pub struct Stack {
    /// Lowest layer first; of each layer forwards before backwards.
    specs: Vec<RecurrentSpec>,
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
    /// On each layer's output.
    pub dropout: DropoutRate,
    /// Whether also on that of the top layer.
    pub drops_top: bool,
}

/// What a stack reads in one pass.
pub struct StackInput<'a, B: Backend> {
    /// Ids or frames of all positions, `[T, B]`.
    pub source: Source<'a, B>,
    /// `B`.
    pub rows: usize,
    /// Steps of each row; all full if absent.
    pub lengths: Option<&'a [usize]>,
    /// The mask of a training pass; none when evaluating.
    pub dropout: Option<DropoutMask>,
}

/// See [`StackInput::source`].
pub enum Source<'a, B: Backend> {
    /// For a lowest layer over ids.
    Ids(&'a [u32]),
    /// For a lowest layer over frames.
    Frames(&'a B::Frames),
}

/// What a pass through a stack leaves behind; reused from pass to pass.
pub struct StackPass<B: Backend> {
    tapes: Vec<B::Tape>,
    /// Each layer's output as it is read, where that is not what lies on its tape: dropped, or both directions joined.
    outputs: Vec<B::Frames>,
    /// Whether `outputs` are those of this pass, and whether the top layer's is.
    derived: bool,
    top_derived: bool,
    /// Gradient of the output on its way down, `[T, B, D H]`; whoever reads the output writes it.
    pub(crate) d_output: B::Frames,
    d_input: B::Frames,
    /// Gradients of one direction.
    d_part: B::Frames,
    d_other: B::Frames,
}

/// What the way back takes and gives beside the gradient of the output.
pub struct StackBack<'a, B: Backend> {
    /// The arena of parameters.
    pub params: &'a B::Buffer,
    /// The arena of gradients, added to.
    pub grads: &'a mut B::Buffer,
    /// The gradient of the final states, one a spec of the stack.
    pub d_final: Option<&'a [State<B::Real>]>,
    /// Where that of the initial states goes, overwritten, one a spec.
    pub d_initial: Option<&'a mut [State<B::Real>]>,
    /// Whether the gradient of the input frames is wanted: it is then what `d_output` holds at the end.
    pub d_input: bool,
}

impl<'a, B: Backend> StackBack<'a, B> {
    /// Nothing but the gradients of the parameters.
    pub fn new(params: &'a B::Buffer, grads: &'a mut B::Buffer) -> Self {
        Self { params, grads, d_final: None, d_initial: None, d_input: false }
    }
}

impl Stack {
    /// Appends layers to `layout`: matrices now, biases by [`Stack::push_biases`]. Names are PyTorch's, behind `prefix`.
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
        Self { specs: (0..directions * num_layers).map(spec).collect(), sizes }
    }

    /// Appends the layers' biases.
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
        layers: &[B::Recurrent],
        x: &StackInput<'_, B>,
        state: &mut [State<B::Real>],
        pass: &mut StackPass<B>,
    ) {
        let directions = self.directions();
        pass.derived = self.sizes.bidirectional || (x.dropout.is_some() && self.sizes.dropout.rate > 0.0);
        let top = self.mask(x, self.sizes.num_layers - 1);
        pass.top_derived = self.sizes.bidirectional || top.is_some();
        pass.tapes.resize_with(self.specs.len(), Default::default);
        pass.outputs.resize_with(self.sizes.num_layers, Default::default);
        for l in 0..self.sizes.num_layers {
            let (below, here) = pass.tapes.split_at_mut(l * directions);
            let (outputs_below, output) = pass.outputs.split_at_mut(l);
            let input = x.of_layer(backend, below, pass.derived.then_some(outputs_below));
            let specs = l * directions..(l + 1) * directions;
            for ((layer, state), tape) in
                layers[specs.clone()].iter().zip(&mut state[specs]).zip(here.iter_mut())
            {
                backend.recurrent_forward(layer, input, state, x.lengths, tape);
                backend.final_state(tape, state);
            }
            match (here, self.mask(x, l)) {
                ([forwards, backwards, ..], dropout) if self.sizes.bidirectional => {
                    let both = [backend.output(forwards), backend.output(backwards)];
                    backend.join(&both, &mut output[0]);
                    if let Some(dropout) = dropout {
                        backend.dropout_in_place(&dropout, &mut output[0]);
                    }
                }
                ([tape, ..], Some(dropout)) => {
                    backend.dropout(&dropout, backend.output(tape), &mut output[0]);
                }
                _ => {}
            }
        }
    }

    /// The way back from the gradient of the output in `pass.d_output`, through the same `x`.
    pub fn backward<B: Backend>(
        &self,
        backend: &B,
        layers: &[B::Recurrent],
        x: &StackInput<'_, B>,
        pass: &mut StackPass<B>,
        mut back: StackBack<'_, B>,
    ) {
        let directions = self.directions();
        for l in (0..self.sizes.num_layers).rev() {
            if let Some(dropout) = self.mask(x, l) {
                backend.dropout_in_place(&dropout, &mut pass.d_output);
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

impl<'a, B: Backend> StackInput<'a, B> {
    /// What the layer above the layers `below` reads: their last tape's output, or what was derived from it.
    fn of_layer<'b>(
        &self,
        backend: &B,
        below: &'b [B::Tape],
        derived: Option<&'b [B::Frames]>,
    ) -> Input<'b, B::View<'b>>
    where
        'a: 'b,
    {
        match (below.last(), derived.map(<[B::Frames]>::last)) {
            (Some(_), Some(Some(output))) => Input::Frames(backend.view(output)),
            (Some(tape), _) => Input::Frames(backend.output(tape)),
            (None, _) => match self.source {
                Source::Ids(ids) => Input::Ids(ids),
                Source::Frames(frames) => Input::Frames(backend.view(frames)),
            },
        }
    }
}

impl<B: Backend> StackPass<B> {
    /// The top layer's output, `[T, B, D H]`, after dropout.
    ///
    /// # Panics
    /// Before the first pass.
    pub fn output<'a>(&'a self, backend: &B) -> B::View<'a> {
        match (self.outputs.last(), self.tapes.last()) {
            (Some(frames), _) if self.top_derived => backend.view(frames),
            (_, Some(tape)) => backend.output(tape),
            _ => panic!("a stack has an output only after a pass"),
        }
    }

    /// The tapes of the layers, lowest first; of each layer forwards before backwards.
    pub fn tapes(&self) -> &[B::Tape] {
        &self.tapes
    }
}

impl<B: Backend> Default for StackPass<B> {
    fn default() -> Self {
        let [d_output, d_input, d_part, d_other] = std::array::from_fn(|_| B::Frames::default());
        Self {
            tapes: vec![],
            outputs: vec![],
            derived: false,
            top_derived: false,
            d_output,
            d_input,
            d_part,
            d_other,
        }
    }
}

#[cfg(test)]
#[path = "stack_tests.rs"]
mod tests;
