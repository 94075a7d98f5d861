//! Linear layers: outputs and gradients of every instruction set against the reference, whose gradients are checked
//! by finite differences.

mod stack;

use refrain_kernels::{Backend, Cpu, Isa, LinearSpec, Precision, Real, Reference};
use stack::{Random, relative_error, to};

#[derive(Clone)]
struct Case {
    spec: LinearSpec,
    params: Vec<f64>,
    frames: Vec<f64>,
    d_output: Vec<f64>,
}

fn case(rows: usize, input_size: usize, output_size: usize, bias: bool, seed: u64) -> Case {
    let mut random = Random(seed);
    let weight = output_size * input_size;
    Case {
        // The bias comes first, so that no offset is zero by chance.
        spec: LinearSpec { input_size, output_size, weight: output_size, bias: bias.then_some(0) },
        params: random.vec(output_size + weight, 0.7),
        frames: random.vec(rows * input_size, 1.0),
        d_output: random.vec(rows * output_size, 1.0),
    }
}

/// Outputs on the host and as frames, gradients of the frames and of the parameters.
fn run<B: Backend>(backend: &B, case: &Case) -> [Vec<f64>; 4] {
    let params = backend.buffer(&to::<B>(&case.params));
    let mut layer = backend.linear(&case.spec);
    backend.pack_linear(&mut layer, &params, true);
    let frames = backend.frames(case.spec.input_size, &to::<B>(&case.frames));
    let d_output = backend.d_frames(case.spec.output_size, &to::<B>(&case.d_output));
    let mut grads = backend.buffer(&vec![B::Real::of(0.0); case.params.len()]);
    let (mut output, mut d_input) = (B::Frames::default(), B::Frames::default());
    let (mut scratch, mut outputs) = (B::Scratch::default(), vec![]);
    let (x, d) = (backend.view(&frames), backend.view(&d_output));
    backend.linear_forward(&layer, x, &mut output, &mut scratch);
    backend.linear_outputs(&layer, x, &mut outputs, &mut scratch);
    backend.linear_backward(&layer, x, d, Some(&mut d_input), &mut grads, &mut scratch);
    let with_input = backend.read(&grads);
    backend.clear(&mut grads);
    backend.linear_backward(&layer, x, d, None, &mut grads, &mut scratch);
    assert_eq!(backend.read(&grads), with_input, "computing d_input must not change other gradients");
    let host = |values: Vec<B::Real>| values.iter().map(|x| x.as_f64()).collect::<Vec<f64>>();
    let read = |frames: &B::Frames| host(backend.read_frames(backend.view(frames)));
    [host(outputs), read(&output), read(&d_input), host(with_input)]
}

#[test]
fn gradients_of_the_reference_agree_with_finite_differences() {
    for bias in [true, false] {
        let case = case(5, 3, 4, bias, 1);
        let loss = |case: &Case| -> f64 {
            let [outputs, ..] = run(&Reference::<f64>::new(), case);
            outputs.iter().zip(&case.d_output).map(|(y, d)| y * d).sum()
        };
        let difference = |shift: &dyn Fn(&mut Case, f64)| {
            let shifted = |by: f64| {
                let mut case = case.clone();
                shift(&mut case, by);
                loss(&case)
            };
            (shifted(1e-5) - shifted(-1e-5)) / 2e-5
        };
        let [_, _, d_input, d_params] = run(&Reference::<f64>::new(), &case);
        for (i, &d) in d_params.iter().enumerate() {
            assert!((difference(&|c, by| c.params[i] += by) - d).abs() < 1e-8, "parameter {i}");
        }
        for (i, &d) in d_input.iter().enumerate() {
            assert!((difference(&|c, by| c.frames[i] += by) - d).abs() < 1e-8, "input {i}");
        }
    }
}

#[test]
fn every_instruction_set_agrees_at_odd_sizes() {
    let sizes = [1, 2, 7, 8, 9, 17, 33, 65];
    let all = [("outputs", 1e-6), ("frames", 1e-6), ("d_input", 1e-6), ("d_params", 1e-5)];
    for (i, output_size) in sizes.into_iter().enumerate() {
        for (rows, bias) in [(1, true), (7, false), (300, true)] {
            let case = case(rows, sizes[(i + 5) % sizes.len()], output_size, bias, (rows + i) as u64);
            let expected = run(&Reference::<f64>::new(), &case);
            for isa in Isa::available() {
                for precision in [Precision::F32, Precision::Bf16] {
                    let backend = Cpu::with_isa(isa, 1).unwrap().with_precision(precision);
                    let got = run(&backend, &case);
                    for (((name, tolerance), got), want) in all.iter().zip(&got).zip(&expected) {
                        let error = relative_error(got, want);
                        // bfloat16 has 8 bits, most of which remain in a sum of few products.
                        let most = if precision == Precision::F32 { *tolerance } else { 1e-2 };
                        assert!(
                            error < most,
                            "{isa}, {precision}, {rows} rows, {:?}: {name} is off by {error:.2e}",
                            case.spec
                        );
                    }
                }
            }
        }
    }
}
