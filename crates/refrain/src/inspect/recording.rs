//! Recording what a model does: a language model over a text, or one pass of any other.

use std::collections::BTreeMap;

use refrain_kernels::{Backend, Real};

use super::recorder::{Recorder, described, planes_of};
use super::{
    EmbeddingMap, Expectations, Facts, Found, Gradients, Inspection, Map, NamedReach, Own, Path, Plane,
    Predictions, Property, Recording, SaturationCounter, properties,
};
use crate::model::{Network, Tapes, Task};
use crate::task::Language;
use crate::text::{Source, thousands};
use crate::{Result, Session};

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
    /// Whether states and embeddings are laid out on maps.
    pub maps: bool,
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
            bytes: 6 << 20,
            finder: true,
            properties: vec![],
            maps: true,
            lags: 100,
            unrolled: 16,
            name: String::new(),
        }
    }
}

/// Tokens after which candidates are told: they take more room than all else about a token.
const MAX_PREDICTED: usize = 20_000;
/// Tokens that the finder looks at.
const MAX_SEARCHED: usize = 50_000;
/// Tokens that the finder wants at least.
const MIN_SEARCHED: usize = 200;
/// Points of a path, and of a map of embeddings.
const MAX_POINTS: usize = 4_000;
/// Names the places that gradients start from.
const SEED: u64 = 0;

impl Recording {
    /// Of a pass of one row over a sequence with these steps; what else there is to see belongs into its
    /// [`Inspection::own`].
    pub(crate) fn of_pass<T: Task, B: Backend>(
        session: &Session<'_, T, B>,
        pass: &<T::Network as Network>::Workspace<B>,
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
        let findings = match wanted.finder && ids.len() >= MIN_SEARCHED {
            true => {
                let searched = ids.len().min(MAX_SEARCHED);
                let own = wanted.properties.iter().cloned();
                let mut all: Vec<Property> = own.chain(properties(&tokens[..searched])).collect();
                all.iter_mut().for_each(|property| property.values.truncate(searched));
                self.find_units(&ids[..searched], all)
            }
            false => vec![],
        };
        let mut recorder = Recorder::new(ids.len(), wanted.bytes, &findings);
        let (mut predictions, mut saturation) = (Predictions::default(), SaturationCounter::default());
        let every = ids.len().div_ceil(MAX_POINTS).max(1);
        let mut top_states = vec![];
        self.watch(&ids, |seen| {
            predictions.add(&seen, vocabulary.len(), &ids);
            saturation.add(seen.ids.len(), seen.layers);
            recorder.add(seen.ids.len(), seen.layers);
            if let Some(top) = seen.layers.last().filter(|_| wanted.maps) {
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
        let (layers, planes) = recorder.finish();
        let inspection = Inspection {
            axis: vocabulary.units().plural().to_owned(),
            truncated: cut.then(|| {
                let plural = vocabulary.units().plural();
                format!("the text goes on: these are its first {} {plural}", thousands(ids.len() as u64))
            }),
            predictions: Some(Expectations::of(&predictions, text_of)),
            saturation: saturation.shares(),
            gradients,
            unrolled,
            finder: (!findings.is_empty()).then_some(Found { held_out: 0.5, properties: findings }),
            path: wanted.maps.then(|| Path {
                layer: layers.len().saturating_sub(1),
                every,
                map: Map::new(&top_states, width),
            }),
            embedding: if wanted.maps { self.embedding_map() } else { None },
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
        if width == 0 || vocabulary.len() > MAX_POINTS {
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

impl Expectations {
    /// What `predictions` say, in words.
    pub(crate) fn of(predictions: &Predictions, text_of: impl Fn(u32) -> String) -> Self {
        let named = |top: &Vec<(u32, f32)>| top.iter().map(|&(id, p)| (text_of(id), shortened(p))).collect();
        Self {
            surprise: predictions.surprise.iter().map(|x| x.is_finite().then(|| shortened(*x))).collect(),
            top: predictions.candidates.iter().take(MAX_PREDICTED).map(named).collect(),
        }
    }
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
