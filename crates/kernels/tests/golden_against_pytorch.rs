//! PyTorch's outputs, states and gradients, reproduced by the reference and by every instruction set.

mod golden;
mod stack;

use golden::Golden;
use refrain_kernels::{Activation, Backend, Cell, Cpu, Isa, Reference, State};
use stack::{Data, Source, Stack, relative_error};

const TOLERANCE: f64 = 1e-5;

const CASES: [(&str, Cell); 15] = [
    ("lstm_1", Cell::Lstm),
    ("lstm_2", Cell::Lstm),
    ("lstm_no_bias", Cell::Lstm),
    ("lstm_lengths", Cell::Lstm),
    ("lstm_reverse_lengths", Cell::Lstm),
    ("gru_1", Cell::Gru { reset_after: true }),
    ("gru_2", Cell::Gru { reset_after: true }),
    ("gru_no_bias", Cell::Gru { reset_after: true }),
    ("gru_lengths", Cell::Gru { reset_after: true }),
    ("gru_reset_before_1", Cell::Gru { reset_after: false }),
    ("rnn_tanh_1", Cell::Rnn(Activation::Tanh)),
    ("rnn_tanh_2", Cell::Rnn(Activation::Tanh)),
    ("rnn_relu_1", Cell::Rnn(Activation::Relu)),
    ("rnn_relu_2", Cell::Rnn(Activation::Relu)),
    ("rnn_logistic_1", Cell::Rnn(Activation::Logistic)),
];

/// The parameters of a layer in the order of [`Stack::specs`], with the names of the file.
fn names(golden: &Golden, layer: usize) -> Vec<String> {
    let suffix = if golden.has("weight_ih_l0_reverse") { "_reverse" } else { "" };
    let all = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"].map(|kind| format!("{kind}_l{layer}{suffix}"));
    all.into_iter().filter(|name| golden.has(name)).collect()
}

/// The layers' states in arrays `[L, B, H]`.
fn states(golden: &Golden, h: &str, c: &str) -> Vec<State<f64>> {
    let layers = golden.shape(h)[0];
    let part = |name: &str, l: usize| {
        let values = golden.values_f64(name);
        let n = values.len() / layers;
        values[l * n..(l + 1) * n].to_vec()
    };
    (0..layers).map(|l| State { h: part(h, l), c: if golden.has(c) { part(c, l) } else { vec![] } }).collect()
}

fn compare(backend: &impl Backend, case: &str, cell: Cell, context: &str) {
    let golden = Golden::case(case);
    let (layers, hidden_size) = (golden.shape("h0")[0], golden.shape("h0")[2]);
    let stack = Stack {
        cell,
        layers,
        hidden_size,
        bias: names(&golden, 0).len() == 4,
        reverse: golden.has("weight_ih_l0_reverse"),
        source: Source::Frames { size: golden.shape("x")[2] },
    };
    let params: Vec<String> = (0..layers).flat_map(|l| names(&golden, l)).collect();
    let data = Data {
        params: params.iter().flat_map(|name| golden.values_f64(name)).collect(),
        ids: vec![],
        x: golden.values_f64("x"),
        initial: states(&golden, "h0", "c0"),
        lengths: golden.has("lengths").then(|| golden.integers("lengths")),
        d_output: golden.values_f64("d_output"),
        d_final: states(&golden, "d_h_n", "d_c_n"),
    };
    let outcome = stack.run(backend, &data);
    let near = |name: &str, got: &[f64], want: &[f64]| {
        let error = relative_error(got, want);
        assert!(error < TOLERANCE, "{context}, {case}: {name} is off by {error:.2e} (relative L2)");
    };
    near("output", &outcome.output, &golden.values_f64("output"));
    near("d_x", &outcome.d_x, &golden.values_f64("d_x"));
    for (l, (last, d)) in
        states(&golden, "h_n", "c_n").iter().zip(states(&golden, "d_h0", "d_c0")).enumerate()
    {
        near("h_n", &outcome.last[l].h, &last.h);
        near("c_n", &outcome.last[l].c, &last.c);
        near("d_h0", &outcome.d_initial[l].h, &d.h);
        near("d_c0", &outcome.d_initial[l].c, &d.c);
    }
    let mut at = 0;
    for name in &params {
        let want = golden.values_f64(&format!("d_{name}"));
        near(&format!("d_{name}"), &outcome.d_params[at..at + want.len()], &want);
        at += want.len();
    }
}

#[test]
fn the_reference_agrees_with_pytorch() {
    for (case, cell) in CASES {
        compare(&Reference::<f64>::new(), case, cell, "reference in f64");
        compare(&Reference::<f32>::new(), case, cell, "reference in f32");
    }
}

#[test]
fn every_instruction_set_agrees_with_pytorch() {
    for isa in Isa::ALL {
        match Cpu::with_isa(isa, 1) {
            Ok(backend) => CASES.iter().for_each(|&(case, cell)| compare(&backend, case, cell, isa.name())),
            Err(reason) => eprintln!("skipped: {reason}"),
        }
    }
}
