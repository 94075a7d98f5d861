//! `refrain inspect`: the activations of a model on a text, as a page, figures, numbers or in the terminal.

mod coloured;
mod figures;
mod sequences;
mod tables;

use std::ops::Deref;
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use refrain::inspect::{Gradients, NamedReach, Property, Recording};
use refrain::option::{Subcommand, choice};
use refrain::sample::SamplingOptions;
use refrain::task::Language;
use refrain::task::language::{InspectOptions, held_out};
use refrain::text::Source;
use refrain::train::Settings;
use refrain::{AnyModel, Cpu, Model, Session, write_atomically};

use crate::args::Args;
use crate::failure::Failure;
use crate::options::{Format, View};
use crate::task::kind_of;
use crate::{figure, out, page};

/// A plane of a layer, and some of its units.
struct Selection {
    layer: usize,
    plane: &'static str,
    units: Vec<usize>,
}

/// Default number of tokens in heatmaps, in tables and the terminal, and of generated text.
const HEATMAP_TOKENS: usize = 100;
const TABLE_TOKENS: usize = 20_000;
const GENERATED_TOKENS: usize = 2_000;
/// Maximum memory for activations, except for pages.
const MAX_BYTES: usize = 1 << 30;

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let model = AnyModel::load(args.model())?;
    let task = model.task_name();
    let args = &Request { args };
    let format = args.chosen_format()?;
    args.check_used(Subcommand::Inspect, task)?;
    args.check_used_by(format)?;
    match model {
        AnyModel::Language(model) => language(args, model, format),
        model => {
            let recording = sequences::record(args, model)?;
            match format {
                Format::Html => args.write_page(&recording),
                Format::Json => args.write_json(&recording),
                _ => {
                    let kind = kind_of(task);
                    Err(Failure::Usage(format!("a {kind} is shown as a page (.html) or as .json")))
                }
            }
        }
    }
}

/// For language models there are figures and tables, too.
fn language(args: &Request<'_>, model: Model<Language>, format: Format) -> Result<(), Failure> {
    let backend = args.backend(&model)?;
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
            let path = args.settings.out.clone().unwrap_or_else(|| format!("report.{extension}").into());
            figure::save(&path.with_extension(extension), &figure)?;
            out::line(&format!("{}", path.display()))
        }
    }
}

/// The arguments of `inspect`.
struct Request<'a> {
    args: &'a Args,
}

impl Deref for Request<'_> {
    type Target = Args;

    fn deref(&self) -> &Args {
        self.args
    }
}

