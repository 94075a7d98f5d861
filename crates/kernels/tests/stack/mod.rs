//! A stack of recurrent layers, run on any backend with all gradients, for tests that compare backends with each
//! other, with PyTorch and with finite differences.

// Each test binary that includes this module uses only a part of it.
#![allow(dead_code)]

use refrain_kernels::{Backend, Cell, Gradients, Input, InputSpec, Real, RecurrentSpec, State, Upstream};

/// The network.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    pub(crate) cell: Cell,
    pub(crate) layers: usize,
    pub(crate) hidden_size: usize,
    pub(crate) bias: bool,
    pub(crate) reverse: bool,
    pub(crate) source: Source,
}

/// The input of the lowest layer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    Frames { size: usize },
    OneHot { vocab_size: usize },
    Embedded { vocab_size: usize, size: usize },
}

/// The data of one run; the loss is `output * d_output + final * d_final`, summed.
#[derive(Clone, Debug)]
pub(crate) struct Data {
    pub(crate) params: Vec<f64>,
    pub(crate) ids: Vec<u32>,
    pub(crate) x: Vec<f64>,
    /// Per layer.
    pub(crate) initial: Vec<State<f64>>,
    pub(crate) lengths: Option<Vec<usize>>,
    pub(crate) d_output: Vec<f64>,
    pub(crate) d_final: Vec<State<f64>>,
}

/// All results of a run.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) output: Vec<f64>,
    pub(crate) last: Vec<State<f64>>,
    pub(crate) d_params: Vec<f64>,
    pub(crate) d_x: Vec<f64>,
    pub(crate) d_initial: Vec<State<f64>>,
}

impl Stack {
    /// The layers, and the size of the arena. Parameters are in the order `embedding, (weight_ih, weight_hh, bias_ih,
    /// bias_hh) per layer`.
    pub(crate) fn specs(&self) -> (Vec<RecurrentSpec>, usize) {
        let (g, h) = (self.cell.gates(), self.hidden_size);
        let mut end = 0;
        let mut take = |len: usize| {
            end += len;
            end - len
        };
        let lowest = match self.source {
            Source::Frames { size } => InputSpec::Frames { size },
            Source::OneHot { vocab_size } => InputSpec::OneHot { vocab_size },
            Source::Embedded { vocab_size, size } => {
                InputSpec::Embedded { vocab_size, size, embedding: take(vocab_size * size) }
            }
        };
        let specs = (0..self.layers)
            .map(|l| {
                let input = if l == 0 { lowest } else { InputSpec::Frames { size: h } };
                RecurrentSpec {
                    cell: self.cell,
                    input,
                    hidden_size: h,
                    reverse: self.reverse,
                    weight_ih: take(g * h * input.size()),
                    weight_hh: take(g * h * h),
                    bias: self.bias.then(|| (take(g * h), take(g * h))),
                }
            })
            .collect();
        (specs, end)
    }

    /// Random data for `rows` rows of `steps` steps.
    pub(crate) fn data(&self, rows: usize, steps: usize, lengths: Option<Vec<usize>>, seed: u64) -> Data {
        let mut random = Random(seed);
        let (specs, size) = self.specs();
        let scale = 1.0 / (self.hidden_size as f64).sqrt();
        let state = |random: &mut Random| {
            let n = rows * self.hidden_size;
            State { h: random.vec(n, 0.8), c: random.vec(if self.cell == Cell::Lstm { n } else { 0 }, 0.8) }
        };
        let (vocab, width) = match self.source {
            Source::Frames { size } => (0, size),
            Source::OneHot { vocab_size } | Source::Embedded { vocab_size, .. } => (vocab_size, 0),
        };
        let id = |random: &mut Random| ((random.next() + 1.0) / 2.0 * vocab as f64) as u32;
        Data {
            params: random.vec(size, scale),
            ids: (0..if vocab > 0 { rows * steps } else { 0 }).map(|_| id(&mut random)).collect(),
            x: random.vec(rows * steps * width, 1.0),
            initial: specs.iter().map(|_| state(&mut random)).collect(),
            lengths,
            d_output: random.vec(rows * steps * self.hidden_size, 1.0),
            d_final: specs.iter().map(|_| state(&mut random)).collect(),
        }
    }

