//! Looking inside: what a trained model does over a text, from the very tapes of the kernels that trained it.
//!
//! A text is read in windows, and whoever wants to know something watches ([`crate::Session::watch`]): nothing is kept that
//! nobody asked for.

mod finder;
mod gradients;
mod map;
mod plane;
mod probe;
mod properties;
mod recorder;
mod recording;
mod report;
mod saturation;
pub mod statistics;
mod text;
mod unrolled;

pub use finder::{DirectionMatch, Finding, UnitMatch};
pub use gradients::GradientReach;
pub use map::Map;
pub use plane::Plane;
pub use probe::Probe;
pub use properties::{Property, PropertyKind, properties};
pub use recording::Wanted;
pub use report::{
    AttentionMatrix, ContinuedSeries, Contributions, EmbeddingMap, Expectations, ExpectedRoll, Facts, Found,
    Gradients, Inspection, Layer, NamedReach, Own, Path, PlaneFacts, Recording, Tags,
};
pub use saturation::{GateSaturation, SaturationCounter};
pub use text::{Predictions, Seen, watch};
pub use unrolled::{MAX_UNROLLED, Truncation, Unrolled, UnrolledLayer};
