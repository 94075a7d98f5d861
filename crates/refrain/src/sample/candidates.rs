//! The most probable next tokens.

use refrain_kernels::Real;

use crate::layer::softmax;

/// The `count` most probable ids of the logits `[V]`, most probable first, with their probabilities at temperature 1; and
/// the probability of `id`.
pub fn candidates<R: Real>(logits: &[R], count: usize, id: Option<u32>) -> (Vec<(u32, f32)>, Option<f32>) {
    let mut probabilities = logits.to_vec();
    softmax(&mut probabilities);
    let mut best: Vec<(u32, f32)> = Vec::with_capacity(count + 1);
    for (id, p) in (0..).zip(probabilities.iter().map(|p| p.as_f32())) {
        if best.len() < count || best.last().is_some_and(|&(_, lowest)| p > lowest) {
            let place = best.partition_point(|&(_, other)| other >= p);
            best.insert(place, (id, p));
            best.truncate(count);
        }
    }
    (best, id.and_then(|id| probabilities.get(id as usize)).map(|p| p.as_f32()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_probable_come_first() {
        let logits = [0.0_f32, 3.0, f32::MIN, 2.0, 3.0];
        let (best, p) = candidates(&logits, 3, Some(3));
        assert_eq!(best.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [1, 4, 3]);
        assert_eq!(p, Some(best[2].1));
        assert!((candidates(&logits, 9, None).0.iter().map(|(_, p)| p).sum::<f32>() - 1.0).abs() < 1e-6);
        assert_eq!(candidates(&logits, 0, Some(9)), (vec![], None));
    }
}