    /// The output alone, with weights packed for the forward pass only.
    pub(crate) fn forward<B: Backend>(&self, backend: &B, data: &Data) -> Vec<f64> {
        let params = backend.buffer(&to::<B>(&data.params));
        let mut tapes: Vec<B::Tape> = vec![];
        let x = match self.source {
            Source::Frames { size } => Some(backend.frames(size, &to::<B>(&data.x))),
            _ => None,
        };
        for (spec, initial) in self.specs().0.iter().zip(&data.initial) {
            let mut layer = backend.recurrent(spec);
            backend.pack_recurrent(&mut layer, &params, false);
            let input = input(backend, tapes.last(), x.as_ref(), &data.ids);
            let mut tape = B::Tape::default();
            let (initial, lengths) = (state_to::<B>(initial), data.lengths.as_deref());
            backend.recurrent_forward(&layer, input, &initial, lengths, &mut tape);
            tapes.push(tape);
        }
        from(&backend.read_frames(backend.output(tapes.last().expect("a layer"))))
    }

    pub(crate) fn run<B: Backend>(&self, backend: &B, data: &Data) -> Outcome {
        let (specs, _) = self.specs();
        let params = backend.buffer(&to::<B>(&data.params));
        let lengths = data.lengths.as_deref();
        let mut packed: Vec<B::Recurrent> = specs.iter().map(|spec| backend.recurrent(spec)).collect();
        packed.iter_mut().for_each(|layer| backend.pack_recurrent(layer, &params, true));
        let mut tapes: Vec<B::Tape> = specs.iter().map(|_| B::Tape::default()).collect();
        let x = match self.source {
            Source::Frames { size } => Some(backend.frames(size, &to::<B>(&data.x))),
            _ => None,
        };
        for (l, layer) in packed.iter().enumerate() {
            let (below, here) = tapes.split_at_mut(l);
            let input = input(backend, below.last(), x.as_ref(), &data.ids);
            backend.recurrent_forward(layer, input, &state_to::<B>(&data.initial[l]), lengths, &mut here[0]);
        }
        let output = from(&backend.read_frames(backend.output(tapes.last().expect("a layer"))));
        let last = |tape: &B::Tape| {
            let mut state = State::default();
            backend.final_state(tape, &mut state);
            state_from(&state)
        };
        let last = tapes.iter().map(last).collect();

        let mut grads = backend.buffer(&vec![B::Real::of(0.0); data.params.len()]);
        let mut d_output = backend.d_frames(self.hidden_size, &to::<B>(&data.d_output));
        let mut d_initial = vec![];
        for (l, layer) in packed.iter().enumerate().rev() {
            let (below, here) = tapes.split_at_mut(l);
            let input = input(backend, below.last(), x.as_ref(), &data.ids);
            let mut d_input = B::Frames::default();
            let frames = matches!(input, Input::Frames(_)).then_some(&mut d_input);
            let (d_above, d_final) = (Some(backend.view(&d_output)), state_to::<B>(&data.d_final[l]));
            let upstream = Upstream { d_output: d_above, d_final: Some(&d_final) };
            let mut d_state = State::default();
            let into = Gradients { params: &mut grads, d_input: frames, d_initial: Some(&mut d_state) };
            backend.recurrent_backward(layer, input, &params, upstream, &mut here[0], into);
            d_initial.insert(0, state_from(&d_state));
            d_output = d_input;
        }
        let d_x = match self.source {
            Source::Frames { .. } => from(&backend.read_frames(backend.view(&d_output))),
            _ => vec![],
        };
        Outcome { output, last, d_params: from(&backend.read(&grads)), d_x, d_initial }
    }
}

