//! How a series goes on: CSV, one step a row.

use refrain::task::Forecast;
use refrain::task::forecast::Distribution;
use refrain::{Model, Session};
use serde_json::json;

use crate::args::Args;
use crate::failure::Failure;
use crate::out;

pub(super) fn run(args: &Args, model: Model<Forecast>) -> Result<(), Failure> {
    let most = model.task.horizon();
    let horizon = args.settings.horizon.unwrap_or(most);
    if !(1..=most).contains(&horizon) {
        return Err(Failure::Usage(format!(
            "--horizon is {horizon}: this model forecasts 1 to {most} steps ahead, `refrain train --horizon` makes one that \
             sees further"
        )));
    }
    let series = match args.input.as_deref() {
        None => None,
        Some([path]) => Some(model.task.read_dataset(path)?),
        _ => return Err(Failure::Usage("a series is continued from one file at a time".to_owned())),
    };
    let backend = args.backend(&model)?;
    let session = Session::new(model, &backend);
    let columns = session.model().task.columns();
    let forecast = session.predict(series.as_ref())?;
    let names = |name: &String| match &forecast.distribution {
        Distribution::Normals(_) => {
            ["mean", "deviation", "low", "high"].map(|what| format!("{name}_{what}")).to_vec()
        }
        Distribution::Quantiles { levels, .. } => {
            levels.iter().map(|level| format!("{name}_{level}")).collect()
        }
    };
    let header: Vec<String> = columns.iter().flat_map(names).collect();
    if !args.json() {
        out::line(&format!("step,{}", header.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(",")))?;
    }
    for step in 0..horizon {
        let values: Vec<f64> = (0..columns.len())
            .flat_map(|column| numbers(&forecast.distribution, step * columns.len() + column))
            .collect();
        let after = forecast.after + step + 1;
        if args.json() {
            let mut object = json!({ "step": after });
            header.iter().zip(values).for_each(|(name, value)| object[name] = json!(value));
            out::line(&object.to_string())?;
        } else {
            let values: Vec<String> = values.iter().map(f64::to_string).collect();
            out::line(&format!("{after},{}", values.join(",")))?;
        }
    }
    Ok(())
}

/// What is said of a value: mean, deviation, and the bounds that it keeps 19 times in 20; or its quantiles.
fn numbers(said: &Distribution, i: usize) -> Vec<f64> {
    match said {
        Distribution::Normals(normals) => {
            let (low, high) = said.interval(i);
            vec![normals[i].value_mean(), normals[i].value_deviation(), low, high]
        }
        Distribution::Quantiles { values, .. } => values[i].clone(),
    }
}

/// A name as CSV has it.
fn quoted(name: &str) -> String {
    match name.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", name.replace('"', "\"\"")),
        false => name.to_owned(),
    }
}
