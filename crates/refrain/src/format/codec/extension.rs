//! What files are called.

use std::path::Path;

/// What a file's name ends in, in lower case and without a `.gz` behind it.
pub(super) fn extension(name: &str) -> String {
    let name = Path::new(name).file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    name.rsplit_once('.').map_or("", |(_, extension)| extension).to_owned()
}
