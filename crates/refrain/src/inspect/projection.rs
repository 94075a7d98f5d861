//! Two-dimensional projections of vectors: their first two principal components.

use serde::Serialize;

use super::statistics::Rows;

/// Points in two dimensions.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Projection {
    /// The share of the variance that each component explains.
    pub explained: Vec<f64>,
    /// One point per vector.
    pub points: Vec<[f32; 2]>,
}

impl Projection {
    /// Of vectors `[N, W]`.
    pub fn new(vectors: &[f32], width: usize) -> Self {
        let rows = Rows::new(vectors.to_vec(), width);
        let directions = rows.principal(2);
        let place =
            |row: &[f32], d: usize| directions.get(d).map_or(0.0, |(v, _)| rows.project(row, v) as f32);
        Self {
            explained: directions.iter().map(|(_, share)| *share).collect(),
            points: vectors.chunks_exact(width).map(|row| [place(row, 0), place(row, 1)]).collect(),
        }
    }
}
