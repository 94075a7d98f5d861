//! Stacks in both directions over rows of different lengths, layer normalisation and attention agree with PyTorch.

#[path = "../../../kernels/tests/golden/mod.rs"]
mod golden;

use golden::Golden;
use refrain_kernels::{Activation, Backend, Cell, Cpu, InputSpec, Isa, Real, Reference, State};

use super::*;
use crate::params::{Layout, Weights};

/// For `f64`, limited by the rounding of the golden file, and for `f32` through two layers, forward and backward.
const DOUBLE: f64 = 1e-6;
const SINGLE: f64 = 2e-5;

fn reals<R: Real>(values: &[f32]) -> Vec<R> {
    values.iter().map(|&x| R::of(x.into())).collect()
}

#[track_caller]
fn near<R: Real>(what: &str, got: &[R], want: &[f32], tolerance: f64) {
    assert_eq!(got.len(), want.len(), "{what}");
    let scale = want.iter().fold(1.0_f64, |most, &x| most.max(f64::from(x).abs()));
    for (i, (got, &want)) in got.iter().zip(want).enumerate() {
        let error = (got.as_f64() - f64::from(want)).abs() / scale;
        assert!(error < tolerance, "{what}[{i}] is {got:?}, PyTorch has {want}");
    }
}

/// The state of spec `number` in arrays `[L * D, B, H]`.
fn state<R: Real>(golden: &Golden, h: &str, c: &str, number: usize, size: usize) -> State<R> {
    let of = |name: &str| match golden.has(name) {
        true => reals(&golden.values(name)[number * size..][..size]),
        false => vec![],
    };
    State { h: of(h), c: of(c) }
}

fn stack_agrees<B: Backend>(backend: &B, case: &str, cell: Cell, tolerance: f64) {
    let golden = Golden::case(case);
    let [steps, rows, input] = *golden.shape("x") else { panic!("x has three dimensions") };
    let [specs, _, hidden_size] = *golden.shape("h0") else { panic!("h0 has three dimensions") };
    let sizes = StackSizes {
        num_layers: specs / 2,
        bidirectional: true,
        ..StackSizes::new(cell, InputSpec::Frames { size: input }, hidden_size)
    };
    let (layout, stack) = Layout::build(|layout| Stack::new(layout, "rnn", sizes));
    let name = |entry: &crate::params::Entry| entry.name.trim_start_matches("rnn.").to_owned();
    let params: Vec<B::Real> =
        layout.entries().iter().flat_map(|entry| reals(golden.values(&name(entry)))).collect();
    let mut weights = Weights::new(&layout, backend, &params);
    weights.pack(backend, true);
    let mut grads = backend.buffer(&vec![B::Real::of(0.0); layout.len()]);
    let x = backend.frames(input, &reals(golden.values("x")));
    let lengths = golden.integers("lengths");
    let x = StackInput { source: Source::Frames(&x), rows, lengths: Some(&lengths), dropout: None };
    let size = rows * hidden_size;
    let states = |h, c| (0..specs).map(|number| state(&golden, h, c, number, size)).collect::<Vec<_>>();
    let mut state = states("h0", "c0");
    let mut workspace = StackWorkspace::default();
    stack.forward(backend, &weights, &x, &mut state, &mut workspace);
    let context = format!("{case}, {}", backend.describe());
    near(
        &format!("{context}: output"),
        &backend.read_frames(workspace.output(backend)),
        golden.values("output"),
        tolerance,
    );
    let both = |states: &[State<B::Real>]| {
        let all =
            |part: fn(&State<B::Real>) -> &Vec<B::Real>| states.iter().flat_map(part).copied().collect();
        let parts: [Vec<B::Real>; 2] = [all(|state| &state.h), all(|state| &state.c)];
        parts
    };
    let [h_n, c_n] = both(&state);
    near(&format!("{context}: h_n"), &h_n, golden.values("h_n"), tolerance);
    workspace.d_output = backend.d_frames(2 * hidden_size, &reals(golden.values("d_output")));
    assert_eq!(golden.shape("d_output"), [steps, rows, 2 * hidden_size]);
    let d_final = states("d_h_n", "d_c_n");
    let mut d_initial = stack.zero_state::<B>(rows);
    let back = StackBack {
        d_final: Some(&d_final),
        d_initial: Some(&mut d_initial),
        d_input: true,
        ..StackBack::new(&mut grads)
    };
    stack.backward(backend, &weights, &x, &mut workspace, back);
    let [d_h0, d_c0] = both(&d_initial);
    near(&format!("{context}: d_h0"), &d_h0, golden.values("d_h0"), tolerance);
    if cell.has_cell_state() {
        near(&format!("{context}: c_n"), &c_n, golden.values("c_n"), tolerance);
        near(&format!("{context}: d_c0"), &d_c0, golden.values("d_c0"), tolerance);
    }
    let d_x = backend.read_frames(backend.view(&workspace.d_output));
    near(&format!("{context}: d_x"), &d_x, golden.values("d_x"), tolerance);
    let grads = backend.read(&grads);
    for entry in layout.entries() {
        let expected = format!("d_{}", name(entry));
        near(
            &format!("{context}: {expected}"),
            &grads[entry.range.clone()],
            golden.values(&expected),
            tolerance,
        );
    }
}

