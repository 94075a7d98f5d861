//! Generates music frame by frame.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use refrain_kernels::{Backend, Real};

use super::Music;
use crate::data::Padded;
use crate::format::{NOTES, Roll};
use crate::layer::sigmoid;
use crate::model::{ForecasterWorkspace, Task};
use crate::{Error, Result, Session};

/// Options of the generation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ComposeOptions {
    /// Number of frames to generate.
    pub length: usize,
    /// Sampling temperature: below 1 less random, above 1 more random; at 0 a key sounds if its probability is 0.5 or more.
    pub temperature: f64,
    /// Random seed.
    pub seed: u64,
}

impl<B: Backend> Session<Music, B> {
    /// Generates frames that continue `prompt`, or from silence if it is empty; the prompt is not repeated. The keys of a
    /// frame are sampled independently, as in the model.
    ///
    /// # Errors
    /// [`Error::Setting`] for a temperature that is negative or not finite.
    pub fn compose(&self, prompt: &Roll, options: &ComposeOptions) -> Result<Roll> {
        let temperature = options.temperature;
        if !(temperature.is_finite() && temperature >= 0.0) {
            return Err(Error::out_of_range("temperature", temperature, "0 or more"));
        }
        let network = self.model().task.network();
        let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
        let mut state = network.start::<B>(1);
        let (mut pass, mut input) = (ForecasterWorkspace::default(), Padded::default());
        let silence_first = [vec![0.0; NOTES], prompt.many_hot()].concat();
        input.set(NOTES, std::iter::once(&silence_first[..]));
        let mut frames = Vec::with_capacity(options.length * NOTES);
        for _ in 0..options.length {
            let outputs =
                network.outputs(self.backend(), self.weights(), &input, None, &mut state, &mut pass);
            let frame: Vec<f32> = outputs[outputs.len() - NOTES..]
                .iter()
                .map(|logit| {
                    let logit = logit.as_f64();
                    let sounds = match temperature {
                        0.0 => logit > 0.0,
                        _ => rng.random::<f64>() < sigmoid(logit / temperature),
                    };
                    f32::from(u8::from(sounds))
                })
                .collect();
            input.set(NOTES, std::iter::once(&frame[..]));
            frames.extend(frame);
        }
        Roll::from_many_hot(&frames)
    }
}
