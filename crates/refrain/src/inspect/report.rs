//! Everything there is to see of a language model over a text, in the form that pages and files have it.

use std::collections::{BTreeMap, BTreeSet};

use refrain_kernels::{Backend, Real, Trace};
use serde::Serialize;

use super::{
    Finding, GateSaturation, GradientReach, Map, Plane, Predictions, Property, SaturationCounter, Unrolled,
    properties,
};
use crate::model::{Network, Tapes, Task};
use crate::task::Language;
use crate::text::{Source, thousands};
use crate::{Model, Result, Session};

/// What is wanted of an inspection, and how large it may become.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Tokens of the text, at most.
    pub tokens: usize,
    /// Bytes of activations. Where all units take more, those are kept that the finder named, and of them the states.
    pub bytes: usize,
    /// Whether units are compared with properties of the text.
    pub finder: bool,
    /// More such properties, a value a token each.
    pub properties: Vec<Property>,
    /// How far gradients are followed back; 0 for not at all.
    pub lags: usize,
    /// Tokens that are unrolled with all numbers; 0 for none.
    pub unrolled: usize,
    /// What people call the model.
    pub name: String,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            tokens: 200_000,
            bytes: 10 << 20,
            finder: true,
            properties: vec![],
            lags: 100,
            unrolled: 16,
            name: String::new(),
        }
    }
}

/// Tokens after which candidates are told: they take more room than all else about a token.
const MOST_PREDICTED: usize = 20_000;
/// Tokens that the finder looks at.
const MOST_SEARCHED: usize = 50_000;
/// Tokens that the finder wants at least.
const LEAST_SEARCHED: usize = 200;
/// Points of a path, and of a map of embeddings.
const MOST_POINTS: usize = 4_000;
/// Names the places that gradients start from.
const SEED: u64 = 0;

/// What a model is, in a few words and numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Facts {
    /// What people call it.
    pub name: String,
    /// As `refrain info` has it.
    pub task: &'static str,
    /// One line for people.
    pub summary: String,
    /// Of the whole model.
    pub parameters: usize,
}

impl Facts {
    /// Of any model.
    pub fn of<T: Task>(model: &Model<T>, name: &str) -> Self {
        let network = model.task.network();
        let parameters = network.layout().len();
        Self { name: name.to_owned(), task: T::NAME, summary: network.summary(), parameters }
    }
}

/// A layer of an inspection, and which of its planes there are.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Layer {
    /// For people.
    pub name: String,
    /// `H`.
    pub units: usize,
    /// By the name that the tape has for them.
    pub planes: BTreeMap<&'static str, PlaneFacts>,
}

/// What a reader of a plane's bytes has to know.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PlaneFacts {
    /// The units that are there, in the order of their columns.
    pub units: Vec<usize>,
    /// A column each: the value of a byte.
    pub scale: Vec<f32>,
    /// From which step to which.
    pub steps: [usize; 2],
}

/// What a model expected of a text.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Expectations {
    /// Nats, a token each, to four places; none for the first.
    pub surprise: Vec<Option<f64>>,
    /// After each token, the first ones of the text only: the most probable next ones, to four places.
    pub top: Vec<Vec<(String, f64)>>,
}

/// One curve of a figure of gradients.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NamedReach {
    /// For people.
    pub name: String,
    /// Element `i` is about `i + 1` steps.
    #[serde(flatten)]
    pub reach: GradientReach,
}

/// How far gradients reach, of one model or several.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gradients {
    /// Steps, 1 and more.
    pub lags: Vec<usize>,
    /// The models.
    pub series: Vec<NamedReach>,
}

/// What units follow.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found {
    /// The share of the text that correlations were measured on, and not chosen by.
    pub held_out: f64,
    /// The best followed first.
    pub properties: Vec<Finding>,
}

/// A path of hidden states.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Path {
    /// Whose states.
    pub layer: usize,
    /// Steps from one point to the next.
    pub every: usize,
    /// The places.
    #[serde(flatten)]
    pub map: Map,
}

/// A map of the vectors that tokens are read as.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EmbeddingMap {
    /// A token a point.
    pub labels: Vec<String>,
    /// The places.
    #[serde(flatten)]
    pub map: Map,
}

