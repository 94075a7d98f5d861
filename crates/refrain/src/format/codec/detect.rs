//! Detects the format of data.

use std::collections::HashSet;

use super::rows::{Table, extension, is_conll};
use super::tabbed::filled_lines;
use crate::format::data_format::{DataFormat, DetectedFormat};
use crate::number::thousands;
use crate::{Error, InputProblem, Place, Result};

impl DetectedFormat {
    pub(super) fn new(format: DataFormat, why: impl Into<String>) -> Self {
        Self { format, why: why.into() }
    }
}

/// Number of bytes of a file that are inspected.
pub(super) const HEAD: usize = 1 << 20;
/// Extensions of image and MIDI files.
pub(super) const IMAGES: [&str; 3] = ["png", "jpg", "jpeg"];
pub(super) const MIDI: [&str; 2] = ["mid", "midi"];
/// Number of lines that are inspected.
const LINES: usize = 5_000;

/// Detects the format of a file from its `name` and its first mebibyte (unpacked). A file with some malformed lines is
/// still recognised, so that the reader of its format can report them.
///
/// # Errors
/// [`Error::Input`] if it is empty, or a single image or MIDI file.
///
/// ```
/// use refrain::format::{DataFormat, detect_format_of_bytes};
///
/// assert_eq!(detect_format_of_bytes("sentences.tsv", b"Go.\tVa !\nI won!\tJ'ai gagn\xc3\xa9 !\n")?.format, DataFormat::Pairs);
/// # Ok::<(), refrain::Error>(())
/// ```
pub fn detect_format_of_bytes(name: &str, bytes: &[u8]) -> Result<DetectedFormat> {
    let place = Place::of(name);
    match format_of_extension(name)? {
        Some(detected) => Ok(detected),
        None => detect(&place, &head(bytes)),
    }
}

/// Detects the format from the extension only.
///
/// # Errors
/// [`Error::Input`] for the extension of a single image or MIDI file.
pub(super) fn format_of_extension(name: &str) -> Result<Option<DetectedFormat>> {
    let single = |what: &str| {
        let problem = InputProblem::WrongKind {
            found: format!("is a single {what}"),
            expected: "give the folder that contains it".to_owned(),
        };
        Err(Error::input(Place::of(name), problem))
    };
    let extension = extension(name);
    let format = match extension.as_str() {
        "conllu" => DataFormat::Conllu,
        "ts" => DataFormat::TimeSeries,
        "npz" => DataFormat::Npz,
        of if IMAGES.contains(&of) => return single("image"),
        of if MIDI.contains(&of) => return single("MIDI file"),
        _ => return Ok(None),
    };
    Ok(Some(DetectedFormat::new(format, format!("its name ends in .{extension}"))))
}

/// The first lines of a file, without an incomplete last one unless it is the only one. Invalid UTF-8 is replaced:
/// readers report it with its line.
fn head(bytes: &[u8]) -> String {
    let mut head = &bytes[..bytes.len().min(HEAD)];
    if head.len() == HEAD {
        let lines = head.iter().rposition(|&byte| byte == b'\n').map(|end| end + 1);
        let characters = || match std::str::from_utf8(head) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => head.len(),
        };
        head = &head[..lines.unwrap_or_else(characters)];
    }
    let text = String::from_utf8_lossy(head);
    text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned()
}

/// The format of a file named `place` in messages, which starts with `text`.
fn detect(place: &Place, text: &str) -> Result<DetectedFormat> {
    if text.trim().is_empty() {
        return Err(Error::too_little(place, "is empty", "give a file that contains data"));
    }
    let lines: Vec<&str> = filled_lines(text).take(LINES).map(|(_, line)| line).collect();
    let extension = extension(&place.source);
    Ok(match extension.as_str() {
        "json" => rolls(text),
        of if is_conll(of) => Some(DetectedFormat::new(DataFormat::Conll, format!("its name ends in .{of}"))),
        "csv" => table(&lines),
        _ => tagged(place, text).or_else(|| tabbed(&lines)).or_else(|| numbers(&lines)),
    }
    .unwrap_or_else(|| {
        DetectedFormat::new(
            DataFormat::Text,
            match extension.as_str() {
                "json" => "its JSON does not start with train, valid or test",
                "csv" => "no column has only numbers",
                _ => "its lines have no columns",
            },
        )
    }))
}

fn rolls(text: &str) -> Option<DetectedFormat> {
    let key = text.trim_start().strip_prefix('{')?.trim_start().strip_prefix('"')?.split('"').next()?;
    let is_split = ["train", "valid", "test"].contains(&key);
    is_split.then(|| DetectedFormat::new(DataFormat::Rolls, format!("its JSON starts with {key:?}")))
}

fn tagged(place: &Place, text: &str) -> Option<DetectedFormat> {
    let table = Table::of(place, text)?;
    if table.conllu {
        Some(DetectedFormat::new(DataFormat::Conllu, "its lines have ten columns, numbers in the first"))
    } else if table.width > 1 && table.is_regular() {
        let why = format!("its lines have {} columns, and blank lines between sentences", table.width);
        Some(DetectedFormat::new(DataFormat::Conll, why))
    } else {
        None
    }
}

