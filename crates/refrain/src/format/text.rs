//! Reads whole texts.

use std::io::Read;

use crate::{Error, InputProblem, Place, Result};

/// All bytes of an input, named `place` in messages.
///
/// # Errors
/// [`Error::Io`] if it cannot be read.
pub(super) fn bytes_of(place: &Place, mut input: impl Read) -> Result<Vec<u8>> {
    let mut bytes = vec![];
    input.read_to_end(&mut bytes).map_err(Error::io("read", &place.source))?;
    Ok(bytes)
}

/// A UTF-8 text, named `place` in messages, without byte-order mark. Lines may end in CRLF, which [`str::lines`]
/// handles.
///
/// # Errors
/// [`Error::Io`] if it cannot be read; [`Error::Input`] with the line that is not UTF-8.
pub fn text_of(place: impl Into<Place>, input: impl Read) -> Result<String> {
    let place = place.into();
    let mut text = String::from_utf8(bytes_of(&place, input)?).map_err(|error| {
        let (bytes, offset) = (error.as_bytes(), error.utf8_error().valid_up_to());
        let line = bytes[..offset].iter().filter(|&&byte| byte == b'\n').count() as u64 + 1;
        let problem = InputProblem::Encoding {
            byte: bytes[offset],
            offset: offset as u64,
            remedy: "convert the file, for example with `iconv -f LATIN1 -t UTF-8`",
        };
        Error::input(place.line(line), problem)
    })?;
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_utf_8_is_reported_with_its_place() {
        let message = text_of("x.txt", &b"fine\nna\xefve\n"[..]).unwrap_err().to_string();
        assert!(message.starts_with("x.txt, line 2: is not UTF-8 (byte 0xEF at offset 7)"), "{message}");
    }
}
