//! N-grams of words or characters, for translation metrics.

use std::collections::HashMap;
use std::hash::Hash;

/// How often each n-gram of `order` items occurs.
pub(super) fn ngrams<T: Eq + Hash>(items: &[T], order: usize) -> HashMap<&[T], u64> {
    let mut counts = HashMap::new();
    for ngram in items.windows(order) {
        *counts.entry(ngram).or_default() += 1;
    }
    counts
}

/// Number of n-grams that also occur in the other text, each count clipped by the other.
pub(super) fn matches<T: Eq + Hash>(ngrams: &HashMap<&[T], u64>, others: &HashMap<&[T], u64>) -> u64 {
    ngrams.iter().map(|(ngram, &count)| others.get(ngram).map_or(0, |&other| count.min(other))).sum()
}

/// White space of Python's `str.split`, which sacreBLEU uses: that of Unicode and four control characters.
pub(super) fn is_space(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\x1c'..='\x1f')
}
