//! `refrain inspect`: what a model does while it reads a text, as a page, as figures, as numbers, in the terminal.

mod coloured;
mod figures;
mod sequences;
mod tables;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use refrain::inspect::{Gradients, NamedReach, Property, Recording};
use refrain::model::TaskName;
use refrain::sample::Options;
use refrain::task::Language;
use refrain::task::language::{InspectOptions, held_back};
use refrain::text::Source;
use refrain::train::Settings;
use refrain::{AnyModel, Cpu, Model, Session, write_atomically};

use crate::device::DeviceArgs;
use crate::failure::Failure;
use crate::task::{kind_of, refuse_idle};
use crate::{figure, out, page};

/// Look inside a model while it reads a text.
///
/// Writes one page that opens in any browser, without a network: the text coloured by any unit, all units over time, what was
/// expected and what surprised, gates, gradients through time, the unrolled network with its numbers, and which units follow
/// brackets, quotes, line positions, letters. Or the single figures, their numbers, and the text coloured in the terminal.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A model file, or the directory of a run
    model: PathBuf,
    /// The text, or other data, to read: best what the model has not learned [of language models what the run held back,
    /// or what they write themselves]
    text: Option<PathBuf>,
    /// Read this text instead of a file
    #[arg(long = "text", value_name = "TEXT", conflicts_with = "text", allow_hyphen_values = true)]
    literal: Option<String>,
    /// For other tasks than language: which line, sequence or piece of the file [1]
    #[arg(long, value_name = "N")]
    item: Option<usize>,
    /// Output file [report.html; the terminal for text, json and csv]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// What to write [as the name of --out says, otherwise html]
    #[arg(long)]
    format: Option<Format>,
    /// Tokens of the text that are read, at most [200,000; 20,000 for tables and the terminal, 100 for
    /// pictures of units]
    #[arg(long, value_name = "N")]
    length: Option<usize>,
    /// Room for activations in a page, in MB: where all units take more, those that follow something are kept [6]
    #[arg(long, value_name = "MB")]
    max_size: Option<usize>,
    /// Numbers to compare units with, one for each token of the text; may be given several times
    #[arg(long, value_name = "FILE")]
    annotate: Vec<PathBuf>,
    /// Further models whose gradients through time to draw beside this one's; may be given several times
    #[arg(long, value_name = "MODEL")]
    compare: Vec<PathBuf>,
    /// How many steps gradients are followed back; 0 for not at all [100]
    #[arg(long, value_name = "N")]
    lags: Option<usize>,
    /// What pictures and tables are of [units]
    #[arg(long, help_heading = "Single figures")]
    view: Option<View>,
    /// The layer, from 1 [that of the unit that follows something best, or the top one]
    #[arg(long, value_name = "N", help_heading = "Single figures")]
    layer: Option<usize>,
    /// h, c (cells of an LSTM), or a gate: i, f, g, o; r, z, n [that of the unit]
    #[arg(long, value_name = "NAME", help_heading = "Single figures")]
    plane: Option<String>,
    /// The units, from 0; may be given several times [all; in the terminal the one that follows something best]
    #[arg(long, value_name = "N", help_heading = "Single figures")]
    unit: Vec<usize>,
    #[command(flatten)]
    device: DeviceArgs,
}

const EXAMPLES: &str = "\
Examples:
  refrain inspect runs/brackets held-out.txt                            writes report.html
  refrain inspect runs/play --text 'ROMEO: \"O, speak again\"' --format text
  refrain inspect runs/play play.txt --out cells.png --plane c --layer 2
  refrain inspect runs/rnn play.txt --compare runs/gru --compare runs/lstm --view gradients --out reach.svg
  refrain inspect runs/play play.txt --format csv --view finder
  refrain inspect runs/reviews --text 'a fine film'                     which words made it kind
  refrain inspect runs/phones --text phonograph                         where the decoder looked";

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A page for browsers.
    Html,
    /// The text in the terminal, coloured by a unit.
    Text,
    /// A picture.
    Png,
    /// A picture that can be scaled.
    Svg,
    /// Everything but the activations.
    Json,
    /// The numbers of a view.
    Csv,
}

