//! Sentences as rows of columns, one word per row: the common part of CoNLL and CoNLL-U, and their detection.

use std::collections::HashSet;
use std::path::Path;

use crate::format::column::CONLLU;
use crate::{Error, InputProblem, Place, Result};

/// Consecutive non-blank lines with their numbers.
type Block<'a> = Vec<(u64, &'a str)>;

/// A file of columns, whose number and separator follow from its first line that is certainly a word.
pub(super) struct Table<'a> {
    place: &'a Place,
    blocks: Vec<Block<'a>>,
    tabs: bool,
    pub(super) conllu: bool,
    /// Number of columns, at least 1.
    pub(super) width: usize,
    /// The first line that is certainly a word.
    pub(super) line: u64,
}

/// The columns of one word.
pub(super) struct Row<'a> {
    cells: Vec<&'a str>,
    pub(super) line: u64,
}

impl<'a> Table<'a> {
    /// None if there is no word. Checks only the first sentence.
    pub(super) fn of(place: &'a Place, text: &'a str) -> Option<Self> {
        let blocks = blocks(text);
        let sentence = blocks.iter().map(|block| without_comments(block)).find(|rows| !rows.is_empty())?;
        let &(line, first) = sentence.first()?;
        let tabs = first.contains('\t');
        let width = split(first, tabs).len();
        let has_ids = || {
            sentence.iter().all(|(_, row)| split(row, tabs).first().is_some_and(|id| is_word(id).is_some()))
        };
        let conllu = extension(&place.source) == "conllu" || tabs && width == CONLLU.len() && has_ids();
        let (tabs, width) = if conllu { (true, CONLLU.len()) } else { (tabs, width) };
        Some(Self { place, blocks, tabs, conllu, width, line })
    }

    /// An error that concerns the columns of the whole file.
    pub(super) fn error(&self, problem: InputProblem) -> Error {
        Error::input(self.place.at(self.line), problem)
    }

