//! Figures in files, in the form that the name of the file asks for.

use std::path::Path;

use refrain::picture::Figure;
use refrain::write_atomically;

use crate::failure::Failure;

/// Writes a figure to a `.svg` or a `.png`.
pub(crate) fn save(path: &Path, figure: &Figure) -> Result<(), Failure> {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let bytes = match extension.to_ascii_lowercase().as_str() {
        "svg" => figure.svg().into_bytes(),
        "png" => figure.png()?,
        _ => {
            return Err(Failure::Usage(format!("{}: pictures are written as .svg or .png", path.display())));
        }
    };
    Ok(write_atomically(path, &bytes)?)
}
