//! Text files, read whole.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::{Error, Result};

/// The bytes of a file, unpacked if its name ends in `.gz`.
///
/// # Errors
/// [`Error::Io`] if it cannot be read, [`Error::Data`] if it is no gzip file for all its name.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    read_head(path, u64::MAX)
}

/// The first `limit` bytes of a file, unpacked if its name ends in `.gz`; fewer if it has no more.
///
/// # Errors
/// As [`read_bytes`].
pub(super) fn read_head(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    let mut bytes = vec![];
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz")) {
        MultiGzDecoder::new(file).take(limit).read_to_end(&mut bytes).map_err(|error| {
            Error::data(
                path,
                None,
                format!("cannot be unpacked ({error}): use another copy, or unpack it yourself"),
            )
        })?;
    } else {
        file.take(limit).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    }
    Ok(bytes)
}

/// A UTF-8 text, unpacked if need be, without byte-order mark. Lines may end in CRLF: [`str::lines`] takes care of that.
///
/// # Errors
/// As [`read_bytes`], and [`Error::Data`] with the line that is not UTF-8.
pub fn read_text(path: &Path) -> Result<String> {
    text_of(path, read_bytes(path)?)
}

/// The text in `bytes`, which came from `path`.
///
/// # Errors
/// [`Error::Data`] with the line that is not UTF-8.
pub fn text_of(path: &Path, bytes: Vec<u8>) -> Result<String> {
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() as u64 + 1;
        Error::data(
            path,
            line,
            "is not UTF-8: convert the file, with `iconv -f LATIN1 -t UTF-8` for instance",
        )
    })?;
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    Ok(text)
}

/// What a file's name ends in, in lower case and without a `.gz` behind it.
pub(super) fn extension(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    name.rsplit_once('.').map_or("", |(_, extension)| extension).to_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn packed_and_plain_files_read_alike() {
        let directory = tempfile::tempdir().unwrap();
        let (plain, packed) = (directory.path().join("a.txt"), directory.path().join("a.txt.gz"));
        let bytes = b"\xef\xbb\xbfone\r\ntwo\n";
        std::fs::write(&plain, bytes).unwrap();
        let mut encoder = flate2::write::GzEncoder::new(File::create(&packed).unwrap(), Default::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap();
        assert_eq!(read_text(&plain).unwrap(), "one\r\ntwo\n");
        assert_eq!(read_text(&packed).unwrap(), read_text(&plain).unwrap());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let message = text_of(Path::new("x.txt"), b"fine\nna\xefve\n".to_vec()).unwrap_err().to_string();
        assert!(message.starts_with("x.txt, line 2: is not UTF-8"), "{message}");
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.gz");
        std::fs::write(&path, "not packed").unwrap();
        assert!(read_text(&path).unwrap_err().to_string().contains("cannot be unpacked"));
        assert!(read_text(&directory.path().join("none")).unwrap_err().to_string().contains("cannot read"));
    }
}