/// All that there is to see; what does not apply is absent.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the fields are named as their types")]
pub struct Inspection {
    pub model: Facts,
    /// What a step is, in the plural.
    pub axis: String,
    /// What is read at each step.
    pub tokens: Vec<String>,
    pub layers: Vec<Layer>,
    /// What people call the planes.
    pub gates: BTreeMap<&'static str, &'static str>,
    /// If the text was cut, in words.
    pub truncated: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predictions: Option<Expectations>,
    pub saturation: Vec<GateSaturation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gradients: Option<Gradients>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unrolled: Option<Unrolled>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finder: Option<Found>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embedding: Option<EmbeddingMap>,
    /// And what other tasks have to show.
    #[serde(flatten)]
    pub own: Own,
}

/// What only some tasks have to show.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the fields are named as their types")]
pub struct Own {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contributions: Option<Contributions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attention: Option<AttentionMatrix>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roll: Option<ExpectedRoll>,
}

/// Why a classifier decided as it did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contributions {
    /// The label that was given.
    pub label: String,
    /// The most probable labels, the most probable first.
    pub labels: Vec<(String, f32)>,
    /// `[T]`: `ln p(label)` of the whole less that of the whole without the step (Zeiler & Fergus 2014).
    pub occlusion: Vec<f32>,
}

/// How sure a tagger is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tags {
    /// `[T]`: the most probable labels of each step, the most probable first.
    pub steps: Vec<Vec<(String, f32)>>,
}

/// Where a decoder looked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AttentionMatrix {
    /// What was read.
    pub sources: Vec<String>,
    /// What was written.
    pub targets: Vec<String>,
    /// A row for each of the targets: the share of each source.
    pub weights: Vec<Vec<f32>>,
    /// The whole of what was written.
    pub text: String,
}

/// Music, and what was expected of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExpectedRoll {
    /// MIDI numbers.
    pub frames: Vec<Vec<u8>>,
    /// Of each frame the probability of each of the 88 keys, before it was read.
    pub probability: Vec<Vec<f32>>,
}

