//! Updates of the optimiser: three steps of every rule as in PyTorch, and twenty steps of every rule on every
//! instruction set against the reference, with clipping, weight decay of the matrices only, and several shards.

#![allow(clippy::single_range_in_vec_init, reason = "lists of ranges, some of which have one")]

use std::ops::Range;

use refrain_kernels::{Backend, Cpu, Dropout, Isa, Moments, Real, Reference, Rule, Update};

const ADAM: Rule = Rule::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, decoupled: false };
const ADAMW: Rule = Rule::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, decoupled: true };
const WITHOUT_MOMENTUM: Rule = Rule::Adam { beta1: 0.0, beta2: 0.999, eps: 1e-8, decoupled: true };

/// Applies the gradients of each step, shard by shard, and returns the parameters after each step and the norms.
fn steps<B: Backend>(
    backend: &B,
    update: Update,
    decayed: &[Range<usize>],
    first: &[f64],
    grads: &[Vec<Vec<f64>>],
) -> (Vec<Vec<f64>>, Vec<f64>) {
    let real = |values: &[f64]| backend.buffer(&values.iter().map(|&x| B::Real::of(x)).collect::<Vec<_>>());
    let mut params = real(first);
    let zeros = vec![0.0; first.len()];
    let mut moments = Moments((0..update.rule.moments()).map(|_| real(&zeros)).collect());
    let mut norms = vec![];
    let after = |(step, shards): (u64, &Vec<Vec<f64>>)| {
        let mut shards: Vec<B::Buffer> = shards.iter().map(|shard| real(shard)).collect();
        let mut shards: Vec<&mut B::Buffer> = shards.iter_mut().collect();
        let updated =
            backend.update(&Update { step, ..update }, decayed, &mut shards, &mut moments, &mut params);
        norms.push(updated.norm);
        backend.read(&params).into_iter().map(Real::as_f64).collect()
    };
    ((1..).zip(grads).map(after).collect(), norms)
}

/// Three steps of `torch.optim` in PyTorch 2.15, float64, from `FIRST` with the gradients `GRADS`, each after
/// `torch.nn.utils.clip_grad_norm_(parameters, 1.0)`; the first three numbers in a group with `weight_decay=0.1`,
/// the last in one with `weight_decay=0`.
const FIRST: [f64; 4] = [0.5, -1.0, 2.0, 0.25];
const GRADS: [[f64; 4]; 3] = [[0.1, -0.2, 3.0, 0.0], [-0.4, 0.3, -1.0, 0.5], [2.0, 0.0, 0.7, -0.6]];

#[rustfmt::skip]
const PYTORCH: [(&str, Rule, f64, [[f64; 4]; 3]); 7] = [
    ("torch.optim.SGD(lr=0.1)", Rule::Sgd { momentum: 0.0 }, 0.1, [
        [0.491675888628, -0.983351777257, 1.880276658852, 0.25],
        [0.519418966313, -0.998013136912, 1.94312348369, 0.209175204287],
        [0.423409496049, -0.988033005543, 1.891906900643, 0.236419788467],
    ]),
    ("torch.optim.SGD(lr=0.1, momentum=0.9)", Rule::Sgd { momentum: 0.9 }, 0.1, [
        [0.491675888628, -0.983351777257, 1.880276658852, 0.25],
        [0.511927266078, -0.983029736443, 1.835372476656, 0.209175204287],
        [0.434218952522, -0.972909602347, 1.744819639704, 0.199677472325],
    ]),
    ("torch.optim.Adagrad(lr=0.1, eps=1e-10)", Rule::Adagrad { eps: 1e-10 }, 0.1, [
        [0.40000000012, -0.90000000006, 1.900000000008, 0.25],
        [0.496031469789, -0.968129623156, 1.94636432213, 0.150000000024],
        [0.400559193651, -0.928962715378, 1.910902017884, 0.205509584376],
    ]),
    ("torch.optim.RMSprop(lr=0.01, alpha=0.99, eps=1e-8)", Rule::RmsProp { decay: 0.99, eps: 1e-8 }, 0.01, [
        [0.400000120133, -0.900000060066, 1.900000008353, 0.25],
        [0.496068933299, -0.96831291984, 1.946547393601, 0.150000024495],
        [0.400551098559, -0.928883489306, 1.910805238704, 0.205702626371],
    ]),
    ("torch.optim.Adam(lr=0.1)", ADAM, 0.1, [
        [0.400000012013, -0.900000006007, 1.900000000835, 0.25],
        [0.452782779648, -0.901673958086, 1.875152702664, 0.17558632022],
        [0.40399780301, -0.87931757323, 1.834769251554, 0.163220238056],
    ]),
    ("torch.optim.AdamW(lr=0.1)", ADAMW, 0.1, [
        [0.395000030083, -0.890000015042, 1.880000001003, 0.25],
        [0.458300198526, -0.935374922677, 1.856521134891, 0.17558632022],
        [0.411301691369, -0.967975833949, 1.819137011153, 0.163220238056],
    ]),
    ("torch.optim.AdamW(lr=0.1, betas=(0, 0.999))", WITHOUT_MOMENTUM, 0.1, [
        [0.395000030083, -0.890000015042, 1.880000001003, 0.25],
        [0.531710064565, -1.017554210928, 1.950795732858, 0.108614008419],
        [0.363575766026, -1.007378668819, 1.889804430553, 0.204744617378],
    ]),
];

