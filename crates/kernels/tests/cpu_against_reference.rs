//! Every available instruction set against the reference in `f64`, at sizes that do not fill vectors, tiles or panels
//! evenly. Unavailable instruction sets are reported and skipped.

mod stack;

use refrain_kernels::{Activation, Cell, Cpu, Isa, Precision, Reference};
use stack::{Random, Source, Stack, cells, relative_error};

/// `f32` rounds at 6e-8; sums of some hundred terms over some tens of steps stay well below this.
const TOLERANCE: f64 = 1e-5;

const SIZES: [usize; 8] = [1, 2, 7, 8, 9, 17, 33, 65];

/// Runs `check` with a backend for each instruction set.
fn for_each_isa(check: impl Fn(&Cpu)) {
    for isa in Isa::ALL {
        match Cpu::with_isa(isa, 2) {
            Ok(backend) => check(&backend),
            Err(reason) => eprintln!("skipped: {reason}"),
        }
    }
}

fn agree(stack: &Stack, rows: usize, steps: usize, lengths: Option<Vec<usize>>, seed: u64) {
    let data = stack.data(rows, steps, lengths, seed);
    let expected = stack.run(&Reference::<f64>::new(), &data);
    for_each_isa(|backend| {
        let context =
            format!("{}: {stack:?}, B={rows}, T={steps}, lengths {:?}", backend.isa(), data.lengths);
        stack.run(backend, &data).assert_agrees(&expected, TOLERANCE, &context);
    });
}

#[test]
fn every_cell_at_every_hidden_size() {
    for cell in cells() {
        for (i, hidden_size) in SIZES.into_iter().enumerate() {
            let source = Source::Frames { size: SIZES[(i + 3) % SIZES.len()] };
            let stack = Stack { cell, layers: 1, hidden_size, bias: true, reverse: false, source };
            agree(&stack, 3, 4, None, i as u64);
        }
    }
}

#[test]
fn every_cell_at_every_batch_size_and_length() {
    for cell in cells() {
        for (i, rows) in SIZES.into_iter().enumerate() {
            let source = Source::Frames { size: 9 };
            let stack =
                Stack { cell, layers: 2, hidden_size: 17, bias: i % 2 == 0, reverse: i % 3 == 0, source };
            agree(&stack, rows, SIZES[SIZES.len() - 1 - i], None, i as u64);
        }
    }
}

#[test]
fn every_cell_over_ids() {
    for cell in cells() {
        for (i, vocab_size) in SIZES.into_iter().enumerate() {
            for source in [Source::OneHot { vocab_size }, Source::Embedded { vocab_size, size: SIZES[7 - i] }]
            {
                let stack = Stack { cell, layers: 3, hidden_size: 9, bias: true, reverse: false, source };
                agree(&stack, 7, 8, None, i as u64);
            }
        }
    }
}

#[test]
fn every_cell_over_rows_of_different_lengths() {
    let mut random = Random(11);
    for cell in cells() {
        for reverse in [false, true] {
            for hidden_size in [7, 33] {
                let source = Source::Embedded { vocab_size: 17, size: 9 };
                let stack = Stack { cell, layers: 2, hidden_size, bias: true, reverse, source };
                let lengths = (0..9).map(|_| random.below(12)).collect();
                agree(&stack, 9, 11, Some(lengths), 5);
            }
        }
    }
}

#[test]
fn random_shapes_agree() {
    let mut random = Random(12);
    let mut pick = |n: usize| random.below(n);
    for seed in 0..60 {
        let source = match pick(3) {
            0 => Source::Frames { size: SIZES[pick(8)] },
            1 => Source::OneHot { vocab_size: SIZES[pick(8)] },
            _ => Source::Embedded { vocab_size: SIZES[pick(8)], size: SIZES[pick(8)] },
        };
        let stack = Stack {
            cell: cells()[pick(6)],
            layers: 1 + pick(3),
            hidden_size: SIZES[pick(8)],
            bias: pick(4) > 0,
            reverse: pick(3) == 0,
            source,
        };
        let (rows, steps) = (SIZES[pick(6)], SIZES[pick(6)]);
        let lengths = (pick(3) == 0).then(|| (0..rows).map(|_| pick(steps + 1)).collect());
        agree(&stack, rows, steps, lengths, seed);
    }
}

