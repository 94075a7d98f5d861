//! Looking inside: what a trained model did, from the very tapes of the kernels that trained it, as data for pages, files
//! and programs. Here is what knows no task; each task's `inspect` makes a [`Recording`].
//!
//! ```
//! # use refrain::{Cpu, Result, Session, task::Language, task::language::InspectOptions, text::Source};
//! # fn look(session: &Session<Language, Cpu>) -> Result<()> {
//! let recording = session.inspect(Source::memory("a text", "to be read"), &InspectOptions::default())?;
//! for gate in &recording.inspection.saturation {
//!     println!("layer {}, gate {}: unit 0 is shut {} of the time", gate.layer, gate.gate, gate.left[0]);
//! }
//! let hidden_states = &recording.planes[&(0, "h")];
//! # assert!(hidden_states.steps() > 0);
//! # Ok(())
//! # }
//! ```

mod map;
mod plane;
mod predictions;
mod probe;
mod properties;
mod recorder;
mod recording;
mod report;
mod saturation;
pub mod statistics;
mod trace;

pub use map::Map;
pub use plane::Plane;
pub use predictions::{Predictions, Window};
pub use probe::{MeanSaturation, Probe};
pub use properties::{Property, PropertyKind, properties};
pub(crate) use recorder::{Recorder, planes_of};
pub(crate) use recording::gate_names;
pub use report::{
    AttentionMatrix, ContinuedSeries, Contributions, DirectionMatch, EmbeddingMap, Expectations,
    ExpectedRoll, Facts, Finding, Findings, GradientReach, Gradients, Inspection, Layer, NamedReach, Own,
    Path, PlaneFacts, Recording, Tags, Truncation, UnitMatch, Unrolled, UnrolledLayer,
};
pub use saturation::{GateSaturation, SaturationCounter};
pub use trace::{LayerTrace, Trace};
