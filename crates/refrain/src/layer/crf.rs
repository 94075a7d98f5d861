//! Linear-chain conditional random field (Lafferty et al. 2001): a score for every pair of neighbouring labels, so that
//! label sequences are scored as a whole.
//!
//! The score of labels `y` for emissions `e` is `start[y_0] + sum_t e[t, y_t] + sum_t transition[y_(t-1), y_t] +
//! end[y_last]`; their probability is its exponential divided by the sum of the exponentials of all label sequences.

use std::ops::Range;

use refrain_kernels::{Loss, Real};

use crate::params::{Init, LayoutBuilder};

/// The parameters, borrowed from an arena: `start [K]`, `end [K]`, `transitions [K, K]` from row to column.
#[derive(Clone, Copy)]
pub struct Crf<'a, R> {
    start: &'a [R],
    end: &'a [R],
    transitions: &'a [R],
}

/// Emissions and labels of a batch, time-major.
#[derive(Clone, Copy)]
pub struct Chains<'a, R> {
    /// `[T, B, K]`.
    pub emissions: &'a [R],
    /// `[T, B]`; not read beyond a row's length.
    pub labels: &'a [u32],
    /// `[B]`, each at least 1.
    pub lengths: &'a [usize],
}

/// Gradients of the loss of a CRF.
#[derive(Debug)]
pub struct CrfBack<'a, R> {
    /// Factor on every gradient.
    pub scale: R,
    /// Of the emissions, `[T, B, K]`, overwritten.
    pub d_emissions: &'a mut Vec<R>,
    /// Of the parameters, in the order of [`Crf::new`], added to.
    pub d_params: &'a mut [R],
}

/// Adds the parameters of a CRF over `labels` labels, with the names and initialisation of pytorch-crf; returns their
/// range in the arena, in the order of [`Crf::new`].
pub fn lay_out_crf(layout: &mut LayoutBuilder, prefix: &str, labels: usize) -> Range<usize> {
    let small = Init::Uniform(0.1);
    let start = layout.vector(format!("{prefix}.start_transitions"), labels, small);
    layout.vector(format!("{prefix}.end_transitions"), labels, small);
    layout.matrix_among_vectors(format!("{prefix}.transitions"), [labels, labels], small);
    start..start + Crf::<f32>::len(labels)
}

impl<'a, R: Real> Crf<'a, R> {
    /// Number of parameters of a CRF over `labels` labels.
    pub fn len(labels: usize) -> usize {
        labels * (labels + 2)
    }

    /// A CRF over `labels` labels from its parameters: `start`, `end`, `transitions`, concatenated.
    ///
    /// # Panics
    /// If `params` does not have [`Crf::len`] elements.
    pub fn new(labels: usize, params: &'a [R]) -> Self {
        assert_eq!(params.len(), Self::len(labels));
        let (start, rest) = params.split_at(labels);
        let (end, transitions) = rest.split_at(labels);
        Self { start, end, transitions }
    }

    fn labels(&self) -> usize {
        self.start.len()
    }

    /// The negative log-probability of the labels, and with `back` its gradients.
    pub fn loss(&self, chains: Chains<'_, R>, mut back: Option<CrfBack<'_, R>>) -> Loss {
        let (k, rows) = (self.labels(), chains.lengths.len());
        let mut loss = Loss::default();
        if let Some(CrfBack { d_emissions, .. }) = &mut back {
            d_emissions.clear();
            d_emissions.resize(chains.emissions.len(), R::zero());
        }
        let mut lattice = Lattice::default();
        for (row, &length) in chains.lengths.iter().enumerate() {
            let at = |t: usize| (t * rows + row) * k;
            lattice.fill(self, length, |t| &chains.emissions[at(t)..][..k]);
            let label = |t: usize| chains.labels[t * rows + row] as usize;
            let mut score = self.start[label(0)] + self.end[label(length - 1)];
            for t in 0..length {
                score = score + chains.emissions[at(t) + label(t)];
                if t > 0 {
                    score = score + self.transitions[label(t - 1) * k + label(t)];
                }
            }
            loss.add(Loss { nats: (lattice.total - score).as_f64(), count: length });
            let Some(CrfBack { scale, d_emissions, d_params }) = &mut back else { continue };
            let scale = *scale;
            let (d_start, rest) = d_params.split_at_mut(k);
            let (d_end, d_transitions) = rest.split_at_mut(k);
            for t in 0..length {
                for (j, d) in d_emissions[at(t)..][..k].iter_mut().enumerate() {
                    // The marginal probability of label `j` at `t`, minus 1 if it is the target.
                    let marginal = (lattice.alpha[t * k + j] + lattice.beta[t * k + j] - lattice.total).exp();
                    *d = scale * (marginal - R::of(f64::from(u8::from(label(t) == j))));
                    if t == 0 {
                        d_start[j] = d_start[j] + *d;
                    }
                    if t == length - 1 {
                        d_end[j] = d_end[j] + *d;
                    }
                }
            }
            for t in 1..length {
                let emissions = &chains.emissions[at(t)..][..k];
                for i in 0..k {
                    let before = lattice.alpha[(t - 1) * k + i] - lattice.total;
                    for j in 0..k {
                        let both =
                            before + self.transitions[i * k + j] + emissions[j] + lattice.beta[t * k + j];
                        d_transitions[i * k + j] = d_transitions[i * k + j] + scale * both.exp();
                    }
                }
                let gold = label(t - 1) * k + label(t);
                d_transitions[gold] = d_transitions[gold] - scale;
            }
        }
        loss
    }

