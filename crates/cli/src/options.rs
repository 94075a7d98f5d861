//! The program's own options: those that are not settings of a training run (`refrain::train::Settings` defines these). Each
//! is defined once; flags, help, man pages, completions and `docs/options.md` follow.

use std::path::PathBuf;

use refrain::model::TaskName::{Caption, Classify, Forecast, Language, Music, Tag, Translate};
use refrain::task::music::MusicPart;
use refrain::{choices, options};
use serde::{Deserialize, Serialize};

const INPUT: &str = "Input";
const OUTPUT: &str = "Output";
const RUN: &str = "Run";
const SAMPLING: &str = "Sampling";
const BEAM_SEARCH: &str = "Beam search";
const MUSIC: &str = "Music";
const FIGURES: &str = "Figures and tables";
const SERVER: &str = "Server";
const WORKLOAD: &str = "Workload";

/// Output format of `inspect`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// A page.
    Html,
    /// Text in the terminal, coloured by the activations of a unit.
    Text,
    /// A raster image.
    Png,
    /// A vector image.
    Svg,
    /// Everything but the activations.
    Json,
    /// The numbers of a view.
    Csv,
}

/// Quantity that a figure or table of `inspect` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum View {
    /// Activations of units over time steps.
    Units,
    /// Surprisal: negative log-likelihood of each token.
    Surprise,
    /// Fractions of time steps at which gates are saturated.
    Gates,
    /// Gradients through time.
    Gradients,
    /// The trajectory of the hidden state.
    Path,
    /// Units that track properties of the text.
    Finder,
}

/// Measurement of `bench`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Measurement {
    /// Training steps: forward and backward pass, clipping, Adam.
    Train,
    /// Sampling, of one stream or several together.
    Sample,
    /// Peaks of the machine: multiply-adds, pairs of bf16 and tile units from registers, reads of caches and memory, with one
    /// thread and with all.
    Peak,
}

choices!(Format, View, Measurement);

