//! What there is to see of a model, in the form that pages and files have it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{GateSaturation, Map, Plane, Property};
use crate::Model;
use crate::model::{Network, Task};

/// What a model is, in a few words and numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
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

/// Norms of the gradient of a single step's loss with respect to the top layer's `h` so many steps before, over many
/// places of a text: element `i` is about `i + 1` steps. Where there are cell states, those are held fixed; what goes
/// back to them is in `cell`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct GradientReach {
    /// The median over the places.
    pub median: Vec<f64>,
    /// A tenth lies below.
    pub low: Vec<f64>,
    /// A tenth lies above.
    pub high: Vec<f64>,
    /// The median of the norms with respect to cell states; empty where there are none.
    pub cell: Vec<f64>,
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

/// A unit that follows a property. All numbers are of the second half of the text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UnitMatch {
    /// Lowest 0.
    pub layer: usize,
    /// `h`, or `c` of cells that have it.
    pub plane: &'static str,
    /// Of the layer.
    pub unit: usize,
    /// Pearson's correlation.
    pub r: f64,
    /// Mutual information in nats.
    pub mi: f64,
    /// The size of the correlation with the property's values moved along the text, the mean of a few ways: what a unit shows
    /// that has nothing to do with it.
    pub baseline_r: f64,
}

/// The sum of a layer's units, each with a weight, that follows a property best.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DirectionMatch {
    /// Lowest 0.
    pub layer: usize,
    /// `h` or `c`.
    pub plane: &'static str,
    /// Correlation on the second half of the text, to whose places it was not fitted.
    pub r: f64,
    /// The same of a direction that was fitted to the property's values moved along the text.
    pub baseline_r: f64,
}

/// A property and what follows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Of the whole text.
    #[serde(flatten)]
    pub property: Property,
    /// The best first, as they were ranked on the first half.
    pub units: Vec<UnitMatch>,
    /// None for a text that is too short.
    pub direction: Option<DirectionMatch>,
}

/// What units follow.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Findings {
    /// The share of the text that correlations were measured on, and not chosen by.
    pub held_out: f64,
    /// The best followed first.
    pub properties: Vec<Finding>,
}

/// The network over a short text, unrolled.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unrolled {
    /// `[T]`: what is read.
    pub tokens: Vec<String>,
    /// `[T]`: what comes next, and is to be predicted.
    pub targets: Vec<String>,
    /// `[T]`: in nats.
    pub losses: Vec<f32>,
    /// `[T]`: of the targets.
    pub probabilities: Vec<f32>,
    /// `[T]`: the most probable next tokens with their probabilities.
    pub top: Vec<Vec<(String, f32)>>,
    /// What the cell computes.
    pub equations: &'static [&'static str],
    /// Lowest first.
    pub layers: Vec<UnrolledLayer>,
    /// The way back, once for every length that it is cut to: the longest first.
    pub truncations: Vec<Truncation>,
}

/// A layer's numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UnrolledLayer {
    /// For people.
    pub name: String,
    /// `H`.
    pub units: usize,
    /// By name, `[T][H]`.
    pub planes: BTreeMap<&'static str, Vec<Vec<f32>>>,
}

/// Backpropagation through time, cut every `k` steps.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Truncation {
    /// Steps of a window.
    pub k: usize,
    /// Of each layer, `[T][H]`: what of the sum of all losses flows back through time to `h` after each step.
    pub d_h: Vec<Vec<Vec<f32>>>,
    /// Likewise to `c`, of cells that have it.
    pub d_c: Vec<Vec<Vec<f32>>>,
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
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
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
    pub finder: Option<Findings>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<ContinuedSeries>,
}

/// Why a classifier decided as it did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contributions {
    /// The label that was given.
    pub label: String,
    /// The most probable labels, the most probable first.
    pub labels: Vec<(String, f32)>,
    /// `[T]`: the gradient of `ln p(label)` with respect to what is read at a step, times it.
    pub gradient_x_input: Vec<f32>,
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

/// The end of a series, and what a forecaster expects after it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ContinuedSeries {
    /// Their names.
    pub columns: Vec<String>,
    /// `[T, C]`: what was read, in the unit of the series.
    pub values: Vec<Vec<f64>>,
    /// `[h, C]`: what is expected.
    pub expected: Vec<Vec<f64>>,
    /// `[h, C]`: the lowest number that it might well be.
    pub lowest: Vec<Vec<f64>>,
    /// `[h, C]`: the highest.
    pub highest: Vec<Vec<f64>>,
}

/// An inspection and the activations that it speaks of.
#[derive(Clone, Debug)]
pub struct Recording {
    /// What pages and files say.
    pub inspection: Inspection,
    /// The planes of [`Inspection::layers`], by layer and name.
    pub planes: BTreeMap<(usize, &'static str), Plane>,
}
