//! Sentences with a tag for each word, in CoNLL columns or CoNLL-U, and sentences without tags for prediction.

use std::io::Read;

use super::rows::Table;
use super::tabbed::filled_lines;
use crate::format::column::{Column, Columns};
use crate::format::records::{Sentence, TaggedSentence};
use crate::format::text::text_of;
use crate::{Error, InputProblem, Place, Result};

/// The tagged sentences of a CoNLL or CoNLL-U file, named `place` in messages: one word per line, blank lines between
/// sentences.
///
/// The text is CoNLL-U (<https://universaldependencies.org/format.html>) if the name ends in `.conllu` or
/// `.conllu.gz`, or if its first sentence has ten columns separated by tabs, with a number in the first. The words of
/// a multiword token count, its own line (`1-2`) does not, and neither do empty nodes (`1.1`).
///
/// Otherwise it is CoNLL: columns separated by tabs if the first line has one, else by spaces. Lines of `-DOCSTART-`
/// are skipped, and so are comments: lines at the start of a sentence that start with `#` and do not look like words,
/// which have as many columns as the others and, in columns separated by spaces, a tag that occurs elsewhere.
///
/// # Errors
/// [`Error::Input`] for a line with another number of columns than the first, an empty word or tag, an invalid `id` of
/// CoNLL-U, a column that does not exist, and if there are no words.
pub fn tagged_of(
    place: impl Into<Place>,
    input: impl Read,
    columns: &Columns,
) -> Result<Vec<TaggedSentence>> {
    let place = place.into();
    tagged_by(&place, &text_of(&place, input)?, columns, choose)
}

/// Like [`tagged_of`] for a file that may also be the output of a tagger, which has two columns whatever the training
/// set.
///
/// # Errors
/// As [`tagged_of`].
pub fn tagged_or_written_of(
    place: impl Into<Place>,
    input: impl Read,
    columns: &Columns,
) -> Result<Vec<TaggedSentence>> {
    let place = place.into();
    tagged_by(&place, &text_of(&place, input)?, columns, choose_or_written)
}

fn tagged_by(
    place: &Place,
    text: &str,
    columns: &Columns,
    choose: impl Fn(&Table<'_>, &Columns) -> Result<(usize, usize)>,
) -> Result<Vec<TaggedSentence>> {
    let Some(table) = Table::of(place, text) else {
        let remedy = "write one word and its tag per line, with blank lines between sentences";
        return Err(Error::too_little(place, "contains no words", remedy));
    };
    let (words, tags) = choose(&table, columns)?;
    if words == tags && columns.tags.is_none() {
        let remedy = "put the tags into a separate column, or name their column";
        return Err(table.error(InputProblem::malformed("has no column besides that of the words", remedy)));
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

/// The sentences of a file, named `place` in messages, with or without tags; there may be none.
///
/// They are in columns, as for [`tagged_of`], if a column of words is chosen, if `place` ends in `.conllu` or
/// `.conll`, if the lines have tabs, or if they have equal width and blank lines separate sentences; two words per
/// line only if most of the second are `known` tags. Otherwise each line is a sentence of words separated by white
/// space.
///
/// # Errors
/// As [`tagged_of`] for columns, but the tags are optional.
pub fn untagged_of(
    place: impl Into<Place>,
    input: impl Read,
    columns: &Columns,
    known: &[String],
) -> Result<Vec<Sentence>> {
    let place = place.into();
    let text = &text_of(&place, input)?;
    let table = Table::of(&place, text);
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
        Some(column) => column.index(table.width, table.conllu).map_err(|problem| table.error(problem)),
        None => Ok(default),
    };
    Ok((index(&columns.words, words)?, index(&columns.tags, tags)?))
}

/// Like [`choose`], or the two columns of a tagger's output if these columns do not exist.
fn choose_or_written(table: &Table<'_>, columns: &Columns) -> Result<(usize, usize)> {
    let is_written = !table.conllu && table.width == 2;
    choose(table, columns).or_else(|error| if is_written { Ok((0, 1)) } else { Err(error) })
}

#[cfg(test)]
#[path = "conll_tests.rs"]
mod tests;
