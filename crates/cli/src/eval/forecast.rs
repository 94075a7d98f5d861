//! Evaluates forecasts: errors compared with those of baselines.

use refrain::task::Forecast;
use refrain::task::forecast::ForecastErrors;
use refrain::{Model, Session};
use serde_json::{Map, Value, json};

use super::{draw, file};
use crate::args::Args;
use crate::failure::Failure;
use crate::out::{self, thousands};

pub(super) fn run(args: &Args, model: Model<Forecast>) -> Result<(), Failure> {
    let backend = args.backend(&model)?;
    let session = Session::new(model, &backend);
    let found = session.evaluate(&session.model().task.read_dataset(file(args)?)?, args.all == Some(true))?;
    draw(args, || found.picture(session.model().task.horizon(), session.model().task.columns()))?;
    if args.json() {
        let columns = session.model().task.columns().iter().zip(&found.columns);
        let columns: Map<_, _> = columns.map(|(name, errors)| (name.clone(), column(errors))).collect();
        let object = json!({
            "columns": columns, "horizon": session.model().task.horizon(), "from": found.from, "steps": found.steps,
            "kept_apart": found.is_test_set, "precision": backend.precision().name(),
        });
        return out::line(&object.to_string());
    }
    let part = if found.is_test_set { "test set" } else { "all with enough earlier steps" };
    out::line(&format!(
        "steps   {}, starting at step {} ({part})",
        thousands(found.steps as u64),
        thousands(found.from as u64 + 1)
    ))?;
    for (name, errors) in session.model().task.columns().iter().zip(&found.columns) {
        table(name, errors)?;
    }
    Ok(())
}

/// Prints the errors of a column: one step ahead, at the horizon, and over all steps.
fn table(name: &str, errors: &[ForecastErrors]) -> Result<(), Failure> {
    let horizon = errors.first().map_or(1, |model| model.rmse.len());
    let at = if horizon > 1 { vec![0, horizon - 1] } else { vec![0] };
    let ahead =
        |step: usize| if step == 0 { "1 step ahead".to_owned() } else { format!("{} ahead", step + 1) };
    let mut head: Vec<String> = at.iter().map(|&step| ahead(step)).collect();
    head.extend((horizon > 1).then(|| format!("steps 1 to {horizon}")));
    out::line(&format!("\n{name:<18}{}", head.iter().map(|what| format!("{what:>24}")).collect::<String>()))?;
    out::line(&format!("{:<18}{}", "", "        RMSE         MAE".repeat(head.len())))?;
    for row in errors {
        let mut numbers: Vec<(f64, f64)> = at.iter().map(|&step| (row.rmse[step], row.mae[step])).collect();
        numbers.extend((horizon > 1).then_some((row.rmse_over_horizon, row.mae_over_horizon)));
        let numbers = numbers.iter().map(|(rmse, mae)| format!(" {rmse:>11.3} {mae:>11.3}"));
        let row_name = row.baseline.as_ref().map_or("model", |(name, _)| name);
        out::line(&format!("  {row_name:<16}{}", numbers.collect::<String>()))?;
    }
    let Some((model, baselines)) = errors.split_first() else { return Ok(()) };
    for (losses, what) in [(&model.nll, "nats per value"), (&model.pinball, "mean pinball loss")] {
        let losses_at =
            at.iter().filter_map(|&step| Some(format!("{:.3}, {}", losses.get(step)?, ahead(step))));
        let losses_at: Vec<String> = losses_at.collect();
        if !losses_at.is_empty() {
            out::line(&format!("  {what}: {}", losses_at.join("; ")))?;
        }
    }
    for &step in &at {
        let better = baselines.iter().filter(|row| row.rmse[step] < model.rmse[step]);
        let better: Vec<&str> = better.filter_map(|row| Some(&row.baseline.as_ref()?.0[..])).collect();
        if !better.is_empty() {
            out::line(&format!("  {}: worse than {}", ahead(step), better.join(" and ")))?;
        }
    }
    Ok(())
}

fn column(errors: &[ForecastErrors]) -> Value {
    let mut object = Map::new();
    for row in errors {
        let mut metrics = json!({
            "rmse": row.rmse, "mae": row.mae,
            "rmse_over_horizon": row.rmse_over_horizon, "mae_over_horizon": row.mae_over_horizon,
        });
        for (name, losses) in [("nll", &row.nll), ("pinball", &row.pinball)] {
            if !losses.is_empty() {
                metrics[name] = json!(losses);
            }
        }
        match &row.baseline {
            None => object.extend(metrics.as_object().cloned().unwrap_or_default()),
            Some((_, key)) => drop(object.insert((*key).to_owned(), metrics)),
        }
    }
    Value::Object(object)
}
