//! Stepwise forecasting; the caller holds the recent history.

use std::sync::Arc;

use refrain_kernels::Backend;

use super::data::{AnchoredSeries, Window};
use super::{Distribution, Forecast};
use crate::session::check_step;
use crate::{Error, Place, Result, Session};

/// Recent histories of several series. (The inputs of a window depend on its last step, so the layers read the whole window at
/// every step and their states cannot be carried over.)
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForecastState {
    /// The last steps `[_, C]` of each series, in its unit.
    pub histories: Vec<Vec<f64>>,
}

impl<B: Backend> Session<Forecast, B> {
    /// The state of `rows` series without history.
    pub fn zero_state(&self, rows: usize) -> ForecastState {
        ForecastState { histories: vec![vec![]; rows] }
    }

    /// Reads a step of each series, `[rows, C]` in its unit, and returns the forecasts of the following steps; `None` while
    /// there is not enough history.
    ///
    /// # Errors
    /// [`crate::Error::Input`] for a wrong number of values, and for values that the scale of their column does not allow.
    pub fn step(&self, values: &[f64], state: &mut ForecastState) -> Result<Option<Vec<Distribution>>> {
        let task = &self.model().task;
        let (anchoring, columns) = (&task.description.anchoring, task.columns().len());
        check_step("values", values.len(), state.histories.len() * columns)?;
        let needed = anchoring.reach() * columns;
        for (history, values) in state.histories.iter_mut().zip(values.chunks_exact(columns)) {
            history.extend_from_slice(values);
            history.drain(..history.len().saturating_sub(needed));
        }
        if state.histories.iter().any(|history| history.len() < needed) {
            return Ok(None);
        }
        let window = |history: &Vec<f64>| {
            let series = anchoring.transform(history).map_err(|(step, column)| {
                let value = history[step * columns + column];
                let name = &task.columns()[column];
                let place = Place::of("the step").field(format!("column {name:?}"));
                Error::malformed(place, format!("is {value}"), "the scale of the column does not allow it")
            })?;
            let of = Arc::new(AnchoredSeries { series, anchoring: anchoring.clone() });
            Ok(Window { of, at: anchoring.reach() })
        };
        let windows: Vec<Window> = state.histories.iter().map(window).collect::<Result<_>>()?;
        Ok(Some(self.distributions(&windows)))
    }
}