/// The input of a layer: the layer below, frames, or ids.
fn input<'a, B: Backend>(
    backend: &B,
    below: Option<&'a B::Tape>,
    x: Option<&'a B::Frames>,
    ids: &'a [u32],
) -> Input<'a, B::View<'a>> {
    match (below, x) {
        (Some(tape), _) => Input::Frames(backend.output(tape)),
        (None, Some(x)) => Input::Frames(backend.view(x)),
        (None, None) => Input::Ids(ids),
    }
}

impl Outcome {
    /// The loss that the gradients belong to. Finished positions have an output of zero and contribute nothing.
    pub(crate) fn loss(&self, data: &Data) -> f64 {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let states = self.last.iter().zip(&data.d_final).map(|(s, d)| dot(&s.h, &d.h) + dot(&s.c, &d.c));
        dot(&self.output, &data.d_output) + states.sum::<f64>()
    }

    /// Every array, by name.
    pub(crate) fn arrays(&self) -> Vec<(String, &[f64])> {
        let mut all: Vec<(String, &[f64])> = vec![
            ("output".into(), &self.output),
            ("d_params".into(), &self.d_params),
            ("d_x".into(), &self.d_x),
        ];
        for (name, states) in [("last", &self.last), ("d_initial", &self.d_initial)] {
            for (l, state) in states.iter().enumerate() {
                all.push((format!("{name} h of layer {l}"), &state.h));
                all.push((format!("{name} c of layer {l}"), &state.c));
            }
        }
        all
    }

    /// Asserts relative L2 agreement of every array.
    pub(crate) fn assert_agrees(&self, expected: &Outcome, tolerance: f64, context: &str) {
        for ((name, got), (_, want)) in self.arrays().into_iter().zip(expected.arrays()) {
            let error = relative_error(got, want);
            assert!(error <= tolerance, "{context}: {name} is off by {error:.2e} (relative L2)");
        }
    }
}

/// `|got - want| / |want|`; infinite for NaN and unequal lengths.
pub(crate) fn relative_error(got: &[f64], want: &[f64]) -> f64 {
    if got.len() != want.len() {
        return f64::INFINITY;
    }
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let difference = norm(&mut got.iter().zip(want).map(|(a, b)| a - b));
    let size = norm(&mut want.iter().copied());
    let error = if difference == 0.0 { 0.0 } else { difference / size };
    if error.is_nan() { f64::INFINITY } else { error }
}

pub(crate) fn to<B: Backend>(values: &[f64]) -> Vec<B::Real> {
    values.iter().map(|&x| B::Real::of(x)).collect()
}

fn from<R: Real>(values: &[R]) -> Vec<f64> {
    values.iter().map(|&x| x.as_f64()).collect()
}

fn state_to<B: Backend>(state: &State<f64>) -> State<B::Real> {
    State { h: to::<B>(&state.h), c: to::<B>(&state.c) }
}

fn state_from<R: Real>(state: &State<R>) -> State<f64> {
    State { h: from(&state.h), c: from(&state.c) }
}

/// Every cell and variant.
pub(crate) fn cells() -> [Cell; 6] {
    use refrain_kernels::Activation::{Logistic, Relu, Tanh};
    [
        Cell::Rnn(Tanh),
        Cell::Rnn(Relu),
        Cell::Rnn(Logistic),
        Cell::Gru { reset_after: true },
        Cell::Gru { reset_after: false },
        Cell::Lstm,
    ]
}

/// Deterministic numbers in -1..1 (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    /// `n` numbers in `-scale..scale`, rounded to `f32` so that every backend gets the same.
    pub(crate) fn vec(&mut self, n: usize, scale: f64) -> Vec<f64> {
        (0..n).map(|_| f64::from((self.next() * scale) as f32)).collect()
    }

    /// A number in `0..n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((self.next() + 1.0) / 2.0 * n as f64) as usize
    }
}
