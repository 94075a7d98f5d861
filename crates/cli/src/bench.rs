//! `refrain bench`: how fast this machine trains and samples.

use clap::ValueEnum;
use refrain::bench::{self, Figures, Workload};
use refrain::kernels::{Isa, peak};
use refrain::model::{Architecture, CellKind, LayerSizes};
use refrain::{Cpu, Precision, train};
use serde_json::json;

use crate::failure::Failure;
use crate::named::named;
use crate::{device, out};

/// Measure the speed of training or sampling on synthetic text, or the peaks of the machine.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What to measure
    what: What,
    /// rnn, gru or lstm
    #[arg(long, default_value = "lstm", value_parser = named::<CellKind>)]
    cell: CellKind,
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
    /// What the machine can do at most: multiply-adds, pairs of bf16 and tile units from registers, reading of caches
    /// and memory, of one thread and of all
    Peak,
}

const EXAMPLES: &str = "\
Examples:
  refrain bench train --cell lstm --hidden-size 256 --threads 2
  refrain bench sample --streams 32       characters a second of all streams together
  refrain bench peak                      what the machine can do at most";

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let threads = args.threads.unwrap_or_else(train::available_threads);
    let backend = device::cpu(threads)?.with_precision(args.precision);
    if args.what == What::Peak {
        return peaks(&args, backend.isa(), threads);
    }
    let architecture = Architecture {
        layers: LayerSizes {
            cell: args.cell,
            hidden_size: args.hidden_size,
            num_layers: args.num_layers,
            ..LayerSizes::default()
        },
        embedding_size: args.embedding_size,
        ..Architecture::new(args.vocab_size)
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
    report(&args, &backend, &workload, &figures)
}

fn report(args: &Args, backend: &Cpu, workload: &Workload, figures: &Figures) -> Result<(), Failure> {
    let (isa, threads) = (backend.isa(), backend.threads());
    let what = if args.what == What::Train { "train" } else { "sample" };
    let model = &workload.architecture;
    if args.json {
        let mut object = serde_json::to_value(figures).unwrap_or_default();
        object["what"] = json!(what);
        object["cell"] = json!(model.layers.cell);
        object["hidden_size"] = json!(model.layers.hidden_size);
        object["num_layers"] = json!(model.layers.num_layers);
        if args.what == What::Train {
            object["batch_size"] = json!(workload.batch_size);
        } else {
            object["batch_size"] = json!(1);
            object["streams"] = json!(workload.streams);
        }
        object["isa"] = json!(isa.name());
        object["threads"] = json!(threads);
        object["seq_length"] = json!(workload.seq_length);
        object["precision"] = json!(args.precision.name());
        object["version"] = json!(env!("CARGO_PKG_VERSION"));
        return out::line(&object.to_string());
    }
    let Figures { chars_per_s, best_chars_per_s, step_ms, gflops } = figures;
    let what = match (args.what, workload.streams) {
        (What::Sample, streams @ 2..) => format!("sample {streams} streams"),
        _ => what.to_owned(),
    };
    out::line(&format!("{what}: {}, {isa}, {threads} threads, {}", model.summary(), args.precision))?;
    out::line(&format!("  {chars_per_s:.0} characters a second (median), {best_chars_per_s:.0} (best)"))?;
    out::line(&format!("  {step_ms:.3} ms a step, {gflops:.1} GFLOP/s"))
}

/// What some threads can do at best.
struct Peaks {
    fma_gflops: f64,
    /// None where pairs of bfloat16 are not multiplied.
    dot_gflops: Option<f64>,
    /// None without tile units.
    tile_tflops: Option<f64>,
    /// GB/s from each of [`peak::WORKING_SETS`], of which the last is memory.
    read: Vec<f64>,
}

impl Peaks {
    fn measure(isa: Isa, threads: usize) -> Result<Self, Failure> {
        let read = peak::WORKING_SETS.into_iter().map(|bytes| peak::read_gb_per_s(isa, threads, bytes));
        Ok(Self {
            fma_gflops: peak::fma_gflops(isa, threads)?,
            dot_gflops: peak::dot_gflops(isa, threads)?,
            tile_tflops: peak::tile_tflops(threads),
            read: read.collect::<Result<_, _>>()?,
        })
    }

    fn memory_gb_per_s(&self) -> f64 {
        self.read.last().copied().unwrap_or_default()
    }
}

fn peaks(args: &Args, isa: Isa, threads: usize) -> Result<(), Failure> {
    let one = Peaks::measure(isa, 1)?;
    let all = if threads > 1 { Some(Peaks::measure(isa, threads)?) } else { None };
    if args.json {
        let all = all.as_ref().unwrap_or(&one);
        let sets = peak::WORKING_SETS.iter().zip(&one.read).zip(&all.read);
        let caches = sets.map(|((bytes, one), all)| {
            json!({ "bytes": bytes, "read_gb_per_s": one, "read_gb_per_s_all_threads": all })
        });
        let object = json!({
            "what": "peak", "isa": isa.name(), "threads": threads,
            "fma_gflops": one.fma_gflops, "fma_gflops_all_threads": all.fma_gflops,
            "dot_gflops": one.dot_gflops, "dot_gflops_all_threads": all.dot_gflops,
            "tile_tflops": one.tile_tflops, "tile_tflops_all_threads": all.tile_tflops,
            "read_gb_per_s": one.memory_gb_per_s(), "read_gb_per_s_all_threads": all.memory_gb_per_s(),
            "working_sets": caches.collect::<Vec<_>>(),
        });
        return out::line(&object.to_string());
    }
    let row = |name: &str, figure: &dyn Fn(&Peaks) -> f64| {
        let all = all.as_ref().map(|all| format!("{:>14.1}", figure(all))).unwrap_or_default();
        out::line(&format!("  {name:<34}{:>12.1}{all}", figure(&one)))
    };
    let heading = if threads > 1 { format!("{:>14}", format!("{threads} threads")) } else { String::new() };
    out::line(&format!("{:<36}{:>12}{heading}", format!("peaks, {isa}"), "one thread"))?;
    row("multiply-add of f32, GFLOP/s", &|peaks| peaks.fma_gflops)?;
    let row_or_none = |name: &str, figure: &dyn Fn(&Peaks) -> Option<f64>| match figure(&one) {
        Some(_) => row(name, &|peaks| figure(peaks).unwrap_or_default()),
        None => out::line(&format!("  {name:<34}{:>12}", "none here")),
    };
    row_or_none("pairs of bf16, GFLOP/s", &|peaks| peaks.dot_gflops)?;
    row_or_none("tile units, bf16, TFLOP/s", &|peaks| peaks.tile_tflops)?;
    for (i, bytes) in peak::WORKING_SETS.into_iter().enumerate() {
        let place = match bytes {
            peak::MEMORY.. => "memory".to_owned(),
            0x10_0000.. => format!("{} MiB a thread", bytes >> 20),
            _ => format!("{} KiB a thread", bytes >> 10),
        };
        row(&format!("reading {place}, GB/s"), &|peaks| peaks.read[i])?;
    }
    Ok(())
}
