//! Inspection: activations of a trained model from the tapes of the kernels, as data for pages, files and programs. This
//! module is independent of tasks; each task's `inspect` gives a [`Recording`].
//!
//! ```
//! # use refrain::{Cpu, Result, Session, task::Language, task::language::InspectOptions, text::Source};
//! # fn inspect(session: &Session<Language, Cpu>) -> Result<()> {
//! let recording = session.inspect(Source::memory("a text", "some characters"), &InspectOptions::default())?;
//! for gate in &recording.inspection.saturation {
//!     println!("layer {}, gate {}: unit 0 is closed in {} of the time steps", gate.layer, gate.gate, gate.left[0]);
//! }
//! let hidden_states = &recording.planes[&(0, "h")];
//! # assert!(hidden_states.steps() > 0);
//! # Ok(())
//! # }
//! ```

mod plane;
mod predictions;
mod probe;
mod projection;
mod properties;
mod recorder;
mod recording;
mod report;
mod saturation;
pub mod statistics;
mod trace;

pub use plane::Plane;
pub use predictions::{Predictions, Window};
pub use probe::{MeanSaturation, Probe};
pub use projection::Projection;
pub use properties::{Property, PropertyKind, properties};
pub(crate) use recorder::{Recorder, planes_of};
pub(crate) use recording::gate_names;
pub use report::{
    AttentionMatrix, ContinuedSeries, Contributions, DirectionMatch, EmbeddingMap, ExpectedRoll, Finding,
    Findings, GradientReach, Gradients, Inspection, Layer, ModelSummary, NamedReach, PlaneInfo,
    PredictionReport, Recording, StateTrajectory, Tags, TaskInspection, Truncation, UnitMatch, Unrolled,
    UnrolledLayer,
};
pub use saturation::{GateSaturation, SaturationCounter};
pub use trace::{LayerTrace, Trace};
