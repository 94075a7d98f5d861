//! Decodes a stream of bytes to symbols.
//!
//! The decoder stops before anything that the following bytes could still complete: a partial UTF-8 sequence, a
//! carriage return that may belong to a CRLF, the start of a byte-order mark. The caller passes these bytes again with
//! more appended. So the decoder has no pending bytes, and decoding can start at the first byte of any symbol.

use super::NEWLINE;
use super::units::Units;

/// U+FEFF in UTF-8, with which some editors start a file.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
const CARRIAGE_RETURN: u8 = b'\r';
/// Number of bytes that are tested together.
const BLOCK: usize = 16;

/// Decodes one source. Unless `raw`, a leading byte-order mark is dropped and CRLF becomes LF; a lone CR is kept.
#[derive(Clone, Debug)]
pub(super) struct Decoder {
    units: Units,
    raw: bool,
    offset: u64,
    dropped_mark: bool,
    converted_line_endings: u64,
}

/// Result of one call of [`Decoder::decode`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    /// Number of bytes consumed.
    pub(super) bytes: usize,
    /// Number of symbols written.
    pub(super) symbols: usize,
}

/// A byte that is not valid UTF-8, with its offset in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InvalidUtf8 {
    pub(super) byte: u8,
    pub(super) offset: u64,
}

impl Decoder {
    /// A decoder that starts at byte `offset`, which must be the first byte of a symbol.
    pub(super) fn new(units: Units, raw: bool, offset: u64) -> Self {
        Self { units, raw, offset, dropped_mark: false, converted_line_endings: 0 }
    }

    /// Offset in the source of the first byte that has not been decoded.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether a byte-order mark was dropped.
    pub(super) fn dropped_mark(&self) -> bool {
        self.dropped_mark
    }

    /// Number of CRLF pairs that were read as LF.
    pub(super) fn converted_line_endings(&self) -> u64 {
        self.converted_line_endings
    }

    /// Decodes as much of `bytes` as fits into `symbols`. `last`: the source ends with these bytes.
    ///
    /// Without any progress (if there is space in `symbols`), more bytes are needed; four are always enough.
    pub(super) fn decode(
        &mut self,
        bytes: &[u8],
        last: bool,
        symbols: &mut [u32],
    ) -> Result<Progress, InvalidUtf8> {
        let mut progress = Progress { bytes: 0, symbols: 0 };
        if self.offset == 0 && !self.raw {
            if bytes.starts_with(BYTE_ORDER_MARK) {
                self.dropped_mark = true;
                progress.bytes = BYTE_ORDER_MARK.len();
            } else if BYTE_ORDER_MARK.starts_with(bytes) && !last {
                return Ok(progress);
            }
        }
        while progress.symbols < symbols.len() {
            let plain = self.decode_plain(&bytes[progress.bytes..], &mut symbols[progress.symbols..]);
            progress.bytes += plain;
            progress.symbols += plain;
            if progress.symbols == symbols.len() || progress.bytes == bytes.len() {
                break;
            }
            match self.decode_one(&bytes[progress.bytes..], last) {
                Step::Symbol(symbol, width) => {
                    symbols[progress.symbols] = symbol;
                    progress.symbols += 1;
                    progress.bytes += width;
                }
                Step::NeedsMore => break,
                Step::Invalid(byte) => {
                    return Err(InvalidUtf8 { byte, offset: self.offset + progress.bytes as u64 });
                }
            }
        }
        self.offset += progress.bytes as u64;
        Ok(progress)
    }

    /// Copies the leading bytes that are symbols by themselves and returns their number. Whole blocks are tested and
    /// copied without a branch per byte, which the compiler vectorises.
    fn decode_plain(&self, bytes: &[u8], symbols: &mut [u32]) -> usize {
        let highest = if self.units == Units::Char { 0x7F } else { 0xFF };
        let is_plain = |byte: u8| (byte <= highest) & ((byte != CARRIAGE_RETURN) | self.raw);
        let mut count = 0;
        for (bytes, symbols) in bytes.as_chunks::<BLOCK>().0.iter().zip(symbols.as_chunks_mut::<BLOCK>().0) {
            if !bytes.iter().fold(true, |plain, &byte| plain & is_plain(byte)) {
                break;
            }
            *symbols = bytes.map(u32::from);
            count += BLOCK;
        }
        for (&byte, symbol) in bytes[count..].iter().zip(&mut symbols[count..]) {
            if !is_plain(byte) {
                break;
            }
            *symbol = byte.into();
            count += 1;
        }
        count
    }

    /// Decodes one symbol that [`decode_plain`](Self::decode_plain) stopped at; `bytes` is not empty.
    fn decode_one(&mut self, bytes: &[u8], last: bool) -> Step {
        if bytes[0] == CARRIAGE_RETURN {
            return match bytes.get(1) {
                Some(b'\n') => {
                    self.converted_line_endings += 1;
                    Step::Symbol(NEWLINE, 2)
                }
                None if !last => Step::NeedsMore,
                _ => Step::Symbol(CARRIAGE_RETURN.into(), 1),
            };
        }
        let width = sequence_width(bytes[0]);
        match std::str::from_utf8(&bytes[..width.min(bytes.len())]) {
            Ok(text) => {
                text.chars().next().map_or(Step::NeedsMore, |symbol| Step::Symbol(symbol.into(), width))
            }
            Err(error) if error.error_len().is_none() && !last => Step::NeedsMore,
            Err(_) => Step::Invalid(bytes[0]),
        }
    }
}

