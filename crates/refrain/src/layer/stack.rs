//! A stack of recurrent layers with dropout on each layer's output.

use refrain_kernels::{Backend, Cell, Dropout, Gradients, Input, InputSpec, RecurrentSpec, State, Upstream};

use crate::params::{Init, Layout};

/// Recurrent layers, each over the output of the one below.
#[derive(Clone, Debug)]
pub struct Stack {
    specs: Vec<RecurrentSpec>,
    dropout: f32,
}

/// Which dropout mask a training pass uses.
#[derive(Clone, Copy, Debug)]
pub struct DropoutMask {
    /// A new one for every step of training.
    pub seed: u64,
    /// Rows of the whole batch, of which this pass holds those from `first_row`.
    pub batch_rows: usize,
    /// See `batch_rows`.
    pub first_row: usize,
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
    /// Each layer's output after dropout, where there is any.
    dropped: Vec<B::Frames>,
    drops: bool,
    /// Gradient of the output on its way down, `[T, B, H]`; whoever reads the output writes it.
    pub(crate) d_output: B::Frames,
    d_input: B::Frames,
}

impl Stack {
    /// Appends `num_layers` layers to `layout`: matrices now, biases by [`Stack::push_biases`].
    pub(crate) fn new(
        layout: &mut Layout,
        cell: Cell,
        lowest: InputSpec,
        hidden_size: usize,
        num_layers: usize,
        dropout: f32,
    ) -> Self {
        let rows = cell.gates() * hidden_size;
        let init = Init::Uniform(1.0 / (hidden_size as f32).sqrt());
        let layer = |l: usize| {
            let input = if l == 0 { lowest } else { InputSpec::Frames { size: hidden_size } };
            RecurrentSpec {
                cell,
                input,
                hidden_size,
                reverse: false,
                weight_ih: layout.push(format!("rnn.weight_ih_l{l}"), &[rows, input.size()], init),
                weight_hh: layout.push(format!("rnn.weight_hh_l{l}"), &[rows, hidden_size], init),
                bias: None,
            }
        };
        Self { specs: (0..num_layers).map(layer).collect(), dropout }
    }

    /// Appends the layers' biases.
    pub(crate) fn push_biases(&mut self, layout: &mut Layout) {
        for (l, spec) in self.specs.iter_mut().enumerate() {
            let shape = [spec.cell.gates() * spec.hidden_size];
            let bound = 1.0 / (spec.hidden_size as f32).sqrt();
            let init_ih =
                if spec.cell == Cell::Lstm { Init::ForgetGate(bound) } else { Init::Uniform(bound) };
            let ih = layout.push(format!("rnn.bias_ih_l{l}"), &shape, init_ih);
            let hh = layout.push(format!("rnn.bias_hh_l{l}"), &shape, Init::Uniform(bound));
            spec.bias = Some((ih, hh));
        }
    }

    /// The layers, lowest first.
    pub fn specs(&self) -> &[RecurrentSpec] {
        &self.specs
    }

    /// The zero state of `rows` sequences, one element a layer.
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
        pass.drops = x.dropout.is_some() && self.dropout > 0.0;
        pass.tapes.resize_with(self.specs.len(), Default::default);
        pass.dropped.resize_with(self.specs.len(), Default::default);
        for (l, (layer, state)) in layers.iter().zip(state).enumerate() {
            let (below, here) = pass.tapes.split_at_mut(l);
            let input = x.of_layer(backend, below, pass.drops.then_some(&pass.dropped));
            backend.recurrent_forward(layer, input, state, x.lengths, &mut here[0]);
            backend.final_state(&here[0], state);
            if let Some(dropout) = self.mask(x, l) {
                backend.dropout(&dropout, backend.output(&here[0]), &mut pass.dropped[l]);
            }
        }
    }

    /// The way back from the gradient of the output in `pass.d_output`, through the same `x`. Adds to `grads`.
    pub fn backward<B: Backend>(
        &self,
        backend: &B,
        layers: &[B::Recurrent],
        x: &StackInput<'_, B>,
        params: &B::Buffer,
        pass: &mut StackPass<B>,
        grads: &mut B::Buffer,
    ) {
        for (l, layer) in layers.iter().enumerate().rev() {
            if let Some(dropout) = self.mask(x, l) {
                backend.dropout_in_place(&dropout, &mut pass.d_output);
            }
            let (below, here) = pass.tapes.split_at_mut(l);
            let input = x.of_layer(backend, below, pass.drops.then_some(&pass.dropped));
            let upstream = Upstream { d_output: Some(backend.view(&pass.d_output)), d_final: None };
            let d_input = (l > 0).then_some(&mut pass.d_input);
            let into = Gradients { params: &mut *grads, d_input, d_initial: None };
            backend.recurrent_backward(layer, input, params, upstream, &mut here[0], into);
            std::mem::swap(&mut pass.d_output, &mut pass.d_input);
        }
    }

    /// The dropout on a layer's output, if there is any.
    fn mask<B: Backend>(&self, x: &StackInput<'_, B>, layer: usize) -> Option<Dropout> {
        let mask = x.dropout.filter(|_| self.dropout > 0.0)?;
        Some(Dropout {
            rate: self.dropout,
            // Layers and steps draw from well-separated places.
            seed: mask.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(layer as u64),
            rows: x.rows,
            batch_rows: mask.batch_rows,
            first_row: mask.first_row,
        })
    }
}

impl<'a, B: Backend> StackInput<'a, B> {
    /// What the layer above the layers `below` reads.
    fn of_layer<'b>(
        &self,
        backend: &B,
        below: &'b [B::Tape],
        dropped: Option<&'b Vec<B::Frames>>,
    ) -> Input<'b, B::View<'b>>
    where
        'a: 'b,
    {
        match (below.last(), dropped) {
            (Some(_), Some(dropped)) => Input::Frames(backend.view(&dropped[below.len() - 1])),
            (Some(tape), None) => Input::Frames(backend.output(tape)),
            (None, _) => match self.source {
                Source::Ids(ids) => Input::Ids(ids),
                Source::Frames(frames) => Input::Frames(backend.view(frames)),
            },
        }
    }
}

impl<B: Backend> StackPass<B> {
    /// The top layer's output, `[T, B, H]`, after dropout.
    ///
    /// # Panics
    /// Before the first pass.
    pub fn output<'a>(&'a self, backend: &B) -> B::View<'a> {
        match (self.dropped.last(), self.tapes.last()) {
            (Some(frames), _) if self.drops => backend.view(frames),
            (_, Some(tape)) => backend.output(tape),
            _ => panic!("a stack has an output only after a pass"),
        }
    }

    /// The tapes of the layers, lowest first.
    pub fn tapes(&self) -> &[B::Tape] {
        &self.tapes
    }
}

impl<B: Backend> Default for StackPass<B> {
    fn default() -> Self {
        let [d_output, d_input] = std::array::from_fn(|_| B::Frames::default());
        Self { tapes: vec![], dropped: vec![], drops: false, d_output, d_input }
    }
}
