//! What `refrain train` is told, and the settings that follow.

use std::path::{Path, PathBuf};

use refrain::PrecisionChoice;
use refrain::format::Column;
use refrain::layer::AttentionKind;
use refrain::model::{ActivationKind, CellKind, PoolingKind, ResetGate, TaskName};
use refrain::text::TokenUnits;
use refrain::train::{Example, Optimizer, Preset, Schedule, Settings, Span};

use crate::failure::Failure;
use crate::named::named;

/// Learn from data: to write, label, tag, translate, caption, forecast or compose.
///
/// Without DATA it learns the built-in Latin. Which of these it is follows from the form of the data (and is said), or from
/// --task. Every option is also a key of a --config file, with underscores for hyphens. What is not given follows from the
/// task and the size of the data: in brackets is what language models take, and the run's config.toml has every value in force.
#[derive(clap::Args)]
#[command(after_help = after_help(), allow_negative_numbers = true)]
pub(crate) struct Args {
    /// The files to learn from: texts (read as one), label<TAB>text, source<TAB>target, CoNLL, CSV, .ts, .npz, JSON, folders
    data: Vec<PathBuf>,
    /// What is learned: language, classify, tag, translate, caption, forecast or music [from the form of the data]
    #[arg(long, value_parser = named::<TaskName>)]
    task: Option<TaskName>,
    /// A file to measure on and not to learn from [a share of the data]
    #[arg(long, value_name = "FILE")]
    valid: Option<PathBuf>,
    /// A built-in text instead: latin, sentences, brackets
    #[arg(long, value_parser = named::<Example>, help_heading = "Text")]
    example: Option<Example>,
    /// What a token is: char (Unicode), byte, word or bpe (pieces of words) [char; word for sentences that are
    /// classified]
    #[arg(long, value_parser = named::<TokenUnits>, help_heading = "Text")]
    units: Option<TokenUnits>,
    /// Every line a sequence of its own, padded and masked (names, commands, verses)
    #[arg(long, help_heading = "Text")]
    lines: bool,
    /// Keep byte-order marks and CRLF; otherwise dropped and read as LF
    #[arg(long, help_heading = "Text")]
    raw: bool,
    /// Read capital letters as small ones: true or false [for words that are classified or tagged]
    #[arg(long, value_name = "BOOL", help_heading = "Text")]
    lowercase: Option<bool>,
    /// The most words or word pieces [all words; 8000 pieces]
    #[arg(long, value_name = "N", help_heading = "Text")]
    vocab_size: Option<usize>,
    /// Symbols seen fewer times than this become the unknown symbol [1; 2 for the words of many texts]
    #[arg(long, value_name = "N", help_heading = "Text")]
    min_count: Option<u64>,
    /// Share of the data to measure on and not to learn from: the end of a text or a series, otherwise any [0.1]
    #[arg(long, value_name = "SHARE", conflicts_with = "valid", help_heading = "Text")]
    valid_fraction: Option<f64>,

