use refrain_kernels::{Reference, Rule};

use super::*;

#[test]
fn the_update_rule_has_the_betas_that_were_given() {
    let defaults = crate::train::Defaults {
        hidden_size: 8,
        num_layers: 1,
        dropout: 0.0,
        batch_size: 4,
        epochs: 1,
        time_limit_replaces_epochs: false,
        learning_rate: 1e-3,
        weight_decay: 0.0,
        valid_fraction: 0.0,
        patience: 0,
    };
    let settings = Settings { momentum: Some(0.8), beta2: Some(0.98), ..Settings::default() };
    let config = Config::resolve(&settings, defaults, &Reference::<f32>::default()).unwrap();
    assert_eq!(config.rule(), Rule::Adam { beta1: 0.8, beta2: 0.98, eps: 1e-8, decoupled: true });
    assert_eq!(Settings::from(&config).beta2, Some(0.98));
}

#[test]
fn given_settings_win_over_the_base() {
    let given = Settings { epochs: Some(3), ..Settings::default() };
    let base = Settings { epochs: Some(9), seed: Some(7), ..Settings::default() };
    let both = given.clone().or(base.clone());
    assert_eq!((both.epochs, both.seed), (Some(3), Some(7)));
    assert_eq!(given.changes(&base), ["epochs"]);
}
