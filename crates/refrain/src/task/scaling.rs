//! Standardisation of numbers.

use serde::{Deserialize, Serialize};

use crate::error::InputProblem;

/// Standardises features by mean and deviation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// Mean of each feature over all frames of the training set.
    pub means: Vec<f32>,
    /// Standard deviation of each feature; 1 for a constant feature.
    pub deviations: Vec<f32>,
    /// Names of the features; empty if unknown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}

impl Scaling {
    /// Computed from frames `[_, width]`.
    pub fn of<'a>(width: usize, sequences: impl Iterator<Item = &'a [f32]> + Clone) -> Self {
        let mut count = 0.0_f64;
        let (mut sums, mut squares) = (vec![0.0_f64; width], vec![0.0_f64; width]);
        for frame in sequences.flat_map(|sequence| sequence.chunks_exact(width.max(1))) {
            count += 1.0;
            for ((sum, square), &x) in sums.iter_mut().zip(&mut squares).zip(frame) {
                *sum += f64::from(x);
                *square += f64::from(x) * f64::from(x);
            }
        }
        let means: Vec<f64> = sums.iter().map(|sum| sum / count.max(1.0)).collect();
        let deviation = |(square, mean): (&f64, &f64)| {
            let deviation = (square / count.max(1.0) - mean * mean).max(0.0).sqrt();
            if deviation > 1e-6 * mean.abs().max(1e-6) { deviation as f32 } else { 1.0 }
        };
        Self {
            deviations: squares.iter().zip(&means).map(deviation).collect(),
            means: means.iter().map(|&mean| mean as f32).collect(),
            names: vec![],
        }
    }

    /// Sets the names of the features.
    pub(super) fn named(self, names: &[String]) -> Self {
        Self { names: names.to_vec(), ..self }
    }

    /// Whether it has `width` features.
    pub(super) fn is_of(&self, width: usize) -> bool {
        [self.means.len(), self.deviations.len()] == [width; 2]
            && (self.names.is_empty() || self.names.len() == width)
    }

    /// Standardises a sequence of frames `[_, width]`.
    ///
    /// # Errors
    /// [`InputProblem`] for another width, no frames, an incomplete last frame, or values that are not finite.
    pub(super) fn frames(&self, mut values: Vec<f32>, width: usize) -> Result<Vec<f32>, InputProblem> {
        let expected = self.means.len();
        if width != expected {
            return Err(InputProblem::Size { what: "features in a frame", found: width, expected });
        }
        if values.is_empty() {
            return Err(InputProblem::too_little("has no frames", "leave it out"));
        }
        if !values.len().is_multiple_of(width) {
            return Err(InputProblem::PartialRow { values: values.len(), width });
        }
        if let Some(value) = values.iter().find(|value| !value.is_finite()) {
            return Err(InputProblem::NonFinite { value: value.to_string() });
        }
        self.apply(&mut values);
        Ok(values)
    }

    /// Standardises frames `[_, width]` in place.
    pub fn apply(&self, frames: &mut [f32]) {
        for frame in frames.chunks_exact_mut(self.means.len().max(1)) {
            let parts = frame.iter_mut().zip(&self.means).zip(&self.deviations);
            parts.for_each(|((x, mean), deviation)| *x = (*x - mean) / deviation);
        }
    }
}
