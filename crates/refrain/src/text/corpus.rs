//! One text from one or several sources, scanned once and then read in place.
//!
//! The scan counts symbols and stores the byte offset of every 65,536th one. A [`Reader`](super::Reader) needs no
//! more to start anywhere, because decoding can start at the first byte of any symbol; the index of 100 MB of text
//! takes 13 kB.

use std::path::PathBuf;
use std::sync::Arc;

use super::NEWLINE;
use super::counts::SymbolCounts;
use super::source::{OpenSource, Source};
use super::stream::Stream;
use super::units::Units;
use crate::{Error, Note, Result, SettingProblem};

/// Number of symbols between two index entries.
pub(super) const INDEX_SPACING: u64 = 65_536;
/// Number of symbols read at a time; divides [`INDEX_SPACING`], so that every entry falls between two reads.
pub(super) const SCAN_SYMBOLS: usize = 16_384;
const SCAN_BUFFER_SIZE: usize = 64 * 1024;
/// With more files than this, none is kept open: some systems allow only 256 open files.
const MAX_OPEN_FILES: usize = 64;

/// One or several sources as one text, in order, without separators. Clones are cheap and share the index.
#[derive(Clone, Debug)]
pub struct Corpus {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    units: Units,
    raw: bool,
    sources: Vec<IndexedSource>,
    length: u64,
    counts: SymbolCounts,
    fingerprint: u64,
    notes: Vec<Note>,
}

/// A source with its position in the corpus.
#[derive(Debug)]
pub(super) struct IndexedSource {
    pub(super) source: Arc<OpenSource>,
    /// Position of its first symbol in the corpus.
    pub(super) first: u64,
    /// Length in symbols, at least 1.
    pub(super) length: u64,
    /// Byte offsets of its symbols 0, 65,536, 131,072...
    pub(super) offsets: Vec<u64>,
}

impl Corpus {
    /// Reads every source once, from start to end, in constant memory. Texts in memory may be unnamed strings;
    /// messages then number them, `text 2`.
    ///
    /// Unless `raw`, a leading byte-order mark of each source is dropped and CRLF is read as LF, in both
    /// units.
    ///
    /// # Errors
    /// [`Error::Setting`] without any source. [`Error::Io`] for a file that is missing or cannot be read.
    /// [`Error::Input`] for a directory, a pipe, a source without any symbol, invalid UTF-8 (in
    /// [`Units::Char`]), and a file that changes during the scan.
    pub fn scan<S: Into<Source>>(
        sources: impl IntoIterator<Item = S>,
        units: Units,
        raw: bool,
    ) -> Result<Self> {
        let numbered = |(number, source): (u64, S)| source.into().named(|| format!("text {number}"));
        Self::scan_sources(&(1..).zip(sources).map(numbered).collect::<Vec<_>>(), units, raw)
    }

    fn scan_sources(sources: &[Source], units: Units, raw: bool) -> Result<Self> {
        if sources.is_empty() {
            let reason = "at least one text is required".to_owned();
            return Err(Error::Setting { setting: "data", problem: SettingProblem::Missing { reason } });
        }
        let keep_open = sources.len() <= MAX_OPEN_FILES;
        let count = sources.len();
        let mut corpus = Shared {
            units,
            raw,
            sources: Vec::with_capacity(count),
            length: 0,
            counts: SymbolCounts::default(),
            fingerprint: 0xcbf2_9ce4_8422_2325,
            notes: Vec::new(),
        };
        for (index, source) in sources.iter().enumerate() {
            corpus.scan_source(OpenSource::open(source, keep_open)?, index + 1 == count)?;
        }
        Ok(Self { shared: Arc::new(corpus) })
    }

    /// The units in which the text was read.
    pub fn units(&self) -> Units {
        self.shared.units
    }

    /// Whether every byte was kept, byte-order marks and carriage returns included.
    pub fn is_raw(&self) -> bool {
        self.shared.raw
    }

    /// Length in symbols, at least 1.
    pub fn len(&self) -> u64 {
        self.shared.length
    }

    /// Always false: [`scan`](Self::scan) refuses an empty text.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of occurrences of each symbol in the whole text.
    pub fn counts(&self) -> &SymbolCounts {
        &self.shared.counts
    }

