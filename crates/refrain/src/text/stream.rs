//! The symbols of one source, starting at a byte offset, through a buffer of fixed size.

use std::sync::Arc;

use super::decode::{Decoder, InvalidUtf8};
use super::source::OpenSource;
use super::units::Units;
use crate::{Error, InputProblem, Result};

#[derive(Debug)]
pub(super) struct Stream {
    source: Arc<OpenSource>,
    units: Units,
    raw: bool,
    decoder: Decoder,
    buffer: Box<[u8]>,
    /// The part of `buffer` that is loaded and not yet decoded.
    start: usize,
    end: usize,
    /// Offset in the source of the first byte that is not loaded.
    loaded: u64,
}

impl Stream {
    /// A stream from the start of `source`, with a buffer of `buffer_size` bytes (at least 4, so that any symbol fits).
    pub(super) fn new(source: Arc<OpenSource>, units: Units, raw: bool, buffer_size: usize) -> Self {
        let decoder = Decoder::new(units, raw, 0);
        let buffer = vec![0; buffer_size.max(4)].into_boxed_slice();
        Self { source, units, raw, decoder, buffer, start: 0, end: 0, loaded: 0 }
    }

    /// Moves to byte `offset` of `source`, which must be the first byte of a symbol.
    pub(super) fn go_to(&mut self, source: Arc<OpenSource>, offset: u64) {
        self.source = source;
        self.decoder = Decoder::new(self.units, self.raw, offset);
        (self.start, self.end, self.loaded) = (0, 0, offset);
    }

    pub(super) fn source(&self) -> &OpenSource {
        &self.source
    }

    pub(super) fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Fills `symbols`; returns less than its length only at the end of the source.
    ///
    /// # Errors
    /// [`Error::Input`] for invalid UTF-8 and for a file that changed, [`Error::Io`] for one that cannot be
    /// read.
    pub(super) fn read(&mut self, symbols: &mut [u32]) -> Result<usize> {
        let mut written = 0;
        while written < symbols.len() {
            let last = self.loaded == self.source.length();
            let progress = self
                .decoder
                .decode(&self.buffer[self.start..self.end], last, &mut symbols[written..])
                .map_err(|error| self.invalid_utf8_error(error))?;
            self.start += progress.bytes;
            written += progress.symbols;
            if progress.bytes == 0 {
                if last {
                    break;
                }
                self.load()?;
            }
        }
        Ok(written)
    }

    /// Moves the undecoded bytes to the front and fills the rest of the buffer.
    fn load(&mut self) -> Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let room = (self.buffer.len() - self.end) as u64;
        let count = room.min(self.source.length() - self.loaded) as usize;
        self.source.read_exact_at(&mut self.buffer[self.end..self.end + count], self.loaded)?;
        self.end += count;
        self.loaded += count as u64;
        Ok(())
    }

    fn invalid_utf8_error(&self, InvalidUtf8 { byte, offset }: InvalidUtf8) -> Error {
        let line = match self.source.line_at(offset) {
            Ok(line) => line,
            Err(error) => return error,
        };
        let looks_like_utf16 = offset == 0 && matches!(byte, 0xFE | 0xFF);
        let remedy = if looks_like_utf16 {
            "save the file as UTF-8 (it looks like UTF-16), or train with `units = byte`, which reads any file"
        } else {
            "save the file as UTF-8, or train with `units = byte`, which reads any file"
        };
        Error::input(self.source.place().line(line), InputProblem::Encoding { byte, offset, remedy })
    }
}
