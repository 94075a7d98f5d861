//! Activations and forecast at the end of a series.

use refrain_kernels::Backend;

use super::data::Window;
use super::{Dataset, Forecast};
use crate::data::Example;
use crate::inspect::{ContinuedSeries, Recording, Trace};
use crate::model::{ForecasterBatch, ForecasterWorkspace, Task};
use crate::{Result, Session};

impl<B: Backend> Session<Forecast, B> {
    /// Activations of the layers at the end of a series, by default the training series.
    ///
    /// # Errors
    /// As [`Session::predict`].
    pub fn trace(&self, series: Option<&Dataset>) -> Result<Trace<B::Real>> {
        Ok(Trace::of_pass(self, &self.read(&self.last_window(series)?.1).1))
    }

    /// Steps of a window, and the workspace after a forward pass.
    fn read(&self, window: &Window) -> (usize, ForecasterWorkspace<B>) {
        let (mut batch, mut pass) = (ForecasterBatch::default(), ForecasterWorkspace::default());
        Window::fill(&[window], &mut batch);
        let network = self.model().task.network();
        let mut state = network.start::<B>(1);
        network.outputs(self.backend(), self.weights(), &batch.inputs, None, &mut state, &mut pass);
        (batch.inputs.steps, pass)
    }

    /// Activations of the layers at the end of a series, by default the training series, and the forecast after it.
    ///
    /// # Errors
    /// As [`Session::predict`].
    pub fn inspect(&self, series: Option<&Dataset>, name: &str) -> Result<Recording> {
        let task = &self.model().task;
        let (after, window) = self.last_window(series)?;
        let (steps, pass) = self.read(&window);
        let steps = after - steps..after;
        let tokens = steps.map(|step| (step + 1).to_string()).collect();
        let mut recording = Recording::of_pass(self, &pass, name, ("steps", tokens));
        let forecast = self.distributions(std::slice::from_ref(&window)).swap_remove(0);
        let columns = task.columns().len();
        let ahead = |value: &dyn Fn(usize) -> f64| -> Vec<Vec<f64>> {
            let all: Vec<f64> = (0..task.horizon() * columns).map(value).collect();
            all.chunks_exact(columns).map(<[f64]>::to_vec).collect()
        };
        recording.inspection.own.series = Some(ContinuedSeries {
            columns: task.columns().to_vec(),
            values: window.history(),
            expected: ahead(&|i| forecast.point(i)),
            lowest: ahead(&|i| forecast.interval(i).0),
            highest: ahead(&|i| forecast.interval(i).1),
        });
        Ok(recording)
    }
}