impl Request<'_> {
    /// Rejects options of figures for pages and JSON.
    fn check_used_by(&self, format: Format) -> Result<(), Failure> {
        let single = [
            ("--view", self.view.is_some()),
            ("--layer", self.layer.is_some()),
            ("--plane", self.plane.is_some()),
            ("--unit", self.unit.is_some()),
        ];
        let unused = single.iter().find(|(_, given)| *given && matches!(format, Format::Html | Format::Json));
        match unused {
            Some((option, _)) => Err(Failure::Usage(format!(
                "{option} is an option of figures, tables and the terminal: a page and .json contain everything"
            ))),
            None => Ok(()),
        }
    }

    fn view(&self) -> View {
        self.view.unwrap_or(View::Units)
    }

    fn chosen_format(&self) -> Result<Format, Failure> {
        let extension =
            self.settings.out.as_deref().and_then(Path::extension).and_then(|extension| extension.to_str());
        let named = match extension {
            None => None,
            Some("htm") => Some(Format::Html),
            Some("txt") => Some(Format::Text),
            Some(extension) => choice(&extension.to_ascii_lowercase()).ok(),
        };
        match (self.format, named, extension) {
            (Some(format), Some(named), Some(extension)) if format != named => Err(Failure::Usage(format!(
                "--format {} contradicts the extension .{extension} of --out: change one of them",
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

    /// The input file, if there is one.
    pub(super) fn file(&self) -> Result<Option<&Path>, Failure> {
        match self.input.as_deref() {
            None => Ok(None),
            Some([file]) => Ok(Some(file)),
            Some(_) => Err(Failure::Usage("give one file: only one is inspected at a time".to_owned())),
        }
    }

    /// The input text.
    fn source(&self, session: &Session<Language, Cpu>, format: Format) -> Result<Source, Failure> {
        let note = |text: &str| match self.settings.out.is_some()
            || matches!(format, Format::Html | Format::Png | Format::Svg)
        {
            true => out::line(text),
            // Standard output is for the result.
            false => {
                eprintln!("{text}");
                Ok(())
            }
        };
        if let Some(path) = self.file()? {
            return Ok(Source::file(path));
        }
        let (name, text) = match &self.text {
            Some(text) if text.is_empty() => {
                return Err(Failure::Usage("--text is empty: give at least one character".to_owned()));
            }
            Some(text) => ("--text", text.clone()),
            None => {
                if let Some(held) = self.held_out()? {
                    note(&format!("note: the text is {}", held))?;
                    return Ok(held);
                }
                note("note: no text given: using text generated by the model")?;
                let options = SamplingOptions { temperature: 0.8, ..SamplingOptions::default() };
                ("text generated by the model", session.write("", GENERATED_TOKENS, &options)?)
            }
        };
        Ok(Source::memory(name, text))
    }

    /// The held-out text of the run of this model, if its files still exist.
    fn held_out(&self) -> Result<Option<Source>, Failure> {
        match self.model().join("config.toml").is_file() {
            true => Ok(held_out(&Settings::of_run(self.model())?)?),
            false => Ok(None),
        }
    }

    /// Records the model on the text, with annotations and compared models.
    fn record(
        &self,
        session: &Session<Language, Cpu>,
        source: Source,
        format: Format,
    ) -> Result<Recording, Failure> {
        let default = InspectOptions::default();
        let tokens = self.length.unwrap_or(match format {
            Format::Png | Format::Svg if self.view() == View::Units => HEATMAP_TOKENS,
            Format::Text | Format::Csv => TABLE_TOKENS,
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
            name: page::name_of(self.model()),
            ..default
        };
        if self.annotate.is_some() {
            let (ids, _) = session.model().task.tokens(source.clone(), tokens)?;
            for path in self.annotate.iter().flatten() {
                let text = refrain::format::read_text(path)?;
                options.properties.push(Property::from_text(path, &text, ids.len())?);
            }
        }
        let progress = spinner();
        let mut recording = session.inspect(source.clone(), &options)?;
        self.add_compared(&mut recording, &source)?;
        progress.finish_and_clear();
        Ok(recording)
    }

    /// The gradients of other models over the same text.
    fn add_compared(&self, recording: &mut Recording, source: &Source) -> Result<(), Failure> {
        let tokens = recording.inspection.tokens.len();
        let Some(Gradients { lags, series }) = &mut recording.inspection.gradients else { return Ok(()) };
        for path in self.compare.iter().flatten() {
            let model = Model::<Language>::load(path)?;
            let backend = self.backend(&model)?;
            let session = Session::new(model, &backend);
            let (ids, _) = session.model().task.tokens(source.clone(), tokens)?;
            let reach = session.gradient_reach(&ids, lags.len(), 0)?;
            series.push(NamedReach { name: page::name_of(path), reach });
        }
        if let ([first, ..], false) = (&mut series[..], self.compare.is_none()) {
            first.name.clone_from(&recording.inspection.model.name);
        }
        Ok(())
    }

    /// The requested units; by default, all units of the plane with the highest correlation.
    fn selection(&self, recording: &Recording) -> Result<Selection, Failure> {
        let inspection = &recording.inspection;
        let best = inspection.finder.as_ref().and_then(|found| found.properties.first()?.units.first());
        let top = inspection.layers.len().saturating_sub(1);
        let layer = match self.layer {
            Some(layer) => layer.wrapping_sub(1),
            None => best.map_or(top, |unit| unit.layer),
        };
        let layer_info = inspection.layers.get(layer).ok_or_else(|| {
            Failure::Usage(format!("--layer: the model has layers 1 to {}", inspection.layers.len()))
        })?;
        let best = best.filter(|unit| unit.layer == layer);
        let options = self.plane.as_deref().or(best.map(|unit| unit.plane)).unwrap_or("h");
        let names = || layer_info.planes.keys().copied();
        let plane = names().find(|name| *name == options).ok_or_else(|| {
            let names: Vec<&str> = names().collect();
            Failure::Usage(format!("--plane {options}: {} has {}", layer_info.name, names.join(", ")))
        })?;
        if let Some(unit) = self.unit.iter().flatten().find(|unit| **unit >= layer_info.units) {
            return Err(Failure::Usage(format!(
                "--unit {unit}: {} has units 0 to {}",
                layer_info.name,
                layer_info.units - 1
            )));
        }
        let units = match (self.unit.as_deref().unwrap_or_default(), best) {
            ([], Some(best)) if self.plane.is_none() || self.plane.as_deref() == Some(best.plane) => {
                // The best unit first, because the terminal shows only one.
                let others = (0..layer_info.units).filter(|unit| *unit != best.unit);
                [best.unit].into_iter().chain(others).collect()
            }
            ([], _) => (0..layer_info.units).collect(),
            (units, _) => units.to_vec(),
        };
        Ok(Selection { layer, plane, units })
    }

    fn write_page(&self, recording: &Recording) -> Result<(), Failure> {
        let path = self.settings.out.clone().unwrap_or_else(|| "report.html".into());
        write_atomically(&path, page::report(recording)?.as_bytes())?;
        out::line(&format!("{}: open it in a browser", path.display()))
    }

    fn write_json(&self, recording: &Recording) -> Result<(), Failure> {
        let json = serde_json::to_string(&recording.inspection);
        self.write(
            &json.map_err(|error| Failure::Machine(format!("cannot serialise the recording: {error}")))?,
        )
    }

    fn write(&self, text: &str) -> Result<(), Failure> {
        match &self.settings.out {
            Some(path) => Ok(write_atomically(path, text.as_bytes())?),
            None => out::write(text.as_bytes()),
        }
    }
}

/// A spinner, because a long text and a large model take up to a minute.
fn spinner() -> ProgressBar {
    let spinner = ProgressBar::new_spinner().with_finish(ProgressFinish::AndClear);
    if let Ok(style) = ProgressStyle::with_template("{spinner} reading the text  {elapsed}") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(Duration::from_millis(200));
    spinner
}
