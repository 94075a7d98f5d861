use refrain::bench::*;
use refrain::model::*;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let cell = match a[1].as_str() {
        "lstm" => CellKind::Lstm,
        "gru" => CellKind::Gru,
        _ => CellKind::Rnn,
    };
    let h: usize = a[2].parse().unwrap();
    let th: usize = a[3].parse().unwrap();
    let arch = Architecture {
        cell,
        activation: Default::default(),
        reset_gate: Default::default(),
        hidden_size: h,
        num_layers: 2,
        embedding_size: 64,
        vocab_size: 65,
        dropout: 0.0,
    };
    let b = refrain_kernels::Cpu::new(th).unwrap();
    let r: usize = a.get(5).map_or(12, |x| x.parse().unwrap());
    let w = Workload {
        architecture: arch,
        batch_size: 50,
        seq_length: if a[4] == "train" { 50 } else { 300 },
        shards: 2,
        repeat: r,
    };
    let f = if a[4] == "train" { train(&b, &w) } else { sample(&b, &w) }.unwrap();
    println!(
        "{cell:?} {h} {} best {:.0} med {:.0} step {:.2}ms {:.1} GF",
        a[4], f.best_chars_per_s, f.chars_per_s, f.step_ms, f.gflops
    );
}
