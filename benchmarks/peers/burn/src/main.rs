//! The workload of `refrain bench train` with Burn's LSTM: one line of JSON per measurement.
//!
//!     burn-peer --hidden-size 256 --num-layers 2 --batch-size 50 --seq-length 50 --repeat 12
//!
//! Threads are set by `RAYON_NUM_THREADS`. Burn clips the norm of each tensor, not the global norm.

use std::time::Instant;

use burn::grad_clipping::GradientClippingConfig;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{Embedding, EmbeddingConfig, Linear, LinearConfig, Lstm, LstmConfig, LstmState};
use burn::optim::{AdamConfig, GradientsParams};
use burn::prelude::*;

const VOCAB_SIZE: usize = 65;
const EMBEDDING_SIZE: usize = 64;
const WARM_UP: usize = 2;

#[derive(Module, Debug)]
struct LanguageModel {
    embedding: Embedding,
    layers: Vec<Lstm>,
    readout: Linear,
}

type States = Vec<Option<LstmState<2>>>;

impl LanguageModel {
    fn new(hidden_size: usize, num_layers: usize, device: &Device) -> Self {
        let inputs = |layer| if layer == 0 { EMBEDDING_SIZE } else { hidden_size };
        Self {
            embedding: EmbeddingConfig::new(VOCAB_SIZE, EMBEDDING_SIZE).init(device),
            layers: (0..num_layers)
                .map(|l| LstmConfig::new(inputs(l), hidden_size, true).init(device))
                .collect(),
            readout: LinearConfig::new(hidden_size, VOCAB_SIZE).init(device),
        }
    }

    /// Ids `[B, T]` to logits `[B * T, V]`, and the states after the last step.
    fn forward(&self, ids: Tensor<2, Int>, states: States) -> (Tensor<2>, States) {
        let mut hidden = self.embedding.forward(ids);
        let mut last = Vec::new();
        for (layer, state) in self.layers.iter().zip(states) {
            let (outputs, state) = layer.forward(hidden, state);
            hidden = outputs;
            last.push(Some(LstmState::new(state.cell.detach(), state.hidden.detach())));
        }
        (self.readout.forward(hidden.flatten::<2>(0, 1)), last)
    }
}

fn main() {
    let [hidden_size, num_layers] = [flag("--hidden-size", 256), flag("--num-layers", 2)];
    let [rows, steps, repeat] = [flag("--batch-size", 50), flag("--seq-length", 50), flag("--repeat", 12)];
    let device = Device::flex().autodiff();
    let mut model = LanguageModel::new(hidden_size, num_layers, &device);
    let clipping = GradientClippingConfig::Norm(5.0);
    let mut adam = AdamConfig::new().with_epsilon(1e-8).with_grad_clipping(Some(clipping)).init();
    let loss = CrossEntropyLossConfig::new().init(&device);
    let inputs = ids(rows * steps, 1, &device).reshape([rows, steps]);
    let targets = ids(rows * steps, 2, &device);
    let mut states: States = vec![None; num_layers];
    let mut seconds = Vec::new();
    for _ in 0..WARM_UP + repeat {
        let start = Instant::now();
        let (logits, last) = model.forward(inputs.clone(), states);
        let gradients = loss.forward(logits, targets.clone()).backward();
        let gradients = GradientsParams::from_grads(gradients, &model);
        model = adam.step(2e-3, model, gradients);
        states = last;
        seconds.push(start.elapsed().as_secs_f64());
    }
    report((rows * steps) as f64, seconds.split_off(WARM_UP));
}

/// Pseudo-random ids, the same in every run.
fn ids(count: usize, seed: u32, device: &Device) -> Tensor<1, Int> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as i32 % VOCAB_SIZE as i32
    };
    let ids: Vec<i32> = (0..count).map(|_| next()).collect();
    Tensor::from_ints(ids.as_slice(), device)
}

/// The number after `--name` on the command line.
fn flag(name: &str, default: usize) -> usize {
    let value = std::env::args().skip_while(|argument| argument != name).nth(1);
    value.map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} {text}: not a number")))
}

fn report(symbols: f64, mut seconds: Vec<f64>) {
    seconds.sort_by(f64::total_cmp);
    let (median, best) = (symbols / seconds[seconds.len() / 2], symbols / seconds[0]);
    println!(r#"{{"chars_per_s": {median}, "best_chars_per_s": {best}}}"#);
}
