//! Measured peak rates of the machine: upper bounds for the kernels.
//!
//! Every rate is the total of some threads (at least one), each working on its own data: all start together, a round
//! ends with the slowest, and the best round counts.
//!
//! ```
//! use refrain_kernels::{Isa, peak};
//!
//! let gflops = peak::fma_gflops(Isa::Scalar, 1)?;
//! assert!(gflops > 0.0);
//! # Ok::<(), refrain_kernels::IsaError>(())
//! ```

use crate::bf16::Bf16;
use crate::buffer::Aligned;
use crate::dispatch::{Isa, IsaError};
#[cfg(target_arch = "x86_64")]
use crate::simd::tiles::Hardware;
#[cfg(any(test, target_arch = "x86_64"))]
use crate::simd::tiles::{MAX_ROW_BYTES, MAX_ROWS, TILES, TileConfig, TileShape, TileUnit};
use crate::simd::{Job, Simd, Vector};
use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant};

/// More bytes than any cache holds.
pub const MEMORY: usize = 256 << 20;

/// Bytes that fit the L2 cache of most processors, that of few, the L3 cache, and none.
pub const WORKING_SETS: [usize; 4] = [256 << 10, 2 << 20, 16 << 20, MEMORY];

/// When threads divide memory that no cache holds: the minimum for each of them, more than its part of any cache.
const MIN_BYTES_PER_THREAD: usize = 32 << 20;

/// Many short rounds: on a shared machine, some are undisturbed.
const ROUNDS: usize = 20;

/// Minimum duration of a round.
const ROUND: Duration = Duration::from_millis(3);

/// Peak rate of fused multiply-adds in `f32` from registers, in GFLOP/s.
///
/// # Errors
/// If the machine lacks the instruction set.
pub fn fma_gflops(isa: Isa, threads: usize) -> Result<f64, IsaError> {
    const ITERATIONS: usize = 10_000;
    let simd = Simd::new(isa)?;
    let flops = ITERATIONS * CHAINS * simd.lanes() * 2;
    let rate = repetitions_per_s(
        threads,
        || (),
        |()| {
            black_box(simd.run(Fma { iterations: ITERATIONS }));
        },
    );
    Ok(rate * flops as f64 / 1e9)
}

/// Peak rate of products of pairs of bfloat16 from registers, in GFLOP/s; `None` if the instruction set has none.
///
/// # Errors
/// If the machine lacks the instruction set.
pub fn dot_gflops(isa: Isa, threads: usize) -> Result<Option<f64>, IsaError> {
    const ITERATIONS: usize = 10_000;
    let simd = Simd::new(isa)?;
    if isa != Isa::Avx512Bf16 {
        return Ok(None);
    }
    let flops = ITERATIONS * CHAINS * simd.lanes() * 4;
    let rate = repetitions_per_s(
        threads,
        || (),
        |()| {
            black_box(simd.run_with_dots(Dots { iterations: ITERATIONS }));
        },
    );
    Ok(Some(rate * flops as f64 / 1e9))
}

/// Peak rate of products of bfloat16 on tile units, from their registers, in TFLOP/s; `None` if the machine lacks
/// them.
pub fn tile_tflops(threads: usize) -> Option<f64> {
    #[cfg(target_arch = "x86_64")]
    if Isa::Amx.is_available() {
        const ITERATIONS: usize = 1_000;
        // SAFETY: the unit is available, as just checked.
        let unit = unsafe { Hardware::new_unchecked() };
        let rate = repetitions_per_s(
            threads,
            || unit,
            |unit| {
                black_box(tile_products(unit, ITERATIONS));
            },
        );
        return Some(rate * (ITERATIONS * TILE_FLOPS) as f64 / 1e12);
    }
    let _ = threads;
    None
}

