//! Products in every format against plain loops over the rounded numbers, on every instruction set; products on tile
//! units both in software and in the machine code of the hardware.

use super::*;
use crate::bf16::Bf16;
use crate::dispatch::Isa;
use crate::values::ValuesRef;

/// Deterministic numbers in -1..1.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }

    fn vec(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.next()).collect()
    }

    fn below(&mut self, n: usize) -> usize {
        ((self.next() + 1.0) / 2.0 * n as f32) as usize % n
    }
}

/// One operand with its matrix, `planes` planes of `depth` values per row.
struct Case {
    planes: usize,
    depth: usize,
    /// `[planes * depth, width * lanes]`.
    matrix: Vec<f32>,
    /// `[rows, planes * depth]`.
    x: Vec<f32>,
    /// In vectors.
    width: usize,
    at: usize,
}

impl Case {
    fn new(random: &mut Random, rows: usize, lanes: usize, width: usize, at: usize) -> Self {
        let (planes, depth) = (1 + random.below(3), 1 + random.below(150));
        let k = planes * depth;
        Self { planes, depth, matrix: random.vec(k * width * lanes), x: random.vec(rows * k), width, at }
    }

    /// Rows of the packed matrix: every plane padded to whole steps of the format.
    fn padded(&self, simd: Simd, format: Format) -> usize {
        match format {
            // 8-bit rows have no planes; they are padded at their end.
            Format::Int8 => self.depth,
            _ => self.depth.next_multiple_of(format.k_step(simd)),
        }
    }

    fn pack(&self, simd: Simd, format: Format) -> Panels {
        let (mut panels, lanes, padded) = (Panels::default(), simd.lanes(), self.padded(simd, format));
        let columns = Columns { groups: self.width, group: 1, one_group_per_panel: false };
        panels.pack(simd, format, padded * self.planes, columns, |block, rows, out| {
            for (k, to) in rows.zip(out.chunks_exact_mut(lanes)) {
                let (plane, within) = (k / padded, k % padded);
                match within < self.depth {
                    true => {
                        let row = (plane * self.depth + within) * self.width * lanes;
                        to.copy_from_slice(&self.matrix[row + block * lanes..][..lanes]);
                    }
                    false => to.fill(0.0),
                }
            }
        });
        panels
    }

    /// The activations in planes, rows `stride` apart, with zeros where the matrix has padding.
    fn planes(&self, rows: usize, stride: usize) -> Vec<f32> {
        let mut all = vec![0.0; self.planes * rows * stride];
        for (i, row) in self.x.chunks_exact(self.planes * self.depth).enumerate() {
            for (plane, values) in row.chunks_exact(self.depth).enumerate() {
                all[(plane * rows + i) * stride..][..self.depth].copy_from_slice(values);
            }
        }
        all
    }
}

