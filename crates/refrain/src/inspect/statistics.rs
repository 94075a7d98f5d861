//! Correlation, mutual information, regression and principal components.

/// Pearson's correlation; 0 if one of them is constant.
pub fn correlation(a: &[f32], b: &[f32]) -> f64 {
    let n = a.len().min(b.len()) as f64;
    let mut sums = [0.0_f64; 5];
    for (x, y) in a.iter().zip(b).map(|(&x, &y)| (f64::from(x), f64::from(y))) {
        for (sum, term) in sums.iter_mut().zip([x, y, x * x, y * y, x * y]) {
            *sum += term;
        }
    }
    let [x, y, xx, yy, xy] = sums.map(|sum| sum / n.max(1.0));
    let (var_x, var_y) = (xx - x * x, yy - y * y);
    // The variance of a constant is not exactly 0 after rounding.
    if var_x <= 1e-12 * xx || var_y <= 1e-12 * yy { 0.0 } else { (xy - x * y) / (var_x * var_y).sqrt() }
}

/// Number of classes of values.
const CLASSES: usize = 8;

/// The mutual information in nats of two series, each in up to eight classes of equal size, with Miller & Madow's
/// correction for independent series, at least 0.
pub fn mutual_information(a: &[f32], b: &[f32]) -> f64 {
    let (a, b) = (classes(a), classes(b));
    let n = a.len().min(b.len());
    if n == 0 {
        return 0.0;
    }
    let mut joint = [[0_u32; CLASSES]; CLASSES];
    a.iter().zip(&b).for_each(|(&i, &j)| joint[i][j] += 1);
    let rows: Vec<u32> = joint.iter().map(|row| row.iter().sum()).collect();
    let columns: Vec<u32> = (0..CLASSES).map(|j| joint.iter().map(|row| row[j]).sum()).collect();
    let (mut information, mut cells) = (0.0, 0);
    for (i, row) in joint.iter().enumerate() {
        for (j, &count) in row.iter().enumerate().filter(|(_, count)| **count > 0) {
            let expected = f64::from(rows[i]) * f64::from(columns[j]) / n as f64;
            information += f64::from(count) / n as f64 * (f64::from(count) / expected).ln();
            cells += 1;
        }
    }
    let used = |counts: &[u32]| counts.iter().filter(|&&count| count > 0).count() as f64;
    let chance = (f64::from(cells) - used(&rows) - used(&columns) + 1.0) / (2.0 * n as f64);
    (information - chance.max(0.0)).max(0.0)
}

/// The class of each value: by value if there are few distinct ones, otherwise by rank.
fn classes(values: &[f32]) -> Vec<usize> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f32::total_cmp);
    let mut distinct = sorted.clone();
    distinct.dedup();
    let bounds: Vec<f32> = match distinct.len() {
        count if count <= CLASSES => distinct,
        _ => {
            let mut bounds: Vec<f32> =
                (0..CLASSES).map(|class| sorted[class * sorted.len() / CLASSES]).collect();
            bounds.dedup();
            bounds
        }
    };
    values.iter().map(|x| bounds.partition_point(|bound| bound <= x).saturating_sub(1)).collect()
}

/// Rows `[N, W]` of f32, minus the mean row.
#[derive(Clone, Debug)]
pub struct Rows {
    width: usize,
    mean: Vec<f64>,
    values: Vec<f32>,
}

impl Rows {
    /// From `[N, W]`.
    pub fn new(mut values: Vec<f32>, width: usize) -> Self {
        let rows = (values.len() / width.max(1)).max(1) as f64;
        let mut mean = vec![0.0_f64; width];
        for row in values.chunks_exact(width) {
            mean.iter_mut().zip(row).for_each(|(mean, &x)| *mean += f64::from(x) / rows);
        }
        for row in values.chunks_exact_mut(width) {
            row.iter_mut().zip(&mean).for_each(|(x, &mean)| *x -= mean as f32);
        }
        Self { width, mean, values }
    }

