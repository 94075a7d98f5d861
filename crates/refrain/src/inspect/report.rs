//! Results of an inspection, in the format of pages and files.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{GateSaturation, Plane, Projection, Property};
use crate::Model;
use crate::model::{Network, Task};

/// A summary of a model.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ModelSummary {
    /// Name to display.
    pub name: String,
    /// Name of the task.
    pub task: &'static str,
    /// Description in one line.
    pub summary: String,
    /// Number of parameters.
    pub parameters: usize,
}

impl ModelSummary {
    /// The summary of any model.
    pub fn of<T: Task>(model: &Model<T>, name: &str) -> Self {
        let network = model.task.network();
        let parameters = network.layout().len();
        Self { name: name.to_owned(), task: T::NAME, summary: network.summary(), parameters }
    }
}

/// A layer and its planes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Layer {
    /// Name to display.
    pub name: String,
    /// `H`.
    pub units: usize,
    /// By name in the tape.
    pub planes: BTreeMap<&'static str, PlaneInfo>,
}

/// Metadata of a plane's bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PlaneInfo {
    /// The units, one per column.
    pub units: Vec<usize>,
    /// One per column: the value of a byte of 1.
    pub scale: Vec<f32>,
    /// Range of time steps.
    pub steps: [usize; 2],
}

/// A model's predictions of a text.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PredictionReport {
    /// Surprisal of each token in nats, to four decimal places; none for the first.
    pub surprise: Vec<Option<f64>>,
    /// The most probable next tokens with probabilities to four decimal places, at the start of the text only.
    pub top: Vec<Vec<(String, f64)>>,
}

/// Norms of the gradient of one time step's loss with respect to the top layer's `h` at earlier time steps, over many
/// positions of a text: element `i` is `i + 1` steps before. Cell states are held fixed; gradients with respect to them
/// are in `cell`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct GradientReach {
    /// The median over the positions.
    pub median: Vec<f64>,
    /// The first decile.
    pub low: Vec<f64>,
    /// The last decile.
    pub high: Vec<f64>,
    /// The median of the norms with respect to cell states; empty if there are none.
    pub cell: Vec<f64>,
}

/// One curve of a figure of gradients.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NamedReach {
    /// Name to display.
    pub name: String,
    /// Element `i` is `i + 1` steps before.
    #[serde(flatten)]
    pub reach: GradientReach,
}

/// Gradient norms over distance, of one model or several.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gradients {
    /// Distances in time steps, from 1.
    pub lags: Vec<usize>,
    /// The models.
    pub series: Vec<NamedReach>,
}

/// A unit that correlates with a property. All values are from the second half of the text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UnitMatch {
    /// Layer, from 0, lowest first.
    pub layer: usize,
    /// `h`, or `c` of cells that have it.
    pub plane: &'static str,
    /// Unit of the layer.
    pub unit: usize,
    /// Pearson's correlation.
    pub r: f64,
    /// Mutual information in nats.
    pub mi: f64,
    /// Baseline: the mean absolute correlation with the property's values shifted along the text.
    pub baseline_r: f64,
}

/// The linear combination of a layer's units that predicts a property best.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DirectionMatch {
    /// Layer, from 0, lowest first.
    pub layer: usize,
    /// `h` or `c`.
    pub plane: &'static str,
    /// Correlation on the second half of the text, which is held out.
    pub r: f64,
    /// Baseline: the same for a direction fitted to the property's values shifted along the text.
    pub baseline_r: f64,
}

/// A property and its matches.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The property over the whole text.
    #[serde(flatten)]
    pub property: Property,
    /// Best first, ranked on the first half.
    pub units: Vec<UnitMatch>,
    /// None if the text is too short.
    pub direction: Option<DirectionMatch>,
}

/// Properties and the units that match them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Findings {
    /// The held-out share of the text, on which correlations are computed.
    pub held_out: f64,
    /// Best matches first.
    pub properties: Vec<Finding>,
}

/// The network over a short text, unrolled.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unrolled {
    /// `[T]`: the inputs.
    pub tokens: Vec<String>,
    /// `[T]`: the next tokens.
    pub targets: Vec<String>,
    /// `[T]`: in nats.
    pub losses: Vec<f32>,
    /// `[T]`: probabilities of the targets.
    pub probabilities: Vec<f32>,
    /// `[T]`: the most probable next tokens with their probabilities.
    pub top: Vec<Vec<(String, f32)>>,
    /// Equations of the cell.
    pub equations: &'static [&'static str],
    /// Lowest first.
    pub layers: Vec<UnrolledLayer>,
    /// The backward pass for several truncation lengths, longest first.
    pub truncations: Vec<Truncation>,
}

