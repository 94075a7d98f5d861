//! Generates text with a language model.

use std::collections::VecDeque;
use std::io::{self, IsTerminal};

use refrain::sample::{Generator, SamplingOptions, StreamId};
use refrain::task::Language;
use refrain::{Cpu, Model, Session};

use super::temperature;
use crate::args::Args;
use crate::failure::Failure;
use crate::out;
use crate::seed::fresh_seed;

/// Maximum number of texts generated at the same time.
const MAX_STREAMS: usize = 64;
/// Maximum number of texts started before an earlier one is complete.
const MAX_STARTED: usize = 1024;
/// Maximum number of tokens buffered for texts after the first incomplete one.
const MAX_BUFFERED: usize = 1 << 26;

pub(super) fn run(args: &Args, model: Model<Language>) -> Result<(), Failure> {
    let backend = args.backend(&model)?;
    let session = Session::new(model, &backend);
    let seed = args.settings.seed.unwrap_or_else(fresh_seed);
    let last_byte = write_all(args, seed, session.generator().with_threads(args.threads()))?;
    if io::stdout().is_terminal() {
        if last_byte != Some(b'\n') {
            out::write(b"\n")?;
        }
        if args.settings.seed.is_none() && args.greedy.is_none() && temperature(args) != 0.0 {
            eprintln!("(reproduce with --seed {seed})");
        }
    }
    Ok(())
}

/// Writes the texts in the order of their seeds. The first incomplete one is written while it is generated; later ones
/// are generated concurrently and buffered. Returns the last byte written.
fn write_all(args: &Args, seed: u64, mut generator: Generator<'_, Cpu>) -> Result<Option<u8>, Failure> {
    let (count, length) = (args.count.unwrap_or(1), args.length.unwrap_or(500));
    let prompt = args.prompt.as_deref().unwrap_or("");
    let mut options = SamplingOptions {
        temperature: temperature(args),
        top_k: args.top_k,
        top_p: args.top_p,
        seed,
        stop: args.stop.iter().flatten().map(|stop| stop.replace("\\n", "\n")).collect(),
        candidates: 0,
    };
    let max_started = (MAX_BUFFERED / length.max(1)).clamp(1, MAX_STARTED);
    // The texts that are not completely written, in order.
    let mut texts: VecDeque<Text> = VecDeque::new();
    let (mut left, mut last_byte) = (count, None);
    while left > 0 || !texts.is_empty() {
        while left > 0 && texts.len() < max_started && generator.len() < MAX_STREAMS {
            let stream = generator.join(prompt, length, &options)?;
            let before = if left == count { "" } else { "\n\n" };
            let buffer = [before, prompt].concat().into_bytes();
            texts.push_back(Text { stream, buffer, ended: false });
            left -= 1;
            options.seed = options.seed.wrapping_add(1);
        }
        while let Some(first) = texts.front_mut() {
            if let Some(&last) = first.buffer.last() {
                out::write(&first.buffer)?;
                first.buffer.clear();
                last_byte = Some(last);
            }
            if !first.ended {
                break;
            }
            texts.pop_front();
        }
        for piece in generator.step() {
            if let Ok(at) = texts.binary_search_by_key(&piece.stream, |text| text.stream) {
                texts[at].buffer.extend_from_slice(piece.text);
                texts[at].ended = piece.end.is_some();
            }
        }
    }
    Ok(last_byte)
}

/// A text that is being generated.
struct Text {
    stream: StreamId,
    /// Generated, but not yet written.
    buffer: Vec<u8>,
    ended: bool,
}
