//! The task of a run: given, or from the detected data format.

use std::path::PathBuf;

use refrain::format::{DataFormat, detect_format};
use refrain::model::TaskName;
use refrain::task::tag::has_labels_for_frames;
use refrain::text::TokenUnits;
use refrain::train::Settings;

use crate::failure::Failure;

/// The task, and the reason if it was detected from the data.
pub(crate) fn task_for(settings: &Settings) -> Result<(TaskName, Option<String>), Failure> {
    if let Some(task) = settings.task {
        return Ok((task, None));
    }
    let path = match settings.data.as_deref() {
        Some([path]) if settings.example.is_none() => path,
        Some(paths) if settings.example.is_none() => return texts_together(paths),
        _ => return Ok((TaskName::Language, None)),
    };
    let guess = match detect_format(path) {
        Ok(guess) => guess,
        // A language model of bytes can be trained on any file.
        Err(_) if settings.units == Some(TokenUnits::Byte) => return Ok((TaskName::Language, None)),
        Err(error) => return Err(error.into()),
    };
    let task = match guess.format {
        DataFormat::Conll | DataFormat::Conllu => TaskName::Tag,
        DataFormat::LongTable | DataFormat::Npz if has_labels_for_frames(path) => TaskName::Tag,
        DataFormat::LabelledText | DataFormat::TimeSeries | DataFormat::LongTable | DataFormat::Npz => {
            TaskName::Classify
        }
        DataFormat::Captions => TaskName::Caption,
        DataFormat::Pairs => TaskName::Translate,
        DataFormat::Rolls | DataFormat::MidiFolder => TaskName::Music,
        DataFormat::Series => TaskName::Forecast,
        _ => return Ok((TaskName::Language, None)),
    };
    Ok((task, Some(format!("{task}: looks like {}: {}", guess.format, guess.why))))
}

/// Several files are read as one text, unless all of them have another format.
fn texts_together(paths: &[PathBuf]) -> Result<(TaskName, Option<String>), Failure> {
    let forms: Option<Vec<DataFormat>> =
        paths.iter().map(|path| Some(detect_format(path).ok()?.format)).collect();
    match forms.as_deref() {
        Some([first, others @ ..])
            if *first != DataFormat::Text && others.iter().all(|form| form == first) =>
        {
            Err(Failure::Usage(format!(
                "the files look like {first}, which must be in one file: join them, give a validation set with --valid, \
                 or use --task language to read them as text"
            )))
        }
        _ => Ok((TaskName::Language, None)),
    }
}

/// Noun for a model of a task.
pub(crate) fn kind_of(task: TaskName) -> &'static str {
    match task {
        TaskName::Language => "language model",
        TaskName::Classify => "classifier",
        TaskName::Tag => "tagger",
        TaskName::Translate => "translator",
        TaskName::Caption => "captioner",
        TaskName::Forecast => "forecaster",
        TaskName::Music => "music model",
    }
}
