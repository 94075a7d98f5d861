//! One thread writes for everybody: all requests are streams of one generator, which steps them together.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, Sender, channel};

use refrain::sample::{End, SamplingOptions, StreamId};
use refrain::task::Language;
use refrain::text::Vocabulary;
use refrain::{Cpu, Session};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::failure::Failure;

/// Texts that are written together; others wait.
const MAX_STREAMS: usize = 256;

/// A text to be written.
pub(super) struct Job {
    pub(super) prompt: String,
    pub(super) length: usize,
    pub(super) options: SamplingOptions,
}

/// A symbol that was written.
pub(super) struct Written {
    /// What it adds to the text; empty while it may become a stop.
    pub(super) text: Vec<u8>,
    /// Whether there is a symbol: a text of no length ends without.
    pub(super) counts: bool,
    /// The symbol and its probability, where candidates are wanted.
    pub(super) drawn: Option<(String, f32)>,
    /// What might have been drawn.
    pub(super) candidates: Vec<(String, f32)>,
    pub(super) end: Option<End>,
}

/// See the module.
pub(super) struct Generation {
    jobs: Sender<(Job, UnboundedSender<refrain::Result<Written>>)>,
}

impl Generation {
    pub(super) fn begin(session: Session<Language, Cpu>, threads: usize) -> Result<Self, Failure> {
        let (jobs, received) = channel();
        let thread = std::thread::Builder::new().name("writer".to_owned());
        let started = thread.spawn(move || write_all(&session, threads, &received));
        started.map_err(|error| Failure::Machine(format!("no thread can be started: {error}")))?;
        Ok(Self { jobs })
    }

    /// Has a text written; what cannot be written gives an error first. Who stops listening ends it.
    pub(super) fn start(&self, job: Job) -> UnboundedReceiver<refrain::Result<Written>> {
        let (sender, receiver) = unbounded_channel();
        // If the thread is gone, so is the sender, and the text ends.
        let _ = self.jobs.send((job, sender));
        receiver
    }
}

type Jobs = Receiver<(Job, UnboundedSender<refrain::Result<Written>>)>;

fn write_all(session: &Session<Language, Cpu>, threads: usize, jobs: &Jobs) {
    let vocabulary = &session.model().task.vocabulary;
    let mut generator = session.generator().with_threads(threads);
    let mut listeners: HashMap<StreamId, UnboundedSender<refrain::Result<Written>>> = HashMap::new();
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
                // Nobody is there to be told: then nobody wants to know.
                Err(error) => drop(listener.send(Err(error))),
            }
        }
        let mut over = vec![];
        for piece in generator.step() {
            let Some(listener) = listeners.get(&piece.stream) else { continue };
            let written = Written {
                text: piece.text.to_vec(),
                counts: piece.drawn.is_some(),
                drawn: piece.drawn.zip(piece.probability).map(|(id, p)| (named(vocabulary, id), p)),
                candidates: piece.candidates.iter().map(|&(id, p)| (named(vocabulary, id), p)).collect(),
                end: piece.end,
            };
            if listener.send(Ok(written)).is_err() || piece.end.is_some() {
                over.push((piece.stream, piece.end.is_some()));
            }
        }
        // Streams that only read their prompts give no piece; their listeners may be gone too.
        over.extend(
            listeners.iter().filter(|(_, listener)| listener.is_closed()).map(|(&id, _)| (id, false)),
        );
        for (id, ended) in over {
            listeners.remove(&id);
            if !ended {
                generator.cancel(id);
            }
        }
    }
}

/// A token as text.
pub(super) fn named(vocabulary: &Vocabulary, id: u32) -> String {
    String::from_utf8_lossy(vocabulary.text_of(id, &mut [0; 4])).into_owned()
}
