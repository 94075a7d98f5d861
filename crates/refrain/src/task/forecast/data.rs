//! Windows of a series: history, and what came after it.

use std::sync::Arc;

use super::anchored::Anchoring;
use crate::data::Example;
use crate::model::ForecasterBatch;

/// A series `[T, C]` on the scales of its columns, and how windows of it are read.
#[derive(Debug)]
pub(super) struct Anchored {
    pub(super) series: Vec<f64>,
    pub(super) anchoring: Anchoring,
}

/// The history before a step, and what came from there on.
#[derive(Clone, Debug)]
pub struct Window {
    pub(super) of: Arc<Anchored>,
    pub(super) at: usize,
}

impl Window {
    /// Those before the steps `starts`.
    pub(super) fn all(of: &Arc<Anchored>, starts: std::ops::Range<usize>) -> Vec<Self> {
        starts.map(|at| Self { of: Arc::clone(of), at }).collect()
    }

    /// The history, `[T, C]`, in the unit of the series.
    pub(super) fn history(&self) -> Vec<Vec<f64>> {
        let Anchored { series, anchoring } = &*self.of;
        let columns = anchoring.columns();
        let rows = series[(self.at - anchoring.window) * columns..self.at * columns].chunks_exact(columns);
        let values =
            |row: &[f64]| row.iter().zip(&anchoring.scales).map(|(&x, scale)| scale.back(x)).collect();
        rows.map(values).collect()
    }

    /// What its forecast is a change from, `[h, C]`.
    pub(super) fn anchors(&self) -> Vec<f64> {
        self.of.anchoring.anchors(&self.of.series, self.at)
    }
}

impl Example for Window {
    type Batch = ForecasterBatch;

    fn steps(&self) -> (usize, usize) {
        (self.of.anchoring.window, 0)
    }

    fn fill(examples: &[&Self], batch: &mut ForecasterBatch) {
        let histories: Vec<Vec<f32>> =
            examples.iter().map(|window| window.of.anchoring.window(&window.of.series, window.at)).collect();
        let wide = examples.first().map_or(1, |window| window.of.anchoring.means.len());
        let columns = examples.first().map_or(1, |window| window.of.anchoring.width());
        let targets: Vec<Vec<f32>> = examples
            .iter()
            .map(|window| {
                let mut targets = window.of.anchoring.targets(&window.of.series, window.at);
                // At the end of a series less has come than was forecast; nobody judges the rest.
                targets.resize(wide, 0.0);
                targets
            })
            .collect();
        batch.inputs.set(columns, histories.iter().map(|history| &history[..]));
        batch.targets.set(wide, targets.iter().map(|targets| &targets[..]));
    }
}