/// Rate at which threads repeatedly read `bytes` of memory each, in GB/s. From [`MEMORY`] on, the threads divide the
/// bytes, so that any number of threads fits into memory.
///
/// # Errors
/// If the machine lacks the instruction set.
pub fn read_gb_per_s(isa: Isa, threads: usize, bytes: usize) -> Result<f64, IsaError> {
    let simd = Simd::new(isa)?;
    let bytes_per_thread =
        if bytes < MEMORY { bytes } else { (bytes / threads.max(1)).max(MIN_BYTES_PER_THREAD) };
    let numbers = (bytes_per_thread / size_of::<f32>()).next_multiple_of(READS * simd.lanes());
    let rate = repetitions_per_s(
        threads,
        || {
            // Written first: unwritten pages may all map to the same physical page.
            let mut data = Aligned::zeros(numbers);
            data.fill(1.0);
            data
        },
        |data| {
            black_box(simd.run(Read { data: black_box(&*data) }));
        },
    );
    Ok(rate * (numbers * size_of::<f32>()) as f64 / 1e9)
}

/// Repetitions of `work` per second by all threads together, each on its own prepared data.
fn repetitions_per_s<S>(threads: usize, prepare: impl Fn() -> S + Sync, work: impl Fn(&mut S) + Sync) -> f64 {
    let threads = threads.max(1);
    let (barrier, prepare, work) = (&Barrier::new(threads), &prepare, &work);
    // All on new threads: the measured code may have per-thread state, as tile units do.
    std::thread::scope(|scope| {
        let repetitions = scope.spawn(|| repetitions_of_a_round(prepare, work)).join().expect("measures");
        let rounds = move || {
            let mut state = prepare();
            let round = |_| {
                barrier.wait();
                let start = Instant::now();
                (0..repetitions).for_each(|_| work(&mut state));
                start.elapsed()
            };
            (0..ROUNDS).map(round).collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(rounds)).collect();
        let times: Vec<_> = threads.into_iter().map(|t| t.join().expect("measures")).collect();
        let slowest = |round: usize| times.iter().map(|times| times[round]).max().unwrap_or_default();
        let best = (0..ROUNDS).map(slowest).min().unwrap_or_default();
        (repetitions * times.len()) as f64 / best.as_secs_f64()
    })
}

/// The number of repetitions that take [`ROUND`], found by doubling.
fn repetitions_of_a_round<S>(prepare: impl Fn() -> S, work: impl Fn(&mut S)) -> usize {
    let (mut state, mut repetitions) = (prepare(), 1);
    loop {
        let start = Instant::now();
        (0..repetitions).for_each(|_| work(&mut state));
        if start.elapsed() >= ROUND {
            return repetitions;
        }
        repetitions *= 2;
    }
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
        let (a, b) = (v.splat(black_box(0.999)), v.splat(black_box(0.001)));
        let mut chains = [v.splat(1.0); CHAINS];
        for _ in 0..self.iterations {
            for chain in &mut chains {
                *chain = chain.mul_add(a, b);
            }
        }
        chains.iter().fold(v.splat(0.0), |sum, &chain| sum + chain).sum()
    }
}

/// As [`Fma`], with pairs of bfloat16.
struct Dots {
    iterations: usize,
}

impl Job for Dots {
    type Output = f32;

    #[inline(always)]
    fn run<V: Vector>(self, v: V) -> f32 {
        let one = v.splat_pair::<0>(black_box([Bf16::of(1.0); 2]));
        let mut chains = [v.splat(0.0); CHAINS];
        for _ in 0..self.iterations {
            for chain in &mut chains {
                *chain = chain.add_pairs(one, one);
            }
        }
        chains.iter().fold(v.splat(0.0), |sum, &chain| sum + chain).sum()
    }
}

/// Vectors read at a time, each added to its own sum: enough to hide the latency of an addition.
const READS: usize = 8;

struct Read<'a> {
    data: &'a [f32],
}

