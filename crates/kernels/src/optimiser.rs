//! The optimiser: sums the gradients of all shards in order, clips their global norm and updates the parameters, in
//! two passes over the flat arena. The rules match PyTorch's, term for term, in `f32` or `f64`.

use std::iter;
use std::ops::Range;

use crate::real::Real;

/// An update rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// Stochastic gradient descent, `v = momentum v + g; w -= lr v`.
    Sgd {
        /// Momentum coefficient; 0 for none.
        momentum: f64,
    },
    /// Duchi et al. 2011: `s += g^2; w -= lr g / (sqrt(s) + eps)`.
    Adagrad {
        /// Added to the root.
        eps: f64,
    },
    /// Tieleman & Hinton 2012: `s = decay s + (1 - decay) g^2; w -= lr g / (sqrt(s) + eps)`.
    RmsProp {
        /// Decay rate of the mean of squares.
        decay: f64,
        /// Added to the root.
        eps: f64,
    },
    /// Kingma & Ba 2015, algorithm 1; `decoupled` weight decay as in Loshchilov & Hutter 2019 (AdamW), otherwise
    /// added to the gradient.
    Adam {
        /// Decay rate of the mean of gradients.
        beta1: f64,
        /// Decay rate of the mean of squares.
        beta2: f64,
        /// Added to the root.
        eps: f64,
        /// Whether weight decay is decoupled (AdamW).
        decoupled: bool,
    },
}

impl Rule {
    /// Number of moment arenas.
    pub fn moments(self) -> usize {
        match self {
            Rule::Sgd { momentum: 0.0 } => 0,
            Rule::Sgd { .. } | Rule::Adagrad { .. } | Rule::RmsProp { .. } => 1,
            Rule::Adam { .. } => 2,
        }
    }
}

/// One update of all parameters. The default is plain gradient descent, without weight decay or clipping.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Update {
    /// The rule.
    pub rule: Rule,
    /// Learning rate of this update.
    pub learning_rate: f64,
    /// Weight decay; [`crate::Backend::update`] defines which parameters decay.
    pub weight_decay: f64,
    /// Maximum global norm of the gradient; larger gradients are scaled down to it.
    pub max_norm: Option<f64>,
    /// Number of this update, from 1, for Adam's bias correction.
    pub step: u64,
}

impl Default for Update {
    fn default() -> Self {
        let rule = Rule::Sgd { momentum: 0.0 };
        Self { rule, learning_rate: 0.01, weight_decay: 0.0, max_norm: None, step: 1 }
    }
}

/// The optimiser's state: [`Rule::moments`] arenas of the parameters' shape.
#[derive(Clone, Debug, Default)]
pub struct Moments<B>(pub Vec<B>);

/// The result of an update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Updated {
    /// Global norm of the gradient before clipping.
    pub norm: f64,
}

/// Elements whose squares are summed separately: the total does not depend on the number of threads.
pub(crate) const CHUNK: usize = 8192;

/// `into = (1 - weight) into + weight from`, element by element.
#[inline(always)]
pub(crate) fn blend<R: Real>(weight: f64, from: &[R], into: &mut [R]) {
    let (keep, take) = (R::of(1.0 - weight), R::of(weight));
    for (into, &from) in into.iter_mut().zip(from) {
        *into = keep * *into + take * from;
    }
}

impl Update {
    /// The factor that clips a gradient of this norm (PyTorch's `clip_grad_norm_`).
    pub(crate) fn clip_factor(&self, norm: f64) -> f64 {
        self.max_norm.map_or(1.0, |max| (max / (norm + 1e-6)).min(1.0))
    }

    /// Updates some parameters elementwise; weight decay applies to the ranges `decayed` of the arena. `first` is the
    /// arena offset of `params[0]`; each of `moments` is aligned with `params`.
    #[inline(always)]
    pub(crate) fn apply<R: Real>(
        &self,
        decayed: &[Range<usize>],
        first: usize,
        clip: f64,
        grads: &[R],
        moments: &mut [&mut [R]],
        params: &mut [R],
    ) {
        let len = params.len();
        let within = |at: usize| at.saturating_sub(first).min(len);
        let mut at = 0;
        for decaying in decayed.iter().cloned().chain(iter::once(usize::MAX..usize::MAX)) {
            let (from, to) = (within(decaying.start), within(decaying.end));
            for (part, decay) in [(at..from, 0.0), (from..to, self.weight_decay)] {
                if !part.is_empty() {
                    self.sweep(decay, clip, part, grads, moments, params);
                }
            }
            at = to;
        }
    }

    /// Updates the range `part` of the parameters.
    #[inline(always)]
    fn sweep<R: Real>(
        &self,
        decay: f64,
        clip: f64,
        part: Range<usize>,
        grads: &[R],
        moments: &mut [&mut [R]],
        params: &mut [R],
    ) {
        let r = R::of;
        let (rate, clip, decay_term) = (r(self.learning_rate), r(clip), r(decay));
        let (n, grads, params) = (part.len(), &grads[part.clone()], &mut params[part.clone()]);
        match (self.rule, moments) {
            (Rule::Sgd { .. }, []) => {
                for i in 0..n {
                    params[i] = params[i] - rate * (grads[i] * clip + decay_term * params[i]);
                }
            }
            (Rule::Sgd { momentum }, [velocity]) => {
                let (momentum, velocity) = (r(momentum), &mut velocity[part]);
                for i in 0..n {
                    velocity[i] = momentum * velocity[i] + (grads[i] * clip + decay_term * params[i]);
                    params[i] = params[i] - rate * velocity[i];
                }
            }
            (Rule::Adagrad { eps }, [squares]) => {
                let (eps, squares) = (r(eps), &mut squares[part]);
                for i in 0..n {
                    let g = grads[i] * clip + decay_term * params[i];
                    squares[i] = squares[i] + g * g;
                    params[i] = params[i] - rate * g / (squares[i].sqrt() + eps);
                }
            }
            (Rule::RmsProp { decay, eps }, [squares]) => {
                let (keep, take, eps, squares) = (r(decay), r(1.0 - decay), r(eps), &mut squares[part]);
                for i in 0..n {
                    let g = grads[i] * clip + decay_term * params[i];
                    squares[i] = keep * squares[i] + take * g * g;
                    params[i] = params[i] - rate * g / (squares[i].sqrt() + eps);
                }
            }
            (Rule::Adam { beta1, beta2, eps, decoupled }, [mean, squares]) => {
                let correction = |beta: f64| 1.0 - beta.powf(self.step as f64);
                let (keep1, take1) = (r(beta1), r(1.0 - beta1));
                let (keep2, take2) = (r(beta2), r(1.0 - beta2));
                let step = r(self.learning_rate / correction(beta1));
                let root = r(1.0 / correction(beta2).sqrt());
                let eps = r(eps);
                let shrink = if decoupled { r(1.0 - self.learning_rate * decay) } else { R::one() };
                let coupled = if decoupled { R::zero() } else { decay_term };
                let (mean, squares) = (&mut mean[part.clone()], &mut squares[part]);
                for i in 0..n {
                    let g = grads[i] * clip + coupled * params[i];
                    mean[i] = keep1 * mean[i] + take1 * g;
                    squares[i] = keep2 * squares[i] + take2 * g * g;
                    params[i] = params[i] * shrink - step * mean[i] / (squares[i].sqrt() * root + eps);
                }
            }
            (rule, moments) => unreachable!("{rule:?} with {} moments", moments.len()),
        }
    }
}
