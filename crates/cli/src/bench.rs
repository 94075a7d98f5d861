//! `refrain bench`: measures training and sampling speed.

use refrain::bench::{self, Speed, Workload};
use refrain::kernels::{Isa, peak};
use refrain::model::{Architecture, LayerSizes};
use refrain::{Cpu, Precision, PrecisionChoice};
use serde_json::json;

use crate::args::Args;
use crate::failure::Failure;
use crate::options::Measurement;
use crate::{device, out};

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let settings = &args.settings;
    let measurement = args.measurement.unwrap_or(Measurement::Train);
    let hidden_size = settings.hidden_size.unwrap_or(256);
    let precision = settings.precision.unwrap_or(PrecisionChoice::F32).resolve(hidden_size);
    let backend = device::cpu(args.threads())?.with_precision(precision);
    if measurement == Measurement::Peak {
        return peaks(args, backend.isa(), args.threads());
    }
    let architecture = Architecture {
        layers: LayerSizes {
            cell: settings.cell.unwrap_or_default(),
            hidden_size,
            num_layers: settings.num_layers.unwrap_or(2),
            ..LayerSizes::default()
        },
        embedding_size: settings.embedding_size.unwrap_or(64),
        ..Architecture::new(settings.vocab_size.unwrap_or(65))
    };
    if measurement == Measurement::Train && precision == Precision::Int8 {
        return Err(Failure::Usage(
            "--precision int8 is for sampling only: train with f32 or bf16".to_owned(),
        ));
    }
    let training = measurement == Measurement::Train;
    let workload = Workload {
        architecture,
        batch_size: settings.batch_size.unwrap_or(50),
        streams: args.streams.unwrap_or(1),
        seq_length: settings.seq_length.unwrap_or(if training { 50 } else { 300 }),
        shards: settings.shards.unwrap_or(args.threads()),
        warm_up: 3,
        repeat: args.repeat.unwrap_or(12),
    };
    let speed = match training {
        true => bench::train(&backend, &workload)?,
        false => bench::sample(&backend, &workload)?,
    };
    report(args, training, &backend, &workload, &speed)
}

fn report(
    args: &Args,
    training: bool,
    backend: &Cpu,
    workload: &Workload,
    speed: &Speed,
) -> Result<(), Failure> {
    let (isa, threads) = (backend.isa(), backend.threads());
    let what = if training { "train" } else { "sample" };
    let model = &workload.architecture;
    if args.json() {
        let mut object = serde_json::to_value(speed).unwrap_or_default();
        object["what"] = json!(what);
        object["cell"] = json!(model.layers.cell);
        object["hidden_size"] = json!(model.layers.hidden_size);
        object["num_layers"] = json!(model.layers.num_layers);
        if training {
            object["batch_size"] = json!(workload.batch_size);
        } else {
            object["batch_size"] = json!(1);
            object["streams"] = json!(workload.streams);
        }
        object["isa"] = json!(isa.name());
        object["threads"] = json!(threads);
        object["seq_length"] = json!(workload.seq_length);
        object["precision"] = json!(backend.precision().name());
        object["version"] = json!(env!("CARGO_PKG_VERSION"));
        return out::line(&object.to_string());
    }
    let Speed { chars_per_s, best_chars_per_s, step_ms, gflops } = speed;
    let what = match (training, workload.streams) {
        (false, streams @ 2..) => format!("sample {streams} streams"),
        _ => what.to_owned(),
    };
    out::line(&format!("{what}: {}, {isa}, {threads} threads, {}", model.summary(), backend.precision()))?;
    out::line(&format!("  {chars_per_s:.0} characters per second (median), {best_chars_per_s:.0} (best)"))?;
    out::line(&format!("  {step_ms:.3} ms per step, {gflops:.1} GFLOP/s"))
}

/// Peak rates of a number of threads.
struct Peaks {
    fma_gflops: f64,
    /// None without dot products of bfloat16 pairs.
    dot_gflops: Option<f64>,
    /// None without tile units.
    tile_tflops: Option<f64>,
    /// GB/s for each of [`peak::WORKING_SETS`], the last of which is main memory.
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
    if args.json() {
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
    out::line(&format!("{:<36}{:>12}{heading}", format!("peak rates, {isa}"), "one thread"))?;
    row("f32 multiply-add, GFLOP/s", &|peaks| peaks.fma_gflops)?;
    let row_or_none = |name: &str, figure: &dyn Fn(&Peaks) -> Option<f64>| match figure(&one) {
        Some(_) => row(name, &|peaks| figure(peaks).unwrap_or_default()),
        None => out::line(&format!("  {name:<34}{:>12}", "unavailable")),
    };
    row_or_none("bf16 dot products, GFLOP/s", &|peaks| peaks.dot_gflops)?;
    row_or_none("tile units, bf16, TFLOP/s", &|peaks| peaks.tile_tflops)?;
    for (i, bytes) in peak::WORKING_SETS.into_iter().enumerate() {
        let place = match bytes {
            peak::MEMORY.. => "memory".to_owned(),
            0x10_0000.. => format!("{} MiB per thread", bytes >> 20),
            _ => format!("{} KiB per thread", bytes >> 10),
        };
        row(&format!("reading {place}, GB/s"), &|peaks| peaks.read[i])?;
    }
    Ok(())
}
