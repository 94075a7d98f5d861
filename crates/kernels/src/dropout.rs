//! Dropout with counter-based masks: whether an element is dropped depends only on the seed and the element's
//! position, so the backward pass need not store the mask, and the mask does not depend on threads or shards.

use crate::real::Real;

/// Which elements of activations `[T, B, N]` are dropped, and how the others are scaled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// Dropout probability, `0 <= rate < 1`. Kept elements are multiplied by `1 / (1 - rate)`.
    pub rate: f32,
    /// Seed of the mask: a different one for every layer and update.
    pub seed: u64,
    /// Rows `B` of these activations.
    pub rows: usize,
    /// Rows of the whole batch; those of these activations start at `first_row`.
    pub batch_rows: usize,
    /// See `batch_rows`.
    pub first_row: usize,
    /// Whether all time steps use the same mask (Gal & Ghahramani 2016).
    pub locked: bool,
}

impl Dropout {
    /// The counter of the first element of row `row` of `[T * B, N]`.
    pub(crate) fn counter(&self, row: usize, width: usize) -> u32 {
        let (t, b) = (if self.locked { 0 } else { row / self.rows }, row % self.rows);
        (((t * self.batch_rows + self.first_row + b) * width) as u32).wrapping_add(self.salt())
    }

    /// The factor of an element: zero or `1 / (1 - rate)`.
    #[inline(always)]
    pub(crate) fn factor(&self, counter: u32) -> f32 {
        let keep = (1.0 - f64::from(self.rate)) * f64::from(1_u32 << 24);
        let scale = 1.0 / (1.0 - self.rate);
        if mix(counter ^ self.key()) >> 8 < keep as u32 { scale } else { 0.0 }
    }

    /// Drops elements of a flat array, treated as one row.
    #[inline(always)]
    pub(crate) fn apply_flat<R: Real>(&self, values: &mut [R]) {
        for (i, x) in values.iter_mut().enumerate() {
            *x = *x * R::of(self.factor(self.salt().wrapping_add(i as u32)).into());
        }
    }

    fn key(&self) -> u32 {
        mix((self.seed >> 32) as u32 ^ 0x9e37_79b9)
    }

    fn salt(&self) -> u32 {
        mix(self.seed as u32)
    }
}

/// A bijection of 32 bits in which every input bit changes every output bit about half the time (the constants of
/// Wellons' hash prospector, "lowbias32").
#[inline(always)]
fn mix(x: u32) -> u32 {
    let x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
    let x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dropout(rate: f32, seed: u64) -> Dropout {
        Dropout { rate, seed, rows: 4, batch_rows: 4, first_row: 0, locked: false }
    }

    #[test]
    fn the_fraction_kept_is_one_minus_the_rate() {
        for rate in [0.1, 0.3, 0.5, 0.9] {
            let d = dropout(rate, 7);
            let kept = (0..100_000).filter(|&i| d.factor(i) > 0.0).count();
            assert!((kept as f32 / 100_000.0 - (1.0 - rate)).abs() < 0.005, "rate {rate} kept {kept}");
        }
    }

    #[test]
    fn masks_of_neighbouring_seeds_are_independent() {
        let (a, b) = (dropout(0.5, 1), dropout(0.5, 2));
        let mask = |d: &Dropout, i: u32| d.factor(i.wrapping_add(d.counter(0, 1))) > 0.0;
        let equal = (0..100_000).filter(|&i| mask(&a, i) == mask(&b, i)).count();
        assert!((equal as f32 / 100_000.0 - 0.5).abs() < 0.01, "{equal}");
    }

    #[test]
    fn a_shard_uses_its_own_rows_of_the_whole_mask() {
        let whole = Dropout { rows: 5, batch_rows: 5, ..dropout(0.5, 3) };
        let shard = Dropout { rows: 2, first_row: 3, ..whole };
        let locked = Dropout { locked: true, ..shard };
        for t in 0..4 {
            for b in 0..2 {
                assert_eq!(locked.counter(t * 2 + b, 9), shard.counter(b, 9));
                assert_eq!(shard.counter(t * 2 + b, 9), whole.counter(t * 5 + 3 + b, 9));
            }
        }
    }
}