#[test]
fn stacks_in_both_directions_agree_with_pytorch() {
    for (case, cell) in [
        ("lstm_both_directions", Cell::Lstm),
        ("gru_both_directions", Cell::Gru { reset_after: true }),
        ("rnn_tanh_both_directions", Cell::Rnn(Activation::Tanh)),
    ] {
        stack_agrees(&Reference::<f64>::new(), case, cell, DOUBLE);
        for isa in Isa::available() {
            stack_agrees(&Cpu::with_isa(isa, 1).unwrap(), case, cell, SINGLE);
        }
    }
}

fn layer_norm_agrees<B: Backend>(backend: &B, tolerance: f64) {
    let golden = Golden::case("layer_norm");
    let [_, rows, width] = *golden.shape("x") else { panic!("x has three dimensions") };
    let (layout, norm) = Layout::build(|layout| LayerNorm::new(layout, "norm", width));
    let names: Vec<&str> = layout.entries().iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["norm.weight", "norm.bias"]);
    let params = [golden.values("weight"), golden.values("bias")].concat();
    let params = backend.buffer(&reals(&params));
    let mut grads = backend.buffer(&vec![B::Real::of(0.0); layout.len()]);
    let x = backend.frames(width, &reals(golden.values("x")));
    let lengths = golden.integers("lengths");
    let mut workspace = NormWorkspace::default();
    let output = norm.forward(backend, &params, backend.view(&x), rows, Some(&lengths), &mut workspace);
    let context = format!("layer_norm, {}", backend.describe());
    let output = backend.read_frames(backend.view(&output));
    near(&format!("{context}: output"), &output, golden.values("output"), tolerance);
    let mut d = backend.d_frames(width, &reals(golden.values("d_output")));
    norm.backward(backend, &params, &workspace, &mut d, &mut grads);
    let d_x = backend.read_frames(backend.view(&d));
    near(&format!("{context}: d_x"), &d_x, golden.values("d_x"), tolerance);
    let d_params = [golden.values("d_weight"), golden.values("d_bias")].concat();
    near(&format!("{context}: d_weight, d_bias"), &backend.read(&grads), &d_params, tolerance);
}

#[test]
fn layer_normalisation_agrees_with_pytorch() {
    layer_norm_agrees(&Reference::<f64>::new(), DOUBLE);
    for isa in Isa::available() {
        layer_norm_agrees(&Cpu::with_isa(isa, 1).unwrap(), SINGLE);
    }
}

#[test]
fn attention_agrees_with_pytorch() {
    for (case, additive) in [("attention_dot", false), ("attention_additive", true)] {
        let golden = Golden::case(case);
        let of = |name: &str| golden.values_f64(name);
        let (queries, keys, values, v) = (of("queries"), of("keys"), of("values"), of("v"));
        let lengths = golden.integers("lengths");
        let attention = Attention {
            score: if additive { AttentionScore::Additive(&v) } else { AttentionScore::Dot },
            keys: &keys,
            key_size: golden.shape("keys")[2],
            values: &values,
            value_size: golden.shape("values")[2],
            lengths: &lengths,
        };
        let (mut weights, mut context) = (vec![], vec![]);
        attention.forward(&queries, &mut weights, &mut context);
        near(&format!("{case}: weights"), &weights, golden.values("weights"), DOUBLE);
        near(&format!("{case}: context"), &context, golden.values("context"), DOUBLE);
        let [mut d_queries, mut d_keys, mut d_values] = [vec![], vec![], vec![]];
        let mut d_v = vec![0.0; v.len()];
        let into = AttentionGradients {
            queries: &mut d_queries,
            keys: &mut d_keys,
            values: &mut d_values,
            score: &mut d_v,
        };
        attention.backward(&queries, &weights, &of("d_context"), into);
        for (name, got) in [("d_queries", &d_queries), ("d_keys", &d_keys), ("d_values", &d_values)] {
            near(&format!("{case}: {name}"), got, golden.values(name), DOUBLE);
        }
        if additive {
            near(&format!("{case}: d_v"), &d_v, golden.values("d_v"), DOUBLE);
        }
    }
}
