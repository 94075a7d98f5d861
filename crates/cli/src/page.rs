//! The HTML page of `inspect`, `serve` and `train --live`: one document without external resources.

use std::io::Write;
use std::path::Path;

use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::{Compression, write::GzEncoder};
use refrain::inspect::{Plane, Recording};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::failure::Failure;

const PAGE: &str = include_str!("../page/page.html");
const STYLE: &str = include_str!("../page/style.css");

macro_rules! scripts {
    ($($name:literal)*) => { concat!($(include_str!(concat!("../page/", $name)),)*) };
}

/// All scripts, in order of dependency.
const SCRIPT: &str = scripts!(
    "dom.js" "colour.js" "source.js" "controls.js" "explore.js" "lines.js" "text-pane.js" "stack-pane.js" "save-grid.js"
    "grid.js" "axes.js" "chart.js" "tabs.js" "unit.js" "legend.js" "text-view.js" "matrix.js" "predictions.js"
    "unrolled.js" "gates.js" "gradients.js" "finder.js" "path.js" "embedding.js" "attention.js" "contributions.js"
    "tags.js" "roll.js" "series.js" "completions.js" "playground.js" "live-run.js" "live-curves.js" "live-units.js" "main.js"
);

/// Name of a model: the directory of its run, or the file without its extension.
pub(crate) fn name_of(model: &Path) -> String {
    let path = match model.file_name().is_some_and(|name| name == "model.safetensors") {
        true => model.parent().unwrap_or(model),
        false => model,
    };
    let name = if path.is_dir() { path.file_name() } else { path.file_stem() };
    name.map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// A self-contained page with a recording.
///
/// # Errors
/// If it cannot be serialised.
pub(crate) fn report(recording: &Recording) -> Result<String, Failure> {
    let mut data = element("boot", &json!({ "host": "report", "version": env!("CARGO_PKG_VERSION") }));
    let trace = serde_json::to_value(&recording.inspection)
        .map_err(|error| Failure::Machine(format!("cannot serialise the recording: {error}")))?;
    data.push_str(&element("trace", &trace));
    for ((layer, name), plane) in &recording.planes {
        let bytes = BASE64_STANDARD.encode(packed(plane));
        data.push_str(&format!(
            "<script type=\"application/octet-stream\" id=\"plane-{layer}-{name}\">{bytes}</script>\n"
        ));
    }
    let policy = format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">", policy("'none'"));
    Ok(document(&policy, &data))
}

/// A page that requests its data from the server.
pub(crate) fn served(data: &Value) -> String {
    document("", &element("boot", data))
}

/// Content security policy that allows only the script and style of the page.
pub(crate) fn policy(connect: &str) -> String {
    let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; img-src data: blob:; connect-src {connect}; \
         base-uri 'none'; form-action 'none'",
        hash(SCRIPT),
        hash(STYLE)
    )
}

/// The bytes of a plane, compressed with gzip.
pub(crate) fn packed(plane: &Plane) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::default());
    // Writing to memory cannot fail.
    let written = encoder.write_all(&plane.bytes()).and_then(|()| encoder.finish());
    written.unwrap_or_default()
}

/// A script element with JSON in which no markup can occur.
fn element(id: &str, value: &Value) -> String {
    let json = value.to_string().replace('<', "\\u003c");
    format!("<script type=\"application/json\" id=\"{id}\">{json}</script>\n")
}

/// Replaces the markers from left to right, so that markers within the parts are not replaced.
fn document(policy: &str, data: &str) -> String {
    let mut page = String::with_capacity(PAGE.len() + STYLE.len() + SCRIPT.len() + policy.len() + data.len());
    let mut rest = PAGE;
    for (marker, part) in
        [("<!--POLICY-->", policy), ("/*STYLE*/", STYLE), ("<!--DATA-->", data), ("/*SCRIPT*/", SCRIPT)]
    {
        let (before, after) = rest.split_once(marker).unwrap_or((rest, ""));
        page.push_str(before);
        page.push_str(part);
        rest = after;
    }
    page.push_str(rest);
    page
}
