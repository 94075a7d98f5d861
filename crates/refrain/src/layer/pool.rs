//! Pooling of a sequence of vectors to one vector, without parameters.

use refrain_kernels::Real;

/// The pooling method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// The final output: the last step of the forward direction, the first of the backward direction.
    Last,
    /// The mean over all steps.
    Mean,
    /// The maximum over all steps, for each unit.
    Max,
}

/// Outputs of a stack, time-major; units of the forward direction precede those of the backward one.
#[derive(Clone, Copy, Debug)]
pub struct Outputs<'a, R> {
    /// `[T, B, W]`.
    pub values: &'a [R],
    /// `W`.
    pub width: usize,
    /// Index of the first unit of the backward direction; `W` if there is none.
    pub backwards_from: usize,
    /// `[B]`, each at least 1.
    pub lengths: &'a [usize],
}

impl Pooling {
    /// Overwrites `pooled [B, W]` and, for [`Pooling::Max`], the step of each maximum.
    pub fn forward<R: Real>(self, x: Outputs<'_, R>, pooled: &mut Vec<R>, steps: &mut Vec<u32>) {
        let rows = x.lengths.len();
        pooled.clear();
        steps.clear();
        for (row, &length) in x.lengths.iter().enumerate() {
            let at = |t: usize| &x.values[(t * rows + row) * x.width..][..x.width];
            match self {
                Pooling::Last => {
                    pooled.extend_from_slice(&at(length - 1)[..x.backwards_from]);
                    pooled.extend_from_slice(&at(0)[x.backwards_from..]);
                }
                Pooling::Mean => {
                    let share = R::one() / R::of(length as f64);
                    let from = pooled.len();
                    pooled.resize(from + x.width, R::zero());
                    for t in 0..length {
                        pooled[from..].iter_mut().zip(at(t)).for_each(|(sum, &x)| *sum = *sum + share * x);
                    }
                }
                Pooling::Max => {
                    let from = pooled.len();
                    pooled.extend_from_slice(at(0));
                    steps.resize(from + x.width, 0);
                    for t in 1..length {
                        let best = pooled[from..].iter_mut().zip(&mut steps[from..]);
                        for ((best, step), &x) in best.zip(at(t)) {
                            if x > *best {
                                (*best, *step) = (x, t as u32);
                            }
                        }
                    }
                }
            }
        }
    }

    /// The backward pass: overwrites `d_values [T, B, W]`. `steps` are those of the forward pass.
    pub fn backward<R: Real>(self, x: Outputs<'_, R>, d_pooled: &[R], steps: &[u32], d_values: &mut Vec<R>) {
        let rows = x.lengths.len();
        d_values.clear();
        d_values.resize(x.values.len(), R::zero());
        for (row, (&length, d)) in x.lengths.iter().zip(d_pooled.chunks_exact(x.width)).enumerate() {
            let at = |t: usize| (t * rows + row) * x.width;
            match self {
                Pooling::Last => {
                    let (forwards, backwards) = d.split_at(x.backwards_from);
                    d_values[at(length - 1)..][..forwards.len()].copy_from_slice(forwards);
                    d_values[at(0) + x.backwards_from..][..backwards.len()].copy_from_slice(backwards);
                }
                Pooling::Mean => {
                    let share = R::one() / R::of(length as f64);
                    for t in 0..length {
                        d_values[at(t)..].iter_mut().zip(d).for_each(|(to, &d)| *to = share * d);
                    }
                }
                Pooling::Max => {
                    for (unit, (&d, &step)) in d.iter().zip(&steps[row * x.width..]).enumerate() {
                        d_values[at(step as usize) + unit] = d;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 3;
    const LENGTHS: [usize; 2] = [3, 1];

    fn values() -> Vec<f64> {
        (0..3 * LENGTHS.len() * WIDTH).map(|i| (i as f64 * 1.7).sin()).collect()
    }

    fn outputs(values: &[f64]) -> Outputs<'_, f64> {
        Outputs { values, width: WIDTH, backwards_from: 2, lengths: &LENGTHS }
    }

    fn pooled(pooling: Pooling, values: &[f64]) -> (Vec<f64>, Vec<u32>) {
        let (mut pooled, mut steps) = (vec![], vec![]);
        pooling.forward(outputs(values), &mut pooled, &mut steps);
        (pooled, steps)
    }

    #[test]
    fn each_method_agrees_with_its_definition() {
        let values = values();
        let at = |t: usize, row: usize, unit: usize| values[(t * LENGTHS.len() + row) * WIDTH + unit];
        let (last, _) = pooled(Pooling::Last, &values);
        assert_eq!(last, [at(2, 0, 0), at(2, 0, 1), at(0, 0, 2), at(0, 1, 0), at(0, 1, 1), at(0, 1, 2)]);
        let (mean, _) = pooled(Pooling::Mean, &values);
        let (max, steps) = pooled(Pooling::Max, &values);
        for unit in 0..WIDTH {
            let column = [at(0, 0, unit), at(1, 0, unit), at(2, 0, unit)];
            assert!((mean[unit] - column.iter().sum::<f64>() / 3.0).abs() < 1e-12);
            assert_eq!(max[unit], column.iter().copied().fold(f64::NEG_INFINITY, f64::max));
            assert_eq!(max[unit], column[steps[unit] as usize]);
            // A row of one step is that step, whatever its padding contains.
            assert_eq!((mean[WIDTH + unit], max[WIDTH + unit]), (at(0, 1, unit), at(0, 1, unit)));
        }
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let values = values();
        for pooling in [Pooling::Last, Pooling::Mean, Pooling::Max] {
            let (y, steps) = pooled(pooling, &values);
            let d_pooled: Vec<f64> = (0..y.len()).map(|i| (i as f64 * 0.9).cos()).collect();
            let mut d_values = vec![];
            pooling.backward(outputs(&values), &d_pooled, &steps, &mut d_values);
            let loss = |values: &[f64]| -> f64 {
                pooled(pooling, values).0.iter().zip(&d_pooled).map(|(y, d)| y * d).sum()
            };
            for (i, &d) in d_values.iter().enumerate() {
                let shifted = |by: f64| {
                    let mut values = values.clone();
                    values[i] += by;
                    loss(&values)
                };
                let difference = (shifted(1e-6) - shifted(-1e-6)) / 2e-6;
                assert!((difference - d).abs() < 1e-8, "{pooling:?}, {i}: {difference} is not {d}");
            }
        }
    }
}