/// An inspection and the activations that it speaks of.
#[derive(Clone, Debug)]
pub struct Recording {
    /// What pages and files say.
    pub inspection: Inspection,
    /// The planes of [`Inspection::layers`], by layer and name.
    pub planes: BTreeMap<(usize, &'static str), Plane>,
}

impl Recording {
    /// Of a pass of one row over a sequence with these steps; what else there is to see belongs into its
    /// [`Inspection::own`].
    pub(crate) fn of_pass<T: Task, B: Backend>(
        session: &Session<'_, T, B>,
        pass: &<T::Network as Network>::Pass<B>,
        name: &str,
        (axis, tokens): (&str, Vec<String>),
    ) -> Self {
        let (network, backend) = (session.model().task.network(), session.backend());
        let stacks = network.stacks();
        let specs: Vec<_> = stacks.iter().flat_map(|stack| stack.specs()).collect();
        let (mut layers, mut planes, mut traces) = (vec![], BTreeMap::new(), vec![]);
        for Tapes { name, first, tapes } in network.tapes(pass) {
            let both = specs[first..first + tapes.len()].iter().any(|spec| spec.reverse);
            for (i, tape) in tapes.iter().enumerate() {
                let spec = specs[first + i];
                let trace = backend.trace(&session.weights().layers[first + i], tape);
                let number = if both { i / 2 } else { i } + 1;
                let direction = match (both, spec.reverse) {
                    (false, _) => "",
                    (true, false) => " forwards",
                    (true, true) => " backwards",
                };
                let name = format!("{name} layer {number}{direction}").trim_start().to_owned();
                for (plane, values) in planes_of(&trace) {
                    let mut kept = Plane::new((0..spec.hidden_size).collect());
                    kept.extend(values, spec.hidden_size);
                    planes.insert((layers.len(), plane), kept);
                }
                layers.push((name, spec.hidden_size));
                traces.push(trace);
            }
        }
        let mut saturation = SaturationCounter::default();
        saturation.add(tokens.len(), &traces);
        let units: Vec<usize> = layers.iter().map(|(_, units)| *units).collect();
        let mut described = described(&units, &planes);
        described.iter_mut().zip(layers).for_each(|(layer, (name, _))| layer.name = name);
        let inspection = Inspection {
            model: Facts::of(session.model(), name),
            axis: axis.to_owned(),
            tokens,
            layers: described,
            gates: gate_names(),
            truncated: None,
            predictions: None,
            saturation: saturation.shares(),
            gradients: None,
            unrolled: None,
            finder: None,
            path: None,
            embedding: None,
            own: Own::default(),
        };
        Self { inspection, planes }
    }
}

impl<B: Backend> Session<'_, Language, B> {
    /// Reads a text and records what happened on the way.
    ///
    /// # Errors
    /// As [`Language::tokens`].
    pub fn inspect(&self, text: Source, wanted: &Wanted) -> Result<Recording> {
        let Language { network, vocabulary, .. } = &self.model().task;
        let (ids, cut) = self.model().task.tokens(text, wanted.tokens)?;
        let text_of = |id: u32| String::from_utf8_lossy(vocabulary.text_of(id, &mut [0; 4])).into_owned();
        let tokens: Vec<String> = ids.iter().map(|&id| text_of(id)).collect();
        let findings = match wanted.finder && ids.len() >= LEAST_SEARCHED {
            true => {
                let searched = ids.len().min(MOST_SEARCHED);
                let own = wanted.properties.iter().cloned();
                let mut all: Vec<Property> = own.chain(properties(&tokens[..searched])).collect();
                all.iter_mut().for_each(|property| property.values.truncate(searched));
                self.find_units(&ids[..searched], all)
            }
            false => vec![],
        };
        let mut recorder = Recorder::new(ids.len(), wanted.bytes, &findings);
        let (mut predictions, mut saturation) = (Predictions::default(), SaturationCounter::default());
        let every = ids.len().div_ceil(MOST_POINTS).max(1);
        let mut top_states = vec![];
        self.watch(&ids, |seen| {
            predictions.add(&seen, vocabulary.len(), &ids);
            saturation.add(seen.ids.len(), seen.layers);
            recorder.add(seen.ids.len(), seen.layers);
            if let Some(top) = seen.layers.last() {
                let rows = (seen.from..).zip(top.h.chunks_exact(top.h.len() / seen.ids.len()));
                let sampled = rows.filter(|(t, _)| t % every == 0).flat_map(|(_, row)| row);
                top_states.extend(sampled.map(|x| x.as_f32()));
            }
        });
        let width = network.architecture().hidden_size;
        let lags = wanted.lags.min(ids.len().saturating_sub(2));
        let gradients = match lags {
            0 => None,
            _ => Some(Gradients {
                lags: (1..=lags).collect(),
                series: vec![NamedReach {
                    name: network.architecture().cell_name().to_owned(),
                    reach: self.gradient_reach(&ids, lags, SEED)?,
                }],
            }),
        };
        let unrolled = match wanted.unrolled.min(ids.len().saturating_sub(1)) {
            0 => None,
            steps => Some(self.unroll(&ids[..=steps])?),
        };
        let named = |top: &Vec<(u32, f32)>| top.iter().map(|&(id, p)| (text_of(id), shortened(p))).collect();
        let (layers, planes) = recorder.finish();
        let inspection = Inspection {
            axis: vocabulary.units().plural().to_owned(),
            truncated: cut.then(|| {
                let plural = vocabulary.units().plural();
                format!("the text goes on: these are its first {} {plural}", thousands(ids.len() as u64))
            }),
            predictions: Some(Expectations {
                surprise: predictions.surprise.iter().map(|x| x.is_finite().then(|| shortened(*x))).collect(),
                top: predictions.candidates.iter().take(MOST_PREDICTED).map(named).collect(),
            }),
            saturation: saturation.shares(),
            gradients,
            unrolled,
            finder: (!findings.is_empty()).then_some(Found { held_out: 0.5, properties: findings }),
            path: Some(Path {
                layer: layers.len().saturating_sub(1),
                every,
                map: Map::new(&top_states, width),
            }),
            embedding: self.embedding_map(),
            own: Own::default(),
            model: Facts::of(self.model(), &wanted.name),
            gates: gate_names(),
            tokens,
            layers,
        };
        Ok(Recording { inspection, planes })
    }