fn follow_pytorch<B: Backend>(backend: &B, tolerance: f64) {
    let grads: Vec<Vec<Vec<f64>>> = GRADS.iter().map(|step| vec![step.to_vec()]).collect();
    for (name, rule, learning_rate, want) in PYTORCH {
        let update = Update { rule, learning_rate, weight_decay: 0.1, max_norm: Some(1.0), step: 0 };
        let (got, norms) = steps(backend, update, &[0..3], &FIRST, &grads);
        for (step, (got, want)) in got.iter().zip(&want).enumerate() {
            let error = got.iter().zip(want).fold(0.0, |most: f64, (g, w)| most.max((g - w).abs()));
            assert!(
                error < tolerance,
                "{}, {name}, step {}: {got:?} is not {want:?}",
                backend.describe(),
                step + 1
            );
        }
        let norm = GRADS[0].iter().map(|g| g * g).sum::<f64>().sqrt();
        assert!((norms[0] - norm).abs() < 1e-6, "{name}: the norm before clipping is {}", norms[0]);
    }
}

#[test]
fn every_rule_matches_pytorch() {
    // PyTorch's numbers are rounded to twelve digits.
    follow_pytorch(&Reference::<f64>::new(), 1e-11);
    // A few roundings of numbers near one.
    follow_pytorch(&Reference::<f32>::new(), 1e-6);
    for isa in Isa::available() {
        follow_pytorch(&Cpu::with_isa(isa, 1).unwrap(), 1e-6);
    }
}

#[test]
fn every_instruction_set_agrees_with_the_reference_over_twenty_steps() {
    const STEPS: usize = 20;
    let rules = PYTORCH.map(|(_, rule, ..)| rule);
    // Around the kernels' chunk of 8192 and their vectors; the decayed ranges end within and between them.
    let cases: [(usize, &[Range<usize>]); 6] = [
        (1, &[]),
        (17, &[0..9]),
        (100, &[0..100]),
        (8192, &[0..8000]),
        (20_011, &[0..8195]),
        (20_011, &[3..8100, 8190..8200, 16_384..20_011]),
    ];
    for (len, decayed) in cases {
        let mut random = numbers(len as u64);
        let first: Vec<f64> = (0..len).map(|_| random()).collect();
        for shards in [1, 3] {
            let mut shard = || (0..len).map(|_| random() / (len as f64).sqrt()).collect::<Vec<f64>>();
            let grads: Vec<Vec<Vec<f64>>> =
                (0..STEPS).map(|_| (0..shards).map(|_| shard()).collect()).collect();
            for (rule, max_norm) in rules.into_iter().flat_map(|rule| [(rule, None), (rule, Some(0.3))]) {
                let update = Update { rule, learning_rate: 0.01, weight_decay: 0.1, max_norm, step: 0 };
                let (want, norms) = steps(&Reference::<f64>::new(), update, decayed, &first, &grads);
                for isa in Isa::available() {
                    for threads in [1, 2] {
                        let backend = Cpu::with_isa(isa, threads).unwrap();
                        let (got, own_norms) = steps(&backend, update, decayed, &first, &grads);
                        let context =
                            format!("{isa}, {rule:?}, {len} numbers, {shards} shards, {max_norm:?}");
                        for step in 0..STEPS {
                            near(&context, step, &got[step], &want[step]);
                            let error = (own_norms[step] - norms[step]).abs() / norms[step];
                            assert!(error < 1e-6, "{context}: the norm is off by {error:.2e}");
                        }
                    }
                }
            }
        }
    }
}

