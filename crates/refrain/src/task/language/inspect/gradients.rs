//! Measures how far gradients reach back in time (vanishing gradients).

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use refrain_kernels::{Backend, IGNORE, Real, State};

use crate::data::TextBatch;
use crate::inspect::GradientReach;
use crate::model::{Network, Workspace};
use crate::task::Language;
use crate::{Error, Result, Session};

/// Maximum number of positions of losses.
const MAX_POSITIONS: usize = 64;

impl<B: Backend> Session<Language, B> {
    /// The gradients of the loss at positions of a text, with respect to the states up to `lags` steps before. `seed` is the
    /// random seed of the positions.
    ///
    /// # Errors
    /// [`Error::Input`] for a text that is too short.
    pub fn gradient_reach(&self, ids: &[u32], lags: usize, seed: u64) -> Result<GradientReach> {
        let network = &self.model().task.network;
        // A position reads `lags + 1` tokens, and its target is the next token.
        let Some(room) = ids.len().checked_sub(lags + 1).filter(|&room| room > 0) else {
            let expected = format!("{} are needed for {lags} steps back", lags + 2);
            return Err(Error::too_little("the text", format!("has {} tokens", ids.len()), expected));
        };
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let starts: Vec<usize> = match room <= MAX_POSITIONS {
            true => (0..room).collect(),
            false => (0..MAX_POSITIONS).map(|_| rng.random_range(0..room)).collect(),
        };
        let column = |step: usize| starts.iter().map(|start| ids[start + step]).collect::<Vec<u32>>();
        let steps: Vec<Vec<u32>> = (0..=lags).map(column).collect();
        let (target, nothing) = (column(lags + 1), vec![IGNORE; starts.len()]);
        let targets: Vec<&[u32]> =
            (0..=lags).map(|t| if t == lags { &target[..] } else { &nothing }).collect();
        let d_states = self.state_gradients(&steps, &targets, |_| true);
        let width = network.sizes().layers.hidden_size;
        let norms = |values: &[B::Real]| {
            let norm = |row: &[B::Real]| row.iter().map(|x| x.as_f64().powi(2)).sum::<f64>().sqrt();
            let mut norms: Vec<f64> = values.chunks_exact(width).map(norm).collect();
            norms.sort_by(f64::total_cmp);
            norms
        };
        let top = || d_states[1..].iter().rev().filter_map(|layers| layers.last());
        let h: Vec<Vec<f64>> = top().map(|state| norms(&state.h)).collect();
        let c: Vec<Vec<f64>> = top().map(|state| norms(&state.c)).filter(|norms| !norms.is_empty()).collect();
        let quantile = |norms: &[Vec<f64>], q: f64| {
            norms.iter().map(|norms| norms[((norms.len() - 1) as f64 * q).round() as usize]).collect()
        };
        Ok(GradientReach {
            median: quantile(&h, 0.5),
            low: quantile(&h, 0.1),
            high: quantile(&h, 0.9),
            cell: quantile(&c, 0.5),
        })
    }

    /// Reads steps of several rows, each `[B]`, and runs the backward pass of training from the losses of the targets after
    /// each step ([`IGNORE`] for none). Element `t` is the gradient from step `t` with respect to the states before it, of
    /// every layer. The gradient is cut where `flow` is false.
    pub(super) fn state_gradients(
        &self,
        steps: &[Vec<u32>],
        targets: &[&[u32]],
        flow: impl Fn(usize) -> bool,
    ) -> Vec<Vec<State<B::Real>>> {
        let (network, backend) = (&self.model().task.network, self.backend());
        let weights = self.training_weights();
        let rows = steps.first().map_or(0, Vec::len);
        let mut state = network.zero_state::<B>(rows);
        let read = |ids: &Vec<u32>| {
            let mut pass = Workspace::default();
            network.read(backend, &weights, ids, &mut state, &mut pass);
            pass
        };
        let mut workspaces: Vec<Workspace<B>> = steps.iter().map(read).collect();
        let mut grads = backend.buffer(&vec![B::Real::of(0.0); network.layout().len()]);
        let mut d_states = vec![network.zero_state::<B>(rows)];
        for (t, (ids, pass)) in steps.iter().zip(&mut workspaces).enumerate().rev() {
            let (inputs, targets) = (ids.clone(), targets[t].to_vec());
            let step = TextBatch { rows, steps: 1, inputs, targets, lengths: None };
            let d_state = &d_states[d_states.len() - 1];
            let d_before = network.step_back(backend, &weights, &step, d_state, pass, &mut grads);
            d_states.push(if flow(t) { d_before } else { network.zero_state::<B>(rows) });
        }
        d_states.reverse();
        d_states.truncate(steps.len());
        d_states
    }
}