    /// `X^T X`, `[W, W]`.
    fn gram(&self) -> Vec<f64> {
        let width = self.width;
        let mut gram = vec![0.0_f64; width * width];
        // Sums in f32 over a few rows at a time, for speed with little loss of precision.
        for rows in self.values.chunks(width * 64) {
            let mut part = vec![0.0_f32; width * width];
            for row in rows.chunks_exact(width) {
                for (i, &x) in row.iter().enumerate().filter(|(_, x)| **x != 0.0) {
                    let into = &mut part[i * width..=i * width + i];
                    into.iter_mut().zip(row).for_each(|(sum, &y)| *sum += x * y);
                }
            }
            gram.iter_mut().zip(&part).for_each(|(sum, &x)| *sum += f64::from(x));
        }
        for i in 0..width {
            for j in 0..i {
                gram[j * width + i] = gram[i * width + j];
            }
        }
        gram
    }

    /// The projection of a row (not centred) on a direction, relative to the mean.
    pub fn project(&self, row: &[f32], direction: &[f64]) -> f64 {
        let from_mean = row.iter().zip(&self.mean).map(|(&x, mean)| f64::from(x) - mean);
        from_mean.zip(direction).map(|(x, w)| x * w).sum()
    }

    /// For each series `[N]` in `targets` the direction `[W]` that predicts it best (ridge regression); `ridge` is relative
    /// to the mean variance.
    pub fn directions(&self, targets: &[Vec<f32>], ridge: f64) -> Vec<Vec<f64>> {
        let width = self.width;
        let mut gram = self.gram();
        let trace: f64 = (0..width).map(|i| gram[i * width + i]).sum();
        let weight = (ridge * trace / width.max(1) as f64).max(1e-9);
        (0..width).for_each(|i| gram[i * width + i] += weight);
        cholesky(&mut gram, width);
        let direction = |target: &Vec<f32>| {
            let mean = target.iter().map(|&y| f64::from(y)).sum::<f64>() / target.len().max(1) as f64;
            let mut right = vec![0.0_f64; width];
            for (row, &y) in self.values.chunks_exact(width).zip(target) {
                let y = f64::from(y) - mean;
                right.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x) * y);
            }
            solve(&gram, width, right)
        };
        targets.iter().map(direction).collect()
    }

    /// The first `count` principal components, orthonormal, each with its share of the variance.
    pub fn principal(&self, count: usize) -> Vec<(Vec<f64>, f64)> {
        const ROUNDS: usize = 100;
        let width = self.width;
        let gram = self.gram();
        let total: f64 = (0..width).map(|i| gram[i * width + i]).sum();
        let mut found: Vec<(Vec<f64>, f64)> = vec![];
        for number in 0..count.min(width) {
            // Any start that is not orthogonal to the result.
            let mut v: Vec<f64> = (0..width).map(|i| ((i * 7 + number * 3 + 1) as f64).sin()).collect();
            let mut variance = 0.0;
            for _ in 0..ROUNDS {
                for (other, _) in &found {
                    let along: f64 = v.iter().zip(other).map(|(a, b)| a * b).sum();
                    v.iter_mut().zip(other).for_each(|(a, b)| *a -= along * b);
                }
                let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
                if norm <= f64::MIN_POSITIVE {
                    break;
                }
                v.iter_mut().for_each(|x| *x /= norm);
                let next: Vec<f64> = gram
                    .chunks_exact(width)
                    .map(|row| row.iter().zip(&v).map(|(a, b)| a * b).sum())
                    .collect();
                variance = next.iter().zip(&v).map(|(a, b)| a * b).sum();
                v = next;
            }
            let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
            v.iter_mut().for_each(|x| *x /= norm);
            found.push((v, if total > 0.0 { variance / total } else { 0.0 }));
        }
        found
    }
}

