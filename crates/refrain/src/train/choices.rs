//! Values of settings that are chosen by name.

use serde::{Deserialize, Serialize};

use crate::choices;

choices!(Example, Optimizer, Preset, Schedule);

/// A named group of settings. Settings given together with it override it; a run's `config.toml` has the values, not the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// A small model and few epochs, for a first look.
    Quick,
    /// The best model that this machine can train in twenty minutes.
    Best,
}

/// A built-in text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Example {
    /// 49 kB of Latin prose.
    Latin,
    /// Three short sentences, one sequence each.
    Sentences,
    /// Nested brackets with the depth between them, generated from the seed.
    Brackets,
}

/// An update rule, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Optimizer {
    /// Kingma & Ba 2015.
    Adam,
    /// Loshchilov & Hutter 2019.
    AdamW,
    /// Tieleman & Hinton 2012.
    RmsProp,
    /// Duchi et al. 2011.
    Adagrad,
    /// Stochastic gradient descent with momentum.
    Sgd,
}

/// How the learning rate changes over a run, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// Constant.
    Constant,
    /// Linear decay.
    Linear,
    /// Cosine decay over half a period (Loshchilov & Hutter 2017).
    Cosine,
    /// Step decay: multiplied by a factor every few epochs.
    Step,
}
