//! The learning rate over a run.

use super::Config;
use super::choices::Schedule;

/// The progress of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Position {
    /// Updates done.
    pub(super) step: u64,
    /// Epoch, from 0.
    pub(super) epoch: u64,
    /// Progress of the run, 0..=1.
    pub(super) progress: f64,
    /// All updates of the run, if known.
    pub(super) total_steps: Option<u64>,
}

/// Learning rate of the next update.
pub(super) fn learning_rate(config: &Config, at: Position) -> f64 {
    // Default warm-up: a fiftieth of the run, at most 200 updates.
    let warmup =
        config.warmup_steps.unwrap_or_else(|| at.total_steps.map_or(200, |total| (total / 50).min(200)));
    let by_steps = if at.step < warmup { (at.step + 1) as f64 / (warmup + 1) as f64 } else { 1.0 };
    let by_time = if config.warmup_steps.is_none() { (50.0 * at.progress).min(1.0) } else { 0.0 };
    let rising = by_steps.max(by_time);
    let (high, low) = (config.learning_rate, config.min_learning_rate.min(config.learning_rate));
    let falling = match config.schedule {
        Schedule::Constant => high,
        Schedule::Linear => high + (low - high) * at.progress,
        Schedule::Cosine => low + (high - low) * 0.5 * (1.0 + (std::f64::consts::PI * at.progress).cos()),
        Schedule::Step => {
            let every = config.decay_epochs.or(config.epochs.map(|all| all / 5)).unwrap_or(1).max(1);
            high * config.decay_factor.powf((at.epoch / every) as f64)
        }
    };
    rising * falling
}

#[cfg(test)]
mod tests {
    use refrain_kernels::Reference;

    use super::*;
    use crate::train::{Defaults, Settings, Span};

    fn defaults() -> Defaults {
        Defaults {
            hidden_size: 8,
            num_layers: 1,
            dropout: 0.0,
            batch_size: 1,
            epochs: 1,
            time_limit_replaces_epochs: true,
            learning_rate: 1.0,
            weight_decay: 0.0,
            valid_fraction: 0.0,
            patience: 0,
        }
    }

    fn config(schedule: Schedule) -> Config {
        let settings = Settings {
            schedule: Some(schedule),
            learning_rate: Some(1.0),
            min_learning_rate: Some(0.1),
            warmup_steps: Some(4),
            epochs: Some(10),
            ..Settings::default()
        };
        Config::resolve(&settings, defaults(), &Reference::<f32>::default()).unwrap()
    }

    fn at(step: u64) -> Position {
        Position { step, epoch: step / 10, progress: step as f64 / 100.0, total_steps: Some(100) }
    }

    #[test]
    fn a_time_limit_is_used_together_with_epochs_or_replaces_them() {
        for time_limit_replaces_epochs in [true, false] {
            let limited = Settings { time_limit: Some(Span { seconds: 60.0 }), ..Settings::default() };
            let config = Config::resolve(
                &limited,
                Defaults { time_limit_replaces_epochs, ..defaults() },
                &Reference::<f32>::default(),
            )
            .unwrap();
            assert_eq!(config.epochs, (!time_limit_replaces_epochs).then_some(1));
        }
    }

    #[test]
    fn every_schedule_warms_up_and_ends_at_the_expected_rate() {
        let rates = |schedule| {
            let config = config(schedule);
            [0, 3, 50, 100].map(|step| learning_rate(&config, at(step)))
        };
        let near = |got: [f64; 4], want: [f64; 4]| {
            assert!(got.iter().zip(want).all(|(g, w)| (g - w).abs() < 1e-3), "{got:?} is not {want:?}");
        };
        near(rates(Schedule::Constant), [0.2, 0.8, 1.0, 1.0]);
        near(rates(Schedule::Linear), [0.2, 0.8 * 0.973, 0.55, 0.1]);
        near(rates(Schedule::Cosine), [0.2, 0.8 * 0.998, 0.55, 0.1]);
        near(rates(Schedule::Step), [0.2, 0.8, 0.25, 1.0 / 32.0]);
    }

    #[test]
    fn a_run_with_a_time_limit_warms_up_for_a_fiftieth_of_it() {
        let config = Config { warmup_steps: None, ..config(Schedule::Constant) };
        let at = |step, progress| Position { step, epoch: 0, progress, total_steps: None };
        let rates =
            [at(0, 0.0), at(3, 0.01), at(6, 0.02), at(200, 0.001)].map(|at| learning_rate(&config, at));
        assert_eq!(rates, [1.0 / 201.0, 0.5, 1.0, 1.0]);
    }
}