    /// A hash of the symbols in order, which identifies the text. Not cryptographic.
    pub fn fingerprint(&self) -> u64 {
        self.shared.fingerprint
    }

    /// Notes on how the text was read, for the user.
    pub fn notes(&self) -> &[Note] {
        &self.shared.notes
    }

    /// The name of the text in messages: its path, or the first path and the number of others.
    pub fn name(&self) -> PathBuf {
        let first = self.sources()[0].source.name();
        match self.sources().len() - 1 {
            0 => first.into(),
            others => format!("{first} and {others} more").into(),
        }
    }

    /// Checks that every file still has the length and modification time of the scan.
    ///
    /// # Errors
    /// [`Error::Input`] for a file that changed, [`Error::Io`] for one that is missing.
    pub fn check_unchanged(&self) -> Result<()> {
        self.sources().iter().try_for_each(|indexed| indexed.source.check_unchanged())
    }

    pub(super) fn sources(&self) -> &[IndexedSource] {
        &self.shared.sources
    }

    /// The index of the source that holds `position`; the last one for the end of the corpus.
    pub(super) fn source_at(&self, position: u64) -> usize {
        self.sources().partition_point(|indexed| indexed.first <= position) - 1
    }
}

impl Shared {
    fn scan_source(&mut self, source: OpenSource, last: bool) -> Result<()> {
        let source = Arc::new(source);
        let mut stream = Stream::new(source.clone(), self.units, self.raw, SCAN_BUFFER_SIZE);
        let mut symbols = vec![0; SCAN_SYMBOLS];
        let (mut length, mut offsets, mut final_symbol) = (0, Vec::new(), NEWLINE);
        loop {
            if length % INDEX_SPACING == 0 {
                offsets.push(stream.decoder().offset());
            }
            let count = stream.read(&mut symbols)?;
            self.counts.add(&symbols[..count]);
            // The hash FNV-1a (Fowler, Noll & Vo), one symbol at a time.
            let mix = |hash: u64, &symbol: &u32| (hash ^ u64::from(symbol)).wrapping_mul(0x100_0000_01b3);
            self.fingerprint = symbols[..count].iter().fold(self.fingerprint, mix);
            final_symbol = symbols[..count].last().copied().unwrap_or(final_symbol);
            length += count as u64;
            if count < symbols.len() {
                break;
            }
        }
        source.check_unchanged()?;
        if length == 0 {
            return Err(source.is_empty_error());
        }
        self.note(&stream, last || final_symbol == NEWLINE);
        self.sources.push(IndexedSource { source, first: self.length, length, offsets });
        self.length += length;
        Ok(())
    }

