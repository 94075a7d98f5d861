//! Activations of windows within a memory limit.

use std::collections::{BTreeMap, BTreeSet};

use refrain_kernels::{Real, Trace};

use super::{Finding, Layer, Plane, PlaneInfo};

/// Collects activations within a memory limit.
pub(crate) struct Recorder<'f> {
    steps: usize,
    bytes: usize,
    finder: &'f [Finding],
    units: Vec<usize>,
    planes: BTreeMap<(usize, &'static str), Plane>,
}

impl<'f> Recorder<'f> {
    pub(crate) fn new(steps: usize, bytes: usize, finder: &'f [Finding]) -> Self {
        Self { steps, bytes, finder, units: vec![], planes: BTreeMap::new() }
    }

    pub(crate) fn add<R: Real>(&mut self, steps: usize, layers: &[Trace<R>]) {
        if self.units.is_empty() {
            self.units = layers.iter().map(|trace| trace.h.len() / steps).collect();
            self.choose(layers);
        }
        for (layer, trace) in layers.iter().enumerate() {
            for (name, values) in planes_of(trace) {
                if let Some(plane) = self.planes.get_mut(&(layer, name)) {
                    plane.extend(values, self.units[layer]);
                }
            }
        }
    }

    /// Chooses the planes and units to keep.
    fn choose<R: Real>(&mut self, layers: &[Trace<R>]) {
        let names = |layer: usize| planes_of(&layers[layer]).map(|(name, _)| name).collect::<Vec<_>>();
        let columns: usize = (0..layers.len()).map(|l| names(l).len() * self.units[l]).sum();
        let limit = self.bytes / self.steps.max(1);
        if columns <= limit {
            for layer in 0..layers.len() {
                for name in names(layer) {
                    self.planes.insert((layer, name), Plane::new((0..self.units[layer]).collect()));
                }
            }
            return;
        }
        // Units that match a property first, best matches first; then the others.
        let best = (0..).map_while(|rank| {
            let units: Vec<_> = self.finder.iter().filter_map(|finding| finding.units.get(rank)).collect();
            (!units.is_empty()).then_some(units)
        });
        let named = best.flatten().map(|unit| (unit.layer, unit.unit));
        let max = self.units.iter().copied().max().unwrap_or(0);
        let others = (0..max).flat_map(|unit| (0..layers.len()).map(move |layer| (layer, unit)));
        let others = others.filter(|&(layer, unit)| unit < self.units[layer]);
        let states = |layer: usize| names(layer).into_iter().filter(|name| ["h", "c"].contains(name)).count();
        let (mut chosen, mut left): (BTreeSet<(usize, usize)>, usize) = (BTreeSet::new(), limit);
        for (layer, unit) in named.chain(others) {
            if left < states(layer) {
                break;
            }
            left -= if chosen.insert((layer, unit)) { states(layer) } else { 0 };
        }
        for layer in 0..layers.len() {
            let units: Vec<usize> =
                chosen.iter().filter(|(l, _)| *l == layer).map(|&(_, unit)| unit).collect();
            for name in names(layer).into_iter().filter(|name| ["h", "c"].contains(name)) {
                self.planes.insert((layer, name), Plane::new(units.clone()));
            }
        }
    }

    pub(crate) fn finish(self) -> (Vec<Layer>, BTreeMap<(usize, &'static str), Plane>) {
        (described(&self.units, &self.planes), self.planes)
    }
}

/// Descriptions of layers with these numbers of units and these planes.
pub(crate) fn described(units: &[usize], planes: &BTreeMap<(usize, &'static str), Plane>) -> Vec<Layer> {
    let mut layers: Vec<Layer> = (1..)
        .zip(units)
        .map(|(number, &units)| Layer { name: format!("layer {number}"), units, planes: BTreeMap::new() })
        .collect();
    for (&(layer, name), plane) in planes {
        let info = PlaneInfo {
            units: plane.units().to_vec(),
            scale: plane.scales().to_vec(),
            steps: [0, plane.steps()],
        };
        layers[layer].planes.insert(name, info);
    }
    layers
}

/// The activations of a layer by name, without duplicates and those that only the backward pass needs.
pub(crate) fn planes_of<R: Real>(trace: &Trace<R>) -> impl Iterator<Item = (&'static str, &[R])> {
    let states = [("h", &trace.h[..]), ("c", &trace.c[..])];
    let gates = trace.gates.iter().map(|(name, values)| (*name, &values[..]));
    let gates = gates.filter(|(name, _)| !["h", "hidden_n", "reset_h"].contains(name));
    states.into_iter().filter(|(_, values)| !values.is_empty()).chain(gates)
}
