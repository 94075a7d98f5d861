//! The fused readout: logits, losses and gradients of every instruction set against the reference, whose gradients
//! are checked by finite differences.

mod stack;

use refrain_kernels::{Backend, Cpu, CrossEntropy, IGNORE, Isa, LinearSpec, Precision, Real, Reference};
use stack::{Random, relative_error, to};

#[derive(Clone)]
struct Case {
    spec: LinearSpec,
    params: Vec<f64>,
    frames: Vec<f64>,
    targets: Vec<u32>,
    smoothing: f64,
}

fn case(rows: usize, input_size: usize, vocab_size: usize, seed: u64) -> Case {
    let mut random = Random(seed);
    let weight = vocab_size * input_size;
    let target = |random: &mut Random| match random.below(5) {
        0 => IGNORE,
        _ => random.below(vocab_size) as u32,
    };
    Case {
        spec: LinearSpec { input_size, output_size: vocab_size, weight: 0, bias: Some(weight) },
        params: random.vec(weight + vocab_size, 0.7),
        frames: random.vec(rows * input_size, 1.0),
        targets: (0..rows).map(|_| target(&mut random)).collect(),
        smoothing: [0.0, 0.2][seed as usize % 2],
    }
}

/// Loss, count, logits, gradients of the frames and of the parameters.
fn run<B: Backend>(backend: &B, case: &Case) -> (f64, usize, Vec<f64>, Vec<f64>, Vec<f64>) {
    let params = backend.buffer(&to::<B>(&case.params));
    let mut readout = backend.linear(&case.spec);
    backend.pack_linear(&mut readout, &params, true);
    let frames = backend.frames(case.spec.input_size, &to::<B>(&case.frames));
    let mut grads = backend.buffer(&vec![B::Real::of(0.0); case.params.len()]);
    let (mut d_frames, mut scratch) = (B::Frames::default(), B::Scratch::default());
    let mut logits = vec![];
    backend.linear_outputs(&readout, backend.view(&frames), &mut logits, &mut scratch);
    let (scale, smoothing) = (B::Real::of(0.125), B::Real::of(case.smoothing));
    let backward = CrossEntropy { scale, smoothing, d_frames: &mut d_frames, grads: &mut grads };
    let loss =
        backend.cross_entropy(&readout, backend.view(&frames), &case.targets, Some(backward), &mut scratch);
    let alone = backend.cross_entropy(&readout, backend.view(&frames), &case.targets, None, &mut scratch);
    assert_eq!(alone, loss, "the loss must not depend on whether gradients are computed");
    let host = |values: Vec<B::Real>| values.iter().map(|x| x.as_f64()).collect::<Vec<f64>>();
    let d_frames = host(backend.read_frames(backend.view(&d_frames)));
    (loss.nats, loss.count, host(logits), d_frames, host(backend.read(&grads)))
}

#[test]
fn gradients_of_the_reference_agree_with_finite_differences() {
    const CLASSES: usize = 5;
    let case = case(6, 3, CLASSES, 1);
    let backend = Reference::<f64>::new();
    let nats = |case: &Case, targets: Vec<u32>| run(&backend, &Case { targets, ..case.clone() }).0;
    // The target distribution is mostly the target, and to a small part uniform over the classes.
    let smoothed = |case: &Case| {
        let all_are = |class: u32| {
            case.targets.iter().map(|&target| if target == IGNORE { IGNORE } else { class }).collect()
        };
        let uniform: f64 = (0..CLASSES as u32).map(|class| nats(case, all_are(class))).sum();
        (1.0 - case.smoothing) * nats(case, case.targets.clone()) + case.smoothing / CLASSES as f64 * uniform
    };
    assert!(case.smoothing > 0.0);
    let (_, _, _, d_frames, d_params) = run(&backend, &case);
    let difference = |shift: &dyn Fn(&mut Case, f64)| {
        let loss = |by: f64| {
            let mut shifted = case.clone();
            shift(&mut shifted, by);
            smoothed(&shifted) * 0.125
        };
        (loss(1e-5) - loss(-1e-5)) / 2e-5
    };
    for (i, &d) in d_params.iter().enumerate() {
        assert!((difference(&|c, by| c.params[i] += by) - d).abs() < 1e-9, "parameter {i}");
    }
    for (i, &d) in d_frames.iter().enumerate() {
        assert!((difference(&|c, by| c.frames[i] += by) - d).abs() < 1e-9, "frame value {i}");
    }
}

#[test]
fn every_instruction_set_agrees_at_odd_sizes() {
    let sizes = [1, 2, 7, 8, 9, 17, 33, 65];
    for (i, vocab_size) in sizes.into_iter().enumerate() {
        for rows in [1, 7, 300] {
            let case = case(rows, sizes[(i + 5) % sizes.len()], vocab_size, (rows + i) as u64);
            let (nats, count, logits, d_frames, d_params) = run(&Reference::<f64>::new(), &case);
            for isa in Isa::available() {
                let got = run(&Cpu::with_isa(isa, 1).unwrap(), &case);
                let context = format!("{isa}, {rows} rows, H={}, V={vocab_size}", case.spec.input_size);
                assert_eq!(got.1, count, "{context}");
                assert!(
                    (got.0 - nats).abs() <= 1e-6 * (1.0 + count as f64 * (vocab_size as f64).ln()),
                    "{context}: {} is not {nats}",
                    got.0
                );
                for (name, got, want) in [
                    ("logits", &got.2, &logits),
                    ("d_frames", &got.3, &d_frames),
                    ("d_params", &got.4, &d_params),
                ] {
                    // With a single class the gradient is zero up to rounding.
                    let tiny = want.iter().all(|x| x.abs() < 1e-12) && got.iter().all(|x| x.abs() < 1e-6);
                    let error = relative_error(got, want);
                    assert!(tiny || error < 1e-5, "{context}: {name} is off by {error:.2e}");
                }
            }
        }
    }
}

#[test]
fn narrow_formats_stay_close_to_the_reference() {
    for (rows, input_size, vocab_size) in [(1, 7, 2), (7, 33, 65), (300, 41, 17), (130, 100, 33)] {
        let case = case(rows, input_size, vocab_size, rows as u64);
        let (nats, _, logits, d_frames, d_params) = run(&Reference::<f64>::new(), &case);
        for isa in Isa::available() {
            let got = run(&Cpu::with_isa(isa, 1).unwrap().with_precision(Precision::Bf16), &case);
            assert!((got.0 - nats).abs() <= 1e-2 * nats.abs().max(0.1), "{isa}: {} is not {nats}", got.0);
            for (got, want) in [(&got.2, &logits), (&got.3, &d_frames), (&got.4, &d_params)] {
                let error = relative_error(got, want);
                assert!(
                    error < 1e-2,
                    "{isa}, bf16, {rows} rows, H={input_size}, V={vocab_size}: {error:.2e}"
                );
            }
            let backend = Cpu::with_isa(isa, 1).unwrap().with_precision(Precision::Int8);
            let mut readout = backend.linear(&case.spec);
            backend.pack_linear(&mut readout, &backend.buffer(&to::<Cpu>(&case.params)), false);
            let frames = backend.frames(input_size, &to::<Cpu>(&case.frames));
            let mut bytes = vec![];
            backend.linear_outputs(&readout, backend.view(&frames), &mut bytes, &mut Default::default());
            let bytes: Vec<f64> = bytes.into_iter().map(f64::from).collect();
            let error = relative_error(&bytes, &logits);
            assert!(error < 1e-2, "{isa}, int8, {rows} rows, H={input_size}, V={vocab_size}: {error:.2e}");
        }
    }
}
