//! A sequence in one window, in several, or step by step gives bit-identical results; and the traces of the fast backend
//! match the reference.

mod stack;

use refrain_kernels::{
    Backend, Cpu, Input, InputSpec, Isa, Precision, RecurrentSpec, Reference, State, Trace,
};
use stack::{Random, Source, Stack, cells, relative_error, to};

const ROWS: usize = 5;
const STEPS: usize = 12;
const VOCAB: u32 = 9;

fn setup(cell: refrain_kernels::Cell) -> (RecurrentSpec, Vec<f64>, Vec<u32>) {
    let source = Source::Embedded { vocab_size: VOCAB as usize, size: 4 };
    let stack = Stack { cell, layers: 1, hidden_size: 19, bias: true, reverse: false, source };
    let (specs, size) = stack.specs();
    let mut random = Random(3);
    let ids = (0..ROWS * STEPS).map(|_| random.below(VOCAB as usize) as u32).collect();
    (specs[0], random.vec(size, 0.4), ids)
}

/// All outputs, the last state and the last trace.
type RunResult<R> = (Vec<R>, State<R>, Trace<R>);

/// Runs windows of these lengths one after the other.
fn windows<B: Backend>(backend: &B, cell: refrain_kernels::Cell, lengths: &[usize]) -> RunResult<B::Real> {
    let (spec, params, ids) = setup(cell);
    let params = backend.buffer(&to::<B>(&params));
    let mut layer = backend.recurrent(&spec);
    backend.pack_recurrent(&mut layer, &params, false);
    let mut tape = B::Tape::default();
    let mut state = State::zeros(&spec, ROWS);
    let (mut outputs, mut from) = (vec![], 0);
    for &steps in lengths {
        let ids = Input::Ids(&ids[from * ROWS..(from + steps) * ROWS]);
        backend.recurrent_forward(&layer, ids, &state, None, &mut tape);
        outputs.extend(backend.read_frames(backend.output(&tape)));
        backend.final_state(&tape, &mut state);
        from += steps;
    }
    let trace = backend.trace(&layer, &tape);
    (outputs, state, trace)
}

/// Every available instruction set in every precision.
fn for_each_backend(threads: usize, check: impl Fn(&Cpu, &str)) {
    for isa in Isa::available() {
        for precision in Precision::ALL {
            let backend = Cpu::with_isa(isa, threads).unwrap().with_precision(precision);
            check(&backend, &backend.describe());
        }
    }
}

#[test]
fn one_window_several_windows_and_single_steps_give_the_same_bits() {
    for_each_backend(1, |backend, name| {
        for cell in cells() {
            let (output, state, _) = windows(backend, cell, &[STEPS]);
            for lengths in [&[5, 7][..], &[1; STEPS]] {
                let (parts, last, _) = windows(backend, cell, lengths);
                assert!(parts == output && last == state, "{name}, {cell:?}, windows of {lengths:?}");
            }
        }
    });
}

#[test]
fn a_step_divided_among_threads_gives_the_same_bits() {
    // Large enough to be divided; over ids, and over frames like an upper layer.
    let (hidden_size, size) = (331, 200);
    for cell in cells() {
        for source in [Source::OneHot { vocab_size: VOCAB as usize }, Source::Frames { size }] {
            let stack = Stack { cell, layers: 1, hidden_size, bias: true, reverse: false, source };
            let (specs, len) = stack.specs();
            let mut random = Random(7);
            let (params, x) = (random.vec(len, 0.1), random.vec(size * STEPS, 1.0));
            let ids: Vec<u32> = (0..STEPS as u32).map(|step| step % VOCAB).collect();
            // Windows of `window` steps all give bit-identical results, with or without lengths.
            let run = |backend: &Cpu, window: usize, with_lengths: bool| -> (Vec<f32>, State<f32>) {
                let params = backend.buffer(&to::<Cpu>(&params));
                let mut layer = backend.recurrent(&specs[0]);
                backend.pack_recurrent(&mut layer, &params, false);
                let mut tape = <Cpu as Backend>::Tape::default();
                let (mut outputs, mut state) = (vec![], State::zeros(&specs[0], 1));
                for (ids, x) in ids.chunks(window).zip(to::<Cpu>(&x).chunks(window * size)) {
                    let frames = backend.frames(size, x);
                    let input = match source {
                        Source::Frames { .. } => Input::Frames(backend.view(&frames)),
                        _ => Input::Ids(ids),
                    };
                    let lengths = [ids.len()];
                    let lengths = with_lengths.then_some(&lengths[..]);
                    backend.recurrent_forward(&layer, input, &state, lengths, &mut tape);
                    outputs.extend(backend.read_frames(backend.output(&tape)));
                    backend.final_state(&tape, &mut state);
                }
                (outputs, state)
            };
            for_each_backend(3, |backend, name| {
                let alone = Cpu::with_isa(backend.isa(), 1).unwrap().with_precision(backend.precision());
                let expected = run(&alone, 1, false);
                for (backend, window) in [(&alone, STEPS), (backend, 1), (backend, 5)] {
                    for with_lengths in [false, true] {
                        let found = run(backend, window, with_lengths);
                        assert!(
                            found == expected,
                            "{name}, {cell:?}, {source:?}, T={window}, {with_lengths}"
                        );
                    }
                }
            });
        }
    }
}

#[test]
fn a_trace_matches_the_reference() {
    for isa in Isa::available() {
        let backend = Cpu::with_isa(isa, 1).unwrap();
        for cell in cells() {
            let (_, _, trace) = windows(&backend, cell, &[STEPS]);
            let (_, _, expected) = windows(&Reference::<f64>::new(), cell, &[STEPS]);
            let near = |name: &str, got: &[f32], want: &[f64]| {
                let got: Vec<f64> = got.iter().map(|&x| x.into()).collect();
                let error = relative_error(&got, want);
                assert!(error < 1e-6, "{isa}, {cell:?}: {name} is off by {error:.2e}");
            };
            near("h", &trace.h, &expected.h);
            near("c", &trace.c, &expected.c);
            assert_eq!(trace.gates.len(), expected.gates.len());
            for ((name, got), (expected_name, want)) in trace.gates.iter().zip(&expected.gates) {
                assert_eq!(name, expected_name);
                near(name, got, want);
            }
        }
    }
}

#[test]
fn rows_do_not_depend_on_other_rows() {
    // The same row alone and in a batch: tiles of different heights, bit-identical results.
    for_each_backend(1, |backend, name| {
        for cell in cells() {
            let (spec, params, ids) = setup(cell);
            assert!(matches!(spec.input, InputSpec::Embedded { .. }));
            let params = backend.buffer(&to::<Cpu>(&params));
            let mut layer = backend.recurrent(&spec);
            backend.pack_recurrent(&mut layer, &params, false);
            let (all, ..) = windows(backend, cell, &[STEPS]);
            let own: Vec<u32> = ids.chunks_exact(ROWS).map(|row| row[2]).collect();
            let mut tape = <Cpu as Backend>::Tape::default();
            backend.recurrent_forward(&layer, Input::Ids(&own), &State::zeros(&spec, 1), None, &mut tape);
            let alone = backend.read_frames(backend.output(&tape));
            let h = spec.hidden_size;
            let in_batch: Vec<f32> =
                all.chunks_exact(ROWS * h).flat_map(|step| &step[2 * h..3 * h]).copied().collect();
            assert!(alone == in_batch, "{name}, {cell:?}");
        }
    });
}