    /// rnn (Elman), gru or lstm [lstm; gru where a time limit chooses the model of a text from 300 kB]
    #[arg(long, value_parser = named::<CellKind>, help_heading = "Model")]
    cell: Option<CellKind>,
    /// For --cell rnn: tanh, relu or logistic [tanh]
    #[arg(long, value_parser = named::<ActivationKind>, help_heading = "Model")]
    activation: Option<ActivationKind>,
    /// For --cell gru: after (as PyTorch) or before (as Cho et al. 2014) [after]
    #[arg(long, value_parser = named::<ResetGate>, help_heading = "Model")]
    reset_gate: Option<ResetGate>,
    /// Units of each layer, H [128; 256 for texts from 300 kB; with --time-limit as many as the time allows]
    #[arg(long, value_name = "N", help_heading = "Model")]
    hidden_size: Option<usize>,
    /// Layers, L [2]
    #[arg(long, value_name = "N", help_heading = "Model")]
    num_layers: Option<usize>,
    /// Numbers that stand for a token, E; 0 for one-hot [64; 256 or as tied for words]
    #[arg(long, value_name = "N", help_heading = "Model")]
    embedding_size: Option<usize>,
    /// Language models: read and predict tokens with the same vectors, true or false [true for word and bpe]
    #[arg(long, value_name = "BOOL", help_heading = "Model")]
    tied_embeddings: Option<bool>,
    /// Read each sequence from both ends: true or false [true; language models read forwards]
    #[arg(long, value_name = "BOOL", help_heading = "Model")]
    bidirectional: Option<bool>,
    /// Normalise each layer's output (Ba, Kiros & Hinton 2016): true or false [false]
    #[arg(long, value_name = "BOOL", help_heading = "Model")]
    layer_norm: Option<bool>,
    /// How all steps become one vector, to classify it: last, mean, max or attention [max]
    #[arg(long, value_parser = named::<PoolingKind>, value_name = "NAME", help_heading = "Model")]
    pooling: Option<PoolingKind>,
    /// What a token of a source is: char, byte, word or bpe [by its form: char for single words, word for symbols with
    /// spaces between, bpe for sentences]
    #[arg(long, value_parser = named::<TokenUnits>, value_name = "UNITS", help_heading = "Translation")]
    source_units: Option<TokenUnits>,
    /// What a token of a target is [likewise]
    #[arg(long, value_parser = named::<TokenUnits>, value_name = "UNITS", help_heading = "Translation")]
    target_units: Option<TokenUnits>,
    /// How the decoder attends to the source: none, dot, general or additive [general]
    #[arg(long, value_parser = named::<AttentionKind>, value_name = "NAME", help_heading = "Translation")]
    attention: Option<AttentionKind>,
    /// Share of the decoder's inputs to take from its own predictions while learning (Duckworth et al. 2019) [0]
    #[arg(long, value_name = "SHARE", help_heading = "Translation")]
    scheduled_sampling: Option<f32>,
    /// Share of a target's probability to deal out to all symbols alike while learning [0]
    #[arg(long, value_name = "SHARE", help_heading = "Translation")]
    label_smoothing: Option<f32>,
    /// Let every class count as much as any other, however rare it is
    #[arg(long, help_heading = "Training")]
    class_weights: bool,
    /// The folder of the images that captions name [that of the captions]
    #[arg(long, value_name = "DIR", help_heading = "Caption")]
    images: Option<PathBuf>,
    /// Pixels a side that images are brought to [32]
    #[arg(long, value_name = "N", help_heading = "Caption")]
    image_size: Option<usize>,
    /// Vary images each time that they are learned from: moved, stretched, coloured a little differently
    #[arg(long, help_heading = "Caption")]
    augment: bool,
    /// With --augment: mirror them, too
    #[arg(long, help_heading = "Caption")]
    flip: bool,
    /// Channels that each convolution over an image gives; each halves its sides [24,48,96]
    #[arg(long, value_name = "N,...", value_delimiter = ',', help_heading = "Caption")]
    channels: Option<Vec<usize>>,
    /// Numbers that a vector or an image becomes before a text is made of it [128; 256 for images]
    #[arg(long, value_name = "N", help_heading = "Caption")]
    code_size: Option<usize>,
    /// Share of each layer's output to drop while learning [0.2; where the time limit chose the model, by cell, width and passes]
    #[arg(long, value_name = "SHARE", help_heading = "Model")]
    dropout: Option<f32>,
    /// Drop the same at all steps of a sequence (Gal & Ghahramani 2016)
    #[arg(long, help_heading = "Model")]
    locked_dropout: bool,
    /// Share of the recurrent weights to drop at each update (Merity et al. 2018) [0]
    #[arg(long, value_name = "SHARE", help_heading = "Model")]
    weight_drop: Option<f32>,

