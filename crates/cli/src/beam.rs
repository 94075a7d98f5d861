//! How the best text is searched for: the options that `predict` and `eval` share.

use refrain::sample::BeamOptions;
use refrain::task::caption::Decoding;

use crate::failure::Failure;

/// See the module.
#[derive(clap::Args)]
pub(crate) struct BeamArgs {
    /// Hypotheses to keep at each step; 1 takes the most probable symbol each time [5; 1 for captions]
    #[arg(long, value_name = "N", help_heading = "Search")]
    beam: Option<usize>,
    /// Exponent of the length that scores are divided by; 0 favours short texts [0.7]
    #[arg(long, value_name = "EXPONENT", help_heading = "Search", allow_negative_numbers = true)]
    length_penalty: Option<f64>,
}

impl BeamArgs {
    /// If a search is asked for at all.
    pub(crate) fn given(&self) -> Option<BeamOptions> {
        self.beam.map(|_| self.options(1))
    }

    /// Whether anything is asked of lengths.
    pub(crate) fn penalises_length(&self) -> bool {
        self.length_penalty.is_some()
    }

    /// The greedy choice, or a beam search where one is asked for.
    pub(crate) fn decoding(&self) -> Result<Decoding, Failure> {
        match self.given() {
            None if self.penalises_length() => {
                Err(Failure::Usage("--length-penalty is for a search: give --beam, too".to_owned()))
            }
            given => Ok(given.map_or(Decoding::Greedy, Decoding::Beam)),
        }
    }

    /// With what is not given, for at least `n_best` results.
    pub(crate) fn options(&self, n_best: usize) -> BeamOptions {
        let default = BeamOptions::default();
        BeamOptions {
            width: self.beam.unwrap_or(default.width.max(n_best)),
            length_penalty: self.length_penalty.unwrap_or(default.length_penalty),
        }
    }
}
