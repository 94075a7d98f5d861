//! From pieces to a run: validation part, sizes.

use super::data::{Piece, Pieces, read_pieces};
use super::{Description, Music, Options};
use crate::data::Examples;
use crate::format::{NOTES, Roll, StepsPerQuarter};
use crate::model::{CellKind, ForecasterSizes, FrameOutput, RecurrentLayers, Task};
use crate::task::split::{Digest, hold_back, one_file};
use crate::text::thousands;
use crate::train::{Config, DataSummary, Defaults, Prepared, Settings};
use crate::{Error, Result};

/// The most semitones that shifting by makes sense of: an octave.
const MAX_SEMITONES: u8 = 12;

pub(super) fn prepare(settings: Settings) -> Result<Prepared<Music>> {
    let path = one_file(&settings)?;
    let mut notes = vec![];
    let options = Options {
        steps_per_quarter: settings.steps_per_quarter.unwrap_or(1),
        transpose: settings.transpose.unwrap_or(0),
        locked_dropout: settings.locked_dropout.unwrap_or(false),
    };
    if settings.bidirectional == Some(true) {
        return Err(Error::Config(
            "--bidirectional true: music is predicted from what was before, not from what comes".to_owned(),
        ));
    }
    if options.transpose > MAX_SEMITONES {
        return Err(Error::Config(format!(
            "transpose is {}: give at most {MAX_SEMITONES} semitones, an octave",
            options.transpose
        )));
    }
    let steps = StepsPerQuarter::new(options.steps_per_quarter)?;
    let parts = read_pieces(&path, steps, &mut notes)?;
    let held = match &settings.valid {
        None => (!parts.valid.is_empty()).then_some(parts.valid),
        Some(path) => {
            let parts = read_pieces(path, steps, &mut notes)?;
            Some(if parts.valid.is_empty() { parts.train } else { parts.valid })
        }
    };
    let defaults = Defaults {
        // A wider GRU learns faster: chorales end at 8.39 with 320 units and at 8.45 with 256 (validation).
        hidden_size: if settings.cell == Some(CellKind::Gru) { 320 } else { 256 },
        num_layers: 1,
        dropout: 0.1,
        batch_size: 8,
        epochs: 100,
        more_epochs_in_time: false,
        learning_rate: match settings.cell {
            Some(CellKind::Rnn) => 1.5e-3,
            Some(CellKind::Gru) => 3e-3,
            Some(CellKind::Lstm) | None => 6e-3,
        },
        weight_decay: 0.01,
        valid_fraction: 0.1,
        patience: 10,
    };
    let config = Config::resolve(settings, defaults)?;
    let mut digest = Digest::default();
    parts.train.iter().chain(held.iter().flatten()).for_each(|piece| {
        digest.add(&(piece.len() as u64).to_le_bytes());
        piece.frames().iter().for_each(|frame| digest.add(frame));
    });
    let (train, valid) = match held {
        Some(valid) => (parts.train, valid),
        None => hold_back(parts.train, config.valid_fraction, config.seed, |piece: &Roll| {
            Some(format!("{:?}", piece.frames()))
        })?,
    };
    let sizes = ForecasterSizes {
        input_size: NOTES,
        recurrent: RecurrentLayers { locked_dropout: options.locked_dropout, ..config.recurrent() },
        output: FrameOutput::Bernoulli { keys: NOTES },
    };
    let task = Music::new(Description { sizes, steps_per_quarter: options.steps_per_quarter })?;
    let frames = |pieces: &[Roll]| pieces.iter().map(|piece| piece.len() as u64).sum::<u64>();
    let data = DataSummary {
        name: format!("{}, {} pieces", path.display(), thousands((train.len() + valid.len()) as u64)),
        digest: digest.finish(),
        unit: "frames",
        target: "frame",
        train_size: frames(&train),
        valid_size: frames(&valid),
        vocabulary: format!("{NOTES} keys"),
        batches: format!("{} pieces", config.batch_size),
        guessing: NOTES as f64 * std::f64::consts::LN_2,
        notes,
        preparation_s: 0.0,
    };
    let batches = |pieces: Vec<Roll>, seed| {
        Examples::new(pieces.into_iter().map(Piece).collect(), config.batch_size, seed)
    };
    let valid = (!valid.is_empty()).then(|| Pieces::new(batches(valid, None), 0, 0));
    let train = Pieces::new(batches(train, Some(config.seed)), options.transpose, config.seed);
    Ok(Prepared { config, options, task, train, valid, data })
}