/// Runs a product of one or two terms and compares it with plain sums over the rounded numbers.
fn check(simd: Simd, format: Format, seed: u64, run: impl Fn(Product<'_>)) {
    let mut random = Random(seed);
    let (lanes, rows, width) = (simd.lanes(), 1 + random.below(40), 1 + random.below(4));
    let mut cases = vec![Case::new(&mut random, rows, lanes, width, 0)];
    if random.below(2) == 0 {
        let at = random.below(width);
        cases.push(Case::new(&mut random, rows, lanes, width - at, at));
    }
    let c_stride = width * lanes + random.below(5);
    let start = random.vec(rows * c_stride);
    let bias = random.vec(width * lanes);
    let whole = cases.iter().all(|case| case.width == width);
    let init = match random.below(if whole { 3 } else { 2 }) {
        0 => Init::Zero,
        1 => Init::Accumulate,
        _ => Init::Row(&bias),
    };

    let packed: Vec<Panels> = cases.iter().map(|case| case.pack(simd, format)).collect();
    let strides: Vec<usize> = cases.iter().map(|case| case.padded(simd, format) + 3).collect();
    let singles: Vec<Vec<f32>> = cases.iter().zip(&strides).map(|(c, &s)| c.planes(rows, s)).collect();
    let halves: Vec<Vec<Bf16>> = singles.iter().map(|x| x.iter().map(|&x| Bf16::of(x)).collect()).collect();
    let mut quantised: Vec<Quantised> = cases.iter().map(|_| Quantised::default()).collect();
    let mut terms = vec![];
    for (i, (case, quantised)) in cases.iter().zip(&mut quantised).enumerate() {
        let depth = case.padded(simd, format);
        let data = match format {
            Format::Bf16 => ValuesRef::Bf16(&halves[i]),
            _ => ValuesRef::F32(&singles[i]),
        };
        let a = match format {
            Format::Int8 => {
                let k = case.planes * case.depth;
                quantised.rows(simd, &case.x, k, (rows, k, packed[i].k()))
            }
            _ => Operand::planes(Planes { data, row_stride: strides[i], plane: rows * strides[i] }, depth),
        };
        terms.push(Term { a, panel: packed[i].panel(0), at: case.at });
    }
    let mut c = start.clone();
    run(Product { rows, terms: &terms, init, width, c: &mut c, c_stride });

    let round = |x: f32| if format == Format::Bf16 { Bf16::of(x).to_f32() } else { x };
    let (mut error, mut size) = (0.0, 0.0);
    for i in 0..rows {
        for j in 0..width * lanes {
            let mut sum = match init {
                Init::Zero => 0.0,
                Init::Accumulate => f64::from(start[i * c_stride + j]),
                Init::Row(row) => f64::from(row[j]),
            };
            for case in &cases {
                let (k, columns) = (case.planes * case.depth, case.width * lanes);
                let Some(column) = j.checked_sub(case.at * lanes) else { continue };
                for m in 0..k {
                    let (x, w) = (case.x[i * k + m], case.matrix[m * columns + column]);
                    sum += f64::from(round(x)) * f64::from(round(w));
                }
            }
            error += (f64::from(c[i * c_stride + j]) - sum).powi(2);
            size += sum * sum;
        }
        let beyond = i * c_stride + width * lanes..(i + 1) * c_stride;
        assert_eq!(c[beyond.clone()], start[beyond], "{format:?} wrote beyond its columns");
    }
    // 8-bit weights are off by a quarter of a step on average; the other formats only by the rounding of sums.
    let tolerance = if format == Format::Int8 { 1e-2 } else { 1e-6 };
    let error = (error / size).sqrt();
    assert!(error < tolerance, "{}, {format:?}, seed {seed}: off by {error:.1e}", simd.isa());
}

#[test]
fn products_of_every_format_agree_with_plain_sums() {
    for isa in Isa::available() {
        let simd = Simd::new(isa).unwrap();
        for format in [Format::F32, Format::Bf16, Format::Int8] {
            for seed in 0..60 {
                check(simd, format, seed, |product| product.run(simd));
            }
        }
    }
}

/// The tile algorithm in the machine code of the hardware, emulated if the processor lacks it.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn products_on_the_tile_unit_agree_with_plain_sums() {
    use crate::simd::tiles::TileUnit;
    let simd = Simd::new(Isa::Wide).unwrap();
    for seed in 100..130 {
        check(simd, Format::Bf16, seed, |product| {
            let mut unit = crate::simd::tile_emulator::hardware();
            // SAFETY: nothing else on this thread uses tiles.
            tiles::multiply(product, &mut unit, |unit, heights| unsafe {
                unit.configure(&tiles::config(heights));
            });
            // SAFETY: as above.
            unsafe { unit.release() };
        });
    }
}

#[test]
fn a_nan_activation_stays_nan_in_int8_products() {
    let simd = Simd::new(Isa::detect().unwrap()).unwrap();
    let mut panels = Panels::default();
    let columns = Columns { groups: 1, group: 1, one_group_per_panel: false };
    panels.pack(simd, Format::Int8, 4, columns, |_, _, out| out.fill(0.5));
    let mut quantised = Quantised::default();
    let a = quantised.rows(simd, &[1.0, f32::NAN, 2.0, 3.0], 4, (1, 4, 4));
    let mut c = vec![0.0; simd.lanes()];
    let terms = &[Term { a, panel: panels.panel(0), at: 0 }];
    Product { rows: 1, terms, init: Init::Zero, width: 1, c: &mut c, c_stride: simd.lanes() }.run(simd);
    assert!(c.iter().all(|x| x.is_nan()), "{c:?}");
}