enum Step {
    /// A symbol and its width in bytes.
    Symbol(u32, usize),
    NeedsMore,
    Invalid(u8),
}

/// The length in bytes of a UTF-8 sequence with this first byte; 1 if no sequence starts with it.
fn sequence_width(lead: u8) -> usize {
    match lead {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The specification: the whole text at once, decoded by the standard library.
    fn decode_whole(bytes: &[u8], units: Units, raw: bool) -> Result<Vec<u32>, usize> {
        if units == Units::Byte {
            let bytes = if raw { bytes } else { bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes) };
            let kept = (0..bytes.len()).filter(|&i| raw || !bytes[i..].starts_with(b"\r\n"));
            return Ok(kept.map(|i| bytes[i].into()).collect());
        }
        let text = std::str::from_utf8(bytes).map_err(|error| error.valid_up_to())?;
        let text = if raw {
            text.to_owned()
        } else {
            text.strip_prefix('\u{FEFF}').unwrap_or(text).replace("\r\n", "\n")
        };
        Ok(text.chars().map(u32::from).collect())
    }

    /// `bytes` in chunks of the given sizes, cyclically, into windows of the given sizes.
    fn decode_in_chunks(
        bytes: &[u8],
        units: Units,
        raw: bool,
        chunks: &[usize],
        windows: &[usize],
    ) -> Result<Vec<u32>, usize> {
        let mut decoder = Decoder::new(units, raw, 0);
        let (mut decoded, mut done, mut available) = (Vec::new(), 0, 0);
        for turn in 0.. {
            let mut window = vec![0; windows[turn % windows.len()]];
            let last = available == bytes.len();
            let progress = decoder
                .decode(&bytes[done..available], last, &mut window)
                .map_err(|error| error.offset as usize)?;
            decoded.extend(&window[..progress.symbols]);
            done += progress.bytes;
            assert_eq!(decoder.offset(), done as u64);
            if last && progress.bytes == 0 {
                break;
            }
            available = (available + chunks[turn % chunks.len()]).min(bytes.len());
        }
        assert_eq!(done, bytes.len());
        Ok(decoded)
    }

    /// Bytes with many line endings, byte-order marks, valid and invalid sequences.
    fn difficult_bytes() -> impl Strategy<Value = Vec<u8>> {
        let pieces: Vec<&'static [u8]> = vec![
            b"a",
            b"\r",
            b"\n",
            b"\r\n",
            b"\xEF\xBB\xBF",
            "é".as_bytes(),
            "語".as_bytes(),
            "😀".as_bytes(),
        ];
        let piece = prop_oneof![
            40 => proptest::sample::select(pieces).prop_map(<[u8]>::to_vec),
            1 => any::<u8>().prop_map(|byte| vec![byte]),
        ];
        proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn a_stream_decodes_like_the_whole_text(
            bytes in difficult_bytes(),
            chunks in proptest::collection::vec(1usize..9, 1..5),
            windows in proptest::collection::vec(1usize..9, 1..5),
            raw: bool,
            chars: bool,
        ) {
            let units = if chars { Units::Char } else { Units::Byte };
            let streamed = decode_in_chunks(&bytes, units, raw, &chunks, &windows);
            prop_assert_eq!(streamed, decode_whole(&bytes, units, raw));
        }

        #[test]
        fn any_bytes_decode_or_fail_like_the_whole_text(bytes: Vec<u8>, chunk in 1usize..9, raw: bool) {
            let streamed = decode_in_chunks(&bytes, Units::Char, raw, &[chunk], &[7]);
            prop_assert_eq!(streamed, decode_whole(&bytes, Units::Char, raw));
        }
    }

    #[test]
    fn raw_keeps_the_mark_and_the_carriage_returns() {
        let symbols = decode_in_chunks(b"\xEF\xBB\xBFa\r\nb\rc", Units::Char, true, &[2], &[3]).unwrap();
        assert_eq!(symbols, [0xFEFF, 0x61, 0x0D, 0x0A, 0x62, 0x0D, 0x63]);
    }

    #[test]
    fn changes_are_counted() {
        let mut decoder = Decoder::new(Units::Byte, false, 0);
        let mut symbols = [0; 16];
        let progress = decoder.decode(b"\xEF\xBB\xBFa\r\n\r\r\n", true, &mut symbols).unwrap();
        assert_eq!(symbols[..progress.symbols], [0x61, 0x0A, 0x0D, 0x0A]);
        assert!(decoder.dropped_mark());
        assert_eq!(decoder.converted_line_endings(), 2);
    }

    #[test]
    fn an_invalid_byte_is_reported_with_its_offset() {
        let mut decoder = Decoder::new(Units::Char, false, 0);
        let error = decoder.decode(b"caf\xE9 noir", true, &mut [0; 16]).unwrap_err();
        assert_eq!(error, InvalidUtf8 { byte: 0xE9, offset: 3 });
    }
}
