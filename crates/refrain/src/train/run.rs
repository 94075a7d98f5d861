//! A training run as a whole: prepared from settings or from the directory of an earlier one, then trained.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use refrain_kernels::Backend;

use super::event::Done;
use super::material::{self, Material};
use super::run_dir::RunDir;
use super::training::Training;
use super::{Config, Event, Learner, Settings};
use crate::model::{Architecture, LanguageModel};
use crate::store::{Checkpoint, Model, Progress};
use crate::{Error, Result};

/// A run that is ready to start or to go on.
pub struct Run {
    config: Config,
    material: Material,
    start: Checkpoint,
    /// Where the run has its directory, or will have it.
    out: Option<PathBuf>,
    /// Whether that directory is there already.
    resumed: bool,
    language: LanguageModel,
}

/// What a run leaves.
#[derive(Debug)]
pub struct Outcome {
    /// The model that is kept: the best on the validation part, or where there is none, the last.
    pub model: Model,
    /// How the run ended.
    pub done: Done,
}

impl Run {
    /// Prepares a new run: opens and scans the text, settles every value.
    ///
    /// # Errors
    /// For settings that cannot be, texts that cannot be read or are too short, a directory that exists.
    pub fn new(settings: Settings) -> Result<Run> {
        if let Some(out) = &settings.out {
            RunDir::check_free(out)?;
        }
        let initial = settings.init_from.as_ref().map(Model::load).transpose()?;
        let (config, mut material) = material::prepare(settings)?;
        let mut language = LanguageModel::new(&config.architecture(material.vocabulary.len()))?;
        language.check_memory(copies(&config))?;
        let params = match initial {
            None => language.layout().init(config.seed),
            Some(model) => {
                (language, material) = adopt(&config, &model, material)?;
                model.params
            }
        };
        let zeros = vec![0.0; params.len()];
        let progress = Progress {
            text: material.digest.clone(),
            elapsed_s: material.preparation_s,
            ..Progress::default()
        };
        let moments = vec![zeros; config.rule().moments()];
        let average = (config.average > 0).then(|| params.clone());
        let start = Checkpoint { progress, params, average, moments, state: vec![] };
        Ok(Run { out: config.out.clone(), config, material, start, resumed: false, language })
    }

    /// Prepares to go on with the run in `directory`, with those of its settings changed that may change:
    /// `epochs`, `max_steps`, `time_limit`, `patience`, `threads`, `sample_every`, `checkpoint_every`.
    ///
    /// # Errors
    /// If there is no run, its files are damaged, its text has changed, or another setting is given.
    pub fn resume(directory: impl AsRef<Path>, changes: Settings) -> Result<Run> {
        const MAY_CHANGE: [&str; 7] =
            ["epochs", "max_steps", "time_limit", "patience", "threads", "sample_every", "checkpoint_every"];
        let path = directory.as_ref();
        let (stored, start) = RunDir::read(path)?;
        if let Some(name) = changes.changes(&stored).into_iter().find(|name| !MAY_CHANGE.contains(name)) {
            return Err(Error::Config(format!(
                "--{} cannot change when a run is resumed; only --{} can",
                name.replace('_', "-"),
                MAY_CHANGE.join(", --").replace('_', "-")
            )));
        }
        let settings = Settings { out: Some(path.to_owned()), init_from: None, ..changes.or(stored) };
        let (config, material) = material::prepare(settings)?;
        if material.digest != start.progress.text {
            return Err(Error::Config(format!(
                "{} has changed since this run began: restore it, or start a new run",
                material.name
            )));
        }
        let language = LanguageModel::new(&config.architecture(material.vocabulary.len()))?;
        language.check_memory(copies(&config))?;
        if !fits(&start, &config, &material, &language) {
            return Err(Error::ModelFile {
                path: path.to_owned(),
                message: "its checkpoint does not fit its config.toml: put the config.toml back as the run wrote it, or start a new run".to_owned(),
            });
        }
        Ok(Run { config, material, start, out: Some(path.to_owned()), resumed: true, language })
    }

    /// Every value in force.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Trains until an end is reached or `listen` breaks off.
    ///
    /// # Errors
    /// If the text changes or a file cannot be written ([`Error::Io`], [`Error::Text`]; what had been achieved is
    /// in the directory), or if learning leaves the finite numbers ([`Error::Diverged`]).
    pub fn train<B: Backend>(
        self,
        backend: &B,
        listen: impl FnMut(&Event) -> ControlFlow<()>,
    ) -> Result<Outcome> {
        let Run { config, material, start, out, resumed, language } = self;
        let directory = match out {
            Some(out) if resumed => Some(RunDir::go_on(&out, &config, start.progress.step)?),
            Some(out) => Some(RunDir::create(&out, &config, &start)?),
            None => None,
        };
        let mut learner =
            Learner::new(backend, language, &start.params, config.shards, config.rule().moments())
                .averaging(config.average)
                .dropping_weights(config.weight_drop);
        if start.progress.step > 0 {
            let Checkpoint { moments, average, state, progress, .. } = &start;
            learner.restore(moments, average.as_deref(), state, progress.rows);
        }
        Training::new(backend, config, material, directory, learner, listen, start.progress).run()
    }
}

/// How many times training holds the parameters, about: themselves, packed for both directions, their gradients
/// in every shard, the optimiser's moments, the average with its own packing, and those with some dropped.
fn copies(config: &Config) -> usize {
    let average = if config.average > 0 { 2 } else { 0 };
    3 + config.shards + config.rule().moments() + average + usize::from(config.weight_drop > 0.0)
}

/// Whether a checkpoint can belong to a run of this configuration: every array in it has the size it would have.
fn fits(start: &Checkpoint, config: &Config, material: &Material, language: &LanguageModel) -> bool {
    let Checkpoint { progress, params, average, moments, state } = start;
    let (all_rows, h) = (material.train.rows(), config.hidden_size);
    let rows_fit = match material.train.carries_state() {
        true => progress.rows == all_rows,
        false => (1..=all_rows).contains(&progress.rows),
    };
    let cells = if language.architecture().cell().has_cell_state() { progress.rows * h } else { 0 };
    let state_fits = state.len() == config.num_layers
        && state.iter().all(|layer| (layer.h.len(), layer.c.len()) == (progress.rows * h, cells));
    params.len() == language.layout().len()
        && average.as_ref().map(Vec::len) == (config.average > 0).then_some(params.len())
        && moments.len() == config.rule().moments()
        && moments.iter().all(|moment| moment.len() == params.len())
        && (progress.step == 0 || (rows_fit && state_fits))
        && progress.batch <= material.train.batches_per_epoch()
        && (0.0..1e12).contains(&progress.elapsed_s)
}

/// Takes a model's parameters and vocabulary over into a new run.
fn adopt(config: &Config, model: &Model, mut material: Material) -> Result<(LanguageModel, Material)> {
    let theirs = model.language.architecture();
    if *model.vocabulary != *material.vocabulary {
        return Err(Error::Config(
            "--init-from: that model was trained on another set of characters; it can go on only with a text of the same ones".to_owned(),
        ));
    }
    let ours = config.architecture(material.vocabulary.len());
    if (Architecture { dropout: ours.dropout, ..theirs.clone() }) != ours {
        return Err(Error::Config(format!(
            "--init-from: that model is {}, this run asks for {}: give it the same sizes",
            theirs.summary(),
            ours.summary()
        )));
    }
    material.vocabulary = model.vocabulary.clone();
    Ok((LanguageModel::new(&ours)?, material))
}
