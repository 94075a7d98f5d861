//! What a data file looks like, for those who do not say.

use std::collections::HashSet;

use super::rows::{Table, extension, is_conll};
use super::tabbed::filled_lines;
use crate::format::form::{Form, Guess};
use crate::number::thousands;
use crate::{Error, InputProblem, Place, Result};

impl Guess {
    pub(super) fn new(form: Form, why: impl Into<String>) -> Self {
        Self { form, why: why.into() }
    }
}

/// How much of a file is looked at, in bytes.
pub(super) const HEAD: usize = 1 << 20;
/// What the names of images and of MIDI files end in.
pub(super) const IMAGES: [&str; 3] = ["png", "jpg", "jpeg"];
pub(super) const MIDI: [&str; 2] = ["mid", "midi"];
/// How many lines are looked at.
const LINES: usize = 5_000;

/// What a file called `name`, which begins with these bytes (unpacked), looks like, by its name and by its first
/// mebibyte. What is malformed is still recognized if most of it is not, so that its own reader can say what is wrong.
///
/// # Errors
/// [`Error::Input`] if it is empty, or a single image or MIDI file.
///
/// ```
/// use refrain::format::{Form, form_of_bytes};
///
/// assert_eq!(form_of_bytes("sentences.tsv", b"Go.\tVa !\nI won!\tJ'ai gagn\xc3\xa9 !\n")?.form, Form::Pairs);
/// # Ok::<(), refrain::Error>(())
/// ```
pub fn form_of_bytes(name: &str, bytes: &[u8]) -> Result<Guess> {
    let place = Place::of(name);
    match form_of_name(name)? {
        Some(guess) => Ok(guess),
        None => sniff(&place, &head(bytes)),
    }
}

/// What a file's name alone says.
///
/// # Errors
/// [`Error::Input`] if it is that of a single image or MIDI file.
pub(super) fn form_of_name(name: &str) -> Result<Option<Guess>> {
    let single = |what: &str| {
        let problem = InputProblem::WrongKind {
            found: format!("is a single {what}"),
            expected: "name the folder that it lies in".to_owned(),
        };
        Err(Error::input(Place::of(name), problem))
    };
    let extension = extension(name);
    let form = match extension.as_str() {
        "conllu" => Form::Conllu,
        "ts" => Form::TimeSeries,
        "npz" => Form::Npz,
        of if IMAGES.contains(&of) => return single("image"),
        of if MIDI.contains(&of) => return single("MIDI file"),
        _ => return Ok(None),
    };
    Ok(Some(Guess::new(form, format!("its name ends in .{extension}"))))
}

/// The first lines of a file; a file of one line longer than that, as far as it goes. What is not UTF-8 is replaced:
/// readers say so with its line.
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

/// The form of a file called `place` in messages, which begins with `text`.
fn sniff(place: &Place, text: &str) -> Result<Guess> {
    if text.trim().is_empty() {
        return Err(Error::too_little(place, "is empty", "name a file with data in it"));
    }
    let lines: Vec<&str> = filled_lines(text).take(LINES).map(|(_, line)| line).collect();
    let extension = extension(&place.source);
    Ok(match extension.as_str() {
        "json" => rolls(text),
        of if is_conll(of) => Some(Guess::new(Form::Conll, format!("its name ends in .{of}"))),
        "csv" => table(&lines),
        _ => tagged(place, text).or_else(|| tabbed(&lines)).or_else(|| numbers(&lines)),
    }
    .unwrap_or_else(|| {
        Guess::new(
            Form::Text,
            match extension.as_str() {
                "json" => "its JSON does not begin with train, valid or test",
                "csv" => "none of its columns holds numbers only",
                _ => "its lines are not in columns",
            },
        )
    }))
}

fn rolls(text: &str) -> Option<Guess> {
    let key = text.trim_start().strip_prefix('{')?.trim_start().strip_prefix('"')?.split('"').next()?;
    let is_split = ["train", "valid", "test"].contains(&key);
    is_split.then(|| Guess::new(Form::Rolls, format!("its JSON begins with {key:?}")))
}

fn tagged(place: &Place, text: &str) -> Option<Guess> {
    let table = Table::of(place, text)?;
    if table.conllu {
        Some(Guess::new(Form::Conllu, "its lines have ten columns, numbers in the first"))
    } else if table.width > 1 && table.is_regular() {
        let why = format!("its lines have {} columns, and blank lines between sentences", table.width);
        Some(Guess::new(Form::Conll, why))
    } else {
        None
    }
}

/// Two columns with a tab between them, in most lines at least.
fn tabbed(lines: &[&str]) -> Option<Guess> {
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
        return Some(Guess::new(Form::Captions, "its lines begin with an image's name and a tab"));
    }
    let distinct = firsts.iter().collect::<HashSet<_>>().len();
    // A dictionary has several translations for some words, but not five on average.
    let recur = distinct * 2 <= firsts.len() && distinct <= (firsts.len() / 5).max(10);
    let (form, what) = if recur && firsts.iter().all(|first| !first.contains(char::is_whitespace)) {
        (Form::LabelledText, "label")
    } else {
        (Form::Pairs, "text")
    };
    let (distinct, plural) = (thousands(distinct as u64), if distinct == 1 { "" } else { "s" });
    let lines = thousands(lines.len() as u64);
    Some(Guess::new(
        form,
        format!("it has {distinct} different {what}{plural} before the tab in the first {lines} lines"),
    ))
}

/// A table of numbers by whatever name: nothing else, but for a header and for a first column of dates.
fn numbers(lines: &[&str]) -> Option<Guess> {
    let rows = cells(lines);
    let (header, rows) = rows.split_first()?;
    let is_row =
        |row: &Vec<&str>| row.len() == header.len() && row.iter().skip(1).all(|cell| is_number(cell));
    (header.len() > 1 && !rows.is_empty() && rows.iter().all(is_row)).then(|| table(lines))?
}

/// What is in a CSV.
fn table(lines: &[&str]) -> Option<Guess> {
    let rows = cells(lines);
    let (header, rows) = rows.split_first()?;
    let called = |index: usize, names: &[&str]| {
        header.get(index).is_some_and(|name| names.contains(&name.to_lowercase().as_str()))
    };
    if called(0, &["sequence", "sequence_id", "series", "series_id", "id"]) && called(1, &["label", "class"])
    {
        let why = format!("its columns begin with {} and {}", header[0], header[1]);
        return Some(Guess::new(Form::LongTable, why));
    }
    if has_runs(rows) {
        let why = "its first column repeats in runs, and its second is the same all through each";
        return Some(Guess::new(Form::LongTable, why));
    }
    let numeric = (0..header.len()).filter(|&column| is_numeric(rows, column)).count();
    let columns = if numeric == 1 { "a column" } else { "columns" };
    (numeric > 0).then(|| Guess::new(Form::Series, format!("it has {columns} of numbers: {numeric}")))
}

/// The cells of each line. Commas within quotes part cells like others: good enough for a look.
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

/// Whether a column holds numbers, gaps apart.
fn is_numeric(rows: &[Vec<&str>], column: usize) -> bool {
    let is_gap = |cell: &str| ["", "?", "na", "n/a", "nan", "null"].contains(&cell.to_lowercase().as_str());
    let cells = || rows.iter().filter_map(|row| row.get(column)).filter(|cell| !is_gap(cell));
    cells().next().is_some() && cells().all(|cell| is_number(cell))
}

/// Whether rows are steps of labelled sequences: each value of the first column stands in one run of rows, and in each
/// run there is one value of the second, but not the same in all of them. Dates repeat like that too: they do not count.
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
