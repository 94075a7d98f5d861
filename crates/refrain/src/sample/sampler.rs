//! Sampling the next token from logits.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use refrain_kernels::Real;

use super::SamplingOptions;
use crate::{Error, Result};

/// Samples tokens from logits.
#[derive(Clone, Debug)]
pub struct Sampler {
    temperature: f64,
    top_k: usize,
    top_p: f64,
    /// Never sampled: the unknown token has no text.
    banned: Option<u32>,
    rng: ChaCha8Rng,
    /// `(probability, id)` of the candidates of one choice.
    candidates: Vec<(f64, u32)>,
}

impl Sampler {
    /// A sampler that never samples `banned`.
    ///
    /// # Errors
    /// [`Error::Setting`] for a temperature that is negative or not finite, a `top_k` of 0, a `top_p` outside 0..=1.
    pub fn new(options: &SamplingOptions, banned: Option<u32>) -> Result<Self> {
        let SamplingOptions { temperature, top_k, top_p, seed, .. } = *options;
        if !(temperature.is_finite() && temperature >= 0.0) {
            let allowed = "at least 0; 0 is greedy, 1 samples from the probabilities of the model";
            return Err(Error::out_of_range("temperature", temperature, allowed));
        }
        if top_k == Some(0) {
            return Err(Error::out_of_range("top_k", 0, "at least 1; leave it out for no limit"));
        }
        if let Some(p) = top_p
            && !(p > 0.0 && p <= 1.0)
        {
            return Err(Error::out_of_range("top_p", p, "above 0 and at most 1"));
        }
        Ok(Self {
            temperature,
            top_k: top_k.unwrap_or(usize::MAX),
            top_p: top_p.unwrap_or(1.0),
            banned,
            rng: ChaCha8Rng::seed_from_u64(seed),
            candidates: vec![],
        })
    }

    /// Samples an id from the logits `[V]`.
    pub fn pick<R: Real>(&mut self, logits: &[R]) -> u32 {
        let allowed = |id: &(usize, &R)| Some(id.0 as u32) != self.banned || logits.len() == 1;
        let logits = || logits.iter().enumerate().filter(allowed).map(|(id, x)| (x.as_f64(), id as u32));
        let (largest, most_probable) =
            logits().fold((f64::NEG_INFINITY, 0), |best, next| if next.0 > best.0 { next } else { best });
        if self.temperature == 0.0 {
            return most_probable;
        }
        self.candidates.clear();
        self.candidates.extend(logits().map(|(x, id)| (((x - largest) / self.temperature).exp(), id)));
        if self.top_k < self.candidates.len() || self.top_p < 1.0 {
            self.narrow();
        }
        let total: f64 = self.candidates.iter().map(|c| c.0).sum();
        let mut left = self.rng.random::<f64>() * total;
        for &(weight, id) in &self.candidates {
            left -= weight;
            if left < 0.0 {
                return id;
            }
        }
        most_probable
    }

