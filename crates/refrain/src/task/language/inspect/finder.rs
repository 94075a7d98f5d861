//! Finds units that follow a property of the text: ranked on the first half of a text, evaluated on the second.

use std::collections::BTreeMap;

use refrain_kernels::{Backend, Real, Trace};

use crate::Session;
use crate::inspect::statistics::{Rows, correlation, mutual_information};
use crate::inspect::{DirectionMatch, Finding, Property, UnitMatch};
use crate::task::Language;

/// Units that are reported per property.
const TOP_K: usize = 10;
/// Steps of each half that directions are fitted to and evaluated on.
const SAMPLES: usize = 4096;
/// Regularisation of directions, relative to the mean variance of a unit.
const RIDGE: f64 = 1e-2;

type Source = (usize, &'static str);

impl<B: Backend> Session<Language, B> {
    /// The units that follow each of these properties of the text `ids`; the best property first.
    pub fn find_units(&self, ids: &[u32], properties: Vec<Property>) -> Vec<Finding> {
        let half = ids.len() / 2;
        let mut ranking = Ranking::default();
        let mut samples: BTreeMap<Source, [Vec<f32>; 2]> = BTreeMap::new();
        let stride = (half / SAMPLES).max(1);
        self.for_each_window(ids, |window| {
            for (layer, trace) in window.layers.iter().enumerate() {
                for (plane, values) in states(trace) {
                    let width = values.len() / window.ids.len();
                    for (t, row) in (window.from..).zip(values.chunks_exact(width)) {
                        if t < half {
                            ranking.add((layer, plane), row, t, &properties);
                        }
                        if t % stride == 0 {
                            let sample = &mut samples.entry((layer, plane)).or_default();
                            sample[usize::from(t >= half)].extend(row.iter().map(|x| x.as_f32()));
                        }
                    }
                }
            }
        });
        let best: Vec<Vec<(Source, usize)>> =
            (0..properties.len()).map(|p| ranking.best(p, half, &properties[p].values[..half])).collect();
        let columns = self.columns(ids, half, best.iter().flatten().copied());
        let directions = directions(&samples, &properties, half, ids.len(), stride);
        let finding = |((property, best), direction): ((Property, Vec<(Source, usize)>), _)| {
            let target = &property.values[half..];
            let units = best.iter().map(|key| unit_match(*key, &columns[key], target)).collect();
            Finding { property, units, direction }
        };
        let mut findings: Vec<Finding> =
            properties.into_iter().zip(best).zip(directions).map(finding).collect();
        // Periodic properties are followed by any periodic unit.
        let size =
            |finding: &Finding| finding.units.first().map_or(0.0, |unit| unit.r.abs() - unit.baseline_r);
        findings.sort_by(|a, b| size(b).total_cmp(&size(a)));
        findings
    }

    /// The activations of these units in the second half of a text.
    fn columns(
        &self,
        ids: &[u32],
        half: usize,
        units: impl Iterator<Item = (Source, usize)>,
    ) -> BTreeMap<(Source, usize), Vec<f32>> {
        let mut columns: BTreeMap<_, Vec<f32>> = units.map(|key| (key, vec![])).collect();
        self.for_each_window(ids, |window| {
            let skipped = half.saturating_sub(window.from).min(window.ids.len());
            for (layer, trace) in window.layers.iter().enumerate() {
                for (plane, values) in states(trace) {
                    let width = values.len() / window.ids.len();
                    for (&((_, _), unit), column) in
                        columns.range_mut(((layer, plane), 0)..=((layer, plane), width))
                    {
                        let own = values[skipped * width..].iter().skip(unit).step_by(width);
                        column.extend(own.map(|x| x.as_f32()));
                    }
                }
            }
        });
        columns
    }
}

fn states<R: Real>(trace: &Trace<R>) -> impl Iterator<Item = (&'static str, &[R])> {
    [("c", &trace.c[..]), ("h", &trace.h[..])].into_iter().filter(|(_, values)| !values.is_empty())
}

/// Sums over the first half, for correlations.
#[derive(Default)]
struct Ranking {
    /// For each plane, sums and sums of squares of the units, and for each property sums of products.
    sums: BTreeMap<Source, Sums>,
}

#[derive(Default)]
struct Sums {
    x: Vec<f64>,
    xx: Vec<f64>,
    xy: Vec<Vec<f64>>,
}

impl Ranking {
    fn add<R: Real>(&mut self, source: Source, row: &[R], t: usize, properties: &[Property]) {
        let sums = self.sums.entry(source).or_insert_with(|| Sums {
            x: vec![0.0; row.len()],
            xx: vec![0.0; row.len()],
            xy: vec![vec![0.0; row.len()]; properties.len()],
        });
        for ((sum, square), x) in sums.x.iter_mut().zip(&mut sums.xx).zip(row) {
            let x = x.as_f64();
            *sum += x;
            *square += x * x;
        }
        for (products, property) in sums.xy.iter_mut().zip(properties) {
            let y = f64::from(property.values[t]);
            if y != 0.0 {
                products.iter_mut().zip(row).for_each(|(sum, x)| *sum += x.as_f64() * y);
            }
        }
    }

    /// The units with the highest correlation with a property, whose values are given.
    fn best(&self, property: usize, steps: usize, values: &[f32]) -> Vec<(Source, usize)> {
        let n = steps.max(1) as f64;
        let mean = values.iter().map(|&y| f64::from(y)).sum::<f64>() / n;
        let variance = values.iter().map(|&y| (f64::from(y) - mean).powi(2)).sum::<f64>() / n;
        let unit = |source: Source, sums: &Sums, unit: usize| {
            let x = sums.x[unit] / n;
            let spread = (sums.xx[unit] / n - x * x) * variance;
            let r = (sums.xy[property][unit] / n - x * mean) / spread.sqrt();
            (if r.is_finite() { r.abs() } else { 0.0 }, (source, unit))
        };
        let all = self
            .sums
            .iter()
            .flat_map(|(&source, sums)| (0..sums.x.len()).map(move |number| unit(source, sums, number)));
        let mut all: Vec<_> = all.collect();
        all.sort_by(|a, b| b.0.total_cmp(&a.0));
        all.into_iter().take(TOP_K).map(|(_, key)| key).collect()
    }
}

fn unit_match(((layer, plane), unit): (Source, usize), values: &[f32], target: &[f32]) -> UnitMatch {
    UnitMatch {
        layer,
        plane,
        unit,
        r: correlation(values, target),
        mi: mutual_information(values, target),
        baseline_r: (1..=4).map(|part| correlation(values, &rotated(target, part)).abs()).sum::<f64>() / 4.0,
    }
}

/// Rotates a series by a number of fifths: a baseline with the same distribution and autocorrelation.
fn rotated(values: &[f32], fifths: usize) -> Vec<f32> {
    let mut rotated = values.to_vec();
    rotated.rotate_left(values.len() * fifths / 5);
    rotated
}

/// The best direction for each property: fitted to a sample of the first three quarters of the first half. The plane is
/// selected on the last quarter, and the direction is evaluated on the second half.
fn directions(
    samples: &BTreeMap<Source, [Vec<f32>; 2]>,
    properties: &[Property],
    half: usize,
    steps: usize,
    stride: usize,
) -> Vec<Option<DirectionMatch>> {
    let sampled = |from: usize, to: usize, property: &Property| -> Vec<f32> {
        (from.next_multiple_of(stride)..to).step_by(stride).map(|t| property.values[t]).collect()
    };
    let targets: Vec<[Vec<f32>; 2]> =
        properties.iter().map(|p| [sampled(0, half, p), sampled(half, steps, p)]).collect();
    let fitted = targets.first().map_or(0, |[first, _]| first.len() * 3 / 4);
    let mut best: Vec<Option<(f64, DirectionMatch)>> = vec![None; properties.len()];
    for (&(layer, plane), [first, second]) in samples {
        let Some(width) = first.len().checked_div(targets.first().map_or(0, |[first, _]| first.len())) else {
            break;
        };
        if fitted < 16 {
            break;
        }
        let (fit, choose) = first.split_at(fitted * width);
        let rows = Rows::new(fit.to_vec(), width);
        let project = |rows_of: &[f32], direction: &[f64]| -> Vec<f32> {
            rows_of.chunks_exact(width).map(|row| rows.project(row, direction) as f32).collect()
        };
        let own = targets.iter().map(|[first, _]| first[..fitted].to_vec());
        let shifted = targets.iter().map(|[first, _]| rotated(&first[..fitted], 2));
        let found = rows.directions(&own.chain(shifted).collect::<Vec<_>>(), RIDGE);
        let (own, shifted) = found.split_at(properties.len());
        for (p, [first, target]) in targets.iter().enumerate() {
            let selection_r = correlation(&project(choose, &own[p]), &first[fitted..]);
            if best[p].as_ref().is_none_or(|(other, _)| selection_r > *other) {
                let r = correlation(&project(second, &own[p]), target);
                let baseline_r = correlation(&project(second, &shifted[p]), &rotated(target, 2)).abs();
                best[p] = Some((selection_r, DirectionMatch { layer, plane, r, baseline_r }));
            }
        }
    }
    best.into_iter().map(|best| best.map(|(_, direction)| direction)).collect()
}
