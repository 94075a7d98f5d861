//! Stacks in both directions over frames of different lengths: gradients of all inputs, agreement of backends, padding
//! and stepwise execution.

use super::*;
use crate::layer::DropoutMask;
use crate::params::Layout;
use refrain_kernels::{Cpu, Isa, Real, Reference};

const ROWS: usize = 3;
const LENGTHS: [usize; ROWS] = [5, 2, 4];
const STEPS: usize = 5;
const INPUT: usize = 3;
const HIDDEN: usize = 4;
/// Of the finite differences. For nearly equal inputs of layer normalisation, third derivatives are in the thousands:
/// they contribute 1e-8 to the error, and rounding no more.
const STEP: f64 = 2e-6;

#[derive(Clone)]
struct Case {
    sizes: StackSizes,
    stack: Stack,
    layout: Layout,
    params: Vec<f64>,
    frames: Vec<f64>,
    /// `h`, then `c`, of all specs.
    initial: Vec<f64>,
}

/// The inputs, by name, and their gradients.
type Gradients = [(&'static str, Vec<f64>); 3];

fn wave(len: usize, step: f64) -> Vec<f64> {
    (0..len).map(|i| (i as f64 * step).sin() * 0.8).collect()
}

impl Case {
    fn new(cell: Cell, bidirectional: bool, layer_norm: bool) -> Self {
        let sizes = StackSizes {
            num_layers: 2,
            bidirectional,
            layer_norm,
            dropout: DropoutRate { rate: 0.3, locked: bidirectional },
            drops_top: !bidirectional,
            ..StackSizes::new(cell, InputSpec::Frames { size: INPUT }, HIDDEN)
        };
        let (layout, stack) = Layout::build(|layout| Stack::new(layout, "rnn", sizes));
        let states = stack.specs().len() * ROWS * HIDDEN * if cell.has_cell_state() { 2 } else { 1 };
        Self {
            sizes,
            stack,
            params: wave(layout.len(), 0.37),
            layout,
            frames: wave(STEPS * ROWS * INPUT, 0.91),
            initial: wave(states, 1.3),
        }
    }

    /// The sum of all outputs and final states, each times a different number, and its gradients.
    fn run<B: Backend>(&self, backend: &B) -> (f64, Gradients) {
        let real = |values: &[f64]| values.iter().map(|&x| B::Real::of(x)).collect::<Vec<B::Real>>();
        let host = |values: &[B::Real]| values.iter().map(|x| x.as_f64()).collect::<Vec<f64>>();
        let mut grads = backend.buffer(&real(&vec![0.0; self.params.len()]));
        let mut weights = Weights::new(&self.layout, backend, &real(&self.params));
        weights.pack(backend, true);
        let frames = backend.frames(INPUT, &real(&self.frames));
        let mask = DropoutMask { seed: 3, batch_rows: ROWS + 1, first_row: 1 };
        let x = StackInput {
            source: Source::Frames(&frames),
            rows: ROWS,
            lengths: Some(&LENGTHS),
            dropout: Some(mask),
        };
        let mut state = self.stack.zero_state::<B>(ROWS);
        let mut initial = self.initial.iter();
        for state in &mut state {
            state
                .h
                .iter_mut()
                .chain(&mut state.c)
                .zip(&mut initial)
                .for_each(|(to, &x)| *to = B::Real::of(x));
        }
        let mut workspace = StackWorkspace::default();
        self.stack.forward(backend, &weights, &x, &mut state, &mut workspace);
        let width = HIDDEN * self.sizes.directions();
        let shares = wave(STEPS * ROWS * width, 0.53);
        let output = host(&backend.read_frames(workspace.output(backend)));
        let mut loss: f64 = output.iter().zip(&shares).map(|(y, share)| y * share).sum();
        let mut d_final = state.clone();
        for (number, (d, state)) in d_final.iter_mut().zip(&state).enumerate() {
            let values = state.h.iter().chain(&state.c);
            for (i, (d, x)) in d.h.iter_mut().chain(&mut d.c).zip(values).enumerate() {
                let share = ((number * 7 + i) as f64).cos();
                loss += share * x.as_f64();
                *d = B::Real::of(share);
            }
        }
        workspace.d_output = backend.d_frames(width, &real(&shares));
        let mut d_initial = self.stack.zero_state::<B>(ROWS);
        let back = StackBack {
            d_final: Some(&d_final),
            d_initial: Some(&mut d_initial),
            d_input: true,
            ..StackBack::new(&mut grads)
        };
        self.stack.backward(backend, &weights, &x, &mut workspace, back);
        let d_initial = d_initial.iter().flat_map(|d| host(&[&d.h[..], &d.c[..]].concat())).collect();
        let d_frames = host(&backend.read_frames(backend.view(&workspace.d_output)));
        let d_params = host(&backend.read(&grads));
        (loss, [("params", d_params), ("frames", d_frames), ("initial", d_initial)])
    }
}

const CELLS: [Cell; 3] =
    [Cell::Lstm, Cell::Gru { reset_after: true }, Cell::Rnn(refrain_kernels::Activation::Tanh)];

/// Every cell, in one and both directions, with and without layer normalisation.
fn cases() -> impl Iterator<Item = Case> {
    const CHOICES: [(bool, bool); 4] = [(true, false), (false, false), (true, true), (false, true)];
    CELLS.into_iter().flat_map(|cell| CHOICES.map(|(both, norm)| Case::new(cell, both, norm)))
}

#[test]
fn gradients_agree_with_finite_differences() {
    let backend = Reference::<f64>::new();
    for case in cases() {
        let (_, gradients) = case.run(&backend);
        for (part, (name, gradients)) in gradients.iter().enumerate() {
            for (i, &gradient) in gradients.iter().enumerate() {
                let shifted = |by: f64| {
                    let mut case = case.clone();
                    [&mut case.params, &mut case.frames, &mut case.initial][part][i] += by;
                    case.run(&backend).0
                };
                let difference = (shifted(STEP) - shifted(-STEP)) / (2.0 * STEP);
                assert!(
                    (difference - gradient).abs() < 1e-7,
                    "{:?}: {name} {i}: {difference} is not {gradient}",
                    case.sizes
                );
            }
        }
    }
}

#[test]
fn every_instruction_set_agrees_with_the_reference() {
    for case in cases() {
        let (loss, expected) = case.run(&Reference::<f64>::new());
        for isa in Isa::available() {
            let (got_loss, got) = case.run(&Cpu::with_isa(isa, 1).unwrap());
            assert!((got_loss - loss).abs() < 1e-4, "{isa}, {:?}: {got_loss} is not {loss}", case.sizes);
            for ((name, got), (_, expected)) in got.iter().zip(&expected) {
                let close = got.iter().zip(expected).all(|(got, want)| (got - want).abs() < 1e-4);
                assert!(close && got.len() == expected.len(), "{isa}, {:?}: {name}", case.sizes);
            }
        }
    }
}

impl Case {
    /// The top layer's output of some rows of the frames, `[steps, rows, I]`, from `state`, without dropout.
    fn output<B: Backend>(
        &self,
        backend: &B,
        frames: &[f64],
        lengths: &[usize],
        state: &mut [State<B::Real>],
    ) -> Vec<B::Real> {
        let real = |values: &[f64]| values.iter().map(|&x| B::Real::of(x)).collect::<Vec<B::Real>>();
        let mut weights = Weights::new(&self.layout, backend, &real(&self.params));
        weights.pack(backend, false);
        let frames = backend.frames(INPUT, &real(frames));
        let source = Source::Frames(&frames);
        let x = StackInput { source, rows: lengths.len(), lengths: Some(lengths), dropout: None };
        let mut workspace = StackWorkspace::default();
        self.stack.forward(backend, &weights, &x, state, &mut workspace);
        backend.read_frames(workspace.output(backend))
    }
}

#[test]
fn a_padded_row_gives_the_bits_of_the_row_alone() {
    for (case, isa) in cases().flat_map(|case| Isa::available().map(move |isa| (case.clone(), isa))) {
        let backend = Cpu::with_isa(isa, 1).unwrap();
        let width = HIDDEN * case.sizes.directions();
        let zero = |rows| case.stack.zero_state::<Cpu>(rows);
        let together = case.output(&backend, &case.frames, &LENGTHS, &mut zero(ROWS));
        for (row, &steps) in LENGTHS.iter().enumerate() {
            let frames = |t: usize| case.frames[(t * ROWS + row) * INPUT..][..INPUT].to_vec();
            let frames: Vec<f64> = (0..steps).flat_map(frames).collect();
            let alone = case.output(&backend, &frames, &[steps], &mut zero(1));
            let of_row = |t: usize| &together[(t * ROWS + row) * width..][..width];
            let padded: Vec<f32> = (0..steps).flat_map(of_row).copied().collect();
            assert_eq!(alone, padded, "{isa}, {:?}, row {row}", case.sizes);
            assert!((steps..STEPS).flat_map(of_row).all(|&x| x == 0.0), "{isa}, {:?}, row {row}", case.sizes);
        }
    }
}

#[test]
fn single_steps_agree_with_whole_sequences() {
    let backend = Reference::<f64>::new();
    for case in cases().filter(|case| !case.sizes.bidirectional) {
        let (mut at_once, mut stepped) = (case.stack.zero_state::<Reference<f64>>(ROWS), vec![]);
        let mut state = at_once.clone();
        let outputs = case.output(&backend, &case.frames, &[STEPS; ROWS], &mut at_once);
        for frames in case.frames.chunks_exact(ROWS * INPUT) {
            stepped.extend(case.output(&backend, frames, &[1; ROWS], &mut state));
        }
        assert_eq!((stepped, state), (outputs, at_once), "{:?}", case.sizes);
    }
}
