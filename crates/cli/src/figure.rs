//! Writes figures to files.

use std::path::Path;

use refrain::picture::Figure;
use refrain::write_atomically;

use crate::failure::Failure;

/// Writes a figure in the format of the extension, `.svg` or `.png`.
pub(crate) fn save(path: &Path, figure: &Figure) -> Result<(), Failure> {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let bytes = match extension.to_ascii_lowercase().as_str() {
        "svg" => figure.svg().into_bytes(),
        "png" => figure.png()?,
        _ => {
            return Err(Failure::Usage(format!(
                "{}: unsupported figure format; use .svg or .png",
                path.display()
            )));
        }
    };
    Ok(write_atomically(path, &bytes)?)
}
