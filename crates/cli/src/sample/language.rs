//! New text from a language model.

use std::collections::VecDeque;
use std::io::{self, IsTerminal};

use refrain::sample::{Generator, SamplingOptions, StreamId};
use refrain::task::Language;
use refrain::{Cpu, Model, Session};

use super::temperature;
use crate::args::Args;
use crate::failure::Failure;
use crate::out;
use crate::seed::seed_of_the_moment;

/// Texts that are written at the same time.
const MAX_TOGETHER: usize = 64;
/// Texts that are begun while an earlier one is still being written.
const MAX_BEGUN: usize = 1024;
/// Symbols that may be held for texts whose turn has not come.
const MAX_HELD: usize = 1 << 26;

pub(super) fn run(args: &Args, model: Model<Language>) -> Result<(), Failure> {
    let backend = args.backend(&model)?;
    let session = Session::new(model, &backend);
    let seed = args.settings.seed.unwrap_or_else(seed_of_the_moment);
    let last_byte = write_all(args, seed, session.generator().with_threads(args.threads()))?;
    if io::stdout().is_terminal() {
        if last_byte != Some(b'\n') {
            out::write(b"\n")?;
        }
        if args.settings.seed.is_none() && args.greedy.is_none() && temperature(args) != 0.0 {
            eprintln!("(the same again: --seed {seed})");
        }
    }
    Ok(())
}

/// Writes the texts in the order of their seeds, the first one that has not ended as it is made, while those after
/// it are made together and held. Gives the last byte written.
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
    let most_begun = (MAX_HELD / length.max(1)).clamp(1, MAX_BEGUN);
    // Those begun and not yet written to their end, in order.
    let mut texts: VecDeque<Text> = VecDeque::new();
    let (mut left, mut last_byte) = (count, None);
    while left > 0 || !texts.is_empty() {
        while left > 0 && texts.len() < most_begun && generator.len() < MAX_TOGETHER {
            let stream = generator.join(prompt, length, &options)?;
            let before = if left == count { "" } else { "\n\n" };
            let held = [before, prompt].concat().into_bytes();
            texts.push_back(Text { stream, held, ended: false });
            left -= 1;
            options.seed = options.seed.wrapping_add(1);
        }
        while let Some(first) = texts.front_mut() {
            if let Some(&last) = first.held.last() {
                out::write(&first.held)?;
                first.held.clear();
                last_byte = Some(last);
            }
            if !first.ended {
                break;
            }
            texts.pop_front();
        }
        for piece in generator.step() {
            if let Ok(at) = texts.binary_search_by_key(&piece.stream, |text| text.stream) {
                texts[at].held.extend_from_slice(piece.text);
                texts[at].ended = piece.end.is_some();
            }
        }
    }
    Ok(last_byte)
}

/// A text that has been begun.
struct Text {
    stream: StreamId,
    /// What has been made of it, and not written yet.
    held: Vec<u8>,
    ended: bool,
}