impl Job for Read<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<V: Vector>(self, v: V) -> f32 {
        let mut sums = [v.splat(0.0); READS];
        for block in self.data.chunks_exact(READS * V::LANES) {
            for (i, sum) in sums.iter_mut().enumerate() {
                *sum = *sum + v.load(&block[i * V::LANES..]);
            }
        }
        sums.iter().fold(v.splat(0.0), |all, &sum| all + sum).sum()
    }
}

/// Floating-point operations of the four products of one iteration.
#[cfg(any(test, target_arch = "x86_64"))]
const TILE_FLOPS: usize = 4 * 2 * MAX_ROWS * (MAX_ROW_BYTES / 4) * (MAX_ROW_BYTES / 2);

/// Products as on panels, two tiles by two into four, without loads; returns one of the sums.
///
/// The calling thread must have no tiles in use.
#[cfg(any(test, target_arch = "x86_64"))]
fn tile_products<U: TileUnit>(unit: &mut U, iterations: usize) -> f32 {
    const FULL: TileConfig = TileConfig::new([TileShape { rows: MAX_ROWS, row_bytes: MAX_ROW_BYTES }; TILES]);
    /// 1.0 in bfloat16, twice.
    const ONES: u32 = 0x3f80_3f80;
    let ones = [ONES; MAX_ROW_BYTES / 4];
    let mut sums = [0.0_f32; MAX_ROW_BYTES / 4];
    // SAFETY: the unit is configured, all tiles alike, and nothing else uses tiles before it is released. With
    // strides of zero all rows of a tile are loaded from `ones`, or stored to `sums`, which have the size of one row.
    unsafe {
        unit.configure(&FULL);
        unit.load::<4>(ones.as_ptr().cast(), 0);
        unit.load::<5>(ones.as_ptr().cast(), 0);
        unit.load::<6>(ones.as_ptr().cast(), 0);
        unit.load::<7>(ones.as_ptr().cast(), 0);
        for _ in 0..iterations {
            unit.multiply_add::<0, 4, 6>();
            unit.multiply_add::<1, 4, 7>();
            unit.multiply_add::<2, 5, 6>();
            unit.multiply_add::<3, 5, 7>();
        }
        unit.store::<3>(sums.as_mut_ptr().cast(), 0);
        unit.release();
    }
    sums[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::tiles::Software;

    #[test]
    fn every_instruction_set_has_peaks() {
        for isa in Isa::available() {
            assert!(fma_gflops(isa, 2).unwrap() > 0.0, "{isa}");
            assert!(read_gb_per_s(isa, 2, 100_000).unwrap() > 0.0, "{isa}");
            let dots = dot_gflops(isa, 2).unwrap();
            assert_eq!(dots.is_some_and(|rate| rate > 0.0), isa == Isa::Avx512Bf16, "{isa}");
        }
    }

    #[test]
    fn tile_units_have_a_peak_if_available() {
        assert_eq!(tile_tflops(1).is_some(), Isa::Amx.is_available());
        assert!(tile_tflops(2).is_none_or(|rate| rate > 0.0));
    }

    #[test]
    fn timed_kernels_compute_the_expected_sums() {
        for isa in Isa::available() {
            let simd = Simd::new(isa).unwrap();
            let data = vec![1.0; 3 * READS * simd.lanes()];
            assert_eq!(simd.run(Read { data: &data }), data.len() as f32, "{isa}");
            // A pass processes both values of a pair, or one.
            let each = if isa == Isa::Avx512Bf16 { 2 } else { 1 };
            let sums = simd.run_with_dots(Dots { iterations: 3 });
            assert_eq!(sums, (3 * CHAINS * simd.lanes() * each) as f32, "{isa}");
        }
        // Thirty-two products of one with one per iteration.
        assert_eq!(tile_products(&mut Software::new(), 3), 96.0);
    }

    /// In the machine code that is timed, emulated if the processor lacks it.
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    #[test]
    fn timed_tile_products_compute_the_expected_sum() {
        assert_eq!(tile_products(&mut crate::simd::tile_emulator::hardware(), 3), 96.0);
    }
}
