//! Text generation.

use refrain_kernels::Backend;

use super::Language;
use crate::sample::{Generator, SamplingOptions, TextStream};
use crate::{Result, Session};

impl<B: Backend> Session<Language, B> {
    /// An empty generator for any number of streams. It shares the weights of the session.
    pub fn generator<'g>(&self) -> Generator<'g, B> {
        let Language { network, vocabulary, lines, .. } = &self.model().task;
        Generator::new(self.backend(), network, self.weights().clone(), vocabulary, *lines)
    }

    /// A stream that continues `prompt` (from the start of a line, if it is empty) a few bytes at a time, until a stop
    /// sequence of the options. Otherwise it does not end.
    ///
    /// # Errors
    /// [`crate::Error::Input`] for characters that are not in the vocabulary; [`crate::Error::Setting`] for invalid options.
    pub fn stream<'g>(&self, prompt: &str, options: &SamplingOptions) -> Result<TextStream<'g, B>> {
        TextStream::new(self.generator(), prompt, options)
    }

    /// `prompt` and its continuation of at most `length` tokens.
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
