//! Forecasts a series: CSV with one step per row.

use refrain::task::Forecast;
use refrain::task::forecast::Distribution;
use refrain::{Model, Session};
use serde_json::json;

use crate::args::Args;
use crate::failure::Failure;
use crate::out;

pub(super) fn run(args: &Args, model: Model<Forecast>) -> Result<(), Failure> {
    let max = model.task.horizon();
    let horizon = args.settings.horizon.unwrap_or(max);
    if !(1..=max).contains(&horizon) {
        return Err(Failure::Usage(format!(
            "--horizon is {horizon}: this model forecasts 1 to {max} steps ahead; train one with a larger \
             --horizon"
        )));
    }
    let series = match args.input.as_deref() {
        None => None,
        Some([path]) => Some(model.task.read_dataset(path)?),
        _ => return Err(Failure::Usage("give one file: a forecast is for one series".to_owned())),
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

/// Mean, standard deviation and bounds of the 95 % interval of a value; or its quantiles.
fn numbers(distribution: &Distribution, i: usize) -> Vec<f64> {
    match distribution {
        Distribution::Normals(normals) => {
            let (low, high) = distribution.interval(i);
            vec![normals[i].value_mean(), normals[i].value_deviation(), low, high]
        }
        Distribution::Quantiles { values, .. } => values[i].clone(),
    }
}

/// A CSV field, quoted if necessary.
fn quoted(name: &str) -> String {
    match name.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", name.replace('"', "\"\"")),
        false => name.to_owned(),
    }
}
