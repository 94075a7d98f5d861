//! One thread generates all texts: they are streams of one generator, which steps them together.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, Sender, channel};

use refrain::sample::{End, SamplingOptions, StreamId};
use refrain::task::Language;
use refrain::text::Vocabulary;
use refrain::{Cpu, Session};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::failure::Failure;

/// Maximum number of concurrent texts; further ones wait.
const MAX_STREAMS: usize = 256;

/// A text to generate.
pub(super) struct Job {
    pub(super) prompt: String,
    pub(super) length: usize,
    pub(super) options: SamplingOptions,
}

/// A token that was generated.
pub(super) struct GeneratedToken {
    /// The text that it adds; empty while it may be part of a stop sequence.
    pub(super) text: Vec<u8>,
    /// False only for the final event of a request with `max_tokens` 0.
    pub(super) has_token: bool,
    /// The token and its probability, if candidates are requested.
    pub(super) sampled: Option<(String, f32)>,
    /// The most probable tokens.
    pub(super) candidates: Vec<(String, f32)>,
    pub(super) end: Option<End>,
}

pub(super) struct Generation {
    jobs: Sender<(Job, UnboundedSender<refrain::Result<GeneratedToken>>)>,
}

impl Generation {
    pub(super) fn start_thread(session: Session<Language, Cpu>, threads: usize) -> Result<Self, Failure> {
        let (jobs, received) = channel();
        let thread = std::thread::Builder::new().name("generator".to_owned());
        let started = thread.spawn(move || generate_all(&session, threads, &received));
        started.map_err(|error| Failure::Machine(format!("cannot start a thread: {error}")))?;
        Ok(Self { jobs })
    }

    /// Starts generating a text. For an invalid job, the receiver yields an error. Dropping the receiver cancels the text.
    pub(super) fn start(&self, job: Job) -> UnboundedReceiver<refrain::Result<GeneratedToken>> {
        let (sender, receiver) = unbounded_channel();
        // If the thread has ended, the sender is dropped, which ends the text.
        let _ = self.jobs.send((job, sender));
        receiver
    }
}

type Jobs = Receiver<(Job, UnboundedSender<refrain::Result<GeneratedToken>>)>;

fn generate_all(session: &Session<Language, Cpu>, threads: usize, jobs: &Jobs) {
    let vocabulary = &session.model().task.vocabulary;
    let mut generator = session.generator().with_threads(threads);
    let mut listeners: HashMap<StreamId, UnboundedSender<refrain::Result<GeneratedToken>>> = HashMap::new();
    loop {
        while generator.len() < MAX_STREAMS {
            let job = match generator.is_empty() {
                true => jobs.recv().map_err(|_| ()),
                false => jobs.try_recv().map_err(|_| ()),
            };
            let Ok((Job { prompt, length, options }, listener)) = job else {
                if generator.is_empty() {
                    return;
                }
                break;
            };
            match generator.join(&prompt, length, &options) {
                Ok(id) => drop(listeners.insert(id, listener)),
                // The client may have disconnected.
                Err(error) => drop(listener.send(Err(error))),
            }
        }
        let mut finished = vec![];
        for output in generator.step() {
            let Some(listener) = listeners.get(&output.stream) else { continue };
            let token = GeneratedToken {
                text: output.text.to_vec(),
                has_token: output.drawn.is_some(),
                sampled: output.drawn.zip(output.probability).map(|(id, p)| (token_text(vocabulary, id), p)),
                candidates: output
                    .candidates
                    .iter()
                    .map(|&(id, p)| (token_text(vocabulary, id), p))
                    .collect(),
                end: output.end,
            };
            if listener.send(Ok(token)).is_err() || output.end.is_some() {
                finished.push((output.stream, output.end.is_some()));
            }
        }
        // Streams that still process their prompts give no output; their clients may have disconnected, too.
        finished.extend(
            listeners.iter().filter(|(_, listener)| listener.is_closed()).map(|(&id, _)| (id, false)),
        );
        for (id, ended) in finished {
            listeners.remove(&id);
            if !ended {
                generator.cancel(id);
            }
        }
    }
}

/// A token as text.
pub(super) fn token_text(vocabulary: &Vocabulary, id: u32) -> String {
    String::from_utf8_lossy(vocabulary.text_of(id, &mut [0; 4])).into_owned()
}