    fn note(&mut self, stream: &Stream, ends_its_last_line: bool) {
        let source = || stream.source().name().to_owned();
        let (dropped_mark, converted_line_endings) =
            (stream.decoder().dropped_mark(), stream.decoder().converted_line_endings());
        if dropped_mark || converted_line_endings > 0 {
            self.notes.push(Note::Normalised { source: source(), dropped_mark, converted_line_endings });
        }
        if !ends_its_last_line {
            self.notes.push(Note::RunsOn { source: source() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(texts: &[&[u8]], units: Units, raw: bool) -> Result<Corpus> {
        let name = |index| format!("{}.txt", char::from(b'a' + index as u8));
        let sources = texts.iter().enumerate().map(|(index, text)| Source::memory(name(index), text));
        Corpus::scan(sources, units, raw)
    }

    #[test]
    fn sources_are_counted_as_one_text() {
        let corpus = scan(&["né\n".as_bytes(), b"no"], Units::Char, false).unwrap();
        assert_eq!(corpus.len(), 5);
        assert_eq!(corpus.counts().total(), 5);
        assert_eq!(corpus.counts().get('n' as u32), 2);
        assert_eq!(corpus.name().display().to_string(), "a.txt and 1 more");
        assert!(corpus.notes().is_empty());
    }

    #[test]
    fn texts_may_be_strings_and_are_numbered() {
        assert_eq!(Corpus::scan(["one\n", "two"], Units::Char, false).unwrap().len(), 7);
        let message = Corpus::scan(vec![String::from("x"), String::new()], Units::Char, false).unwrap_err();
        assert_eq!(message.to_string(), "text 2: is empty: remove it, or use a file that contains text");
    }

    #[test]
    fn notes_report_all_changes() {
        let text = [b"\xEF\xBB\xBF".as_slice(), &b"x\r\n".repeat(1234)].concat();
        let corpus = scan(&[&text, b"y\r\n", b"z", b"end"], Units::Char, false).unwrap();
        let notes: Vec<String> = corpus.notes().iter().map(Note::to_string).collect();
        assert_eq!(
            notes,
            [
                "a.txt: dropped a leading byte-order mark; read 1,234 CRLF line endings as LF (use `raw` to keep every byte)",
                "b.txt: read 1 CRLF line ending as LF (use `raw` to keep every byte)",
                "c.txt: does not end with a newline: its last line continues in the next file",
            ]
        );
        assert_eq!(corpus.len(), 2 * 1234 + 2 + 1 + 3);
        let raw = scan(&[&text, b"y\r\n", b"z\n", b"end"], Units::Char, true).unwrap();
        assert!(raw.notes().is_empty());
        assert_eq!(raw.len(), 1 + 3 * 1234 + 3 + 2 + 3);
    }

    #[test]
    fn invalid_utf8_is_refused_with_its_line_and_offset() {
        let message = scan(&[b"fine\n", b"one\ntwo\ncaf\xE9\n"], Units::Char, false).unwrap_err().to_string();
        assert_eq!(
            message,
            "b.txt, line 3: is not UTF-8 (byte 0xE9 at offset 11): save the file as UTF-8, or train with \
             `units = byte`, which reads any file"
        );
        assert_eq!(scan(&[b"caf\xE9"], Units::Byte, false).unwrap().len(), 4);
    }

    #[test]
    fn a_text_cut_inside_a_character_is_refused() {
        let message = scan(&[b"caf\xC3"], Units::Char, false).unwrap_err().to_string();
        assert!(message.starts_with("a.txt, line 1: is not UTF-8 (byte 0xC3 at offset 3)"), "{message}");
    }

    #[test]
    fn utf16_is_recognised() {
        let message = scan(&[b"\xFF\xFEa\0"], Units::Char, false).unwrap_err().to_string();
        assert!(message.contains("save the file as UTF-8 (it looks like UTF-16)"), "{message}");
    }

    #[test]
    fn a_lone_byte_order_mark_is_an_empty_text() {
        let message = scan(&[b"\xEF\xBB\xBF"], Units::Char, false).unwrap_err().to_string();
        assert_eq!(message, "a.txt: is empty: remove it, or use a file that contains text");
    }

    #[test]
    fn a_corpus_without_sources_is_refused() {
        let message = scan(&[], Units::Char, false).unwrap_err().to_string();
        assert_eq!(message, "`data` is missing: at least one text is required");
    }

    #[test]
    fn the_index_has_one_entry_per_65536_symbols() {
        let corpus = scan(&["é".repeat(200_000).as_bytes()], Units::Char, false).unwrap();
        assert_eq!(corpus.sources()[0].offsets, [0, 131_072, 262_144, 393_216]);
    }

    #[test]
    fn more_files_than_can_be_open_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let sources = (0..MAX_OPEN_FILES + 1).map(|index| {
            let path = directory.path().join(index.to_string());
            std::fs::write(&path, format!("{}\n", index % 10)).unwrap();
            Source::file(path)
        });
        let corpus = Corpus::scan(sources, Units::Char, false).unwrap();
        let mut symbols = [0; 4];
        corpus.reader(126).unwrap().read(&mut symbols).unwrap();
        assert_eq!(symbols.to_vec(), Units::Char.symbols("3\n4\n"));
        std::fs::write(directory.path().join("64"), "changed").unwrap();
        assert!(corpus.check_unchanged().is_err());
    }

    #[test]
    fn a_position_is_located_by_source_and_line() {
        let corpus = scan(&[b"one\ntwo\n", b"three\nfour"], Units::Char, false).unwrap();
        let places: Vec<_> = [0, 3, 4, 8, 14].map(|position| corpus.locate(position).unwrap()).into();
        let places: Vec<_> = places.iter().map(|place| (&*place.source, place.line.unwrap())).collect();
        assert_eq!(places, [("a.txt", 1), ("a.txt", 1), ("a.txt", 2), ("b.txt", 1), ("b.txt", 2)]);
    }
}
