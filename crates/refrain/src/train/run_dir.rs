//! Run directories: `config.toml`, `metrics.jsonl`, `model.safetensors`, `checkpoint.safetensors`.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::Event;
use super::settings::Settings;
use crate::error::{Error, InputProblem, Place, Result, RunProblem};
use crate::model::TaskName;
use crate::store::{Checkpoint, model_path, write_atomically};

const CONFIG: &str = "config.toml";
const METRICS: &str = "metrics.jsonl";
const CHECKPOINT: &str = "checkpoint.safetensors";

/// The directory of one run.
pub(super) struct RunDir {
    path: PathBuf,
    /// Locked during the run against other processes.
    metrics: File,
}

impl RunDir {
    /// Creates the directory of a new run with its config.toml and first checkpoint, atomically.
    ///
    /// # Errors
    /// [`Error::Run`] if it exists. [`Error::Io`] if it cannot be created.
    pub(super) fn create(path: &Path, config: &str, start: &Checkpoint) -> Result<Self> {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(parent) = parent {
            if let Some(file) = parent.ancestors().find(|above| above.is_file()) {
                return Err(Error::io("create a directory in", file)(ErrorKind::NotADirectory.into()));
            }
            fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        }
        Self::check_free(path)?;
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.tmp", std::process::id()));
        let temporary = path.with_file_name(name);
        let made = Self::fill(&temporary, config, start)
            .and_then(|()| fs::rename(&temporary, path).map_err(Error::io("create", path)))
            // Another run may have taken the name in the meantime.
            .or_else(|error| Self::check_free(path).and(Err(error)));
        if let Err(error) = made {
            // Best effort: the first error is reported.
            let _ = fs::remove_dir_all(&temporary);
            return Err(error);
        }
        Self::open(path)
    }

    /// Checks that the directory does not exist.
    ///
    /// # Errors
    /// [`Error::Run`] with the remedy.
    pub(super) fn check_free(path: &Path) -> Result<()> {
        match path.symlink_metadata() {
            Err(_) => Ok(()),
            Ok(_) => Err(wrong(path, RunProblem::Exists)),
        }
    }

    fn fill(path: &Path, config: &str, start: &Checkpoint) -> Result<()> {
        fs::create_dir(path).map_err(Error::io("create", path))?;
        write_atomically(&path.join(CONFIG), config.as_bytes())?;
        File::create(path.join(METRICS)).map_err(Error::io("create", path.join(METRICS)))?;
        start.save(&path.join(CHECKPOINT))
    }

    fn open(path: &Path) -> Result<Self> {
        let metrics = path.join(METRICS);
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&metrics)
            .map_err(Error::io("write", &metrics))?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Err(wrong(path, RunProblem::Locked));
        }
        // On file systems without locks the run is not locked.
        Ok(Self { path: path.to_owned(), metrics: file })
    }

    /// Reads the settings and the checkpoint of an existing run.
    ///
    /// # Errors
    /// If there is no run, or its files are damaged.
    pub(super) fn read(path: &Path) -> Result<(Settings, Checkpoint)> {
        Ok((Self::settings(path)?, Checkpoint::load(&path.join(CHECKPOINT))?))
    }

    fn settings(path: &Path) -> Result<Settings> {
        if !path.exists() {
            return Err(wrong(path, RunProblem::NotARun { what: "there is no such directory" }));
        }
        if !path.join(CONFIG).exists() && !path.join(CHECKPOINT).exists() {
            return Err(wrong(path, RunProblem::NotARun { what: "is not the directory of a run" }));
        }
        Settings::read(path.join(CONFIG))
    }

    /// Resumes an existing run: writes its config.toml, and drops metrics of updates after `step`, which are repeated.
    ///
    /// # Errors
    /// If a file cannot be read or written, or another process is working on the run.
    pub(super) fn resume(path: &Path, config: &str, step: u64) -> Result<Self> {
        // Locks before any change; the new file is locked again.
        let _locked = Self::open(path)?;
        write_atomically(&path.join(CONFIG), config.as_bytes())?;
        let metrics = path.join(METRICS);
        write_atomically(&metrics, &lines_up_to(&metrics, step)?)?;
        Self::open(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn model_path(&self) -> PathBuf {
        model_path(&self.path)
    }

    pub(super) fn record(&mut self, event: &Event) -> Result<()> {
        let path = self.path.join(METRICS);
        let mut line = serde_json::to_string(event).unwrap_or_default();
        line.push('\n');
        self.metrics.write_all(line.as_bytes()).map_err(Error::io("write", path))
    }

    pub(super) fn save_checkpoint(&self, checkpoint: &Checkpoint) -> Result<PathBuf> {
        let path = self.path.join(CHECKPOINT);
        checkpoint.save(&path)?;
        Ok(path)
    }
}

impl Settings {
    /// The settings of the run in a directory.
    ///
    /// # Errors
    /// If there is no run, or its config.toml is damaged.
    pub fn of_run(directory: impl AsRef<Path>) -> Result<Settings> {
        RunDir::settings(directory.as_ref())
    }

    /// Reads a configuration file.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read, [`Error::Input`] with line and remedy if it is invalid.
    pub fn read(path: impl AsRef<Path>) -> Result<Settings> {
        let path = path.as_ref();
        let text = fs::read_to_string(path).map_err(Error::io("read", path))?;
        Settings::from_toml(&path.display().to_string(), &text)
    }
}

/// `config.toml`: the effective settings except the run directory, which may be moved.
pub(super) fn config_text(task: &str, effective: &Settings) -> Result<String> {
    let refuse = |error: toml::ser::Error| {
        let problem = InputProblem::Syntax { message: format!("cannot be stored: {error}") };
        Error::Input { place: Place::of("the settings"), problem }
    };
    let settings = Settings { task: TaskName::of(task), out: None, ..effective.clone() };
    let values = toml::to_string(&settings).map_err(refuse)?;
    Ok(format!("# All settings of this run, usable as a configuration file.\n{values}"))
}

/// The lines of events up to a step. An incomplete last line, after a kill or on a full disk, is dropped.
fn lines_up_to(path: &Path, step: u64) -> Result<Vec<u8>> {
    let all = fs::read(path).map_err(Error::io("read", path))?;
    let lines = all.split_inclusive(|&byte| byte == b'\n');
    let is_known = |line: &&[u8]| {
        // An incomplete line is not an error, even if it ends within a character.
        let event: serde_json::Value = serde_json::from_slice(line).unwrap_or_default();
        event.get("step").and_then(serde_json::Value::as_u64).is_some_and(|s| s <= step)
            && line.ends_with(b"\n")
    };
    Ok(lines.filter(is_known).flatten().copied().collect())
}

fn wrong(path: &Path, problem: RunProblem) -> Error {
    Error::Run { path: path.to_owned(), problem }
}
