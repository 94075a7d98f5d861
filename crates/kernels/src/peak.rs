//! What the machine can do at best, measured: the yardstick for every kernel.

use crate::dispatch::{Isa, IsaError};
use crate::simd::{Job, Simd, Vector};
use std::time::Instant;

/// Peak rate of fused multiply-adds from registers, of one thread, in GFLOP/s: the best of some rounds.
///
/// # Errors
/// If the machine lacks the instruction set.
pub fn fma_gflops(isa: Isa) -> Result<f64, IsaError> {
    const ROUNDS: usize = 5;
    const ITERATIONS: usize = 2_000_000;
    let simd = Simd::new(isa)?;
    let rates = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        std::hint::black_box(simd.run(Fma { iterations: ITERATIONS }));
        (ITERATIONS * CHAINS * simd.lanes() * 2) as f64 / start.elapsed().as_secs_f64() / 1e9
    });
    Ok(rates.fold(0.0, f64::max))
}

/// Rate at which one thread reads memory it has not touched for a while, in GB/s: the best of some rounds.
pub fn read_gb_per_s() -> f64 {
    const ROUNDS: usize = 3;
    let data = vec![1.0_f32; 64 << 20];
    let sum = |data: &[f32]| {
        data.chunks_exact(16).fold([0.0_f32; 16], |acc, x| std::array::from_fn(|i| acc[i] + x[i]))
    };
    let rates = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        std::hint::black_box(sum(std::hint::black_box(&data)));
        (data.len() * 4) as f64 / start.elapsed().as_secs_f64() / 1e9
    });
    rates.fold(0.0, f64::max)
}

/// Independent chains: more than latency times throughput of any current processor, fewer than its registers.
const CHAINS: usize = 12;

struct Fma {
    iterations: usize,
}

impl Job for Fma {
    type Output = f32;

    #[inline(always)]
    fn run<V: Vector>(self, v: V) -> f32 {
        let (a, b) = (v.splat(std::hint::black_box(0.999)), v.splat(std::hint::black_box(0.001)));
        let mut chains = [v.splat(1.0); CHAINS];
        for _ in 0..self.iterations {
            for chain in &mut chains {
                *chain = chain.mul_add(a, b);
            }
        }
        chains.iter().fold(v.splat(0.0), |sum, &chain| sum + chain).sum()
    }
}
