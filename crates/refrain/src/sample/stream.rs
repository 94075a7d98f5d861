//! One stream of a generator.

use refrain_kernels::Real;

use super::stop::Stop;
use super::{Sampler, SamplingOptions, candidates};
use crate::Result;
use crate::text::Vocabulary;

/// Identifies a stream of a generator; unique, and increasing in the order of joining.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub(super) u64);

/// Why a stream has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// At a stop sequence; its text ends before that.
    Stop,
    /// After the requested number of tokens.
    Length,
}

/// The result of one time step of a stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Piece<'g> {
    /// The stream.
    pub stream: StreamId,
    /// The text of the sampled token, with pending text before it; empty while the text may become a stop sequence.
    /// UTF-8 if the model's units are characters.
    pub text: &'g [u8],
    /// The sampled id.
    pub drawn: Option<u32>,
    /// Its probability, if candidates are reported.
    pub probability: Option<f32>,
    /// The most probable ids and their probabilities, [`SamplingOptions::candidates`] of them.
    pub candidates: &'g [(u32, f32)],
    /// Set on a stream's last piece.
    pub end: Option<End>,
}

#[derive(Debug)]
pub(super) struct Stream {
    id: StreamId,
    /// The input of the next time step.
    next: u32,
    /// The rest of the prompt, last token first.
    prompt: Vec<u32>,
    /// Tokens left to sample.
    left: usize,
    sampler: Sampler,
    stop: Stop,
    /// Whether the last step sampled a token, and its text.
    sampled: bool,
    text: Vec<u8>,
    /// Number of candidates to report, and those of the last step with the probability of the sampled token.
    num_candidates: usize,
    candidates: Vec<(u32, f32)>,
    probability: Option<f32>,
    end: Option<End>,
}

impl Stream {
    /// A stream that samples `length` tokens after `prompt`; an empty prompt is the start of a line.
    ///
    /// # Errors
    /// [`crate::Error::Input`] for characters that are not in the vocabulary; as [`Sampler::new`].
    pub(super) fn new(
        id: StreamId,
        vocabulary: &Vocabulary,
        prompt: &str,
        length: usize,
        options: &SamplingOptions,
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
            sampled: false,
            text: vec![],
            num_candidates: options.candidates,
            candidates: vec![],
            probability: None,
            end: None,
        })
    }

    pub(super) fn id(&self) -> StreamId {
        self.id
    }

    /// The input of this step.
    pub(super) fn next(&self) -> u32 {
        self.next
    }

    /// Whether this step samples a token and needs logits: not within the prompt.
    pub(super) fn samples(&self) -> bool {
        self.prompt.is_empty() && self.left > 0
    }

    /// Advances after a step with input [`Stream::next`]. `logits` are `[V]` if the stream samples.
    pub(super) fn advance<R: Real>(&mut self, logits: &[R], vocabulary: &Vocabulary) {
        self.text.clear();
        self.sampled = self.samples();
        if self.sampled {
            self.next = self.sampler.pick(logits);
            self.left -= 1;
            if self.num_candidates > 0 {
                (self.candidates, self.probability) =
                    candidates(logits, self.num_candidates, Some(self.next));
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

    /// The result of the last step, if it sampled a token or ended the stream.
    pub(super) fn piece(&self) -> Option<Piece<'_>> {
        let Self { text, candidates, probability, end, .. } = self;
        let drawn = self.sampled.then_some(self.next);
        let piece = Piece { stream: self.id, text, drawn, probability: *probability, candidates, end: *end };
        (self.sampled || self.has_ended()).then_some(piece)
    }

    /// The pending text, which might have become a stop sequence.
    pub(super) fn into_pending(mut self) -> Vec<u8> {
        self.text.clear();
        self.stop.finish(&mut self.text);
        self.text
    }
}
