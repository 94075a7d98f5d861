//! What a language model writes.

use refrain_kernels::Backend;

use super::Language;
use crate::sample::{Generator, SamplingOptions, TextStream};
use crate::{Result, Session};

impl<B: Backend> Session<Language, B> {
    /// Any number of streams at once, of which there are none yet. It shares the session's weights, and lives as long as it
    /// is wanted.
    pub fn generator<'g>(&self) -> Generator<'g, B> {
        let Language { network, vocabulary, lines, .. } = &self.model().task;
        Generator::new(self.backend(), network, self.weights().clone(), vocabulary, *lines)
    }

    /// A stream that goes on from `prompt` (from the start of a line, if that is empty), a few bytes at a time,
    /// until it meets one of the options' stops. It has no end otherwise.
    ///
    /// # Errors
    /// [`crate::Error::Input`] for characters that the model has never seen; [`crate::Error::Setting`] for options that
    /// cannot be.
    pub fn stream<'g>(&self, prompt: &str, options: &SamplingOptions) -> Result<TextStream<'g, B>> {
        TextStream::new(self.generator(), prompt, options)
    }

    /// `prompt` and up to `length` symbols that go on from it.
    ///
    /// # Errors
    /// As [`Session::stream`].
    pub fn write(&self, prompt: &str, length: usize, options: &SamplingOptions) -> Result<String> {
        let mut generator = self.generator();
        let id = generator.join(prompt, length, options)?;
        let text = [prompt.as_bytes(), &generator.finish(id)].concat();
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}
