//! Single figures.

use refrain::inspect::{self, Gradients, Inspection, NamedReach, Recording};
use refrain::picture::{ACCENT, BLUE, Chart, Colour, Figure, Heatmap, INK, Line, chart_figure};

use super::{Selection, View};
use crate::failure::Failure;

/// Colours of lines, in order.
const COLOURS: [Colour; 6] =
    [ACCENT, BLUE, [0x3a, 0x9a, 0x5f, 0xff], [0x8e, 0x5b, 0xb0, 0xff], [0xb0, 0x8a, 0x1e, 0xff], INK];

pub(super) fn figure(view: View, recording: &Recording, selection: &Selection) -> Result<Figure, Failure> {
    let inspection = &recording.inspection;
    let missing = |what: &str| Failure::Usage(format!("{what}: the text is too short"));
    Ok(match view {
        View::Units => heatmap(recording, selection).figure(),
        View::Surprise => {
            let points = (0..).zip(inspection.predictions.iter().flat_map(|expected| &expected.surprise));
            let points = points.map(|(t, x)| (f64::from(t), x.unwrap_or(f64::NAN))).collect();
            chart_figure(&[Chart {
                title: "surprisal, nats".to_owned(),
                x_name: inspection.axis.clone(),
                lines: vec![Line { colour: ACCENT, points, ..Line::default() }],
                ..Chart::default()
            }])
        }
        View::Gates => gates(inspection)?,
        View::Gradients => {
            gradients(inspection.gradients.as_ref().ok_or_else(|| missing("--view gradients"))?)
        }
        View::Path => path(inspection.path.as_ref().ok_or_else(|| missing("--view path"))?),
        View::Finder => {
            return Err(Failure::Usage("--view finder is a table: use --format csv".to_owned()));
        }
    })
}

fn gates(inspection: &Inspection) -> Result<Figure, Failure> {
    let gates = (0..).zip(&inspection.saturation);
    let charts: Vec<Chart> = gates
        .map(|(_, gate)| Chart {
            title: format!("layer {}, gate {}: share of steps below 0.1", gate.layer + 1, gate.gate),
            x_name: "share of steps above 0.9".to_owned(),
            lines: vec![Line {
                colour: COLOURS[gate.layer % COLOURS.len()],
                points: gate.right.iter().zip(&gate.left).map(|(&x, &y)| (x.into(), y.into())).collect(),
                dots: true,
                ..Line::default()
            }],
            ..Chart::default()
        })
        .collect();
    if charts.is_empty() {
        return Err(Failure::Usage("--view gates: an Elman network has no gates".to_owned()));
    }
    Ok(chart_figure(&charts))
}

fn gradients(gradients: &Gradients) -> Figure {
    let line = |(i, series): (usize, &NamedReach)| {
        let lags = || gradients.lags.iter().map(|&lag| lag as f64);
        let reach = &series.reach;
        Line {
            name: series.name.clone(),
            colour: COLOURS[i % COLOURS.len()],
            points: lags().zip(reach.median.iter().copied()).collect(),
            band: reach.low.iter().copied().zip(reach.high.iter().copied()).collect(),
            dots: false,
        }
    };
    chart_figure(&[Chart {
        title: "norm of the gradient of a step's loss with respect to h, k steps before".to_owned(),
        x_name: "k".to_owned(),
        logarithmic: true,
        lines: gradients.series.iter().enumerate().map(line).collect(),
    }])
}

fn path(path: &inspect::StateTrajectory) -> Figure {
    let points = path.map.points.iter().map(|[x, y]| ((*x).into(), (*y).into())).collect();
    let share = |i: usize| 100.0 * path.map.explained.get(i).copied().unwrap_or(0.0);
    chart_figure(&[Chart {
        title: format!("layer {}: second component ({:.0} % of the variance)", path.layer + 1, share(1)),
        x_name: format!("first component ({:.0} %)", share(0)),
        lines: vec![Line { colour: ACCENT, points, dots: true, ..Line::default() }],
        ..Chart::default()
    }])
}

/// Units over the steps of the text.
fn heatmap(recording: &Recording, selection: &Selection) -> Heatmap {
    let Selection { layer, plane, units } = selection;
    let inspection = &recording.inspection;
    let layer_info = &inspection.layers[*layer];
    let plane_of = &recording.planes[&(*layer, *plane)];
    let mut units = units.clone();
    units.sort_unstable();
    let row = |unit: usize| {
        let column = plane_of.units().iter().position(|&other| other == unit)?;
        Some((unit.to_string(), plane_of.column(column).collect::<Vec<f32>>()))
    };
    let rows: Vec<(String, Vec<f32>)> = units.into_iter().filter_map(row).collect();
    let max = rows.iter().flat_map(|(_, values)| values).fold(0.0_f32, |max, x| max.max(x.abs()));
    let name = inspection.gates.get(plane).copied().unwrap_or_default();
    Heatmap {
        title: format!("{}, {}: {plane} ({name})", inspection.model.name, layer_info.name),
        steps: inspection.tokens.clone(),
        rows,
        // Values of other planes are in -1..1, and are not rescaled.
        max: if *plane == "c" { max } else { 1.0 },
    }
}
