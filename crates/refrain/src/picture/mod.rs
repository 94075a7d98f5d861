//! Figures, as SVG that is legible on light and dark ground.

mod axis;
mod chart;
mod confusion;
mod roll;

pub use axis::Axis;
pub use chart::{Chart, Line, chart_picture};
pub use confusion::confusion_picture;
pub use roll::{roll_picture, roll_text};

/// What names, axes and the plain lines of a figure are drawn in.
pub const INK: &str = "#7a828c";
/// What a model says.
pub const ACCENT: &str = "#e0703a";

/// Text as XML has it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