    /// Keeps the candidates that `top_k` and `top_p` allow, most probable first; equally probable ones by id.
    fn narrow(&mut self) {
        // No two are equal, so that the order does not depend on the sorting algorithm.
        let order = |a: &(f64, u32), b: &(f64, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        if self.top_k < self.candidates.len() {
            self.candidates.select_nth_unstable_by(self.top_k - 1, order);
            self.candidates.truncate(self.top_k);
        }
        self.candidates.sort_unstable_by(order);
        let total: f64 = self.candidates.iter().map(|c| c.0).sum();
        let mut sum = 0.0;
        let enough = self.candidates.iter().position(|c| {
            sum += c.0;
            sum >= self.top_p * total
        });
        self.candidates.truncate(enough.map_or(usize::MAX, |last| last + 1));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sampler(options: SamplingOptions) -> Sampler {
        Sampler::new(&options, Some(0)).unwrap()
    }

    /// Relative frequencies of 20,000 choices.
    fn frequencies(options: SamplingOptions, logits: &[f32]) -> Vec<f64> {
        let mut sampler = sampler(options);
        let mut counts = vec![0.0; logits.len()];
        for _ in 0..20_000 {
            counts[sampler.pick(logits) as usize] += 1.0 / 20_000.0;
        }
        counts
    }

    fn logits() -> Vec<f32> {
        [9.0, 0.1_f32, 0.2, 0.3, 0.4]
            .iter()
            .enumerate()
            .map(|(i, p)| if i == 0 { 9.0 } else { p.ln() })
            .collect()
    }

    #[test]
    fn frequencies_match_the_probabilities_and_the_banned_id_never_occurs() {
        let near = |got: Vec<f64>, want: [f64; 5]| {
            assert!(got.iter().zip(want).all(|(g, w)| (g - w).abs() < 0.02), "{got:?} is not {want:?}");
        };
        near(frequencies(SamplingOptions::default(), &logits()), [0.0, 0.1, 0.2, 0.3, 0.4]);
        let sharp = SamplingOptions { temperature: 0.5, ..SamplingOptions::default() };
        near(frequencies(sharp, &logits()), [0.0, 1.0 / 30.0, 4.0 / 30.0, 9.0 / 30.0, 16.0 / 30.0]);
        let two = SamplingOptions { top_k: Some(2), ..SamplingOptions::default() };
        near(frequencies(two, &logits()), [0.0, 0.0, 0.0, 3.0 / 7.0, 4.0 / 7.0]);
        let nucleus = SamplingOptions { top_p: Some(0.65), ..SamplingOptions::default() };
        near(frequencies(nucleus, &logits()), [0.0, 0.0, 0.0, 3.0 / 7.0, 4.0 / 7.0]);
        let zero = SamplingOptions { temperature: 0.0, ..SamplingOptions::default() };
        near(frequencies(zero, &logits()), [0.0, 0.0, 0.0, 0.0, 1.0]);
    }

    proptest! {
        /// The candidates equal those after sorting all: most probable first, equally probable ones by id.
        #[test]
        fn top_k_and_top_p_keep_the_most_probable_in_order(
            logits in proptest::collection::vec((-3..4_i8).prop_map(f32::from), 2..40),
            top_k in 1..50_usize,
            top_p in prop_oneof![Just(1.0), 0.01..1.0],
        ) {
            let options = SamplingOptions { top_k: Some(top_k), top_p: Some(top_p), ..SamplingOptions::default() };
            let mut sampler = sampler(options);
            sampler.pick(&logits);
            let largest = logits[1..].iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let mut all: Vec<(f64, u32)> =
                (1..).zip(&logits[1..]).map(|(id, x)| (f64::from(x - largest).exp(), id)).collect();
            if top_k < all.len() || top_p < 1.0 {
                all.sort_by(|a, b| b.0.total_cmp(&a.0));
            }
            all.truncate(top_k);
            let total: f64 = all.iter().map(|c| c.0).sum();
            let mut sum = 0.0;
            let kept = all.iter().take_while(|c| {
                let more = sum < top_p * total;
                sum += c.0;
                more
            });
            prop_assert_eq!(&sampler.candidates, &kept.copied().collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_random_seed_determines_the_choices() {
        let text = |seed| -> Vec<u32> {
            let mut sampler = sampler(SamplingOptions { seed, ..SamplingOptions::default() });
            (0..50).map(|_| sampler.pick(&logits())).collect()
        };
        assert_eq!(text(1), text(1));
        assert_ne!(text(1), text(2));
    }

    #[test]
    fn options_out_of_bounds_are_refused() {
        for temperature in [-0.1, f64::NAN, f64::INFINITY] {
            assert!(
                Sampler::new(&SamplingOptions { temperature, ..SamplingOptions::default() }, None).is_err(),
                "{temperature}"
            );
        }
        for top_p in [0.0, -1.0, 1.1, f64::NAN] {
            let options = SamplingOptions { top_p: Some(top_p), ..SamplingOptions::default() };
            assert!(Sampler::new(&options, None).is_err(), "{top_p}");
        }
        assert!(
            Sampler::new(&SamplingOptions { top_k: Some(0), ..SamplingOptions::default() }, None).is_err()
        );
    }
}