    /// The marginal probabilities of the labels at each step of a chain `[T, K]`, over all label sequences: `[T, K]`.
    pub fn marginals(&self, emissions: &[R]) -> Vec<R> {
        let k = self.labels();
        let mut lattice = Lattice::default();
        if !emissions.is_empty() {
            lattice.fill(self, emissions.len() / k, |t| &emissions[t * k..][..k]);
        }
        let Lattice { alpha, beta, total, .. } = lattice;
        alpha.iter().zip(beta).map(|(&a, b)| (a + b - total).exp()).collect()
    }

    /// The most probable labels of a chain `[T, K]` (Viterbi 1967).
    pub fn decode(&self, emissions: &[R]) -> Vec<u32> {
        let k = self.labels();
        let Some((first, rest)) = emissions.split_at_checked(k) else { return vec![] };
        let mut best: Vec<R> = first.iter().zip(self.start).map(|(&e, &s)| e + s).collect();
        // For each step after the first and each label, the previous label on the best path.
        let mut before = vec![];
        for emissions in rest.chunks_exact(k) {
            let from = std::mem::take(&mut best);
            for (j, &emission) in emissions.iter().enumerate() {
                let ways =
                    from.iter().enumerate().map(|(i, &score)| (i, score + self.transitions[i * k + j]));
                let (i, score) = largest(ways);
                before.push(i as u32);
                best.push(score + emission);
            }
        }
        let (mut label, _) = largest(best.iter().zip(self.end).map(|(&b, &e)| b + e).enumerate());
        let mut labels = vec![label as u32];
        for before in before.chunks_exact(k).rev() {
            label = before[label] as usize;
            labels.push(label as u32);
        }
        labels.reverse();
        labels
    }
}

/// The first maximum.
fn largest<R: Real>(scores: impl Iterator<Item = (usize, R)>) -> (usize, R) {
    scores.fold((0, R::neg_infinity()), |best, one| if one.1 > best.1 { one } else { best })
}

/// Log-sums over all paths to a label (`alpha`, including its emission) and from it to the end (`beta`), `[T, K]`.
#[derive(Default)]
struct Lattice<R> {
    alpha: Vec<R>,
    beta: Vec<R>,
    total: R,
    terms: Vec<R>,
}

impl<R: Real> Lattice<R> {
    fn fill<'e>(&mut self, crf: &Crf<'_, R>, length: usize, emissions: impl Fn(usize) -> &'e [R])
    where
        R: 'e,
    {
        let (k, Self { alpha, beta, total, terms }) = (crf.labels(), self);
        alpha.clear();
        alpha.extend(emissions(0).iter().zip(crf.start).map(|(&e, &s)| e + s));
        for t in 1..length {
            for (j, &emission) in emissions(t).iter().enumerate() {
                terms.clear();
                let from = &alpha[(t - 1) * k..t * k];
                terms.extend(from.iter().enumerate().map(|(i, &a)| a + crf.transitions[i * k + j]));
                alpha.push(log_sum_exp(terms) + emission);
            }
        }
        beta.clear();
        beta.resize(length * k, R::zero());
        beta[(length - 1) * k..].copy_from_slice(crf.end);
        for t in (1..length).rev() {
            let (earlier, later) = beta.split_at_mut(t * k);
            for (i, b) in earlier[(t - 1) * k..].iter_mut().enumerate() {
                terms.clear();
                let ways = emissions(t).iter().zip(&later[..k]).zip(&crf.transitions[i * k..][..k]);
                terms.extend(ways.map(|((&e, &b), &w)| e + b + w));
                *b = log_sum_exp(terms);
            }
        }
        terms.clear();
        terms.extend(alpha[(length - 1) * k..].iter().zip(crf.end).map(|(&a, &e)| a + e));
        *total = log_sum_exp(terms);
    }
}

