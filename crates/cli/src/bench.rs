//! `refrain bench`: how fast this machine trains and samples.

use clap::ValueEnum;
use refrain::bench::{self, Figures, Workload};
use refrain::kernels::peak;
use refrain::model::{ActivationKind, Architecture, CellKind, ResetGate};
use refrain::{Cpu, Precision, train};
use serde_json::json;

use crate::{Failure, machine, out};

/// Measure the speed of training or sampling on synthetic text, or the peaks of the machine.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What to measure
    what: What,
    /// rnn, gru or lstm
    #[arg(long, default_value = "lstm")]
    cell: Cell,
    /// Units of each layer, H
    #[arg(long, default_value_t = 256, value_name = "N")]
    hidden_size: usize,
    /// Layers, L
    #[arg(long, default_value_t = 2, value_name = "N")]
    num_layers: usize,
    /// Numbers that stand for a symbol, E; 0 for one-hot
    #[arg(long, default_value_t = 64, value_name = "N")]
    embedding_size: usize,
    /// Symbols, V
    #[arg(long, default_value_t = 65, value_name = "N")]
    vocab_size: usize,
    /// Sequences side by side, B (training)
    #[arg(long, default_value_t = 50, value_name = "N")]
    batch_size: usize,
    /// Streams side by side (sampling)
    #[arg(long, default_value_t = 1, value_name = "N")]
    streams: usize,
    /// Steps of a sequence, T (training), or symbols of a round (sampling) [50; 300]
    #[arg(long, value_name = "N")]
    seq_length: Option<usize>,
    /// Threads [all processors]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Parts of a batch [as many as threads]
    #[arg(long, value_name = "N")]
    shards: Option<usize>,
    /// What products are computed in: f32, bf16, or int8 (sampling)
    #[arg(long, default_value = "f32")]
    precision: Precision,
    /// Timed rounds
    #[arg(long, default_value_t = 12, value_name = "N")]
    repeat: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Training steps: forward, backward, clipping, Adam
    Train,
    /// Characters drawn one after the other, of one stream or of several together
    Sample,
    /// Multiply-adds from registers, reading of memory
    Peak,
}

#[derive(Clone, Copy, ValueEnum)]
enum Cell {
    Rnn,
    Gru,
    Lstm,
}

const EXAMPLES: &str = "\
Examples:
  refrain bench train --cell lstm --hidden-size 256 --threads 2
  refrain bench sample --streams 32       characters a second of all streams together";

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let threads = args.threads.unwrap_or_else(train::available_threads);
    let backend = machine::cpu(threads)?.with_precision(args.precision);
    if args.what == What::Peak {
        return peaks(&args, &backend);
    }
    let cell = match args.cell {
        Cell::Rnn => CellKind::Rnn,
        Cell::Gru => CellKind::Gru,
        Cell::Lstm => CellKind::Lstm,
    };
    let architecture = Architecture {
        cell,
        activation: ActivationKind::default(),
        reset_gate: ResetGate::default(),
        hidden_size: args.hidden_size,
        num_layers: args.num_layers,
        embedding_size: args.embedding_size,
        vocab_size: args.vocab_size,
        dropout: 0.0,
    };
    if args.what == What::Train && args.precision == Precision::Int8 {
        return Err(Failure::Usage(
            "--precision int8 is for sampling: training takes f32 or bf16".to_owned(),
        ));
    }
    let workload = Workload {
        architecture,
        batch_size: args.batch_size,
        streams: args.streams,
        seq_length: args.seq_length.unwrap_or(if args.what == What::Train { 50 } else { 300 }),
        shards: args.shards.unwrap_or(threads),
        warm_up: 3,
        repeat: args.repeat,
    };
    let figures = match args.what {
        What::Train => bench::train(&backend, &workload)?,
        _ => bench::sample(&backend, &workload)?,
    };
    report(&args, &workload, &figures)
}

fn report(args: &Args, workload: &Workload, figures: &Figures) -> Result<(), Failure> {
    let what = if args.what == What::Train { "train" } else { "sample" };
    let model = &workload.architecture;
    if args.json {
        let mut object = serde_json::to_value(figures).unwrap_or_default();
        object["what"] = json!(what);
        object["cell"] = json!(model.cell);
        object["hidden_size"] = json!(model.hidden_size);
        object["num_layers"] = json!(model.num_layers);
        if args.what == What::Train {
            object["batch_size"] = json!(workload.batch_size);
        } else {
            object["batch_size"] = json!(1);
            object["streams"] = json!(workload.streams);
        }
        object["seq_length"] = json!(workload.seq_length);
        object["precision"] = json!(args.precision.name());
        object["version"] = json!(env!("CARGO_PKG_VERSION"));
        return out::line(&object.to_string());
    }
    let Figures { chars_per_s, best_chars_per_s, step_ms, gflops, isa, threads } = figures;
    let what = match (args.what, workload.streams) {
        (What::Sample, streams @ 2..) => format!("sample {streams} streams"),
        _ => what.to_owned(),
    };
    out::line(&format!("{what}: {}, {isa}, {threads} threads, {}", model.summary(), args.precision))?;
    out::line(&format!("  {chars_per_s:.0} characters a second (median), {best_chars_per_s:.0} (best)"))?;
    out::line(&format!("  {step_ms:.3} ms a step, {gflops:.1} GFLOP/s"))
}

fn peaks(args: &Args, backend: &Cpu) -> Result<(), Failure> {
    let gflops = peak::fma_gflops(backend.isa())?;
    let read = peak::read_gb_per_s();
    if args.json {
        let object = json!({ "what": "peak", "isa": backend.isa().name(), "fma_gflops": gflops, "read_gb_per_s": read });
        return out::line(&object.to_string());
    }
    out::line(&format!("peak of one thread, {}", backend.isa()))?;
    out::line(&format!("  {gflops:.1} GFLOP/s multiply-add from registers"))?;
    out::line(&format!("  {read:.1} GB/s read from memory"))
}