    /// The rows of each sentence's words, at least one per sentence. `tags` is the column of the tags.
    pub(super) fn sentences(&self, tags: usize) -> Result<Vec<Vec<Row<'a>>>> {
        let known: HashSet<&str> = if self.tabs { HashSet::new() } else { self.column(tags).collect() };
        let is_comment = |row: &str| {
            let cells = split(row, self.tabs);
            let is_tagged = || cells.get(tags).is_some_and(|tag| known.contains(tag));
            let is_word = cells.len() == self.width && (self.tabs || self.width == 1 || is_tagged());
            row.starts_with('#') && (self.conllu || !is_word)
        };
        let mut sentences = vec![];
        for block in &self.blocks {
            let mut rows = vec![];
            for &(line, row) in block.iter().skip_while(|(_, row)| is_comment(row)) {
                rows.extend(self.row(line, row)?);
            }
            if !rows.is_empty() {
                sentences.push(rows);
            }
        }
        Ok(sentences)
    }

    /// The columns of a line; none for a line of CoNLL-U that is not a word.
    fn row(&self, line: u64, row: &'a str) -> Result<Option<Row<'a>>> {
        if self.conllu && row.starts_with('#') {
            return Ok(None);
        }
        let cells = split(row, self.tabs);
        if cells.len() != self.width {
            let plural = if cells.len() == 1 { "" } else { "s" };
            let (expected, remedy) = if self.conllu {
                let remedy = "separate them by tabs, use _ for empty ones,";
                ("where CoNLL-U has 10".to_owned(), remedy.to_owned())
            } else {
                let parted = if self.tabs { "tabs" } else { "spaces" };
                let (first, width) = (self.line, self.width);
                let remedy = format!("use the same number in every line, separated by {parted},");
                (format!("but line {first} has {width}"), remedy)
            };
            let found = format!("has {} column{plural}, {expected}", cells.len());
            let expected = format!("{remedy} and put a blank line between sentences");
            return Err(Error::malformed(self.place.at(line), found, expected));
        }
        match cells.first() {
            Some(id) if self.conllu => match is_word(id) {
                Some(is_word) => Ok(is_word.then_some(Row { cells, line })),
                None => {
                    let numbers = "CoNLL-U numbers words 1, 2, multiword tokens 1-2, empty nodes 1.1";
                    Err(Error::malformed(self.place.at(line), format!("the id is {id:?}"), numbers))
                }
            },
            _ => Ok(Some(Row { cells, line })),
        }
    }

    /// A column of a sentence; `name` is the name of its cells in messages.
    pub(super) fn cells(&self, rows: &[Row<'_>], column: usize, name: &str) -> Result<Vec<String>> {
        let empty = |line| {
            let found = format!("has an empty {name} in column {}", column + 1);
            Error::malformed(self.place.at(line), found, "fill it in, with _ for none")
        };
        let cell = |row: &Row<'_>| match row.cells.get(column) {
            Some(cell) if !cell.is_empty() => Ok((*cell).to_owned()),
            _ => Err(empty(row.line)),
        };
        rows.iter().map(cell).collect()
    }

    /// Whether the file has columns rather than one sentence per line. Two columns may be sentences of two words,
    /// unless most of the second are `known` tags.
    pub(super) fn is_meant(&self, known: &[String]) -> bool {
        let tags = || self.column(1).filter(|&tag| known.iter().any(|known| known == tag)).count();
        let is_tagged = || self.width != 2 || tags() * 2 > self.column(1).count();
        self.conllu
            || is_conll(&extension(&self.place.source))
            || self.tabs
            || self.is_regular() && is_tagged()
    }

    /// Whether this looks like tagged words whatever its name: rows of equal width between blank lines, and fewer
    /// different values in the last column than in the first, as there are fewer tags than words.
    pub(super) fn is_regular(&self) -> bool {
        let apart = self.blocks.len() > 1 && self.blocks.iter().any(|block| block.len() > 1);
        // A space in a column separated by tabs is part of a text rather than of a word.
        let is_odd = |row: &str| split(row, self.tabs).len() != self.width || self.tabs && row.contains(' ');
        let odd = self.sure().filter(|(_, row)| is_odd(row)).count();
        let differing = |column| self.column(column).collect::<HashSet<_>>().len();
        let tagged = || differing(self.width - 1) < differing(0) + usize::from(self.tabs);
        apart && odd * 10 <= self.sure().count() && (self.width == 1 || tagged())
    }

    /// A column of the lines that are certainly words.
    fn column(&self, index: usize) -> impl Iterator<Item = &'a str> {
        self.sure().filter_map(move |(_, row)| split(row, self.tabs).get(index).copied())
    }

    /// The lines that are certainly words: in each sentence from the first one on that does not start with `#`.
    fn sure(&self) -> impl Iterator<Item = &(u64, &'a str)> {
        self.blocks.iter().flat_map(|block| without_comments(block))
    }
}

/// The extension of a file in lower case, without `.gz`.
pub(super) fn extension(name: &str) -> String {
    let name = Path::new(name).file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    name.rsplit_once('.').map_or("", |(_, extension)| extension).to_owned()
}

/// Whether a file with this extension has CoNLL columns.
pub(super) fn is_conll(extension: &str) -> bool {
    ["conll", "iob", "bio"].iter().any(|of| extension.starts_with(of)) && extension != "conllu"
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = vec![vec![]];
    for (line, row) in (1..).zip(text.lines()) {
        let is_blank = row.bytes().all(|byte| byte.is_ascii_whitespace() && byte != b'\t');
        if is_blank || row.starts_with("-DOCSTART-") {
            blocks.push(vec![]);
        } else if let Some(block) = blocks.last_mut() {
            block.push((line, row));
        }
    }
    blocks.retain(|block| !block.is_empty());
    blocks
}

fn without_comments<'b, 'a>(block: &'b [(u64, &'a str)]) -> &'b [(u64, &'a str)] {
    let comments = block.iter().take_while(|(_, row)| row.starts_with('#')).count();
    &block[comments..]
}

/// Only ASCII white space separates columns: a word may contain a no-break space.
fn split(row: &str, tabs: bool) -> Vec<&str> {
    if tabs { row.split('\t').map(str::trim_ascii).collect() } else { row.split_ascii_whitespace().collect() }
}

/// Whether an `id` of CoNLL-U is that of a word (`1`) or not (`1-2`, `1.1`); none if it is invalid.
fn is_word(id: &str) -> Option<bool> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match id.split_once(['-', '.']) {
        None => is_number(id).then_some(true),
        Some((from, to)) => (is_number(from) && is_number(to)).then_some(false),
    }
}
