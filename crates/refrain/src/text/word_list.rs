//! Vocabulary of words.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::alphabet::too_rare;
use crate::{Error, Result};

/// Number of occurrences of each word.
#[derive(Clone, Debug, Default)]
pub(super) struct WordCounts(HashMap<String, u64>);

impl WordCounts {
    pub(super) fn add(&mut self, word: &str) {
        match self.0.get_mut(word) {
            Some(count) => *count += 1,
            None => drop(self.0.insert(word.to_owned(), 1)),
        }
    }
}

/// Words sorted by descending frequency, those of equal frequency by code point. Id 0 is the unknown token, the words
/// follow from 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub(super) struct WordList {
    words: Vec<Arc<str>>,
    ids: HashMap<Arc<str>, u32>,
}

/// The id of the unknown token.
pub(super) const UNKNOWN: u32 = 0;

impl WordList {
    /// The `max` most frequent words of those that occur at least `min_count` times.
    ///
    /// # Errors
    /// [`Error::Setting`] if there are none.
    pub(super) fn from_counts(counts: WordCounts, min_count: u64, max: usize) -> Result<Self> {
        let mut words: Vec<_> = counts.0.into_iter().filter(|&(_, count)| count >= min_count).collect();
        if words.is_empty() {
            return Err(too_rare("words", min_count));
        }
        // Counted words are distinct.
        let refused = |why: String| Error::malformed("vocabulary", why, "list each word once");
        words.sort_unstable_by(|(one, one_count), (other, other_count)| {
            (Reverse(one_count), one).cmp(&(Reverse(other_count), other))
        });
        words.truncate(max);
        words.into_iter().map(|(word, _)| word).collect::<Vec<_>>().try_into().map_err(refused)
    }

    /// The number of ids, including the unknown token.
    pub(super) fn len(&self) -> usize {
        self.words.len() + 1
    }

    /// The id of a word, or else of the unknown token.
    pub(super) fn id(&self, word: &str) -> u32 {
        self.known(word).unwrap_or(UNKNOWN)
    }

    /// The id of a word, if it is in the list.
    pub(super) fn known(&self, word: &str) -> Option<u32> {
        self.ids.get(word).copied()
    }

    /// The word of an id; none for the unknown token and for an id that is not below [`len`](Self::len).
    pub(super) fn word(&self, id: u32) -> Option<&str> {
        let index = id.checked_sub(UNKNOWN + 1)?;
        self.words.get(index as usize).map(|word| &**word)
    }
}

impl From<WordList> for Vec<String> {
    fn from(list: WordList) -> Self {
        list.words.iter().map(|word| String::from(&**word)).collect()
    }
}

impl TryFrom<Vec<String>> for WordList {
    type Error = String;

    fn try_from(words: Vec<String>) -> Result<Self, String> {
        if words.is_empty() {
            return Err("the vocabulary has no words".to_owned());
        }
        let words: Vec<Arc<str>> = words.into_iter().map(Arc::from).collect();
        let mut ids = HashMap::with_capacity(words.len());
        for (word, id) in words.iter().zip(UNKNOWN + 1..) {
            if ids.insert(word.clone(), id).is_some() {
                return Err(format!("the vocabulary has {word:?} twice"));
            }
        }
        Ok(Self { words, ids })
    }
}
