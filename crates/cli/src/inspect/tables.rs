//! The data of a view as CSV.

use refrain::inspect::{Inspection, Recording};
use refrain::task::Language;
use refrain::text::Source;
use refrain::{Cpu, Session};

use super::{Selection, View};
use crate::failure::Failure;

/// A CSV text.
#[derive(Default)]
struct Table(String);

impl Table {
    fn line(&mut self, fields: &[String]) {
        self.0.push_str(&fields.iter().map(|field| quoted(field)).collect::<Vec<_>>().join(","));
        self.0.push('\n');
    }

    fn header(names: &[&str]) -> Self {
        let mut table = Self::default();
        table.line(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        table
    }
}

/// A header, then a line for each step, unit or finding. Activations are not rounded.
pub(super) fn csv(
    view: View,
    session: &Session<Language, Cpu>,
    recording: &Recording,
    selection: &Selection,
    source: Source,
) -> Result<String, Failure> {
    let inspection = &recording.inspection;
    let Table(text) = match view {
        View::Units => units(session, inspection, selection, source)?,
        View::Surprise => surprise(inspection),
        View::Gates => gates(inspection),
        View::Gradients => gradients(inspection),
        View::Path => path(inspection),
        View::Finder => findings(inspection),
    };
    Ok(text)
}

fn units(
    session: &Session<Language, Cpu>,
    inspection: &Inspection,
    Selection { layer, plane, units }: &Selection,
    source: Source,
) -> Result<Table, Failure> {
    let mut units = units.clone();
    units.sort_unstable();
    let mut table = Table::default();
    let names = units.iter().map(|unit| format!("{plane}{unit}"));
    table.line(&["step".to_owned(), "token".to_owned()].into_iter().chain(names).collect::<Vec<_>>());
    let (ids, _) = session.model().task.tokens(source, inspection.tokens.len())?;
    session.for_each_window(&ids, |window| {
        let trace = &window.layers[*layer];
        let gate = trace.gates.iter().find(|(name, _)| name == plane).map(|(_, values)| &values[..]);
        let values = match *plane {
            "h" => &trace.h[..],
            "c" => &trace.c[..],
            _ => gate.unwrap_or_default(),
        };
        let width = values.len() / window.ids.len();
        for (t, row) in (window.from..).zip(values.chunks_exact(width)) {
            let own = units.iter().map(|&unit| row[unit].to_string());
            let start = [t.to_string(), inspection.tokens[t].clone()];
            table.line(&start.into_iter().chain(own).collect::<Vec<_>>());
        }
    });
    Ok(table)
}

fn surprise(inspection: &Inspection) -> Table {
    let mut table = Table::header(&["step", "token", "nats"]);
    let surprise = inspection.predictions.iter().flat_map(|expected| &expected.surprise);
    for (t, (token, surprise)) in inspection.tokens.iter().zip(surprise).enumerate() {
        table.line(&[t.to_string(), token.clone(), surprise.map(|x| x.to_string()).unwrap_or_default()]);
    }
    table
}

fn gates(inspection: &Inspection) -> Table {
    let mut table = Table::header(&["layer", "gate", "unit", "left", "right"]);
    for gate in &inspection.saturation {
        for (unit, (left, right)) in gate.left.iter().zip(&gate.right).enumerate() {
            let place = [(gate.layer + 1).to_string(), gate.gate.to_owned(), unit.to_string()];
            table.line(&[&place[..], &[left.to_string(), right.to_string()]].concat());
        }
    }
    table
}

fn gradients(inspection: &Inspection) -> Table {
    let mut table = Table::header(&["model", "lag", "median", "low", "high", "cell"]);
    for series in inspection.gradients.iter().flat_map(|gradients| &gradients.series) {
        let reach = &series.reach;
        for (i, median) in reach.median.iter().enumerate() {
            let cell = reach.cell.get(i).map(f64::to_string).unwrap_or_default();
            let numbers = [median, &reach.low[i], &reach.high[i]].map(f64::to_string);
            table.line(&[&[series.name.clone(), (i + 1).to_string()], &numbers[..], &[cell]].concat());
        }
    }
    table
}

fn path(inspection: &Inspection) -> Table {
    let mut table = Table::header(&["step", "x", "y"]);
    if let Some(path) = &inspection.path {
        for (i, [x, y]) in path.map.points.iter().enumerate() {
            table.line(&[(i * path.every).to_string(), x.to_string(), y.to_string()]);
        }
    }
    table
}

fn findings(inspection: &Inspection) -> Table {
    let mut table =
        Table::header(&["property", "layer", "plane", "unit", "r", "mutual_information", "baseline_r"]);
    for finding in inspection.finder.iter().flat_map(|found| &found.properties) {
        let name = std::slice::from_ref(&finding.property.name);
        for unit in &finding.units {
            let place = [(unit.layer + 1).to_string(), unit.plane.to_owned(), unit.unit.to_string()];
            let numbers = [unit.r, unit.mi, unit.baseline_r].map(|x| format!("{x:.4}"));
            table.line(&[name, &place[..], &numbers].concat());
        }
        if let Some(direction) = &finding.direction {
            let place =
                [(direction.layer + 1).to_string(), direction.plane.to_owned(), "direction".to_owned()];
            let [r, baseline] = [direction.r, direction.baseline_r].map(|x| format!("{x:.4}"));
            table.line(&[name, &place[..], &[r, String::new(), baseline]].concat());
        }
    }
    table
}

/// A field, quoted as in RFC 4180.
fn quoted(field: &str) -> String {
    match field.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.to_owned(),
    }
}
