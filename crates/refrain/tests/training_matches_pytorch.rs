//! The sentences example with PyTorch's initial weights and Adam: one hundred losses and the completion of "good" agree.

#[path = "../../kernels/tests/golden/mod.rs"]
mod golden;

use golden::Golden;
use refrain::data::TextBatch;
use refrain::kernels::{Backend, Cpu, Isa, Real, Reference, Rule, Update};
use refrain::model::{Architecture, CellKind, LanguageModel, LayerSizes, Network, Workspace};
use refrain::train::Trainer;

/// Rounding in `f32` within one hundred steps; in `f64` only PyTorch's losses are rounded to `f32` in the file, by at most
/// 1.2e-7 above 2.
const SINGLE: f64 = 1e-5;
const DOUBLE: f64 = 2e-7;

/// `[B, T]` ids of the file as `[T, B]`.
fn time_major(golden: &Golden, name: &str) -> Vec<u32> {
    let [rows, steps] = golden.shape(name) else { panic!("{name} is not a matrix") };
    let ids = golden.integers(name);
    (0..rows * steps).map(|i| ids[i % rows * steps + i / rows] as u32).collect()
}

fn check_training<B: Backend>(backend: &B, losses: &str, tolerance: f64) {
    let golden = Golden::case("sentences");
    let [hidden_size, vocab_size] = golden.shape("rnn.weight_ih_l0") else { panic!("not a matrix") };
    let model = LanguageModel::new(&Architecture {
        layers: LayerSizes { cell: CellKind::Rnn, hidden_size: *hidden_size, ..LayerSizes::default() },
        ..Architecture::new(*vocab_size)
    })
    .unwrap();
    let entries = model.layout().entries().iter();
    let params: Vec<f32> =
        entries.flat_map(|entry| golden.values(&entry.name.replace("readout", "fc")).to_vec()).collect();
    let [rows, steps] = golden.shape("inputs") else { panic!("not a matrix") };
    let batch = TextBatch {
        rows: *rows,
        steps: *steps,
        inputs: time_major(&golden, "inputs"),
        targets: time_major(&golden, "targets"),
        lengths: None,
    };
    // torch.optim.Adam(lr=0.01) with its defaults.
    let rule = Rule::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, decoupled: false };
    let mut trainer = Trainer::new(backend, model, &params, 1, rule.moments());
    for (step, &expected) in (1..).zip(golden.values(losses)) {
        trainer.reset_state(batch.rows);
        let update = Update { rule, learning_rate: 0.01, step, ..Update::default() };
        let loss = trainer.step(&batch, step, &update).loss.mean();
        let error = (loss - f64::from(expected)).abs();
        assert!(error < tolerance, "{}, step {step}: {loss} is not {expected}", backend.describe());
    }
    let completion: Vec<u32> = golden.integers("completion").iter().map(|&id| id as u32).collect();
    assert_eq!(complete(backend, &mut trainer, &completion[..4], completion.len()), completion);
}

/// Continues `prompt` with the most probable tokens.
fn complete<B: Backend>(
    backend: &B,
    trainer: &mut Trainer<LanguageModel, B>,
    prompt: &[u32],
    length: usize,
) -> Vec<u32> {
    let model = trainer.network().clone();
    let weights = trainer.evaluation();
    let (mut state, mut pass) = (model.zero_state::<B>(1), Workspace::default());
    let mut ids = prompt.to_vec();
    for at in 0..length - 1 {
        let logits = model.step(backend, weights, &ids[at..=at], &mut state, &mut pass);
        if at + 1 == ids.len() {
            let largest =
                (0..logits.len()).max_by(|&a, &b| logits[a].as_f64().total_cmp(&logits[b].as_f64()));
            ids.push(largest.unwrap() as u32);
        }
    }
    ids
}

#[test]
fn the_reference_agrees_with_pytorch_in_f64() {
    check_training(&Reference::<f64>::new(), "losses_f64", DOUBLE);
}

#[test]
fn every_instruction_set_agrees_with_pytorch() {
    for isa in Isa::available() {
        check_training(&Cpu::with_isa(isa, 1).unwrap(), "losses", SINGLE);
    }
}