/// Two columns separated by a tab, at least in most lines.
fn tabbed(lines: &[&str]) -> Option<DetectedFormat> {
    let columns = lines.iter().filter_map(|line| line.split_once('\t'));
    let firsts: Vec<&str> = columns
        .filter(|(_, rest)| !rest.trim().is_empty())
        .map(|(first, _)| first.trim())
        .filter(|first| !first.is_empty())
        .collect();
    if firsts.len() * 10 < lines.len() * 9 {
        return None;
    }
    let images = firsts.iter().filter(|first| IMAGES.contains(&extension(first).as_str())).count();
    if images * 10 >= firsts.len() * 9 {
        return Some(DetectedFormat::new(
            DataFormat::Captions,
            "its lines start with the name of an image and a tab",
        ));
    }
    let distinct = firsts.iter().collect::<HashSet<_>>().len();
    // A dictionary has several translations for some words, but not five on average.
    let recur = distinct * 2 <= firsts.len() && distinct <= (firsts.len() / 5).max(10);
    let (format, what) = if recur && firsts.iter().all(|first| !first.contains(char::is_whitespace)) {
        (DataFormat::LabelledText, "label")
    } else {
        (DataFormat::Pairs, "distinct text")
    };
    let (distinct, plural) = (thousands(distinct as u64), if distinct == 1 { "" } else { "s" });
    let lines = thousands(lines.len() as u64);
    Some(DetectedFormat::new(
        format,
        format!("{distinct} {what}{plural} before the tab in the first {lines} lines"),
    ))
}

/// A table of numbers, whatever its extension: only numbers, except for a header and a first column of dates.
fn numbers(lines: &[&str]) -> Option<DetectedFormat> {
    let rows = cells(lines);
    let (header, rows) = rows.split_first()?;
    let is_row =
        |row: &Vec<&str>| row.len() == header.len() && row.iter().skip(1).all(|cell| is_number(cell));
    (header.len() > 1 && !rows.is_empty() && rows.iter().all(is_row)).then(|| table(lines))?
}

/// The format of a CSV file.
fn table(lines: &[&str]) -> Option<DetectedFormat> {
    let rows = cells(lines);
    let (header, rows) = rows.split_first()?;
    let called = |index: usize, names: &[&str]| {
        header.get(index).is_some_and(|name| names.contains(&name.to_lowercase().as_str()))
    };
    if called(0, &["sequence", "sequence_id", "series", "series_id", "id"]) && called(1, &["label", "class"])
    {
        let why = format!("its first columns are {} and {}", header[0], header[1]);
        return Some(DetectedFormat::new(DataFormat::LongTable, why));
    }
    if has_runs(rows) {
        let why = "its first column repeats in consecutive rows with the same value in the second";
        return Some(DetectedFormat::new(DataFormat::LongTable, why));
    }
    let numeric = (0..header.len()).filter(|&column| is_numeric(rows, column)).count();
    let columns = if numeric == 1 { "column" } else { "columns" };
    (numeric > 0).then(|| DetectedFormat::new(DataFormat::Series, format!("{numeric} {columns} of numbers")))
}

/// The cells of each line. Commas within quotes are treated as separators, which is good enough for detection.
fn cells<'a>(lines: &[&'a str]) -> Vec<Vec<&'a str>> {
    let first = lines.first().copied().unwrap_or_default();
    let separator = if first.contains(';') && !first.contains(',') { ';' } else { ',' };
    let cells =
        |line: &'a str| line.split(separator).map(|cell| cell.trim().trim_matches('"').trim()).collect();
    lines.iter().map(|line| cells(line)).collect()
}

fn is_number(cell: &str) -> bool {
    cell.parse::<f64>().is_ok()
}

/// Whether a column consists of numbers, except for missing values.
fn is_numeric(rows: &[Vec<&str>], column: usize) -> bool {
    let is_gap = |cell: &str| ["", "?", "na", "n/a", "nan", "null"].contains(&cell.to_lowercase().as_str());
    let cells = || rows.iter().filter_map(|row| row.get(column)).filter(|cell| !is_gap(cell));
    cells().next().is_some() && cells().all(|cell| is_number(cell))
}

/// Whether rows are steps of labelled sequences: each value of the first column occurs in one run of rows, with one
/// value of the second column per run, but not the same in all of them. Runs of dates do not count.
fn has_runs(rows: &[Vec<&str>]) -> bool {
    let mut runs: Vec<(&str, &str)> = vec![];
    for row in rows {
        let [id, label, _, ..] = row[..] else { return false };
        match runs.last() {
            Some(&(last, of)) if last == id => {
                if of != label {
                    return false;
                }
            }
            _ => runs.push((id, label)),
        }
    }
    let differing = |values: Vec<&str>| values.into_iter().collect::<HashSet<_>>().len();
    let is_date = |id: &str| id.starts_with(|c: char| c.is_ascii_digit()) && id.contains(['-', '/', ':']);
    runs.len() * 2 <= rows.len()
        && differing(runs.iter().map(|run| run.0).collect()) == runs.len()
        && differing(runs.iter().map(|run| run.1).collect()) > 1
        && !runs.iter().any(|run| is_date(run.0))
}
