//! The distinct words of a batch, as characters.

use std::cmp::Reverse;
use std::ops::Range;

use super::Padded;

/// Sequences of words, as indices into a list of distinct words with their characters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DistinctWords {
    /// `[T, B]`: index of the distinct word; 0 for padding.
    pub places: Padded<u32>,
    /// One row per distinct word, the longest first: `[letters, words]` ids of characters.
    pub words: Padded<u32>,
}

impl DistinctWords {
    /// Sets one row per sequence of words; a word is the ids of its characters, at least one.
    pub fn set<'a>(&mut self, sequences: impl Iterator<Item = &'a [Vec<u32>]> + Clone) {
        let order = |word: &&'a [u32]| (Reverse(word.len()), *word);
        let mut words: Vec<&[u32]> = sequences.clone().flatten().map(|word| &word[..]).collect();
        words.sort_unstable_by_key(order);
        words.dedup();
        let place = |word: &'a Vec<u32>| {
            words.binary_search_by_key(&order(&&word[..]), order).map_or(0, |place| place as u32)
        };
        let places: Vec<Vec<u32>> = sequences.map(|words| words.iter().map(place).collect()).collect();
        self.places.set(1, places.iter().map(|places| &places[..]));
        self.words.set(1, words.into_iter());
    }

    /// Copies some rows of another batch, with the words that occur in them.
    pub fn take(&mut self, whole: &Self, rows: Range<usize>) {
        self.places.take(&whole.places, rows);
        let mut occurs = vec![false; whole.words.rows()];
        self.places.filled().for_each(|at| occurs[self.places.values[at] as usize] = true);
        let (mut words, mut place) = (vec![], vec![0; occurs.len()]);
        for (word, place) in place.iter_mut().enumerate().filter(|&(word, _)| occurs[word]) {
            *place = words.len() as u32;
            words.push(whole.words.row(word));
        }
        for at in self.places.filled().collect::<Vec<_>>() {
            self.places.values[at] = place[self.places.values[at] as usize];
        }
        self.words.set(1, words.iter().map(|word| &word[..]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinct_words_are_stored_once_and_copied_with_their_rows() {
        let sequences =
            [vec![vec![1, 2], vec![3], vec![1, 2]], vec![vec![4, 4, 4]], vec![vec![3], vec![2, 1]]];
        let mut all = DistinctWords::default();
        all.set(sequences.iter().map(|words| &words[..]));
        assert_eq!(all.words.lengths, [3, 2, 2, 1]);
        assert_eq!(all.words.row(1), [1, 2]);
        assert_eq!(all.places.values, [1, 0, 3, 3, 0, 2, 1, 0, 0]);
        assert_eq!(all.places.filled().collect::<Vec<_>>(), [0, 1, 2, 3, 5, 6]);
        for rows in [0..1, 1..3, 2..3, 0..3, 1..1] {
            let (mut some, mut alone) = (DistinctWords::default(), DistinctWords::default());
            some.take(&all, rows.clone());
            alone.set(sequences[rows.clone()].iter().map(|words| &words[..]));
            assert_eq!(some.words.lengths, alone.words.lengths, "{rows:?}");
            assert_eq!(some.places.values, alone.places.values, "{rows:?}");
        }
    }
}
