//! Polyphonic music: prediction of the keys in the next frame.

mod compose;
mod data;
mod evaluate;
#[cfg(all(feature = "train", feature = "files", feature = "formats"))]
mod files;
mod inspect;
#[cfg(feature = "train")]
mod prepare;
mod step;

use serde::{Deserialize, Serialize};

pub use compose::ComposeOptions;
pub use data::{Dataset, Piece, Pieces};
pub use evaluate::{MusicEvaluation, MusicPart};

use crate::Result;
use crate::format::{NOTES, StepsPerQuarter};
use crate::model::{Forecaster, ForecasterSizes, FrameOutput, Task, TaskName};
use crate::task::inconsistent;

/// A model of music, with the duration of its frames.
#[derive(Clone, Debug)]
pub struct Music {
    network: Forecaster,
    steps: StepsPerQuarter,
}

/// Description of the model in its file.
#[derive(Serialize, Deserialize)]
pub struct Description {
    sizes: ForecasterSizes,
    steps_per_quarter: u32,
}

impl Music {
    /// Frames per quarter note.
    pub fn steps_per_quarter(&self) -> StepsPerQuarter {
        self.steps
    }
}

impl Task for Music {
    const NAME: &'static str = TaskName::Music.name();
    type Network = Forecaster;
    type Description = Description;

    fn new(Description { sizes, steps_per_quarter }: Description) -> Result<Self> {
        if sizes.input_size != NOTES
            || sizes.output != (FrameOutput::Bernoulli { keys: NOTES })
            || sizes.recurrent.bidirectional
        {
            let what = format!("its layers do not predict frames of {NOTES} keys from previous frames");
            return Err(inconsistent(what));
        }
        Ok(Self { network: Forecaster::new(&sizes)?, steps: StepsPerQuarter::new(steps_per_quarter)? })
    }

    fn description(&self) -> Description {
        Description { sizes: self.network.sizes().clone(), steps_per_quarter: self.steps.get() }
    }

    fn network(&self) -> &Forecaster {
        &self.network
    }

    fn about(&self) -> Vec<(&'static str, String)> {
        vec![("frames", format!("88 keys, {} per quarter note", self.steps.get()))]
    }
}