/// Twenty steps of at most 0.1 or so, each rounded a few times: 1e-6 of the parameters' size.
fn near(context: &str, step: usize, got: &[f64], want: &[f64]) {
    let square = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>().sqrt();
    let difference = square(&mut got.iter().zip(want).map(|(g, w)| g - w));
    let error = difference / square(&mut want.iter().copied()).max(0.1);
    assert!(error < 2e-6, "{context}, step {}: off by {error:.2e} (relative L2)", step + 1);
}

#[test]
fn a_gradient_that_is_not_finite_changes_nothing() {
    for isa in Isa::available() {
        let backend = Cpu::with_isa(isa, 1).unwrap();
        let update =
            Update { rule: ADAM, learning_rate: 0.1, weight_decay: 0.1, max_norm: Some(1.0), step: 1 };
        for bad in [f64::NAN, f64::INFINITY] {
            let (params, norms) = steps(&backend, update, &[0..3], &FIRST, &[vec![vec![0.1, bad, 0.0, 0.0]]]);
            assert_eq!(params[0], FIRST, "{isa}");
            assert!(!norms[0].is_finite(), "{isa}");
        }
    }
}

/// Deterministic numbers in -1..1 (the linear congruential generator of Knuth's MMIX).
fn numbers(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 32) as f64 / f64::from(1_u32 << 31) - 1.0
    }
}

#[test]
fn blending_and_weight_dropout_match_the_reference() {
    // Around the chunk of 8192, and within vectors.
    for len in [1, 17, 8192, 20_011] {
        let mut random = numbers(7);
        let [from, into]: [Vec<f32>; 2] =
            std::array::from_fn(|_| (0..len).map(|_| random() as f32).collect());
        let dropout = Dropout { rate: 0.3, seed: 5, rows: 1, batch_rows: 1, first_row: 0, locked: false };
        let (reference, range) = (Reference::<f32>::new(), len / 5..len - len / 7);
        for weight in [1.0, 0.25, 0.0] {
            let mut want = into.clone();
            reference.blend(weight, &from, &mut want);
            match weight {
                1.0 => assert_eq!(want, from),
                0.0 => assert_eq!(want, into),
                _ => {}
            }
            let blended = want.clone();
            reference.dropout_weights(&dropout, range.clone(), &mut want);
            for (i, (kept, before)) in want.iter().zip(&blended).enumerate() {
                let dropped = range.contains(&i) && *kept == 0.0;
                let factor = if range.contains(&i) { 1.0 / (1.0 - 0.3) } else { 1.0 };
                assert!(dropped || *kept == before * factor, "{kept} was {before}");
            }
            for isa in Isa::available() {
                let backend = Cpu::with_isa(isa, 2).unwrap();
                let mut got = backend.buffer(&into);
                backend.blend(weight, &backend.buffer(&from), &mut got);
                // A fused multiply-add rounds once where the reference rounds twice.
                let near = |got: &f32, want: &f32| (got - want).abs() <= 2e-7;
                assert!(backend.read(&got).iter().zip(&blended).all(|(g, w)| near(g, w)), "{isa}");
                let mut dropped = backend.buffer(&blended);
                backend.dropout_weights(&dropout, range.clone(), &mut dropped);
                assert_eq!(backend.read(&dropped), want, "{isa}");
            }
        }
    }
}
