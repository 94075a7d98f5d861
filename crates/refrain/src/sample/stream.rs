//! One stream among those that a generator steps: what it reads next, how it chooses, where it ends.

use refrain_kernels::Real;

use super::stop::Stop;
use super::{Options, Sampler, candidates};
use crate::Result;
use crate::text::Vocabulary;

/// Names a stream of a generator's. A stream that joins later has a greater one; none is given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub(super) u64);

/// Why a stream has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It came to one of its stops; its text ends before that.
    Stop,
    /// It has all the symbols it was to draw.
    Length,
}

/// What one step adds to a stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Piece<'g> {
    /// The stream.
    pub stream: StreamId,
    /// The text of the symbol drawn, after what was held back before it; empty while that may become a stop.
    /// UTF-8 where the model's units are characters.
    pub text: &'g [u8],
    /// The id that was drawn.
    pub drawn: Option<u32>,
    /// Its probability, where candidates are asked for.
    pub probability: Option<f32>,
    /// The most probable ids and their probabilities, as many as the options ask for.
    pub candidates: &'g [(u32, f32)],
    /// Set on a stream's last piece.
    pub end: Option<End>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Stream {
    id: StreamId,
    /// The symbol to read in the next step.
    next: u32,
    /// What is to be read of the prompt after that, last symbol first.
    prompt: Vec<u32>,
    /// Symbols still to draw.
    left: usize,
    sampler: Sampler,
    stop: Stop,
    /// Whether the last step drew a symbol, and the text it gave.
    drew: bool,
    text: Vec<u8>,
    /// How many candidates to tell of, and those of the last choice with the probability of what was drawn.
    told: usize,
    candidates: Vec<(u32, f32)>,
    probability: Option<f32>,
    end: Option<End>,
}

impl Stream {
    /// A stream that draws `length` symbols after `prompt`; an empty one stands for the start of a line.
    ///
    /// # Errors
    /// [`crate::Error::Input`] for symbols that the vocabulary lacks; as [`Sampler::new`].
    pub(super) fn new(
        id: StreamId,
        vocabulary: &Vocabulary,
        prompt: &str,
        length: usize,
        options: &Options,
    ) -> Result<Self> {
        let mut prompt = vocabulary.encode_prompt(prompt)?;
        prompt.reverse();
        Ok(Self {
            id,
            next: prompt.pop().unwrap_or_else(|| vocabulary.first_context()),
            prompt,
            left: length,
            sampler: Sampler::new(options, vocabulary.unknown())?,
            stop: Stop::new(&options.stop),
            drew: false,
            text: vec![],
            told: options.candidates,
            candidates: vec![],
            probability: None,
            end: None,
        })
    }

    pub(super) fn id(&self) -> StreamId {
        self.id
    }

    /// The id to read in this step.
    pub(super) fn next(&self) -> u32 {
        self.next
    }

    /// Whether this step's logits are needed: not while there is more of the prompt.
    pub(super) fn draws(&self) -> bool {
        self.prompt.is_empty() && self.left > 0
    }

    /// Goes on after a step that read [`Stream::next`]. `logits` are `[V]` where the stream draws.
    pub(super) fn advance<R: Real>(&mut self, logits: &[R], vocabulary: &Vocabulary) {
        self.text.clear();
        self.drew = self.draws();
        if self.drew {
            self.next = self.sampler.pick(logits);
            self.left -= 1;
            if self.told > 0 {
                (self.candidates, self.probability) = candidates(logits, self.told, Some(self.next));
            }
            if self.stop.push(vocabulary.text_of(self.next, &mut [0; 4]), &mut self.text) {
                self.end = Some(End::Stop);
                return;
            }
        } else if let Some(next) = self.prompt.pop() {
            self.next = next;
        }
        if self.left == 0 {
            self.stop.finish(&mut self.text);
            self.end = Some(End::Length);
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// What the last step added, if it drew a symbol or ended the stream.
    pub(super) fn piece(&self) -> Option<Piece<'_>> {
        let Self { text, candidates, probability, end, .. } = self;
        let drawn = self.drew.then_some(self.next);
        let piece = Piece { stream: self.id, text, drawn, probability: *probability, candidates, end: *end };
        (self.drew || self.has_ended()).then_some(piece)
    }

    /// What is held back because it might have become a stop.
    pub(super) fn into_held(mut self) -> Vec<u8> {
        self.text.clear();
        self.stop.finish(&mut self.text);
        self.text
    }
}
