//! A custom network from the layers of this crate, trained by its trainer: it computes the running sum of its inputs.

use std::ops::Range;

use refrain::data::Batch;
use refrain::kernels::{Backend, Cell, Cpu, InputSpec, Loss, Rule, Update};
use refrain::layer::{
    Linear, LinearBack, Score, Source, Stack, StackBack, StackInput, StackSizes, StackWorkspace,
};
use refrain::model::{Network, Part, Tapes, TrainStep};
use refrain::params::{Layout, Weights};
use refrain::train::Trainer;

#[derive(Clone)]
struct RunningSum {
    layout: Layout,
    stack: Stack,
    output: Linear,
}

/// Sequences of one length, with one number per step.
#[derive(Clone, Default)]
struct Numbers {
    rows: usize,
    /// `[T, B, 1]`
    inputs: Vec<f32>,
    /// `[T, B, 1]`
    sums: Vec<f32>,
}

struct Workspace<B: Backend> {
    frames: B::Frames,
    stack: StackWorkspace<B>,
    outputs: Vec<B::Real>,
    scratch: B::Scratch,
}

impl<B: Backend> Default for Workspace<B> {
    fn default() -> Self {
        let (frames, stack) = (B::Frames::default(), StackWorkspace::default());
        Self { frames, stack, outputs: vec![], scratch: B::Scratch::default() }
    }
}

impl Numbers {
    fn new(rows: usize, steps: usize) -> Self {
        let inputs: Vec<f32> = (0..rows * steps).map(|i| (i as f32 * 2.3).sin() * 0.5).collect();
        let mut sums = inputs.clone();
        (rows..sums.len()).for_each(|at| sums[at] += sums[at - rows]);
        Self { rows, inputs, sums }
    }
}

impl Batch for Numbers {
    fn rows(&self) -> usize {
        self.rows
    }

    fn count(&self) -> usize {
        self.inputs.len()
    }

    fn take(&mut self, whole: &Self, rows: Range<usize>) {
        let taken = |values: &[f32]| {
            values.chunks_exact(whole.rows).flat_map(|step| step[rows.clone()].to_vec()).collect()
        };
        *self = Self { rows: rows.len(), inputs: taken(&whole.inputs), sums: taken(&whole.sums) };
    }
}

impl RunningSum {
    fn new(hidden_size: usize) -> Self {
        let sizes = StackSizes::new(Cell::Lstm, InputSpec::Frames { size: 1 }, hidden_size);
        let (layout, (stack, output)) = Layout::build(|layout| {
            (Stack::new(layout, "rnn", sizes), Linear::new(layout, "output", hidden_size, 1))
        });
        Self { layout, stack, output }
    }

    fn input<'a, B: Backend>(&self, batch: &Numbers, frames: &'a B::Frames) -> StackInput<'a, B> {
        StackInput { source: Source::Frames(frames), rows: batch.rows, lengths: None, dropout: None }
    }

    /// Half of the squared errors, and their gradients.
    fn loss<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        batch: &Numbers,
        workspace: &mut Workspace<B>,
    ) -> (Score, Vec<f64>) {
        use refrain::kernels::Real;
        let Workspace { frames, stack, outputs, scratch } = workspace;
        let inputs: Vec<B::Real> = batch.inputs.iter().map(|&x| B::Real::of(x.into())).collect();
        *frames = backend.frames(1, &inputs);
        let mut state = self.stack.zero_state::<B>(batch.rows);
        self.stack.forward(backend, weights, &self.input(batch, frames), &mut state, stack);
        self.output.outputs(backend, weights, stack.output(backend), outputs, scratch);
        let errors = outputs.iter().zip(&batch.sums).map(|(y, &sum)| y.as_f64() - f64::from(sum));
        let errors: Vec<f64> = errors.collect();
        let nats = errors.iter().map(|error| error * error / 2.0).sum();
        (Loss { nats, count: errors.len() }.into(), errors)
    }
}

impl Network for RunningSum {
    type Batch = Numbers;
    type Workspace<B: Backend> = Workspace<B>;

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn summary(&self) -> String {
        "a running sum".to_owned()
    }

    fn train<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        part: &mut Part<Self, B>,
        step: TrainStep,
        grads: &mut B::Buffer,
    ) -> Score {
        use refrain::kernels::Real;
        let Part { batch, workspace, .. } = part;
        let (score, errors) = self.loss(backend, weights, batch, workspace);
        let d_outputs: Vec<B::Real> = errors.iter().map(|error| B::Real::of(error * step.scale)).collect();
        let (output, d_output) = workspace.stack.output_and_gradient(backend);
        let back = LinearBack { d_outputs: &d_outputs, d_input: Some(d_output), grads };
        self.output.backward(backend, weights, output, back, &mut workspace.scratch);
        let x = self.input(batch, &workspace.frames);
        self.stack.backward(backend, weights, &x, &mut workspace.stack, StackBack::new(grads));
        score
    }

    fn tapes<'w, B: Backend>(&'w self, workspace: &'w Workspace<B>) -> Vec<Tapes<'w, B>> {
        vec![Tapes { name: "", stack: &self.stack, tapes: workspace.stack.tapes() }]
    }

    fn evaluate<B: Backend>(&self, backend: &B, weights: &Weights<B>, part: &mut Part<Self, B>) -> Score {
        self.loss(backend, weights, &part.batch, &mut part.workspace).0
    }
}

#[test]
fn a_custom_network_can_be_trained() {
    let backend = Cpu::new(1).unwrap();
    let (network, batch) = (RunningSum::new(16), Numbers::new(6, 20));
    let rule = Rule::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, decoupled: true };
    let params = network.layout().init(1);
    let mut trainer = Trainer::new(&backend, network, &params, 2, rule.moments());
    let mut losses = vec![];
    for step in 1..=150 {
        trainer.reset_state(batch.rows);
        let update = Update { rule, learning_rate: 0.01, max_norm: Some(1.0), step, ..Update::default() };
        losses.push(trainer.step(&batch, step, &update).loss.mean());
    }
    assert!(losses[149] < losses[0] / 20.0, "from {} to {}", losses[0], losses[149]);
}
