//! Sampling: choosing the next symbol from logits, and streams of text that go on from a prompt.
//!
//! A [`Generator`] steps any number of streams together, each with a prompt, options and an end of its own:
//!
//! prompt -> ids -> [`LanguageModel::step`](crate::model::LanguageModel::step), all streams at once -> logits ->
//! each stream's [`Sampler`] -> id -> text -> its stops -> [`Piece`], and the id is what the stream reads next.
//!
//! [`beam_search`] looks for the most probable sequence instead, whatever writes it.
//!
//! What one stream writes does not depend on which others run beside it, nor on the number of threads.
//!
//! ```
//! # use refrain::{Cpu, Result, Session, sample::Options, task::Language};
//! # fn two(session: &Session<Language, Cpu>) -> Result<()> {
//! let mut generator = session.generator();
//! let romeo = generator.join("ROMEO:", 200, &Options::default())?;
//! let juliet = generator.join("JULIET:", 300, &Options { seed: 1, ..Options::default() })?;
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

/// How symbols are chosen, and where a stream ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Divides the logits: below 1 less random, above 1 more random; 0 always takes the most probable symbol.
    pub temperature: f64,
    /// Choose among this many most probable symbols only.
    pub top_k: Option<usize>,
    /// Choose among the fewest symbols that together have this probability (Holtzman et al. 2020).
    pub top_p: Option<f64>,
    /// Names the random choices.
    pub seed: u64,
    /// Texts before which a stream ends.
    pub stop: Vec<String>,
    /// How many of the most probable symbols to tell of at each choice ([`Piece::candidates`]); changes no text.
    pub candidates: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { temperature: 1.0, top_k: None, top_p: None, seed: 0, stop: vec![], candidates: 0 }
    }
}