    /// The vectors that tokens are read as, on a map; none for one-hot input and for large vocabularies.
    fn embedding_map(&self) -> Option<EmbeddingMap> {
        let Language { network, vocabulary, .. } = &self.model().task;
        let width = network.architecture().embedding_size;
        if width == 0 || vocabulary.len() > MOST_POINTS {
            return None;
        }
        let entry = network.layout().entries().iter().find(|entry| entry.name == "embedding.weight")?;
        let vectors = self.model().params.get(entry.range.clone())?;
        Some(EmbeddingMap {
            labels: (0..vocabulary.len() as u32).map(|id| vocabulary.render(id).into_owned()).collect(),
            map: Map::new(vectors, width),
        })
    }
}

/// Keeps as much of the activations as there is room for.
struct Recorder<'f> {
    steps: usize,
    bytes: usize,
    finder: &'f [Finding],
    units: Vec<usize>,
    planes: BTreeMap<(usize, &'static str), Plane>,
}

impl<'f> Recorder<'f> {
    fn new(steps: usize, bytes: usize, finder: &'f [Finding]) -> Self {
        Self { steps, bytes, finder, units: vec![], planes: BTreeMap::new() }
    }

    fn add<R: Real>(&mut self, steps: usize, layers: &[Trace<R>]) {
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

    /// Which planes are kept, and which units of them.
    fn choose<R: Real>(&mut self, layers: &[Trace<R>]) {
        let names = |layer: usize| planes_of(&layers[layer]).map(|(name, _)| name).collect::<Vec<_>>();
        let columns: usize = (0..layers.len()).map(|l| names(l).len() * self.units[l]).sum();
        let room = self.bytes / self.steps.max(1);
        if columns <= room {
            for layer in 0..layers.len() {
                for name in names(layer) {
                    self.planes.insert((layer, name), Plane::new((0..self.units[layer]).collect()));
                }
            }
            return;
        }
        // Those that follow something, the best of every property first; then any.
        let best = (0..).map_while(|rank| {
            let units: Vec<_> = self.finder.iter().filter_map(|finding| finding.units.get(rank)).collect();
            (!units.is_empty()).then_some(units)
        });
        let named = best.flatten().map(|unit| (unit.layer, unit.unit));
        let most = self.units.iter().copied().max().unwrap_or(0);
        let others = (0..most).flat_map(|unit| (0..layers.len()).map(move |layer| (layer, unit)));
        let others = others.filter(|&(layer, unit)| unit < self.units[layer]);
        let states = |layer: usize| names(layer).into_iter().filter(|name| ["h", "c"].contains(name)).count();
        let (mut chosen, mut left): (BTreeSet<(usize, usize)>, usize) = (BTreeSet::new(), room);
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

    fn finish(self) -> (Vec<Layer>, BTreeMap<(usize, &'static str), Plane>) {
        (described(&self.units, &self.planes), self.planes)
    }
}

/// Layers of these many units, and which planes there are of them.
pub(super) fn described(units: &[usize], planes: &BTreeMap<(usize, &'static str), Plane>) -> Vec<Layer> {
    let mut layers: Vec<Layer> = (1..)
        .zip(units)
        .map(|(number, &units)| Layer { name: format!("layer {number}"), units, planes: BTreeMap::new() })
        .collect();
    for (&(layer, name), plane) in planes {
        let facts =
            PlaneFacts { units: plane.units().to_vec(), scale: plane.scales(), steps: [0, plane.steps()] };
        layers[layer].planes.insert(name, facts);
    }
    layers
}

/// To four places after the point: more would be most of a page.
fn shortened(x: f32) -> f64 {
    (f64::from(x) * 1e4).round() / 1e4
}

fn gate_names() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([
        ("h", "hidden state"),
        ("c", "cell state"),
        ("i", "input gate"),
        ("f", "forget gate"),
        ("g", "candidate"),
        ("o", "output gate"),
        ("r", "reset gate"),
        ("z", "update gate"),
        ("n", "candidate"),
    ])
}

/// The activations of a layer by name, without those that say the same twice and those that only the way back wants.
pub(super) fn planes_of<R: Real>(trace: &Trace<R>) -> impl Iterator<Item = (&'static str, &[R])> {
    let states = [("h", &trace.h[..]), ("c", &trace.c[..])];
    let gates = trace.gates.iter().map(|(name, values)| (*name, &values[..]));
    let gates = gates.filter(|(name, _)| !["h", "hidden_n", "reset_h"].contains(name));
    states.into_iter().filter(|(_, values)| !values.is_empty()).chain(gates)
}
