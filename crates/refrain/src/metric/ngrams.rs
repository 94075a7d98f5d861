//! What measures of translation count: runs of neighbouring words or characters.

use std::collections::HashMap;
use std::hash::Hash;

/// How often each run of `order` items occurs.
pub(super) fn ngrams<T: Eq + Hash>(items: &[T], order: usize) -> HashMap<&[T], u64> {
    let mut counts = HashMap::new();
    for ngram in items.windows(order) {
        *counts.entry(ngram).or_default() += 1;
    }
    counts
}

/// How many of the runs are also in the other text, each at most as often as there.
pub(super) fn matches<T: Eq + Hash>(ngrams: &HashMap<&[T], u64>, others: &HashMap<&[T], u64>) -> u64 {
    ngrams.iter().map(|(ngram, &count)| others.get(ngram).map_or(0, |&other| count.min(other))).sum()
}

/// White space as Python's `str.split` sees it, and with it sacreBLEU: four control characters more than Unicode has.
pub(super) fn is_space(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\x1c'..='\x1f')
}
