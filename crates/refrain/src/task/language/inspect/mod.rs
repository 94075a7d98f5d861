//! Inspection of language models.

mod finder;
mod gradients;
#[cfg(feature = "train")]
mod probe;
mod unrolled;
mod windows;

use refrain_kernels::{Backend, Real};

#[cfg(feature = "train")]
pub(super) use probe::probe;
pub use unrolled::MAX_UNROLLED;
pub use windows::for_each_window;

use super::Language;
use crate::inspect::{
    EmbeddingMap, Finding, Findings, Gradients, Inspection, ModelSummary, NamedReach, PredictionReport,
    Predictions, Projection, Property, Recorder, Recording, SaturationCounter, StateTrajectory,
    TaskInspection, gate_names, properties,
};
use crate::model::Network;
use crate::text::{Source, thousands};
use crate::{Result, Session};

/// What an inspection includes, and its maximum size.
#[derive(Clone, Debug, PartialEq)]
pub struct InspectOptions {
    /// Maximum number of tokens.
    pub tokens: usize,
    /// Maximum number of bytes of activations. If all units need more, only the units found by the finder and their states are
    /// kept.
    pub bytes: usize,
    /// Whether to search for units that follow properties of the text.
    pub finder: bool,
    /// Additional properties, with one value per token.
    pub properties: Vec<Property>,
    /// Whether to project states and embeddings to two dimensions.
    pub maps: bool,
    /// Number of steps that gradients are traced back; 0 to skip.
    pub lags: usize,
    /// Tokens that are unrolled with all values; 0 to skip.
    pub unrolled: usize,
    /// Displayed name of the model.
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

/// Maximum number of tokens for the finder.
const MAX_SEARCHED: usize = 50_000;
/// Minimum number of tokens for the finder.
const MIN_SEARCHED: usize = 200;
/// Maximum number of points of a path and of a map of embeddings.
const MAX_POINTS: usize = 4_000;
/// Random seed of the positions where gradients start.
const SEED: u64 = 0;

impl<B: Backend> Session<Language, B> {
    /// Reads a text and records activations, predictions and gradients.
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
        self.for_each_window(&ids, |window| {
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
                format!("truncated to the first {} {plural} of the text", thousands(ids.len() as u64))
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

    /// The units that follow properties of a text, if requested and if the text is long enough.
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

    /// How far gradients reach, at most to the start of the text; `None` for 0 steps.
    fn gradients(&self, ids: &[u32], lags: usize) -> Result<Option<Gradients>> {
        let lags = lags.min(ids.len().saturating_sub(2));
        if lags == 0 {
            return Ok(None);
        }
        let name = self.model().task.network.sizes().layers.cell_name().to_owned();
        let series = vec![NamedReach { name, reach: self.gradient_reach(ids, lags, SEED)? }];
        Ok(Some(Gradients { lags: (1..=lags).collect(), series }))
    }

    /// The embeddings on a map; `None` for one-hot input and for large vocabularies.
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
