//! Composes music: a MIDI file, and pictures of its piano roll.

use std::path::Path;

use refrain::format::{self, MidiOptions, Roll};
use refrain::task::Music;
use refrain::task::music::ComposeOptions;
use refrain::{Model, Session, picture, write_atomically};

use super::temperature;
use crate::args::Args;
use crate::failure::Failure;
use crate::seed::fresh_seed;
use crate::{figure, out};

/// Width of the piano roll in a terminal.
const COLUMNS: usize = 80;
/// Maximum length; more than three hours of quavers.
const MAX_FRAMES: usize = 100_000;

pub(super) fn run(args: &Args, model: Model<Music>) -> Result<(), Failure> {
    let length = args.length.unwrap_or(64);
    if !(1..=MAX_FRAMES).contains(&length) {
        return Err(Failure::Usage(format!("--length is {length}: give 1 to {MAX_FRAMES} frames")));
    }
    let steps = model.task.steps_per_quarter();
    let prompt = match args.prompt.as_deref().unwrap_or("") {
        "" => Roll::default(),
        path => format::read_midi(Path::new(path), steps)?.roll,
    };
    let midi = MidiOptions {
        steps,
        tempo: args.tempo.unwrap_or(MidiOptions::default().tempo),
        program: args.program.unwrap_or(0),
        ..MidiOptions::default()
    };
    // Reports invalid MIDI options before composing.
    format::to_midi(&Roll::default(), &midi)?;
    let backend = args.backend(&model)?;
    let seed = args.settings.seed.unwrap_or_else(fresh_seed);
    let options = ComposeOptions { length, temperature: temperature(args), seed };
    let composed = Session::new(model, &backend).compose(&prompt, &options)?;
    let roll = Roll::new([prompt.frames(), composed.frames()].concat())?;
    if let Some(path) = &args.settings.out {
        write_atomically(path, &format::to_midi(&roll, &midi)?)?;
    }
    if let Some(path) = &args.picture {
        figure::save(path, &picture::roll_figure(&roll))?;
    }
    out::write(picture::roll_text(&roll, COLUMNS).as_bytes())?;
    match &args.settings.out {
        Some(path) => out::line(&format!("written to {} (seed {seed})", path.display())),
        None => out::line(&format!("(seed {seed}; --out FILE.mid saves it)")),
    }
}