/// The lower triangle of `L` with `L L^T = A`, in place; `A` is positive definite.
fn cholesky(a: &mut [f64], n: usize) {
    for j in 0..n {
        for i in j..n {
            let (row_i, row_j) = (&a[i * n..i * n + j], &a[j * n..j * n + j]);
            let sum = a[i * n + j] - row_i.iter().zip(row_j).map(|(x, y)| x * y).sum::<f64>();
            a[i * n + j] = if i == j { sum.max(f64::MIN_POSITIVE).sqrt() } else { sum / a[j * n + j] };
        }
    }
}

/// The `x` with `L L^T x = b`.
fn solve(l: &[f64], n: usize, mut b: Vec<f64>) -> Vec<f64> {
    for i in 0..n {
        let known: f64 = l[i * n..i * n + i].iter().zip(&b).map(|(x, y)| x * y).sum();
        b[i] = (b[i] - known) / l[i * n + i];
    }
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|k| l[k * n + i] * b[k]).sum();
        b[i] = (b[i] - known) / l[i * n + i];
    }
    b
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(n: usize, seed: u32) -> Vec<f32> {
        let mut x = seed;
        let next = |_| {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (x >> 8) as f32 / 8_388_608.0 - 1.0
        };
        (0..n).map(next).collect()
    }

    #[test]
    fn correlations_are_correct() {
        assert!((correlation(&[1., 2., 3.], &[2., 4., 6.]) - 1.0).abs() < 1e-12);
        assert!((correlation(&[1., 2., 3., 4.], &[1., 3., 2., 0.]) + 0.4).abs() < 1e-6);
        assert_eq!(correlation(&[1., 1., 1.], &[1., 2., 3.]), 0.0);
        assert_eq!(correlation(&[], &[]), 0.0);
    }

    #[test]
    fn mutual_information_is_ln_2_for_a_coin_and_0_for_independent_series() {
        let a: Vec<f32> = (0..4000).map(|i| (i % 2) as f32).collect();
        let b: Vec<f32> = a.iter().map(|x| 3.0 - x).collect();
        assert!((mutual_information(&a, &b) - std::f64::consts::LN_2).abs() < 1e-3);
        assert!(mutual_information(&noise(4000, 1), &noise(4000, 2)) < 0.01);
        assert!(mutual_information(&noise(4000, 1), &noise(4000, 1)) > 2.0);
        assert_eq!(mutual_information(&[], &[]), 0.0);
    }

    #[test]
    fn regression_finds_the_direction_of_a_series() {
        let (n, width) = (500, 7);
        let x = noise(n * width, 3);
        let y: Vec<f32> = x.chunks(width).map(|row| 2.0 * row[1] - row[4] + 5.0).collect();
        let rows = Rows::new(x.clone(), width);
        let direction = &rows.directions(std::slice::from_ref(&y), 1e-6)[0];
        for (i, w) in direction.iter().enumerate() {
            let expected = [0., 2., 0., 0., -1., 0., 0.][i];
            assert!((w - expected).abs() < 1e-3, "{i}: {w}");
        }
        let predicted: Vec<f32> = x.chunks(width).map(|row| rows.project(row, direction) as f32).collect();
        assert!(correlation(&predicted, &y) > 0.9999);
    }

    #[test]
    fn principal_components_have_the_largest_variance() {
        let (n, width) = (400, 5);
        let mut x = noise(n * width, 5);
        x.chunks_mut(width).for_each(|row| {
            row[3] *= 10.0;
            row[0] *= 4.0;
        });
        let found = Rows::new(x, width).principal(2);
        assert!(found[0].0[3].abs() > 0.99 && found[1].0[0].abs() > 0.99);
        assert!(found[0].1 > found[1].1 && found[0].1 + found[1].1 < 1.0);
        assert_eq!(Rows::new(vec![0.0; 20], 5).principal(2)[0].1, 0.0);
    }
}
