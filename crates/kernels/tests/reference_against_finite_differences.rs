//! The reference's gradients against central differences of its own forward pass, in `f64`, for every parameter,
//! input and initial state of every cell. All other implementations are checked against the reference.

mod stack;

use refrain_kernels::Reference;
use stack::{Data, Source, Stack, cells};

/// Central differences with a step of 1e-5 carry an error of about 1e-10 from the third derivative and 1e-11 from
/// rounding; the ReLU's kink is avoided by the seeds.
const STEP: f64 = 1e-5;
const TOLERANCE: f64 = 1e-6;

/// Compares analytic gradients with differences for every number that `numbers` selects.
fn check(
    stack: &Stack,
    data: &Data,
    name: &str,
    analytic: &[f64],
    numbers: impl Fn(&mut Data) -> &mut Vec<f64>,
) {
    let backend = Reference::<f64>::new();
    let loss = |data: &Data| stack.run(&backend, data).loss(data);
    let scale = analytic.iter().fold(1e-3, |m: f64, &g| m.max(g.abs()));
    assert_eq!(analytic.len(), numbers(&mut data.clone()).len(), "{stack:?}: {name}");
    for (i, &gradient) in analytic.iter().enumerate() {
        let shifted = |by: f64| {
            let mut data = data.clone();
            numbers(&mut data)[i] += by;
            loss(&data)
        };
        let difference = (shifted(STEP) - shifted(-STEP)) / (2.0 * STEP);
        let error = (difference - gradient).abs() / scale;
        assert!(error < TOLERANCE, "{stack:?}: {name}[{i}] is {gradient}, differences give {difference}");
    }
}

fn check_all(stack: &Stack, data: &Data) {
    let outcome = stack.run(&Reference::<f64>::new(), data);
    check(stack, data, "params", &outcome.d_params, |d| &mut d.params);
    if let Source::Frames { .. } = stack.source {
        check(stack, data, "x", &outcome.d_x, |d| &mut d.x);
    }
    for l in 0..stack.layers {
        check(stack, data, "h0", &outcome.d_initial[l].h, |d| &mut d.initial[l].h);
        check(stack, data, "c0", &outcome.d_initial[l].c, |d| &mut d.initial[l].c);
    }
}

#[test]
fn every_cell_over_frames_with_and_without_bias() {
    for cell in cells() {
        for bias in [true, false] {
            let source = Source::Frames { size: 3 };
            let stack = Stack { cell, layers: 2, hidden_size: 4, bias, reverse: false, source };
            check_all(&stack, &stack.data(2, 5, None, 1));
        }
    }
}

#[test]
fn every_cell_in_reverse_over_rows_of_different_lengths() {
    for cell in cells() {
        for reverse in [false, true] {
            let source = Source::Frames { size: 2 };
            let stack = Stack { cell, layers: 2, hidden_size: 3, bias: true, reverse, source };
            check_all(&stack, &stack.data(4, 4, Some(vec![2, 4, 0, 3]), 2));
        }
    }
}

#[test]
fn every_cell_over_ids() {
    for cell in cells() {
        for source in [Source::OneHot { vocab_size: 5 }, Source::Embedded { vocab_size: 5, size: 2 }] {
            let stack = Stack { cell, layers: 1, hidden_size: 3, bias: true, reverse: false, source };
            check_all(&stack, &stack.data(2, 6, None, 3));
        }
    }
}