    /// Which column holds the tags: a number from 1, from the end as -1, or a name as upos [upos in CoNLL-U; else the last]
    #[arg(long, value_name = "COLUMN", help_heading = "Tagging")]
    column: Option<Column>,
    /// Which column holds the words [form in CoNLL-U; else the first]
    #[arg(long, value_name = "COLUMN", help_heading = "Tagging")]
    word_column: Option<Column>,
    /// Numbers that stand for a character of a word; 0 for words without their spelling [32]
    #[arg(long, value_name = "N", help_heading = "Tagging")]
    char_embedding_size: Option<usize>,
    /// Units, in each direction, of the layer that reads a word's characters [50]
    #[arg(long, value_name = "N", help_heading = "Tagging")]
    char_hidden_size: Option<usize>,
    /// Share of the words to take for the unknown one while learning [0.05]
    #[arg(long, value_name = "SHARE", help_heading = "Tagging")]
    word_dropout: Option<f32>,
    /// Judge neighbouring tags together, by a conditional random field: true or false [for BIO and IOBES tags]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Tagging")]
    crf: Option<bool>,
    /// Frames a quarter note, when MIDI files are read and written [1]
    #[arg(long, value_name = "N", help_heading = "Music")]
    steps_per_quarter: Option<u32>,
    /// Shift each piece by up to N semitones, anew in every epoch [0]
    #[arg(long, value_name = "N", help_heading = "Music")]
    transpose: Option<u8>,
    /// The columns to forecast, apart by commas [all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help_heading = "Forecast")]
    columns: Option<Vec<String>>,
    /// Steps ahead to forecast, all at once [1]
    #[arg(long, value_name = "N", help_heading = "Forecast")]
    horizon: Option<usize>,
    /// Forecast these quantiles, as 0.1,0.5,0.9, instead of means and deviations
    #[arg(long, value_name = "SHARES", value_delimiter = ',', help_heading = "Forecast")]
    quantiles: Option<Vec<f64>>,
    /// Steps after which the series repeats itself; 0 if it does not [found by autocorrelation]
    #[arg(long, value_name = "N", help_heading = "Forecast")]
    season: Option<usize>,
    /// Share of the series, at its end, that is kept out of training and measured by eval [0.2]
    #[arg(long, value_name = "SHARE", help_heading = "Forecast")]
    test_fraction: Option<f64>,

    /// Steps the gradient flows back through, T, the k of truncated backpropagation [64]
    #[arg(long, value_name = "N", help_heading = "Training")]
    seq_length: Option<usize>,
    /// Sequences learned from side by side, B [32; fewer for texts below 60 kB]
    #[arg(long, value_name = "N", help_heading = "Training")]
    batch_size: Option<usize>,
    /// Passes through the text [40 below 100 kB, 25 below 300 kB, 12 below 2 MB, 8 below 10 MB, 3]
    #[arg(long, value_name = "N", help_heading = "Training")]
    epochs: Option<u64>,
    /// Stop after this many updates
    #[arg(long, value_name = "N", help_heading = "Training")]
    max_steps: Option<u64>,
    /// Stop after this time, earlier sittings included: 90s, 2m, 1.5h; the schedule takes it into account
    #[arg(long, value_name = "TIME", help_heading = "Training")]
    time_limit: Option<Span>,
    /// adam, adamw, rmsprop, adagrad or sgd [adamw]
    #[arg(long, value_parser = named::<Optimizer>, help_heading = "Training")]
    optimizer: Option<Optimizer>,
    /// Size of an update at its highest [for LSTMs of characters by width and updates; else 0.005, 0.003 for texts from 300 kB]
    #[arg(long, value_name = "RATE", help_heading = "Training")]
    learning_rate: Option<f64>,
    /// constant, linear, cosine or step [cosine]
    #[arg(long, value_parser = named::<Schedule>, help_heading = "Training")]
    schedule: Option<Schedule>,
    /// Updates over which the learning rate rises [a fiftieth of all, at most 200]
    #[arg(long, value_name = "N", help_heading = "Training")]
    warmup_steps: Option<u64>,
    /// Where a linear or cosine schedule ends, never above its highest [a thirtieth of that]
    #[arg(long, value_name = "RATE", help_heading = "Training")]
    min_learning_rate: Option<f64>,
    /// For --schedule step: the factor [0.5]
    #[arg(long, value_name = "FACTOR", help_heading = "Training")]
    decay_factor: Option<f64>,
    /// For --schedule step: epochs from one fall to the next [a fifth of all]
    #[arg(long, value_name = "N", help_heading = "Training")]
    decay_epochs: Option<u64>,
    /// Share of the direction of earlier updates that is kept: Adam's β₁, SGD's momentum [0.9; where the time
    /// limit chose the model, by cell and width]
    #[arg(long, value_name = "SHARE", help_heading = "Training")]
    momentum: Option<f64>,
    /// Pull of the matrices towards zero [0.01; where the time limit chose the model, by cell and width]
    #[arg(long, value_name = "RATE", help_heading = "Training")]
    weight_decay: Option<f64>,
    /// Largest global norm of a gradient; 0 for any [1]
    #[arg(long, value_name = "NORM", help_heading = "Training")]
    grad_clip: Option<f64>,
    /// Measure and keep the average of the weights over about so many updates; 0 for the weights as they are [0; forecasts: 200]
    #[arg(long, value_name = "N", help_heading = "Training")]
    average: Option<u64>,
    /// Stop after so many validations without more right answers or a smaller loss; 0 never [10]
    #[arg(long, value_name = "N", help_heading = "Training")]
    patience: Option<u64>,
    /// Names all random choices [1]
    #[arg(long, value_name = "N", help_heading = "Training")]
    seed: Option<u64>,
    /// Go on from this model's weights instead of random ones (a model file or run directory)
    #[arg(long, value_name = "MODEL", help_heading = "Training")]
    init_from: Option<PathBuf>,