/// What single figures and tables show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum View {
    /// Units over the steps of the text.
    Units,
    /// How surprising each token was.
    Surprise,
    /// How often gates are shut and open.
    Gates,
    /// How far gradients reach back.
    Gradients,
    /// The hidden states as a path.
    Path,
    /// Which units follow which property.
    Finder,
}

/// A plane of a layer, and some of its units.
struct Selection {
    layer: usize,
    plane: &'static str,
    units: Vec<usize>,
}

/// The tasks of whose files one sequence is read.
const SEQUENCES: [TaskName; 5] =
    [TaskName::Classify, TaskName::Tag, TaskName::Translate, TaskName::Caption, TaskName::Music];

/// Tokens of a picture of units, of tables and the terminal, and of a text that the model writes itself.
const PICTURED: usize = 100;
const LISTED: usize = 20_000;
const WRITTEN: usize = 2_000;
/// Room for the activations of what is no page.
const MAX_BYTES: usize = 1 << 30;

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let model = AnyModel::load(&args.model)?;
    let task = model.task_name();
    let format = args.chosen_format()?;
    args.refuse_idle(task, format)?;
    match model {
        AnyModel::Language(model) => language(&args, model, format),
        model => {
            let recording = sequences::record(&args, model)?;
            match format {
                Format::Html => args.write_page(&recording),
                Format::Json => args.write_json(&recording),
                _ => {
                    let kind = kind_of(task);
                    Err(Failure::Usage(format!("a {kind} is shown as a page (.html), or as .json")))
                }
            }
        }
    }
}

/// A language model reads a text, of which there are figures and tables, too.
fn language(args: &Args, model: Model<Language>, format: Format) -> Result<(), Failure> {
    let backend = args.device.backend(&model)?;
    let session = Session::new(model, &backend);
    let source = args.source(&session, format)?;
    let recording = args.record(&session, source.clone(), format)?;
    match format {
        Format::Html => args.write_page(&recording),
        Format::Json => args.write_json(&recording),
        Format::Csv => {
            let selection = args.selection(&recording)?;
            args.write(&tables::csv(args.view(), &session, &recording, &selection, source)?)
        }
        Format::Text => {
            let mut selection = args.selection(&recording)?;
            selection.units.truncate(1);
            args.write(&coloured::text(&recording, &selection))
        }
        Format::Png | Format::Svg => {
            let figure = figures::figure(args.view(), &recording, &args.selection(&recording)?)?;
            let extension = if format == Format::Png { "png" } else { "svg" };
            let path = args.out.clone().unwrap_or_else(|| format!("report.{extension}").into());
            figure::save(&path.with_extension(extension), &figure)?;
            out::line(&format!("{}", path.display()))
        }
    }
}

impl Args {
    /// Refuses what makes no difference to what is asked for.
    fn refuse_idle(&self, task: TaskName, format: Format) -> Result<(), Failure> {
        refuse_idle(
            task,
            &[
                ("--length", self.length.is_some(), &[TaskName::Language]),
                ("--annotate", !self.annotate.is_empty(), &[TaskName::Language]),
                ("--compare", !self.compare.is_empty(), &[TaskName::Language]),
                ("--lags", self.lags.is_some(), &[TaskName::Language]),
                ("--max-size", self.max_size.is_some(), &[TaskName::Language]),
                ("--item", self.item.is_some(), &SEQUENCES),
            ],
        )?;
        let single = [
            ("--view", self.view.is_some()),
            ("--layer", self.layer.is_some()),
            ("--plane", self.plane.is_some()),
            ("--unit", !self.unit.is_empty()),
        ];
        let idle = single.iter().find(|(_, given)| *given && matches!(format, Format::Html | Format::Json));
        match idle {
            Some((option, _)) => Err(Failure::Usage(format!(
                "{option} is for single figures, tables and the terminal: a page and .json have everything"
            ))),
            None => Ok(()),
        }
    }

