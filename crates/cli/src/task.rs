//! The task of a run: by name, or by the detected format of the data.

use std::path::PathBuf;

use refrain::format::{DataFormat, detect_format};
use refrain::model::TaskName;
use refrain::task::tag::has_labels_for_frames;
use refrain::text::TokenUnits;
use refrain::train::Settings;

use crate::failure::Failure;

/// What is to be learned: what the settings say, or what the data look like, and then why.
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
        // Whatever it is, it can still be learned byte by byte.
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
    let why =
        format!("{task}: the data look like {}, for {} (--task chooses otherwise)", guess.format, guess.why);
    Ok((task, Some(why)))
}

/// Several files are texts that are read as one, unless all of them look like something else.
fn texts_together(paths: &[PathBuf]) -> Result<(TaskName, Option<String>), Failure> {
    let forms: Option<Vec<DataFormat>> =
        paths.iter().map(|path| Some(detect_format(path).ok()?.format)).collect();
    match forms.as_deref() {
        Some([first, others @ ..])
            if *first != DataFormat::Text && others.iter().all(|form| form == first) =>
        {
            Err(Failure::Usage(format!(
                "the files look like {first}, which are learned from one file: join them, name one that is only to be \
                 measured on by --valid, or say --task language to read them as text"
            )))
        }
        _ => Ok((TaskName::Language, None)),
    }
}

/// What people call a model of a task.
pub(crate) fn kind_of(task: TaskName) -> &'static str {
    match task {
        TaskName::Language => "language model",
        TaskName::Classify => "classifier",
        TaskName::Tag => "tagger",
        TaskName::Translate => "translator",
        TaskName::Caption => "captioner",
        TaskName::Forecast => "forecaster",
        TaskName::Music => "composer",
    }
}
