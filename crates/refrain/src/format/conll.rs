//! Sentences with a tag for each word: CoNLL's columns and CoNLL-U. And sentences without, for a model to tag.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::column::Column;
use super::read_text;
use super::rows::Table;
use super::tabbed::filled_lines;
use crate::{Error, Result};

/// A sentence and a tag for each of its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaggedSentence {
    /// At least one, none of them empty.
    pub words: Vec<String>,
    /// As many as words, none of them empty; `_` is a tag like any other.
    pub tags: Vec<String>,
    /// Where each word stands in its file, from 1.
    pub lines: Vec<u64>,
}

/// A sentence by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// At least one, none of them empty.
    pub words: Vec<String>,
    /// Where the first word stands in its file, from 1.
    pub line: u64,
}

/// Which columns hold what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    /// The words; by default `form` (the second) in CoNLL-U and the first elsewhere.
    pub words: Option<Column>,
    /// The tags; by default `upos` (the fourth) in CoNLL-U and the last elsewhere.
    pub tags: Option<Column>,
}

/// Reads a CoNLL or CoNLL-U file, as [`tagged_of`] says.
///
/// # Errors
/// As [`read_text`] and [`tagged_of`].
pub fn read_tagged(path: &Path, columns: &Columns) -> Result<Vec<TaggedSentence>> {
    tagged_of(path, &read_text(path)?, columns)
}

/// The same of a file that may also be what a tagger has written: of two columns, whichever it learned from.
///
/// # Errors
/// As [`read_tagged`].
pub(crate) fn read_tagged_or_written(path: &Path, columns: &Columns) -> Result<Vec<TaggedSentence>> {
    tagged_by(path, &read_text(path)?, columns, choose_or_written)
}

/// The tagged sentences in `text`, which came from `path`: one word a line, sentences apart by blank lines.
///
/// The text is CoNLL-U (<https://universaldependencies.org/format.html>) if the name ends in `.conllu` or `.conllu.gz`,
/// or if its first sentence has ten columns apart by tabs, a number in the first. The words of a multiword token
/// count, its own line (`1-2`) does not, and neither do empty nodes (`1.1`).
///
/// Otherwise it is CoNLL: columns apart by tabs if the first line has one, else by spaces. Lines of `-DOCSTART-` are
/// skipped, and so are comments: lines at the start of a sentence that begin with `#` and do not look like a word's,
/// which has as many columns as the others and, where spaces part them, a tag that occurs elsewhere.
///
/// # Errors
/// [`Error::Data`] for a line with another number of columns than the first, an empty word or tag, an `id` that
/// CoNLL-U does not know, a column that is not there, and if there is no word.
pub fn tagged_of(path: &Path, text: &str, columns: &Columns) -> Result<Vec<TaggedSentence>> {
    tagged_by(path, text, columns, choose)
}

fn tagged_by(
    path: &Path,
    text: &str,
    columns: &Columns,
    choose: impl Fn(&Table<'_>, &Columns) -> Result<(usize, usize)>,
) -> Result<Vec<TaggedSentence>> {
    let Some(table) = Table::of(path, text) else {
        return Err(Error::data(
            path,
            None,
            "holds no words: write a word and its tag a line, a blank line between sentences",
        ));
    };
    let (words, tags) = choose(&table, columns)?;
    if words == tags && columns.tags.is_none() {
        return Err(table.error(
            "has no other column than that of the words: put the tags into one of their own, or name it",
        ));
    }
    let sentences = table.sentences(tags)?.into_iter().map(|rows| {
        Ok(TaggedSentence {
            words: table.cells(&rows, words, "word")?,
            tags: table.cells(&rows, tags, "tag")?,
            lines: rows.iter().map(|row| row.line).collect(),
        })
    });
    sentences.collect()
}

/// Reads sentences without tags, as [`untagged_of`] says.
///
/// # Errors
/// As [`read_text`] and [`untagged_of`].
pub fn read_untagged(path: &Path, columns: &Columns, known: &[String]) -> Result<Vec<Sentence>> {
    untagged_of(path, &read_text(path)?, columns, known)
}

/// The sentences in `text`, which came from `path`, whether it has tags or not; there may be none.
///
/// They stand in columns, as for [`tagged_of`], if a column of words is chosen, if `path` is called so (`.conllu`,
/// `.conll`), if the lines have tabs, or if they are of one width and blank lines part them into sentences; two words a
/// line, only if most of the second are `known` tags. Otherwise each line is a sentence, its words apart by white space.
///
/// # Errors
/// Those of [`tagged_of`] for what stands in columns, but the tags need not be there.
pub fn untagged_of(path: &Path, text: &str, columns: &Columns, known: &[String]) -> Result<Vec<Sentence>> {
    let table = Table::of(path, text);
    let Some(table) = table.filter(|table| columns.words.is_some() || table.is_meant(known)) else {
        let lines = filled_lines(text)
            .map(|(line, text)| (line, text.split_whitespace().map(String::from).collect()));
        let sentences = lines.map(|(line, words)| Sentence { words, line });
        return Ok(sentences.filter(|sentence| !sentence.words.is_empty()).collect());
    };
    let no_tags = Columns { words: columns.words.clone(), tags: None };
    let chosen = choose_or_written(&table, columns);
    let (words, tags) = chosen.or_else(|_| choose(&table, &no_tags))?;
    let sentences = table.sentences(tags)?.into_iter().map(|rows| {
        let line = rows.first().map_or(table.line, |row| row.line);
        Ok(Sentence { words: table.cells(&rows, words, "word")?, line })
    });
    sentences.collect()
}

/// The indices of words and tags.
fn choose(table: &Table<'_>, columns: &Columns) -> Result<(usize, usize)> {
    let (words, tags) = if table.conllu { (1, 3) } else { (0, table.width - 1) };
    let index = |column: &Option<Column>, default| match column {
        Some(column) => column.index(table.width, table.conllu).map_err(|message| table.error(message)),
        None => Ok(default),
    };
    Ok((index(&columns.words, words)?, index(&columns.tags, tags)?))
}

/// The same, or of what a tagger has written its two columns, for columns that are not there.
fn choose_or_written(table: &Table<'_>, columns: &Columns) -> Result<(usize, usize)> {
    let is_written = !table.conllu && table.width == 2;
    choose(table, columns).or_else(|error| if is_written { Ok((0, 1)) } else { Err(error) })
}

#[cfg(test)]
#[path = "conll_tests.rs"]
mod tests;