#[test]
fn sizes_beyond_one_chunk_agree() {
    // More rows than a chunk of positions, `K` beyond its chunk, several panels.
    for cell in cells() {
        let source = Source::Frames { size: 150 };
        let stack = Stack { cell, layers: 1, hidden_size: 200, bias: true, reverse: false, source };
        agree(&stack, 30, 9, None, 21);
    }
}

/// bfloat16 keeps eight bits: a sum of some tens of rounded products is off by about 0.3 %, and gradients are
/// computed through several.
const BF16_TOLERANCE: f64 = 1e-2;

fn agree_in_bf16(stack: &Stack, rows: usize, steps: usize, lengths: Option<Vec<usize>>, seed: u64) {
    let data = stack.data(rows, steps, lengths, seed);
    let reference = Reference::<f64>::new();
    let expected = stack.run(&reference, &data);
    for_each_isa(|backend| {
        let context = format!("{}, bf16: {stack:?}, B={rows}, T={steps}", backend.isa());
        let backend = Cpu::with_isa(backend.isa(), 1).unwrap().with_precision(Precision::Bf16);
        if stack.cell == Cell::Rnn(Activation::Relu) {
            // If rounding moves a unit across the kink of its ReLU, its gradient differs completely.
            let error = relative_error(&stack.forward(&backend, &data), &expected.output);
            return assert!(error < BF16_TOLERANCE, "{context}: the output is off by {error:.2e}");
        }
        stack.run(&backend, &data).assert_agrees(&expected, BF16_TOLERANCE, &context);
    });
}

#[test]
fn products_of_bf16_stay_close_to_the_reference() {
    for (i, cell) in cells().into_iter().enumerate() {
        for (source, lengths) in [
            (Source::Frames { size: 41 }, None),
            (Source::Embedded { vocab_size: 17, size: 9 }, Some(vec![6, 0, 3, 9, 9, 1, 7])),
            (Source::OneHot { vocab_size: 33 }, None),
        ] {
            for (hidden_size, reverse) in [(33, false), (70, true)] {
                let stack = Stack { cell, layers: 2, hidden_size, bias: true, reverse, source };
                agree_in_bf16(&stack, 7, 9, lengths.clone(), i as u64);
            }
        }
    }
}

#[test]
fn sizes_beyond_one_chunk_agree_in_bf16() {
    for cell in cells() {
        let source = Source::Frames { size: 150 };
        let stack = Stack { cell, layers: 1, hidden_size: 200, bias: true, reverse: false, source };
        agree_in_bf16(&stack, 67, 9, None, 21);
    }
}

#[test]
fn weights_of_eight_bits_stay_close_to_the_reference() {
    for (i, cell) in cells().into_iter().enumerate() {
        for source in [Source::Frames { size: 41 }, Source::Embedded { vocab_size: 17, size: 9 }] {
            let lengths = Some(vec![6, 0, 3, 9, 9, 1, 7]);
            let stack = Stack { cell, layers: 2, hidden_size: 33, bias: true, reverse: false, source };
            let data = stack.data(7, 9, lengths, i as u64);
            let expected = stack.forward(&Reference::<f64>::new(), &data);
            for_each_isa(|backend| {
                let context = format!("{}, int8: {stack:?}", backend.isa());
                let backend = Cpu::with_isa(backend.isa(), 1).unwrap().with_precision(Precision::Int8);
                let error = relative_error(&stack.forward(&backend, &data), &expected);
                assert!(error < 2e-2, "{context}: the output is off by {error:.2e} (relative L2)");
            });
        }
    }
}