options! {
    /// The program's own options, all optional.
    pub(crate) struct Options {
        /// Model file or run directory
        model: PathBuf {
            value_name: "MODEL",
            uses: &[
                sample("").positional().required(),
                predict("").positional().required(),
                eval("").positional().required(),
                inspect("").positional().required(),
                serve("").positional().required(),
                info("describe this machine").positional(),
            ],
        }
        /// Input files
        input: Vec<PathBuf> {
            value_name: "INPUT",
            uses: &[
                predict("standard input").positional(),
                inspect("the run's validation set, or text sampled from the model")
                    .positional()
                    .doc("Text or data to read, one file; held-out data is most informative"),
            ],
        }
        /// Measurement
        measurement: Measurement {
            value_name: "MEASUREMENT",
            uses: &[bench("").positional().required()],
        }

        /// Resume a run from its last checkpoint
        resume: PathBuf {
            heading: RUN, value_name: "DIR", conflicts: &["out", "config", "data", "example"],
            uses: &[train("none").common("none")],
        }
        /// Configuration file in TOML; options given here override it
        config: PathBuf {
            heading: RUN, value_name: "FILE.toml",
            uses: &[train("none").common("none")],
        }
        /// Live page in a browser, at http://127.0.0.1:PORT/
        live: u16 {
            heading: RUN, value_name: "PORT", implied: Some("8080"),
            uses: &[train("off").common("off")],
        }
        /// Write TensorBoard event files into the run directory
        tensorboard: bool {
            heading: RUN,
            uses: &[train("")],
        }
        /// Print JSON, one object per line
        json: bool {
            heading: OUTPUT,
            uses: &[
                train("").doc("Print JSON, one object per line: start, step, valid, sample, probe, checkpoint, warning, done"),
                predict("").doc("Print JSON, one object per line, with scores"),
                eval(""),
                bench(""),
            ],
        }

        /// Prompt: text to continue, printed first; for music a MIDI file
        prompt: String {
            heading: SAMPLING, value_name: "TEXT",
            uses: &[sample("the start of a line; silence")],
        }
        /// Length: tokens to generate, or frames of music
        length: usize {
            heading: SAMPLING, value_name: "N", range: Range::at_least(0.0),
            uses: &[
                sample("500; 64 frames"),
                inspect("200,000; 20,000 for tables and the terminal; 100 for images of units")
                    .only(&[Language])
                    .doc("Maximum number of tokens to read"),
            ],
        }
        /// Sampling temperature: below 1 less random, above 1 more random, 0 greedy
        temperature: f64 {
            heading: SAMPLING, value_name: "T", range: Range::at_least(0.0), conflicts: &["beam", "length_penalty"],
            uses: &[
                sample("0.8"),
                predict("greedy decoding").only(&[Caption]).doc("Sample, at this temperature"),
            ],
        }
        /// Top-k sampling: choose among the N most probable tokens
        top_k: usize {
            heading: SAMPLING, value_name: "N", range: Range::at_least(1.0),
            uses: &[sample("all").only(&[Language])],
        }
        /// Top-p (nucleus) sampling: choose among the fewest tokens with total probability P
        top_p: f64 {
            heading: SAMPLING, value_name: "P", range: Range::PROBABILITY,
            uses: &[sample("1").only(&[Language])],
        }
        /// Greedy decoding: always the most probable token
        greedy: bool {
            heading: SAMPLING, conflicts: &["temperature"],
            uses: &[sample("")],
        }
        /// Stop sequence: end before this text (\n is a newline); may be repeated
        stop: Vec<String> {
            heading: SAMPLING, value_name: "TEXT",
            uses: &[sample("none").only(&[Language])],
        }
        /// Number of samples; they use consecutive seeds starting at --seed and are separated by an empty line
        count: u64 {
            heading: SAMPLING, value_name: "N", range: Range::at_least(1.0),
            uses: &[sample("1").only(&[Language])],
        }
        /// Tempo of the MIDI file in quarter notes per minute
        tempo: f64 {
            heading: MUSIC, value_name: "BPM", range: Range::between(4.0, 1000.0),
            uses: &[sample("120").only(&[Music])],
        }
        /// Instrument: a General MIDI program from 0, such as 19, a church organ
        program: u8 {
            heading: MUSIC, value_name: "N", range: Range::between(0.0, 127.0),
            uses: &[sample("0, a piano").only(&[Music])],
        }

        /// Beam width: hypotheses kept per step; 1 is greedy decoding
        beam: usize {
            heading: BEAM_SEARCH, value_name: "N", range: Range::between(1.0, 1000.0),
            uses: &[
                predict("5; 1 for captions").only(&[Translate, Caption]),
                eval("5; 1 for captions").only(&[Translate, Caption]),
            ],
        }
        /// Length penalty: exponent of the length that scores are divided by; 0 favours short texts
        length_penalty: f64 {
            heading: BEAM_SEARCH, value_name: "EXPONENT", range: Range::at_least(0.0),
            uses: &[
                predict("0.7").only(&[Translate, Caption]),
                eval("0.7").only(&[Translate, Caption]),
            ],
        }
        /// N-best: print the N best translations, one per line
        n_best: usize {
            heading: BEAM_SEARCH, value_name: "N", range: Range::at_least(1.0),
            uses: &[predict("1").only(&[Translate])],
        }

        /// Draw the piano roll into this file, .svg or .png
        picture: PathBuf {
            heading: OUTPUT, value_name: "FILE",
            uses: &[
                sample("none").only(&[Music]),
                eval("none")
                    .only(&[Classify, Tag, Forecast])
                    .doc("Draw the confusion matrix, or the forecasts, into this file, .svg or .png"),
            ],
        }
        /// Training set for a nearest-neighbour baseline, reported next to the model's results
        baseline: PathBuf {
            heading: INPUT, value_name: "FILE",
            uses: &[eval("none").only(&[Caption])],
        }
        /// Part of a file of piano rolls
        part: MusicPart {
            heading: INPUT, value_name: "PART",
            uses: &[eval("test; all if there is none").only(&[Music])],
        }
        /// Evaluate the whole series, not only its test set
        all: bool {
            heading: INPUT,
            uses: &[eval("").only(&[Forecast])],
        }

        /// Read this text instead of a file
        text: String {
            heading: INPUT, value_name: "TEXT", conflicts: &["input"],
            uses: &[inspect("none")],
        }
        /// Line, sequence or piece of the file, from 1
        item: usize {
            heading: INPUT, value_name: "N", range: Range::at_least(1.0),
            uses: &[inspect("1").only(&[Classify, Tag, Translate, Caption, Music])],
        }
        /// Annotations to correlate units with, a file of one number per token; may be repeated
        annotate: Vec<PathBuf> {
            heading: INPUT, value_name: "FILE",
            uses: &[inspect("none").only(&[Language])],
        }
        /// Additional models to include in the gradient figure; may be repeated
        compare: Vec<PathBuf> {
            heading: INPUT, value_name: "MODEL",
            uses: &[inspect("none").only(&[Language])],
        }
        /// Output format
        format: Format {
            heading: OUTPUT, value_name: "FORMAT",
            uses: &[inspect("from the extension of --out, else html")],
        }
        /// Maximum size of the activations in a page, in MB; beyond it only units that track a property are kept
        max_size: usize {
            heading: OUTPUT, value_name: "MB",
            uses: &[inspect("6").only(&[Language])],
        }
        /// Time steps to backpropagate gradients through; 0 disables
        lags: usize {
            heading: OUTPUT, value_name: "N",
            uses: &[inspect("100").only(&[Language])],
        }
        /// Quantity to draw or to tabulate
        view: View {
            heading: FIGURES, value_name: "VIEW",
            uses: &[inspect("units")],
        }
        /// Layer, from 1
        layer: usize {
            heading: FIGURES, value_name: "N",
            uses: &[inspect("that of the unit most correlated with a property, else the top one")],
        }
        /// Activations: h, c (LSTM cell states), a gate (i, f, o; r, z) or the candidate (g; n)
        plane: String {
            heading: FIGURES, value_name: "NAME",
            uses: &[inspect("that of the unit most correlated with a property, else h")],
        }
        /// Units, from 0; may be repeated
        unit: Vec<usize> {
            heading: FIGURES, value_name: "N",
            uses: &[inspect("all; in the terminal the one most correlated with a property")],
        }

        /// Address to listen on; 0.0.0.0 accepts connections from other machines
        host: String {
            heading: SERVER, value_name: "ADDRESS",
            uses: &[serve("127.0.0.1")],
        }
        /// Port; 0 for any free one
        port: u16 {
            heading: SERVER, value_name: "N",
            uses: &[serve("8080")],
        }

        /// Streams sampled in parallel
        streams: usize {
            heading: WORKLOAD, value_name: "N", range: Range::at_least(1.0),
            uses: &[bench("1")],
        }
        /// Timed repetitions
        repeat: usize {
            heading: WORKLOAD, value_name: "N", range: Range::at_least(1.0),
            uses: &[bench("12")],
        }
    }
}
