//! How translations are searched for: the options that `predict` and `eval` share.

use refrain::sample::BeamOptions;

/// See the module.
#[derive(clap::Args)]
pub(crate) struct BeamArgs {
    /// Hypotheses to keep at each step; 1 takes the most probable symbol each time [5]
    #[arg(long, value_name = "N", help_heading = "Translation")]
    beam: Option<usize>,
    /// Exponent of the length that scores are divided by; 0 favours short translations [0.7]
    #[arg(long, value_name = "EXPONENT", help_heading = "Translation", allow_negative_numbers = true)]
    length_penalty: Option<f64>,
}

impl BeamArgs {
    /// With what is not given, for at least `n_best` results.
    pub(crate) fn options(&self, n_best: usize) -> BeamOptions {
        let default = BeamOptions::default();
        BeamOptions {
            width: self.beam.unwrap_or(default.width.max(n_best)),
            length_penalty: self.length_penalty.unwrap_or(default.length_penalty),
        }
    }
}
