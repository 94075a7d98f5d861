//! A few time steps with all activations and gradients.

use refrain_kernels::{Backend, Cell, Real, State};

use crate::inspect::{Predictions, Truncation, Unrolled, UnrolledLayer, planes_of};
use crate::task::Language;
use crate::{Error, Result, Session};

/// Maximum number of steps.
pub const MAX_UNROLLED: usize = 24;

impl<B: Backend> Session<Language, B> {
    /// Unrolls a short text from the zero state, with all activations and gradients.
    ///
    /// # Errors
    /// [`Error::Input`] for fewer than 2 tokens, or more than [`MAX_UNROLLED`] + 1.
    pub fn unroll(&self, ids: &[u32]) -> Result<Unrolled> {
        if !(2..=MAX_UNROLLED + 1).contains(&ids.len()) {
            let expected = format!("2 to {} can be unrolled", MAX_UNROLLED + 1);
            return Err(Error::wrong_kind("the text", format!("has {} tokens", ids.len()), expected));
        }
        let Language { network, vocabulary, .. } = &self.model().task;
        let (read, next) = (&ids[..ids.len() - 1], &ids[1..]);
        let mut predictions = Predictions::default();
        let mut layers = vec![];
        self.for_each_window(ids, |window| {
            predictions.add(&window, vocabulary.len(), ids);
            for (l, trace) in window.layers.iter().enumerate() {
                let units = trace.h.len() / window.ids.len();
                let rows = |values: &[B::Real]| -> Vec<Vec<f32>> {
                    let row = |row: &[B::Real]| row.iter().map(|x| x.as_f32()).collect();
                    values.chunks_exact(units).map(row).take(read.len()).collect()
                };
                let planes = planes_of(trace).map(|(name, values)| (name, rows(values))).collect();
                layers.push(UnrolledLayer { name: format!("layer {}", l + 1), units, planes });
            }
        });
        let shown = |&id: &u32| vocabulary.render(id).into_owned();
        let named = |top: &Vec<(u32, f32)>| top.iter().map(|(id, p)| (shown(id), *p)).collect();
        Ok(Unrolled {
            tokens: read.iter().map(shown).collect(),
            targets: next.iter().map(shown).collect(),
            losses: predictions.surprise[1..].to_vec(),
            probabilities: predictions.surprise[1..].iter().map(|loss| (-loss).exp()).collect(),
            top: predictions.candidates[..read.len()].iter().map(named).collect(),
            equations: equations(network.sizes().layers.cell()),
            layers,
            truncations: self.truncations(read, next),
        })
    }

    /// The backward pass in full, then truncated to half as many steps each time.
    fn truncations(&self, read: &[u32], next: &[u32]) -> Vec<Truncation> {
        let steps: Vec<Vec<u32>> = read.iter().map(|&id| vec![id]).collect();
        let targets: Vec<&[u32]> = next.chunks(1).collect();
        let mut lengths = vec![read.len()];
        while let Some(&k) = lengths.last().filter(|k| **k > 1) {
            lengths.push(k / 2);
        }
        let truncation = |k: usize| {
            let gradients = self.state_gradients(&steps, &targets, |t| t % k != 0);
            let layers = gradients.first().map_or(0, Vec::len);
            // The gradient from step t + 1 arrives after step t; after the last step it is zero.
            let incoming = |of: &dyn Fn(&State<B::Real>) -> Vec<f32>| -> Vec<Vec<Vec<f32>>> {
                (0..layers)
                    .map(|l| {
                        let shifted = gradients[1..].iter().map(|states| of(&states[l]));
                        shifted.chain([vec![0.0; of(&gradients[0][l]).len()]]).collect()
                    })
                    .collect()
            };
            let singles = |values: &[B::Real]| values.iter().map(|x| x.as_f32()).collect();
            Truncation {
                k,
                d_h: incoming(&|state| singles(&state.h)),
                d_c: incoming(&|state| singles(&state.c)),
            }
        };
        lengths.into_iter().map(truncation).collect()
    }
}

/// The equations of a cell; h′ and c′ are the states before the step.
fn equations(cell: Cell) -> &'static [&'static str] {
    match cell {
        Cell::Rnn(_) => &["h = f(W_ih x + b_ih + W_hh h′ + b_hh)"],
        Cell::Gru { reset_after: true } => &[
            "r = σ(W_ir x + b_ir + W_hr h′ + b_hr)",
            "z = σ(W_iz x + b_iz + W_hz h′ + b_hz)",
            "n = tanh(W_in x + b_in + r ⊙ (W_hn h′ + b_hn))",
            "h = (1 − z) ⊙ n + z ⊙ h′",
        ],
        Cell::Gru { reset_after: false } => &[
            "r = σ(W_ir x + b_ir + W_hr h′ + b_hr)",
            "z = σ(W_iz x + b_iz + W_hz h′ + b_hz)",
            "n = tanh(W_in x + b_in + W_hn (r ⊙ h′) + b_hn)",
            "h = (1 − z) ⊙ n + z ⊙ h′",
        ],
        Cell::Lstm => &[
            "i = σ(W_ii x + b_ii + W_hi h′ + b_hi)",
            "f = σ(W_if x + b_if + W_hf h′ + b_hf)",
            "g = tanh(W_ig x + b_ig + W_hg h′ + b_hg)",
            "o = σ(W_io x + b_io + W_ho h′ + b_ho)",
            "c = f ⊙ c′ + i ⊙ g",
            "h = o ⊙ tanh(c)",
        ],
    }
}