fn log_sum_exp<R: Real>(terms: &[R]) -> R {
    let largest = terms.iter().copied().fold(R::neg_infinity(), R::max);
    terms.iter().map(|&x| (x - largest).exp()).sum::<R>().ln() + largest
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    const K: usize = 3;

    struct Case {
        params: Vec<f64>,
        emissions: Vec<f64>,
        labels: Vec<u32>,
        lengths: Vec<usize>,
    }

    fn case() -> Case {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let (steps, rows) = (4, 3);
        let mut values = |n: usize| (0..n).map(|_| rng.random_range(-2.0..2.0)).collect::<Vec<f64>>();
        let (params, emissions) = (values(Crf::<f64>::len(K)), values(steps * rows * K));
        let labels = (0..steps * rows).map(|_| rng.random_range(0..K as u32)).collect();
        Case { params, emissions, labels, lengths: vec![4, 1, 3] }
    }

    impl Case {
        fn loss(&self, back: Option<CrfBack<'_, f64>>) -> f64 {
            let chains = Chains { emissions: &self.emissions, labels: &self.labels, lengths: &self.lengths };
            Crf::new(K, &self.params).loss(chains, back).nats
        }

        /// All label sequences of a row with their scores.
        fn enumeration(&self, row: usize) -> Vec<(Vec<u32>, f64)> {
            let (length, rows) = (self.lengths[row], self.lengths.len());
            let crf = Crf::new(K, &self.params);
            (0..K.pow(length as u32))
                .map(|number| {
                    let labels: Vec<u32> =
                        (0..length).map(|t| (number / K.pow(t as u32) % K) as u32).collect();
                    let mut score = crf.start[labels[0] as usize] + crf.end[labels[length - 1] as usize];
                    for (t, &label) in labels.iter().enumerate() {
                        score += self.emissions[(t * rows + row) * K + label as usize];
                    }
                    for pair in labels.windows(2) {
                        score += crf.transitions[pair[0] as usize * K + pair[1] as usize];
                    }
                    (labels, score)
                })
                .collect()
        }
    }

    #[test]
    fn loss_and_best_labels_agree_with_enumeration() {
        let case = case();
        let rows = case.lengths.len();
        let mut total = 0.0;
        for (row, &length) in case.lengths.iter().enumerate() {
            let all = case.enumeration(row);
            let sum: f64 = all.iter().map(|(_, score)| score.exp()).sum();
            let gold: Vec<u32> = (0..length).map(|t| case.labels[t * rows + row]).collect();
            let (_, score) = all.iter().find(|(labels, _)| *labels == gold).unwrap();
            total += sum.ln() - score;
            let (best, _) = all.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
            let emissions: Vec<f64> =
                (0..length).flat_map(|t| case.emissions[(t * rows + row) * K..][..K].to_vec()).collect();
            assert_eq!(Crf::new(K, &case.params).decode(&emissions), *best);
            for (at, marginal) in Crf::new(K, &case.params).marginals(&emissions).iter().enumerate() {
                let with = all.iter().filter(|(labels, _)| labels[at / K] as usize == at % K);
                let share = with.map(|(_, score)| score.exp()).sum::<f64>() / sum;
                assert!((marginal - share).abs() < 1e-10);
            }
        }
        assert!((case.loss(None) - total).abs() < 1e-10);
        assert!(Crf::new(K, &case.params).decode(&[]).is_empty());
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let scale = 0.25;
        let case = case();
        let (mut d_emissions, mut d_params) = (vec![], vec![0.0; case.params.len()]);
        let back = CrfBack { scale, d_emissions: &mut d_emissions, d_params: &mut d_params };
        case.loss(Some(back));
        let difference = |shift: &dyn Fn(&mut Case, f64)| {
            let shifted = |by: f64| {
                let mut case = self::case();
                shift(&mut case, by);
                case.loss(None) * scale
            };
            (shifted(1e-5) - shifted(-1e-5)) / 2e-5
        };
        for (i, &d) in d_emissions.iter().enumerate() {
            assert!((difference(&|c, by| c.emissions[i] += by) - d).abs() < 1e-9, "emission {i}");
        }
        for (i, &d) in d_params.iter().enumerate() {
            assert!((difference(&|c, by| c.params[i] += by) - d).abs() < 1e-9, "parameter {i}");
        }
    }
}