    fn view(&self) -> View {
        self.view.unwrap_or(View::Units)
    }

    fn chosen_format(&self) -> Result<Format, Failure> {
        let extension =
            self.out.as_deref().and_then(Path::extension).and_then(|extension| extension.to_str());
        let named = match extension {
            None => None,
            Some("htm") => Some(Format::Html),
            Some("txt") => Some(Format::Text),
            Some(extension) => Format::from_str(extension, true).ok(),
        };
        match (self.format, named, extension) {
            (Some(format), Some(named), Some(extension)) if format != named => Err(Failure::Usage(format!(
                "--format {} does not go with the name of --out, which says .{extension}: leave out the one or change the other",
                format!("{format:?}").to_lowercase()
            ))),
            (Some(format), ..) => Ok(format),
            (None, Some(named), _) => Ok(named),
            (None, None, None) => Ok(Format::Html),
            (None, None, Some(extension)) => Err(Failure::Usage(format!(
                "unsupported output format {extension}: name --out .html, .png, .svg, .json or .csv, or give --format"
            ))),
        }
    }

    /// The text that is read.
    fn source(&self, session: &Session<Language, Cpu>, format: Format) -> Result<Source, Failure> {
        let note = |text: &str| match self.out.is_some()
            || matches!(format, Format::Html | Format::Png | Format::Svg)
        {
            true => out::line(text),
            // What is asked for goes there.
            false => {
                eprintln!("{text}");
                Ok(())
            }
        };
        if let Some(path) = &self.text {
            return Ok(Source::file(path));
        }
        let (name, text) = match &self.literal {
            Some(text) if text.is_empty() => {
                return Err(Failure::Usage("--text is empty: give at least a character".to_owned()));
            }
            Some(text) => ("--text", text.clone()),
            None => {
                if let Some(held) = self.held_back()? {
                    note(&format!("note: the text is {}", held))?;
                    return Ok(held);
                }
                note("note: no text given: the model reads what it writes itself")?;
                let options = Options { temperature: 0.8, ..Options::default() };
                ("a text of the model's own", session.write("", WRITTEN, &options)?)
            }
        };
        Ok(Source::memory(name, text))
    }

    /// What the run of this model held back, where the run and its text are still there.
    fn held_back(&self) -> Result<Option<Source>, Failure> {
        match self.model.join("config.toml").is_file() {
            true => Ok(held_back(&Settings::of_run(&self.model)?)?),
            false => Ok(None),
        }
    }

    /// Reads the text, and whatever further files say.
    fn record(
        &self,
        session: &Session<Language, Cpu>,
        source: Source,
        format: Format,
    ) -> Result<Recording, Failure> {
        let default = InspectOptions::default();
        let tokens = self.length.unwrap_or(match format {
            Format::Png | Format::Svg if self.view() == View::Units => PICTURED,
            Format::Text | Format::Csv => LISTED,
            _ => default.tokens,
        });
        let bytes = match format {
            Format::Html => {
                self.max_size.map_or(default.bytes, |megabytes| megabytes.saturating_mul(1 << 20))
            }
            Format::Json => 0,
            _ => MAX_BYTES,
        };
        if tokens == 0 {
            return Err(Failure::Usage("--length is 0: give at least 1".to_owned()));
        }
        let mut options = InspectOptions {
            tokens,
            bytes,
            lags: if matches!(format, Format::Html | Format::Json) || self.view() == View::Gradients {
                self.lags.unwrap_or(default.lags)
            } else {
                0
            },
            name: page::name_of(&self.model),
            ..default
        };
        if !self.annotate.is_empty() {
            let (ids, _) = session.model().task.tokens(source.clone(), tokens)?;
            for path in &self.annotate {
                let text = refrain::format::read_text(path)?;
                options.properties.push(Property::from_text(path, &text, ids.len())?);
            }
        }
        let waiting = while_reading();
        let mut recording = session.inspect(source.clone(), &options)?;
        self.add_compared(&mut recording, &source)?;
        waiting.finish_and_clear();
        Ok(recording)
    }

