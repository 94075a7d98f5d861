//! Attention: at every step of one sequence, a weighted mean of the steps of another, with weights given by a score
//! of the two (Bahdanau et al. 2015; Luong et al. 2015).
//!
//! Scores: `dot`, `q . k` (Luong's *general* score applies it to linearly transformed keys), and `additive`,
//! `v . tanh(q + k)` over linearly transformed queries and keys (Bahdanau's). Weights are the softmax of the scores
//! over the steps of the row.

use refrain_kernels::Real;

use super::loss::softmax;

/// The score of a query and a key.
#[derive(Clone, Copy, Debug)]
pub enum AttentionScore<'a, R> {
    /// `q . k`.
    Dot,
    /// `v . tanh(q + k)`, with `v [K]`.
    Additive(&'a [R]),
}

/// The source, time-major.
#[derive(Clone, Copy, Debug)]
pub struct Attention<'a, R> {
    /// The score of queries and keys.
    pub score: AttentionScore<'a, R>,
    /// `[S, B, K]`.
    pub keys: &'a [R],
    /// `K`.
    pub key_size: usize,
    /// `[S, B, W]`.
    pub values: &'a [R],
    /// `W`.
    pub value_size: usize,
    /// `[B]`, steps of each row, each at least 1 and at most `S`.
    pub lengths: &'a [usize],
}

/// The results of the backward pass: gradients of all inputs.
#[derive(Debug)]
pub struct AttentionGradients<'a, R> {
    /// `[T, B, K]`, overwritten.
    pub queries: &'a mut Vec<R>,
    /// `[S, B, K]`, overwritten.
    pub keys: &'a mut Vec<R>,
    /// `[S, B, W]`, overwritten.
    pub values: &'a mut Vec<R>,
    /// `[K]` of an additive score, added to; otherwise not used.
    pub score: &'a mut [R],
}

impl<R: Real> Attention<'_, R> {
    fn rows(&self) -> usize {
        self.lengths.len()
    }

    fn steps(&self) -> usize {
        self.keys.len() / (self.rows() * self.key_size).max(1)
    }

    fn key(&self, s: usize, row: usize) -> &[R] {
        &self.keys[(s * self.rows() + row) * self.key_size..][..self.key_size]
    }

    fn value(&self, s: usize, row: usize) -> &[R] {
        &self.values[(s * self.rows() + row) * self.value_size..][..self.value_size]
    }

    /// From `queries [T, B, K]` overwrites `weights [T, B, S]` (zero beyond a row's steps) and `context [T, B, W]`.
    pub fn forward(&self, queries: &[R], weights: &mut Vec<R>, context: &mut Vec<R>) {
        let (rows, steps, k, w) = (self.rows(), self.steps(), self.key_size, self.value_size);
        let positions = queries.len() / k;
        weights.clear();
        weights.resize(positions * steps, R::zero());
        context.clear();
        context.resize(positions * w, R::zero());
        for (row, at) in by_row(rows, positions) {
            let (query, context) = (&queries[at * k..][..k], &mut context[at * w..][..w]);
            let weights = &mut weights[at * steps..][..self.lengths[row]];
            for (s, weight) in weights.iter_mut().enumerate() {
                *weight = match self.score {
                    AttentionScore::Dot => dot(query, self.key(s, row)),
                    AttentionScore::Additive(v) => {
                        let parts = query.iter().zip(self.key(s, row)).zip(v);
                        parts.map(|((&q, &k), &v)| v * (q + k).tanh()).sum()
                    }
                };
            }
            softmax(weights);
            for (s, &weight) in weights.iter().enumerate() {
                add_scaled(context, weight, self.value(s, row));
            }
        }
    }

    /// The backward pass from `d_context [T, B, W]`, with the `queries` and `weights` of the forward pass.
    pub fn backward(&self, queries: &[R], weights: &[R], d_context: &[R], into: AttentionGradients<'_, R>) {
        let (rows, steps, k, w) = (self.rows(), self.steps(), self.key_size, self.value_size);
        for (gradient, like) in
            [(&mut *into.queries, queries), (&mut *into.keys, self.keys), (&mut *into.values, self.values)]
        {
            gradient.clear();
            gradient.resize(like.len(), R::zero());
        }
        let mut d_scores = vec![R::zero(); steps];
        for (row, at) in by_row(rows, queries.len() / k) {
            let (query, d_context) = (&queries[at * k..][..k], &d_context[at * w..][..w]);
            let weights = &weights[at * steps..][..self.lengths[row]];
            let d_scores = &mut d_scores[..self.lengths[row]];
            for (s, (d, &weight)) in d_scores.iter_mut().zip(weights).enumerate() {
                *d = dot(d_context, self.value(s, row));
                add_scaled(&mut into.values[(s * rows + row) * w..][..w], weight, d_context);
            }
            // Through the softmax.
            let mean: R = d_scores.iter().zip(weights).map(|(&d, &weight)| d * weight).sum();
            d_scores.iter_mut().zip(weights).for_each(|(d, &weight)| *d = weight * (*d - mean));
            let d_query = &mut into.queries[at * k..][..k];
            for (s, &d) in d_scores.iter().enumerate() {
                let (key, d_key) = (self.key(s, row), &mut into.keys[(s * rows + row) * k..][..k]);
                match self.score {
                    AttentionScore::Dot => {
                        add_scaled(d_query, d, key);
                        add_scaled(d_key, d, query);
                    }
                    AttentionScore::Additive(v) => {
                        for i in 0..k {
                            let y = (query[i] + key[i]).tanh();
                            into.score[i] = into.score[i] + d * y;
                            let d_sum = d * v[i] * (R::one() - y * y);
                            d_query[i] = d_query[i] + d_sum;
                            d_key[i] = d_key[i] + d_sum;
                        }
                    }
                }
            }
        }
    }
}

