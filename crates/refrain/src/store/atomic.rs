//! Writing a file so that a crash, a kill or a full disk leaves the old one or the new one, never a mixture.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::{Error, Result};

/// Replaces `path` by `bytes`: written beside it under a temporary name, synced, renamed.
///
/// # Errors
/// If the system refuses any of it; the old file is then untouched and the temporary one removed.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let temporary = path.with_file_name(name);
    let written = File::create(&temporary)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, path));
    if let Err(source) = written {
        // Best effort: what matters is reported below.
        let _ = fs::remove_file(&temporary);
        return Err(Error::io("write", path)(source));
    }
    sync_directory(path);
    Ok(())
}

/// Makes the rename itself durable, where directories can be synced.
fn sync_directory(path: &Path) {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if let Ok(directory) = File::open(parent) {
        // Some file systems refuse; the file is whole either way.
        let _ = directory.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        for text in ["first", "second, longer"] {
            write_atomically(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_refusal_names_the_file() {
        let error = write_atomically(Path::new("/nowhere/at/all"), b"").unwrap_err();
        assert_eq!(error.to_string(), "cannot write /nowhere/at/all: no such file or directory");
    }
}
