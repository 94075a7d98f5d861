//! Benchmarks: the speed of training and sampling of a character model on synthetic ids.

use std::sync::Arc;

use refrain_kernels::{Backend, IGNORE, Real, Rule, Update};
use serde::Serialize;

use crate::Result;
use crate::data::TextBatch;
use crate::error::within;
use crate::model::{Architecture, LanguageModel, Network, Weights, check_memory};
use crate::sample::{Generator, SamplingOptions};
use crate::text::{SymbolCounts, Units, Vocabulary};
use crate::train::{Clock, Trainer};

/// What is timed.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The model.
    pub architecture: Architecture,
    /// `B` in training.
    pub batch_size: usize,
    /// Number of streams in sampling.
    pub streams: usize,
    /// `T`, or the tokens per stream in one timed round of sampling.
    pub seq_length: usize,
    /// Shards of the batch.
    pub shards: usize,
    /// Untimed rounds of training before the timed ones.
    pub warm_up: usize,
    /// Timed rounds.
    pub repeat: usize,
}

impl Workload {
    /// Checks sizes against bounds of memory and time.
    fn check(&self) -> Result<()> {
        let sizes = [
            ("batch_size", self.batch_size, 1 << 16),
            ("streams", self.streams, 1 << 12),
            ("seq_length", self.seq_length, 1 << 20),
            ("shards", self.shards, 1 << 16),
            ("repeat", self.repeat, 1 << 20),
            ("warm_up", self.warm_up.saturating_add(self.repeat), 1 << 21),
            ("seq_length", self.batch_size.saturating_mul(self.seq_length), 1 << 24),
        ];
        sizes.into_iter().try_for_each(|(name, size, max)| within(name, size, 1, max))
    }
}

/// Speed in a benchmark.
#[derive(Clone, Debug, Serialize)]
pub struct Speed {
    /// Tokens per second in the median round.
    pub chars_per_s: f64,
    /// Tokens per second in the fastest round.
    pub best_chars_per_s: f64,
    /// Milliseconds of the median round (training), or per time step of all streams in it (sampling).
    pub step_ms: f64,
    /// Multiplications and additions of the matrix products per second in the median round, in 10^9.
    pub gflops: f64,
}

/// Times training steps: forward, loss, backward, clipping and Adam, with carried state.
///
/// # Errors
/// If a size is out of bounds.
pub fn train(backend: &impl Backend, workload: &Workload) -> Result<Speed> {
    let (rows, steps) = (workload.batch_size, workload.seq_length);
    workload.check()?;
    let model = LanguageModel::new(&workload.architecture)?;
    check_memory(&model, 5 + workload.shards)?;
    let params = model.layout().init(0);
    let flops = flops_per_token(&workload.architecture) * 3.0 * (rows * steps) as f64;
    let vocab = workload.architecture.vocab_size;
    let batch = TextBatch {
        rows,
        steps,
        inputs: synthetic_ids(rows * steps, vocab, 1),
        targets: synthetic_ids(rows * steps, vocab, 2),
        lengths: None,
    };
    debug_assert!(!batch.targets.contains(&IGNORE));
    let rule = Rule::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, decoupled: false };
    let mut trainer = Trainer::new(backend, model, &params, workload.shards.min(rows), rule.moments());
    trainer.reset_state(rows);
    let mut times = Vec::with_capacity(workload.repeat);
    for step in 1..=workload.warm_up + workload.repeat {
        let start = Clock::start();
        let update =
            Update { rule, learning_rate: 2e-3, weight_decay: 0.0, max_norm: Some(5.0), step: step as u64 };
        let report = trainer.step(&batch, step as u64, &update);
        assert!(report.is_finite(), "a synthetic step diverged");
        if step > workload.warm_up {
            times.push(start.seconds());
        }
    }
    Ok(speed(&mut times, (rows * steps) as f64, flops, 1.0))
}

/// Times sampling of several streams. Tokens are counted over all streams.
///
/// # Errors
/// If a size is out of bounds.
pub fn sample<B: Backend>(backend: &B, workload: &Workload) -> Result<Speed> {
    workload.check()?;
    let model = LanguageModel::new(&workload.architecture)?;
    check_memory(&model, 2)?;
    let params: Vec<B::Real> = model.layout().init(0).iter().map(|&x| B::Real::of(x.into())).collect();
    let mut weights = Weights::new(model.layout(), backend, &params);
    weights.pack(backend, false);
    let tokens: Vec<u32> = ('\0'..=char::MAX).map(u32::from).take(workload.architecture.vocab_size).collect();
    let mut counts = SymbolCounts::default();
    counts.add(&tokens);
    let vocabulary = Arc::new(Vocabulary::from_counts(Units::Char, &counts, 1, false)?);
    let generator = Generator::new(backend, &model, &weights, &vocabulary, false);
    let mut generator = generator.with_threads(backend.threads());
    for seed in 0..workload.streams as u64 {
        generator.join("", usize::MAX, &SamplingOptions { seed, ..SamplingOptions::default() })?;
    }
    let mut times = Vec::with_capacity(workload.repeat);
    for round in 0..1 + workload.repeat {
        let start = Clock::start();
        for _ in 0..workload.seq_length {
            let pieces = generator.step().count();
            debug_assert_eq!(pieces, workload.streams);
        }
        if round > 0 {
            times.push(start.seconds());
        }
    }
    let (steps, tokens) = (workload.seq_length as f64, (workload.seq_length * workload.streams) as f64);
    let flops = flops_per_token(&workload.architecture) * tokens;
    Ok(speed(&mut times, tokens, flops, steps))
}

fn speed(times: &mut [f64], tokens: f64, flops: f64, steps: f64) -> Speed {
    times.sort_by(f64::total_cmp);
    let median = times[times.len() / 2];
    Speed {
        chars_per_s: tokens / median,
        best_chars_per_s: tokens / times[0],
        step_ms: 1e3 * median / steps,
        gflops: flops / median / 1e9,
    }
}

/// Floating-point operations of the matrix products of the forward pass per token. The lowest layer's input product is
/// counted even where a table replaces it.
fn flops_per_token(a: &Architecture) -> f64 {
    let (h, gates) = (a.layers.hidden_size, a.layers.cell().gates());
    let lowest = if a.embedding_size == 0 { 0 } else { a.embedding_size };
    let layers: usize =
        (0..a.layers.num_layers).map(|l| gates * h * (h + if l == 0 { lowest } else { h })).sum();
    2.0 * (layers + h * a.vocab_size) as f64
}

/// Reproducible pseudo-random ids.
fn synthetic_ids(count: usize, vocab_size: usize, salt: u64) -> Vec<u32> {
    let mut state = salt.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % vocab_size as u64) as u32
    };
    (0..count).map(|_| next()).collect()
}