    /// The gradients of other models over the same text.
    fn add_compared(&self, recording: &mut Recording, source: &Source) -> Result<(), Failure> {
        let tokens = recording.inspection.tokens.len();
        let Some(Gradients { lags, series }) = &mut recording.inspection.gradients else { return Ok(()) };
        for path in &self.compare {
            let model = Model::<Language>::load(path)?;
            let backend = self.device.backend(&model)?;
            let session = Session::new(model, &backend);
            let (ids, _) = session.model().task.tokens(source.clone(), tokens)?;
            let reach = session.gradient_reach(&ids, lags.len(), 0)?;
            series.push(NamedReach { name: page::name_of(path), reach });
        }
        if let ([first, ..], false) = (&mut series[..], self.compare.is_empty()) {
            first.name.clone_from(&recording.inspection.model.name);
        }
        Ok(())
    }

    /// What is asked for, and where nothing is, the unit that follows something best.
    fn selection(&self, recording: &Recording) -> Result<Selection, Failure> {
        let inspection = &recording.inspection;
        let best = inspection.finder.as_ref().and_then(|found| found.properties.first()?.units.first());
        let top = inspection.layers.len().saturating_sub(1);
        let layer = match self.layer {
            Some(layer) => layer.wrapping_sub(1),
            None => best.map_or(top, |unit| unit.layer),
        };
        let facts = inspection.layers.get(layer).ok_or_else(|| {
            Failure::Usage(format!("--layer: the model has layers 1 to {}", inspection.layers.len()))
        })?;
        let best = best.filter(|unit| unit.layer == layer);
        let options = self.plane.as_deref().or(best.map(|unit| unit.plane)).unwrap_or("h");
        let names = || facts.planes.keys().copied();
        let plane = names().find(|name| *name == options).ok_or_else(|| {
            let names: Vec<&str> = names().collect();
            Failure::Usage(format!("--plane {options}: {} has {}", facts.name, names.join(", ")))
        })?;
        if let Some(unit) = self.unit.iter().find(|unit| **unit >= facts.units) {
            return Err(Failure::Usage(format!(
                "--unit {unit}: {} has units 0 to {}",
                facts.name,
                facts.units - 1
            )));
        }
        let units = match (&self.unit[..], best) {
            ([], Some(best)) if self.plane.is_none() || self.plane.as_deref() == Some(best.plane) => {
                // The best one first: the terminal shows one.
                let others = (0..facts.units).filter(|unit| *unit != best.unit);
                [best.unit].into_iter().chain(others).collect()
            }
            ([], _) => (0..facts.units).collect(),
            (units, _) => units.to_vec(),
        };
        Ok(Selection { layer, plane, units })
    }

    fn write_page(&self, recording: &Recording) -> Result<(), Failure> {
        let path = self.out.clone().unwrap_or_else(|| "report.html".into());
        write_atomically(&path, page::report(recording)?.as_bytes())?;
        out::line(&format!("{}: open it in a browser", path.display()))
    }

    fn write_json(&self, recording: &Recording) -> Result<(), Failure> {
        // Numbers and texts can always be written; if not, somebody should hear of it.
        let json = serde_json::to_string(&recording.inspection);
        self.write(
            &json.map_err(|error| Failure::Machine(format!("what was found cannot be written: {error}")))?,
        )
    }

    fn write(&self, text: &str) -> Result<(), Failure> {
        match &self.out {
            Some(path) => Ok(write_atomically(path, text.as_bytes())?),
            None => out::write(text.as_bytes()),
        }
    }
}

/// A sign of life for whoever waits at a terminal: a long text takes a large model the better part of a minute.
fn while_reading() -> ProgressBar {
    let waiting = ProgressBar::new_spinner().with_finish(ProgressFinish::AndClear);
    if let Ok(style) = ProgressStyle::with_template("{spinner} reading the text  {elapsed}") {
        waiting.set_style(style);
    }
    waiting.enable_steady_tick(Duration::from_millis(200));
    waiting
}
