//! Which units follow a property of the text: ranked on the first half of a text, measured on the second.

use std::collections::BTreeMap;

use refrain_kernels::{Backend, Real, Trace};

use crate::Session;
use crate::inspect::statistics::{Rows, correlation, mutual_information};
use crate::inspect::{DirectionMatch, Finding, Property, UnitMatch};
use crate::task::Language;

/// Units that are told of each property.
const BEST: usize = 10;
/// Steps of each half that directions are fitted to and measured on.
const SAMPLED: usize = 4096;
/// Weight on short directions, as a share of the mean variance of a unit.
const RIDGE: f64 = 1e-2;

/// A plane of a layer.
type Source = (usize, &'static str);

impl<B: Backend> Session<Language, B> {
    /// The units that follow each of these properties of the text `ids`, those best followed first.
    pub fn find_units(&self, ids: &[u32], properties: Vec<Property>) -> Vec<Finding> {
        let half = ids.len() / 2;
        let mut ranking = Ranking::default();
        let mut samples: BTreeMap<Source, [Vec<f32>; 2]> = BTreeMap::new();
        let stride = (half / SAMPLED).max(1);
        self.watch(ids, |seen| {
            for (layer, trace) in seen.layers.iter().enumerate() {
                for (plane, values) in states(trace) {
                    let width = values.len() / seen.ids.len();
                    for (t, row) in (seen.from..).zip(values.chunks_exact(width)) {
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
            let wanted = &property.values[half..];
            let units = best.iter().map(|key| unit_match(*key, &columns[key], wanted)).collect();
            Finding { property, units, direction }
        };
        let mut findings: Vec<Finding> =
            properties.into_iter().zip(best).zip(directions).map(finding).collect();
        // What comes at regular intervals is followed by anything that does.
        let size =
            |finding: &Finding| finding.units.first().map_or(0.0, |unit| unit.r.abs() - unit.baseline_r);
        findings.sort_by(|a, b| size(b).total_cmp(&size(a)));
        findings
    }

    /// What these units do in the second half of a text.
    fn columns(
        &self,
        ids: &[u32],
        half: usize,
        units: impl Iterator<Item = (Source, usize)>,
    ) -> BTreeMap<(Source, usize), Vec<f32>> {
        let mut columns: BTreeMap<_, Vec<f32>> = units.map(|key| (key, vec![])).collect();
        self.watch(ids, |seen| {
            let skipped = half.saturating_sub(seen.from).min(seen.ids.len());
            for (layer, trace) in seen.layers.iter().enumerate() {
                for (plane, values) in states(trace) {
                    let width = values.len() / seen.ids.len();
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

/// The states of a layer: what of it may follow something over time.
fn states<R: Real>(trace: &Trace<R>) -> impl Iterator<Item = (&'static str, &[R])> {
    [("c", &trace.c[..]), ("h", &trace.h[..])].into_iter().filter(|(_, values)| !values.is_empty())
}

/// Sums over the first half that correlations are made of.
#[derive(Default)]
struct Ranking {
    /// Of each plane the units' sums and sums of squares, and of each property the sums of products.
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

    /// The units that correlate most with a property of which these are the values.
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
        all.into_iter().take(BEST).map(|(_, key)| key).collect()
    }
}

fn unit_match(((layer, plane), unit): (Source, usize), values: &[f32], wanted: &[f32]) -> UnitMatch {
    UnitMatch {
        layer,
        plane,
        unit,
        r: correlation(values, wanted),
        mi: mutual_information(values, wanted),
        baseline_r: (1..=4).map(|part| correlation(values, &moved(wanted, part)).abs()).sum::<f64>() / 4.0,
    }
}

/// A series moved along by so many fifths, its end before its beginning: it keeps its rhythm and loses its place.
fn moved(values: &[f32], fifths: usize) -> Vec<f32> {
    let mut moved = values.to_vec();
    moved.rotate_left(values.len() * fifths / 5);
    moved
}

/// The best direction for each property: fitted to a sample of the first half but for its last quarter, by which the
/// plane is chosen, and measured on the second half.
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
        let said = |rows_of: &[f32], direction: &[f64]| -> Vec<f32> {
            rows_of.chunks_exact(width).map(|row| rows.project(row, direction) as f32).collect()
        };
        let own = targets.iter().map(|[first, _]| first[..fitted].to_vec());
        let elsewhere = targets.iter().map(|[first, _]| moved(&first[..fitted], 2));
        let found = rows.directions(&own.chain(elsewhere).collect::<Vec<_>>(), RIDGE);
        let (own, elsewhere) = found.split_at(properties.len());
        for (p, [first, wanted]) in targets.iter().enumerate() {
            let chosen_by = correlation(&said(choose, &own[p]), &first[fitted..]);
            if best[p].as_ref().is_none_or(|(other, _)| chosen_by > *other) {
                let r = correlation(&said(second, &own[p]), wanted);
                let baseline_r = correlation(&said(second, &elsewhere[p]), &moved(wanted, 2)).abs();
                best[p] = Some((chosen_by, DirectionMatch { layer, plane, r, baseline_r }));
            }
        }
    }
    best.into_iter().map(|best| best.map(|(_, direction)| direction)).collect()
}