/// All positions `[T, B]` with their rows, row by row, so that the keys and values of a row stay in the L1 cache while
/// all of its queries are scored.
fn by_row(rows: usize, positions: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..rows).flat_map(move |row| (row..positions).step_by(rows).map(move |at| (row, at)))
}

fn dot<R: Real>(a: &[R], b: &[R]) -> R {
    let mut sums = [R::zero(); 8];
    let (whole_a, whole_b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: R = whole_a.remainder().iter().zip(whole_b.remainder()).map(|(&a, &b)| a * b).sum();
    for (a, b) in whole_a.zip(whole_b) {
        for (sum, (&a, &b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum = *sum + a * b;
        }
    }
    sums.into_iter().sum::<R>() + rest
}

/// `to += scale * from`.
fn add_scaled<R: Real>(to: &mut [R], scale: R, from: &[R]) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to = *to + scale * from);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    const K: usize = 9;
    const W: usize = 3;
    const LENGTHS: [usize; 2] = [4, 2];
    const STEPS: usize = 4;
    const QUERIES: usize = 3;

    /// All inputs, concatenated: queries, keys, values, `v`.
    #[derive(Clone)]
    struct Case {
        parts: [Vec<f64>; 4],
        additive: bool,
    }

    fn case(additive: bool) -> Case {
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let rows = LENGTHS.len();
        let sizes = [QUERIES * rows * K, STEPS * rows * K, STEPS * rows * W, K];
        Case { parts: sizes.map(|n| (0..n).map(|_| rng.random_range(-1.0..1.0)).collect()), additive }
    }

    impl Case {
        fn attention(&self) -> Attention<'_, f64> {
            let [_, keys, values, v] = &self.parts;
            let score = if self.additive { AttentionScore::Additive(v) } else { AttentionScore::Dot };
            Attention { score, keys, key_size: K, values, value_size: W, lengths: &LENGTHS }
        }

        fn forward(&self) -> (Vec<f64>, Vec<f64>) {
            let (mut weights, mut context) = (vec![], vec![]);
            self.attention().forward(&self.parts[0], &mut weights, &mut context);
            (weights, context)
        }

        /// A weighted sum of the context, with a different weight for each value.
        fn loss(&self) -> f64 {
            let (_, context) = self.forward();
            context.iter().zip(loss_weights(context.len())).map(|(c, share)| c * share).sum()
        }
    }

    fn loss_weights(len: usize) -> Vec<f64> {
        (0..len).map(|i| (i as f64 * 0.7).sin()).collect()
    }

    #[test]
    fn weights_are_a_distribution_over_the_steps_of_a_row() {
        for additive in [false, true] {
            let (weights, context) = case(additive).forward();
            for (position, weights) in weights.chunks_exact(STEPS).enumerate() {
                let (inside, outside) = weights.split_at(LENGTHS[position % LENGTHS.len()]);
                assert!((inside.iter().sum::<f64>() - 1.0).abs() < 1e-12);
                assert!(outside.iter().all(|&weight| weight == 0.0));
            }
            assert_eq!(context.len(), QUERIES * LENGTHS.len() * W);
        }
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        for additive in [false, true] {
            let case = case(additive);
            let (weights, context) = case.forward();
            let [mut queries, mut keys, mut values] = [vec![], vec![], vec![]];
            let mut score = vec![0.0; K];
            case.attention().backward(
                &case.parts[0],
                &weights,
                &loss_weights(context.len()),
                AttentionGradients {
                    queries: &mut queries,
                    keys: &mut keys,
                    values: &mut values,
                    score: &mut score,
                },
            );
            for (part, gradients) in [queries, keys, values, score].iter().enumerate() {
                assert_eq!(gradients.len(), case.parts[part].len());
                for (i, &gradient) in gradients.iter().enumerate() {
                    let shifted = |by: f64| {
                        let mut case = case.clone();
                        case.parts[part][i] += by;
                        case.loss()
                    };
                    let difference = (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
                    assert!((difference - gradient).abs() < 1e-9, "additive {additive}: part {part}, {i}");
                }
            }
        }
    }
}