    /// Settings that belong together: quick or best, see below; options given here and in --config win
    #[arg(long, value_parser = named::<Preset>, value_name = "NAME", help_heading = "Run")]
    preset: Option<Preset>,
    /// Directory of the run; never overwritten [runs/NAME]
    #[arg(long, value_name = "DIR", help_heading = "Run")]
    out: Option<PathBuf>,
    /// Go on with the run in DIR where it stopped
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "config", "data", "example"], help_heading = "Run")]
    pub(super) resume: Option<PathBuf>,
    /// Take settings from a file; options given here win
    #[arg(long, value_name = "FILE.toml", help_heading = "Run")]
    config: Option<PathBuf>,
    /// Parts of a batch that are computed apart; changes bits of the result, not its meaning
    #[arg(long, value_name = "N", help_heading = "Run")]
    shards: Option<usize>,
    /// Threads; changes no bit of the result [all processors]
    #[arg(long, value_name = "N", help_heading = "Run")]
    threads: Option<usize>,
    /// f32, bf16, or auto: bf16 where the processor multiplies it faster than f32 [auto]
    #[arg(long, value_parser = named::<PrecisionChoice>, help_heading = "Run")]
    precision: Option<PrecisionChoice>,
    /// Language models: show a sample every N updates; 0 for none [five in all]
    #[arg(long, value_name = "N", help_heading = "Run")]
    sample_every: Option<u64>,
    /// Time between two checkpoints: what a kill or a crash can cost [20s]
    #[arg(long, value_name = "TIME", help_heading = "Run")]
    checkpoint_every: Option<Span>,
    /// Show the run on a page as it happens, at http://127.0.0.1:8080/ or another port
    #[arg(long, value_name = "PORT", num_args = 0..=1, require_equals = true, default_missing_value = "8080",
        help_heading = "Run")]
    pub(super) live: Option<u16>,
    /// Write TensorBoard's event files into the run's directory
    #[arg(long, help_heading = "Run")]
    pub(super) tensorboard: bool,
    /// Print one JSON object a line instead of progress: step, valid, sample, checkpoint, warning, done
    #[arg(long, help_heading = "Run")]
    pub(super) json: bool,
}

fn after_help() -> String {
    let presets = Preset::ALL.map(|preset| format!("  {:<7} {}", preset.name(), flags(&preset.settings())));
    format!("Presets:\n{}\n\n{EXAMPLES}", presets.join("\n"))
}

/// Settings as one would write them on the command line.
fn flags(settings: &Settings) -> String {
    let values = serde_json::to_value(settings).unwrap_or_default();
    // In the order of the fields, which a JSON object does not keep.
    let names = settings.changes(&Settings::default()).into_iter();
    let flag =
        |name: &str| format!("--{} {}", name.replace('_', "-"), values[name].to_string().trim_matches('"'));
    names.map(flag).collect::<Vec<String>>().join(" ")
}

const EXAMPLES: &str = "\
Examples:
  refrain train                                   learn Latin
  refrain train play.txt --hidden-size 512        a larger model of your own text
  refrain train names.txt --lines --epochs 30     one name a line
  refrain train play.txt --time-limit 2m          the best that two minutes allow
  refrain train play.txt --preset best            a large model, with time
  refrain train --resume runs/play                go on after ctrl-C or a crash
  refrain train --example sentences               the tutorial's three sentences
  refrain train reviews.tsv --valid dev.tsv       lines label<TAB>text
  refrain train cmudict.tsv --task translate      lines source<TAB>target";

