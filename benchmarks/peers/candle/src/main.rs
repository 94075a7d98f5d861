//! The workload of `refrain bench train` with candle's LSTM: one line of JSON per measurement.
//!
//!     candle-peer --hidden-size 256 --num-layers 2 --batch-size 50 --seq-length 50 --repeat 12
//!
//! Threads are set by `RAYON_NUM_THREADS`. candle has no gradient clipping.

use std::time::Instant;

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::rnn::{LSTM, LSTMConfig, LSTMState, RNN};
use candle_nn::{AdamW, Embedding, Linear, Module, Optimizer, ParamsAdamW, VarBuilder, VarMap};

const VOCAB_SIZE: usize = 65;
const EMBEDDING_SIZE: usize = 64;
const WARM_UP: usize = 2;

struct LanguageModel {
    embedding: Embedding,
    layers: Vec<LSTM>,
    readout: Linear,
}

impl LanguageModel {
    fn new(hidden_size: usize, num_layers: usize, weights: &VarBuilder) -> Result<Self> {
        let layer = |layer_idx| {
            let inputs = if layer_idx == 0 { EMBEDDING_SIZE } else { hidden_size };
            let config = LSTMConfig { layer_idx, ..LSTMConfig::default() };
            candle_nn::lstm(inputs, hidden_size, config, weights.pp("layers"))
        };
        Ok(Self {
            embedding: candle_nn::embedding(VOCAB_SIZE, EMBEDDING_SIZE, weights.pp("embedding"))?,
            layers: (0..num_layers).map(layer).collect::<Result<_>>()?,
            readout: candle_nn::linear(hidden_size, VOCAB_SIZE, weights.pp("readout"))?,
        })
    }

    /// Ids `[B, T]` to logits `[B * T, V]`; `states` become those after the last step.
    fn forward(&self, ids: &Tensor, states: &mut [LSTMState]) -> Result<Tensor> {
        let mut hidden = self.embedding.forward(ids)?;
        for (layer, state) in self.layers.iter().zip(states) {
            let trace = layer.seq_init(&hidden, state)?;
            hidden = layer.states_to_tensor(&trace)?;
            let last = trace.last().expect("a sequence has a step");
            *state = LSTMState::new(last.h().detach(), last.c().detach());
        }
        self.readout.forward(&hidden.flatten(0, 1)?)
    }
}

fn main() -> Result<()> {
    let [hidden_size, num_layers] = [flag("--hidden-size", 256), flag("--num-layers", 2)];
    let [rows, steps, repeat] = [flag("--batch-size", 50), flag("--seq-length", 50), flag("--repeat", 12)];
    let variables = VarMap::new();
    let weights = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
    let model = LanguageModel::new(hidden_size, num_layers, &weights)?;
    // Without weight decay, AdamW is Adam.
    let settings = ParamsAdamW { lr: 2e-3, weight_decay: 0.0, ..ParamsAdamW::default() };
    let mut adam = AdamW::new(variables.all_vars(), settings)?;
    let inputs = ids(rows * steps, 1)?.reshape((rows, steps))?;
    let targets = ids(rows * steps, 2)?;
    let mut states = model.layers.iter().map(|layer| layer.zero_state(rows)).collect::<Result<Vec<_>>>()?;
    let mut seconds = Vec::new();
    for _ in 0..WARM_UP + repeat {
        let start = Instant::now();
        let logits = model.forward(&inputs, &mut states)?;
        adam.backward_step(&candle_nn::loss::cross_entropy(&logits, &targets)?)?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    report((rows * steps) as f64, seconds.split_off(WARM_UP));
    Ok(())
}

/// Pseudo-random ids, the same in every run.
fn ids(count: usize, seed: u32) -> Result<Tensor> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % VOCAB_SIZE as u32
    };
    let ids: Vec<u32> = (0..count).map(|_| next()).collect();
    Tensor::from_vec(ids, count, &Device::Cpu)
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