/// The values of a layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UnrolledLayer {
    /// Name to display.
    pub name: String,
    /// `H`.
    pub units: usize,
    /// By name, `[T][H]`.
    pub planes: BTreeMap<&'static str, Vec<Vec<f32>>>,
}

/// Backpropagation through time, truncated every `k` time steps.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Truncation {
    /// Time steps of a window.
    pub k: usize,
    /// For each layer, `[T][H]`: the gradient of the sum of all losses that flows back through time to `h` after each step.
    pub d_h: Vec<Vec<Vec<f32>>>,
    /// The same for `c`, of cells that have it.
    pub d_c: Vec<Vec<Vec<f32>>>,
}

/// A trajectory of hidden states.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StateTrajectory {
    /// Layer of the states.
    pub layer: usize,
    /// Time steps between points.
    pub every: usize,
    /// The points.
    #[serde(flatten)]
    pub map: Projection,
}

/// A projection of the embedding.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EmbeddingMap {
    /// The token of each point.
    pub labels: Vec<String>,
    /// The points.
    #[serde(flatten)]
    pub map: Projection,
}

/// All results of an inspection; parts that do not apply are absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the fields are named as their types")]
pub struct Inspection {
    pub model: ModelSummary,
    /// What a time step is, in the plural.
    pub axis: String,
    /// The input of each time step.
    pub tokens: Vec<String>,
    pub layers: Vec<Layer>,
    /// Display names of the planes.
    pub gates: BTreeMap<&'static str, &'static str>,
    /// A message if the text was truncated.
    pub truncated: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predictions: Option<PredictionReport>,
    pub saturation: Vec<GateSaturation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gradients: Option<Gradients>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unrolled: Option<Unrolled>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finder: Option<Findings>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<StateTrajectory>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embedding: Option<EmbeddingMap>,
    /// Results of other tasks.
    #[serde(flatten)]
    pub own: TaskInspection,
}

/// Results that only some tasks have.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the fields are named as their types")]
pub struct TaskInspection {
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

/// Contributions of time steps to a classifier's prediction.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contributions {
    /// The predicted label.
    pub label: String,
    /// The most probable labels, most probable first.
    pub labels: Vec<(String, f32)>,
    /// `[T]`: the gradient of `ln p(label)` with respect to the input of a time step, times that input.
    pub gradient_x_input: Vec<f32>,
    /// `[T]`: decrease of `ln p(label)` if the time step is left out (Zeiler & Fergus 2014).
    pub occlusion: Vec<f32>,
}

/// Label probabilities of a tagger.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tags {
    /// `[T]`: the most probable labels of each time step, most probable first.
    pub steps: Vec<Vec<(String, f32)>>,
}

/// Attention weights of a decoder.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AttentionMatrix {
    /// Source tokens.
    pub sources: Vec<String>,
    /// Generated tokens.
    pub targets: Vec<String>,
    /// One row per target token: the weight of each source token.
    pub weights: Vec<Vec<f32>>,
    /// The generated text.
    pub text: String,
}

/// A piano roll with predictions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExpectedRoll {
    /// MIDI numbers.
    pub frames: Vec<Vec<u8>>,
    /// For each frame the predicted probability of each of the 88 keys.
    pub probability: Vec<Vec<f32>>,
}

/// The end of a series, and its forecast.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ContinuedSeries {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// `[T, C]`: the input, in the unit of the series.
    pub values: Vec<Vec<f64>>,
    /// `[h, C]`: the forecast.
    pub expected: Vec<Vec<f64>>,
    /// `[h, C]`: the lower bound of the prediction interval.
    pub lowest: Vec<Vec<f64>>,
    /// `[h, C]`: the upper bound.
    pub highest: Vec<Vec<f64>>,
}

/// An inspection and its activations.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The results.
    pub inspection: Inspection,
    /// The planes of [`Inspection::layers`], by layer and name.
    pub planes: BTreeMap<(usize, &'static str), Plane>,
}