impl Args {
    pub(super) fn settings(&self) -> Settings {
        let flag = |set: bool| set.then_some(true);
        Settings {
            preset: self.preset,
            task: self.task,
            data: (!self.data.is_empty()).then(|| self.data.clone()),
            valid: self.valid.clone(),
            example: self.example,
            units: self.units,
            lines: flag(self.lines),
            raw: flag(self.raw),
            lowercase: self.lowercase,
            vocab_size: self.vocab_size,
            min_count: self.min_count,
            valid_fraction: self.valid_fraction,
            cell: self.cell,
            activation: self.activation,
            reset_gate: self.reset_gate,
            hidden_size: self.hidden_size,
            num_layers: self.num_layers,
            embedding_size: self.embedding_size,
            tied_embeddings: self.tied_embeddings,
            bidirectional: self.bidirectional,
            layer_norm: self.layer_norm,
            pooling: self.pooling,
            source_units: self.source_units,
            target_units: self.target_units,
            attention: self.attention,
            scheduled_sampling: self.scheduled_sampling,
            label_smoothing: self.label_smoothing,
            class_weights: flag(self.class_weights),
            column: self.column.clone(),
            word_column: self.word_column.clone(),
            char_embedding_size: self.char_embedding_size,
            char_hidden_size: self.char_hidden_size,
            word_dropout: self.word_dropout,
            crf: self.crf,
            images: self.images.clone(),
            image_size: self.image_size,
            augment: flag(self.augment),
            flip: flag(self.flip),
            channels: self.channels.clone(),
            code_size: self.code_size,
            steps_per_quarter: self.steps_per_quarter,
            transpose: self.transpose,
            columns: self.columns.clone(),
            horizon: self.horizon,
            quantiles: self.quantiles.clone(),
            season: self.season,
            test_fraction: self.test_fraction,
            dropout: self.dropout,
            locked_dropout: flag(self.locked_dropout),
            weight_drop: self.weight_drop,
            seq_length: self.seq_length,
            batch_size: self.batch_size,
            epochs: self.epochs,
            max_steps: self.max_steps,
            time_limit: self.time_limit,
            optimizer: self.optimizer,
            learning_rate: self.learning_rate,
            schedule: self.schedule,
            warmup_steps: self.warmup_steps,
            min_learning_rate: self.min_learning_rate,
            decay_factor: self.decay_factor,
            decay_epochs: self.decay_epochs,
            momentum: self.momentum,
            weight_decay: self.weight_decay,
            grad_clip: self.grad_clip,
            average: self.average,
            patience: self.patience,
            seed: self.seed,
            shards: self.shards,
            threads: self.threads,
            precision: self.precision,
            sample_every: self.sample_every,
            checkpoint_every: self.checkpoint_every,
            out: self.out.clone(),
            init_from: self.init_from.clone(),
        }
    }

    /// What is asked for, in full.
    pub(super) fn complete(&self) -> Result<Settings, Failure> {
        let mut settings = self.settings();
        if let Some(file) = &self.config {
            let mut base = Settings::read(file)?;
            // Data given here take the place of the file's, whichever kind either is.
            if settings.data.is_some() || settings.example.is_some() {
                (base.data, base.example) = (None, None);
            }
            settings = settings.or(base);
        }
        // Files are found again from anywhere.
        settings.data = settings.data.map(|files| files.iter().map(|file| absolute(file)).collect());
        settings.valid = settings.valid.map(|file| absolute(&file));
        settings.images = settings.images.map(|folder| absolute(&folder));
        settings.out = Some(settings.out.clone().unwrap_or_else(|| free_directory(&settings)));
        Ok(settings)
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// `runs/play` for play.txt; `runs/play-2` if that is taken.
fn free_directory(settings: &Settings) -> PathBuf {
    let name = match (settings.data.iter().flatten().next(), settings.example) {
        (Some(file), _) => file.file_stem().map_or("text".into(), |stem| stem.to_string_lossy().into_owned()),
        (None, example) => format!("{:?}", example.unwrap_or(Example::Latin)).to_lowercase(),
    };
    let candidates = (1..).map(|n| if n == 1 { name.clone() } else { format!("{name}-{n}") });
    let free = candidates.map(|name| Path::new("runs").join(name)).find(|path| !path.exists());
    free.unwrap_or_else(|| Path::new("runs").join(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preset_can_be_written_out() {
        let written = Preset::ALL.map(|preset| flags(&preset.settings()));
        assert_eq!(
            written,
            ["--hidden-size 128 --num-layers 2 --dropout 0.0 --epochs 3", "--time-limit 20m"]
        );
    }
}
