//! What the tasks over examples have in common before they begin: their file, its fingerprint, the part held back.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest as _, Sha256};

use crate::train::Settings;
use crate::{Error, Result};

/// The one file to learn from.
pub(super) fn one_file(settings: &Settings) -> Result<PathBuf> {
    match settings.data.as_deref() {
        Some([path]) => Ok(path.clone()),
        Some([_, ..]) => Err(Error::Config(
            "several files are given: this task learns from one (and measures on that of --valid)".to_owned(),
        )),
        _ => Err(Error::Config("name the file to learn from".to_owned())),
    }
}

/// Identifies data by all that is in them.
#[derive(Default)]
pub(super) struct Digest(Sha256);

impl Digest {
    /// Goes on with another piece.
    pub(super) fn add(&mut self, piece: &[u8]) {
        self.0.update((piece.len() as u64).to_le_bytes());
        self.0.update(piece);
    }

    /// Goes on with numbers.
    pub(super) fn add_numbers(&mut self, numbers: &[f32]) {
        numbers.iter().for_each(|number| self.add(&number.to_le_bytes()));
    }

    /// In hexadecimal.
    pub(super) fn finish(self) -> String {
        self.0.finalize().iter().take(8).fold(String::new(), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

/// Cuts examples into those to learn from and a random share to measure on. Examples of the same `key` stay
/// together, so that nothing is measured that was learned by heart; so it may be a little less or more than the share.
///
/// # Errors
/// [`Error::Config`] if either part would be empty, unless nothing is to be held back.
pub(super) fn hold_back<E>(
    examples: Vec<E>,
    fraction: f64,
    seed: u64,
    key: impl Fn(&E) -> Option<String>,
) -> Result<(Vec<E>, Vec<E>)> {
    hold_back_of_classes(examples, fraction, seed, key, |_| "")
}

/// The same, leaving at least one example of each class to learn from.
///
/// # Errors
/// As for [`hold_back`].
pub(super) fn hold_back_of_classes<E>(
    examples: Vec<E>,
    fraction: f64,
    seed: u64,
    key: impl Fn(&E) -> Option<String>,
    class: impl Fn(&E) -> &str,
) -> Result<(Vec<E>, Vec<E>)> {
    if !(0.0..1.0).contains(&fraction) {
        return Err(Error::Config(format!(
            "valid-fraction is {fraction}: give a share from 0 up to, not including, 1"
        )));
    }
    if fraction == 0.0 {
        return Ok((examples, vec![]));
    }
    let (mut groups, mut of_key): (Vec<Vec<usize>>, BTreeMap<String, usize>) = (vec![], BTreeMap::new());
    for (i, example) in examples.iter().enumerate() {
        let group = match key(example) {
            Some(key) => *of_key.entry(key).or_insert(groups.len()),
            None => groups.len(),
        };
        if group == groups.len() {
            groups.push(vec![]);
        }
        groups[group].push(i);
    }
    groups.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let wanted = (examples.len() as f64 * fraction).round().max(1.0) as usize;
    let mut held = vec![false; examples.len()];
    let (mut count, mut left) = (0, BTreeMap::<&str, usize>::new());
    examples.iter().for_each(|example| *left.entry(class(example)).or_default() += 1);
    for group in groups {
        if count >= wanted {
            break;
        }
        let mut taken = BTreeMap::<&str, usize>::new();
        group.iter().for_each(|&i| *taken.entry(class(&examples[i])).or_default() += 1);
        if taken.iter().any(|(class, taken)| left.get(class) == Some(taken)) {
            continue;
        }
        for (class, taken) in taken {
            left.entry(class).and_modify(|left| *left -= taken);
        }
        count += group.len();
        group.into_iter().for_each(|i| held[i] = true);
    }
    if count == 0 {
        return Err(Error::Config(
            "the data are too few, or too much alike, to hold some back for measuring: give --valid FILE, --valid-fraction 0, or more data"
                .to_owned(),
        ));
    }
    let (mut train, mut valid) = (vec![], vec![]);
    for (example, held) in examples.into_iter().zip(held) {
        if held { valid.push(example) } else { train.push(example) }
    }
    Ok((train, valid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_examples_stay_together_and_the_share_is_kept() {
        let examples: Vec<u32> = (0..100).map(|i| i / 2).collect();
        let (train, valid) = hold_back(examples.clone(), 0.1, 3, |i| Some(i.to_string())).unwrap();
        assert_eq!((train.len(), valid.len()), (90, 10));
        assert!(valid.iter().all(|i| !train.contains(i)));
        assert_eq!(hold_back(examples.clone(), 0.1, 3, |i| Some(i.to_string())).unwrap().1, valid);
        assert_ne!(hold_back(examples.clone(), 0.1, 4, |i| Some(i.to_string())).unwrap().1, valid);
        assert_eq!(hold_back(examples.clone(), 0.0, 3, |_| None).unwrap(), (examples, vec![]));
        assert!(hold_back(vec![1], 0.5, 1, |_: &u32| None).is_err());
    }

    #[test]
    fn the_last_example_of_a_class_is_learned_from() {
        let examples: Vec<u32> = (0..30).collect();
        fn class(i: &u32) -> &str {
            ["rare", "scarce", "many"][(*i as usize).min(2)]
        }
        for seed in 0..50 {
            let (train, valid) = hold_back_of_classes(examples.clone(), 0.5, seed, |_| None, class).unwrap();
            assert_eq!((train.len(), valid.len()), (15, 15));
            assert!(train.contains(&0) && train.contains(&1), "seed {seed}");
        }
        assert!(hold_back_of_classes(vec![0, 1], 0.5, 1, |_| None, class).is_err(), "nothing can be spared");
    }
}
