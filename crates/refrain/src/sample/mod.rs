//! Sampling: choosing the next token from logits, and streams of text that continue a prompt.
//!
//! A [`Generator`] steps any number of streams together, each with its own prompt and options:
//!
//! prompt -> ids -> [`LanguageModel::step`](crate::model::LanguageModel::step), all streams at once -> logits ->
//! each stream's [`Sampler`] -> id -> text -> stop sequences -> [`Piece`]; the id is the stream's next input.
//!
//! The text of a stream does not depend on other streams or on the number of threads. [`beam_search`] searches for the most
//! probable sequence instead.
//!
//! ```
//! # use refrain::{Cpu, Result, Session, sample::SamplingOptions, task::Language};
//! # fn two(session: &Session<Language, Cpu>) -> Result<()> {
//! let mut generator = session.generator();
//! let romeo = generator.join("ROMEO:", 200, &SamplingOptions::default())?;
//! let juliet = generator.join("JULIET:", 300, &SamplingOptions { seed: 1, ..SamplingOptions::default() })?;
//! let mut texts = [vec![], vec![]];
//! while !generator.is_empty() {
//!     for piece in generator.step() {
//!         texts[usize::from(piece.stream == juliet)].extend_from_slice(piece.text);
//!     }
//! }
//! # assert!(romeo < juliet);
//! # Ok(())
//! # }
//! ```

mod beam;
mod candidates;
mod generator;
mod group;
mod sampler;
mod stop;
mod stream;

pub use beam::{BeamOptions, Boundaries, Hypothesis, beam_search};
pub(crate) use beam::{log_sum, take_rows};
pub use candidates::candidates;
pub use generator::{Generator, TextStream};
pub use sampler::Sampler;
pub use stream::{End, Piece, StreamId};

/// How tokens are sampled, and where a stream ends.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplingOptions {
    /// Sampling temperature, the divisor of the logits: below 1 less random, above 1 more random; 0 is greedy.
    pub temperature: f64,
    /// Sample from this many most probable tokens only.
    pub top_k: Option<usize>,
    /// Sample from the fewest tokens whose total probability is at least this (Holtzman et al. 2020).
    pub top_p: Option<f64>,
    /// Random seed.
    pub seed: u64,
    /// Stop sequences: a stream ends before them.
    pub stop: Vec<String>,
    /// Number of most probable tokens to report at each time step ([`Piece::candidates`]); changes no text.
    pub candidates: usize,
}

impl Default for SamplingOptions {
    fn default() -> Self {
        Self { temperature: 1.0, top_k: None, top_p: None, seed: 0, stop: vec![], candidates: 0 }
    }
}
