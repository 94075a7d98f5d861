//! Edit distance, and the error rates from it: of words (WER), characters (CER) and phonemes (PER).

use super::share;

/// Minimum number of insertions, deletions and substitutions between two sequences (Levenshtein 1966), in time
/// `O(len * len)`.
pub fn edit_distance<T: Eq>(mut a: &[T], mut b: &[T]) -> usize {
    // Common prefixes and suffixes cost nothing, and good predictions consist mostly of them.
    while let ([first, rest @ ..], [other, others @ ..]) = (a, b)
        && first == other
    {
        (a, b) = (rest, others);
    }
    while let ([rest @ .., last], [others @ .., other]) = (a, b)
        && last == other
    {
        (a, b) = (rest, others);
    }
    // Distances of the items of `a` so far to each prefix of `b`, a row of Wagner and Fischer's matrix.
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, item) in a.iter().enumerate() {
        let (mut diagonal, mut left) = (i, i + 1);
        row[0] = left;
        for (above, other) in row[1..].iter_mut().zip(b) {
            left = (diagonal + usize::from(item != other)).min(left.min(*above) + 1);
            diagonal = std::mem::replace(above, left);
        }
    }
    row[b.len()]
}

/// Edits per item of the references: word, character or phoneme error rate, depending on the items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrorRate {
    /// Insertions, deletions and substitutions.
    pub edits: u64,
    /// Items of the references.
    pub reference_length: u64,
    /// Predictions without edits.
    pub exact: u64,
    /// All predictions.
    pub sequences: u64,
}

impl ErrorRate {
    /// Adds one prediction, compared with the closest of its references: the one with fewest edits, of several such the
    /// longest. Without references it is compared with an empty one.
    pub fn add<T: Eq>(&mut self, references: &[impl AsRef<[T]>], predicted: &[T]) {
        let costs = references.iter().map(|reference| {
            let reference = reference.as_ref();
            (edit_distance(reference, predicted), reference.len())
        });
        let closest = costs.min_by_key(|&(edits, length)| (edits, std::cmp::Reverse(length)));
        let (edits, length) = closest.unwrap_or((predicted.len(), 0));
        self.edits += edits as u64;
        self.reference_length += length as u64;
        self.exact += u64::from(edits == 0);
        self.sequences += 1;
    }

    /// Edits / items of the references: 0 at best; above 1 if there are more edits than items. If all references are
    /// empty, the number of edits.
    pub fn rate(&self) -> f64 {
        self.edits as f64 / self.reference_length.max(1) as f64
    }

    /// The share of predictions without edits, 0..=1.
    pub fn exact_rate(&self) -> f64 {
        share(self.exact, self.sequences)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The recursive definition.
    fn written_out(a: &[u8], b: &[u8]) -> usize {
        match (a, b) {
            ([], rest) | (rest, []) => rest.len(),
            ([x, a_rest @ ..], [y, b_rest @ ..]) => {
                let replaced = written_out(a_rest, b_rest) + usize::from(x != y);
                replaced.min(written_out(a_rest, b).min(written_out(a, b_rest)) + 1)
            }
        }
    }

    #[test]
    fn distances_of_words_and_characters_are_correct() {
        assert_eq!(edit_distance(b"kitten", b"sitting"), 3);
        assert_eq!(edit_distance::<&str>(&["the", "cat", "sat"], &["cat", "sat", "down"]), 2);
    }

    #[test]
    fn the_closest_reference_counts_and_the_longer_of_two() {
        let mut errors = ErrorRate::default();
        errors.add(&["abcd", "ab", "x"], b"abc");
        assert_eq!(errors, ErrorRate { edits: 1, reference_length: 4, exact: 0, sequences: 1 });
        errors.add(&["zz", "abc"], b"abc");
        assert_eq!((errors.rate(), errors.exact_rate()), (1.0 / 7.0, 0.5));
        errors.add::<u8>(&[] as &[&str], b"xy");
        assert_eq!(errors.rate(), 3.0 / 7.0);
        assert_eq!((ErrorRate::default().rate(), ErrorRate::default().exact_rate()), (0.0, 0.0));
    }

    proptest! {
        #[test]
        fn distances_match_the_definition(a in "[abc]{0,6}", b in "[abc]{0,6}") {
            let (a, b) = (a.as_bytes(), b.as_bytes());
            prop_assert_eq!(edit_distance(a, b), written_out(a, b));
            prop_assert_eq!(edit_distance(a, b), edit_distance(b, a));
        }
    }
}
