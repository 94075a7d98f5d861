//! Figures, written as SVG (legible on light and dark backgrounds) or PNG.
//!
//! ```
//! use refrain::{format::Roll, picture::roll_figure};
//!
//! let figure = roll_figure(&Roll::new(vec![vec![60], vec![60, 64]])?);
//! assert!(figure.svg().starts_with("<svg") && figure.png()?.starts_with(b"\x89PNG"));
//! # Ok::<(), refrain::Error>(())
//! ```

mod axis;
mod chart;
mod confusion;
mod figure;
mod heatmap;
mod roll;

pub use axis::Axis;
pub use chart::{Chart, Line, chart_figure};
pub use confusion::confusion_figure;
pub use figure::{Anchor, Colour, Figure};
pub use heatmap::{Heatmap, diverging};
pub use roll::{roll_figure, roll_text};

/// Texts, axes and plain lines.
pub const INK: Colour = [0x7a, 0x82, 0x8c, 0xff];
/// Predictions; values above 0.
pub const ACCENT: Colour = [0xe0, 0x70, 0x3a, 0xff];
/// Truths; values below 0.
pub const BLUE: Colour = [0x2f, 0x6d, 0xb5, 0xff];
/// Text on saturated colours.
pub const WHITE: Colour = [0xff; 4];

/// A translucent variant of a colour.
fn faint([red, green, blue, _]: Colour) -> Colour {
    [red, green, blue, 0x40]
}

/// Text escaped for XML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
