//! What a language model does while it reads a text.

mod finder;
mod gradients;
#[cfg(feature = "train")]
mod probe;
mod unrolled;
mod watch;

use refrain_kernels::{Backend, Real};

#[cfg(feature = "train")]
pub(super) use probe::probe;
pub use unrolled::MAX_UNROLLED;
pub use watch::watch;

use super::Language;
use crate::inspect::{
    EmbeddingMap, Finding, Findings, Gradients, Inspection, ModelSummary, NamedReach, PredictionReport,
    Predictions, Projection, Property, Recorder, Recording, SaturationCounter, StateTrajectory,
    TaskInspection, gate_names, properties,
};
use crate::model::Network;
use crate::text::{Source, thousands};
use crate::{Result, Session};

/// What is wanted of an inspection, and how large it may become.
#[derive(Clone, Debug, PartialEq)]
pub struct InspectOptions {
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

impl Default for InspectOptions {
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

/// Tokens that the finder looks at.
const MAX_SEARCHED: usize = 50_000;
/// Tokens that the finder wants at least.
const MIN_SEARCHED: usize = 200;
/// Points of a path, and of a map of embeddings.
const MAX_POINTS: usize = 4_000;
/// Names the places that gradients start from.
const SEED: u64 = 0;

impl<B: Backend> Session<Language, B> {
    /// Reads a text and records what happened on the way.
    ///
    /// # Errors
    /// As [`Language::tokens`].
    pub fn inspect(&self, text: Source, options: &InspectOptions) -> Result<Recording> {
        let Language { network, vocabulary, .. } = &self.model().task;
        let (ids, cut) = self.model().task.tokens(text, options.tokens)?;
        let text_of = |id: u32| String::from_utf8_lossy(vocabulary.text_of(id, &mut [0; 4])).into_owned();
        let tokens: Vec<String> = ids.iter().map(|&id| text_of(id)).collect();
        let findings = self.findings(&ids, &tokens, options);
        let mut recorder = Recorder::new(ids.len(), options.bytes, &findings);
        let (mut predictions, mut saturation) = (Predictions::default(), SaturationCounter::default());
        let every = ids.len().div_ceil(MAX_POINTS).max(1);
        let mut top_states = vec![];
        self.watch(&ids, |window| {
            predictions.add(&window, vocabulary.len(), &ids);
            saturation.add(window.ids.len(), window.layers);
            recorder.add(window.ids.len(), window.layers);
            if let Some(top) = window.layers.last().filter(|_| options.maps) {
                let rows = (window.from..).zip(top.h.chunks_exact(top.h.len() / window.ids.len()));
                let sampled = rows.filter(|(t, _)| t % every == 0).flat_map(|(_, row)| row);
                top_states.extend(sampled.map(|x| x.as_f32()));
            }
        });
        let width = network.sizes().layers.hidden_size;
        let (layers, planes) = recorder.finish();
        let inspection = Inspection {
            axis: vocabulary.units().plural().to_owned(),
            truncated: cut.then(|| {
                let plural = vocabulary.units().plural();
                format!("the text goes on: these are its first {} {plural}", thousands(ids.len() as u64))
            }),
            predictions: Some(PredictionReport::of(&predictions, text_of)),
            saturation: saturation.shares(),
            gradients: self.gradients(&ids, options.lags)?,
            unrolled: match options.unrolled.min(ids.len().saturating_sub(1)) {
                0 => None,
                steps => Some(self.unroll(&ids[..=steps])?),
            },
            finder: (!findings.is_empty()).then_some(Findings { held_out: 0.5, properties: findings }),
            path: options.maps.then(|| StateTrajectory {
                layer: layers.len().saturating_sub(1),
                every,
                map: Projection::new(&top_states, width),
            }),
            embedding: if options.maps { self.embedding_map() } else { None },
            own: TaskInspection::default(),
            model: ModelSummary::of(self.model(), &options.name),
            gates: gate_names(),
            tokens,
            layers,
        };
        Ok(Recording { inspection, planes })
    }

    /// The units that follow properties of a text, if that is asked for and the text is long enough.
    fn findings(&self, ids: &[u32], tokens: &[String], options: &InspectOptions) -> Vec<Finding> {
        if !options.finder || ids.len() < MIN_SEARCHED {
            return vec![];
        }
        let searched = ids.len().min(MAX_SEARCHED);
        let own = options.properties.iter().cloned();
        let mut all: Vec<Property> = own.chain(properties(&tokens[..searched])).collect();
        all.iter_mut().for_each(|property| property.values.truncate(searched));
        self.find_units(&ids[..searched], all)
    }

    /// How far gradients reach, as far as the text allows; none for 0 steps.
    fn gradients(&self, ids: &[u32], lags: usize) -> Result<Option<Gradients>> {
        let lags = lags.min(ids.len().saturating_sub(2));
        if lags == 0 {
            return Ok(None);
        }
        let name = self.model().task.network.sizes().layers.cell_name().to_owned();
        let series = vec![NamedReach { name, reach: self.gradient_reach(ids, lags, SEED)? }];
        Ok(Some(Gradients { lags: (1..=lags).collect(), series }))
    }

    /// The vectors that tokens are read as, on a map; none for one-hot input and for large vocabularies.
    fn embedding_map(&self) -> Option<EmbeddingMap> {
        let Language { network, vocabulary, .. } = &self.model().task;
        let width = network.sizes().embedding_size;
        if width == 0 || vocabulary.len() > MAX_POINTS {
            return None;
        }
        let entry = network.layout().entries().iter().find(|entry| entry.name == "embedding.weight")?;
        let vectors = self.model().params.get(entry.range.clone())?;
        Some(EmbeddingMap {
            labels: (0..vocabulary.len() as u32).map(|id| vocabulary.render(id).into_owned()).collect(),
            map: Projection::new(vectors, width),
        })
    }
}
