//! Random split into training set and validation set.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::record::Record;
use crate::error::{Error, Result};
use crate::option::Range;

/// Holds out a random share of examples for validation. Examples with the same key stay together, so the share is approximate,
/// and at least one of each class stays in the training set.
///
/// # Errors
/// [`Error::Setting`] for a fraction that is not in `0..1`, [`Error::Input`] if either part would be empty.
pub(super) fn hold_out<E: Record>(
    name: &str,
    examples: Vec<E>,
    valid_fraction: f64,
    seed: u64,
) -> Result<(Vec<E>, Vec<E>)> {
    Range::FRACTION.check("valid_fraction", valid_fraction)?;
    if valid_fraction == 0.0 {
        return Ok((examples, vec![]));
    }
    let (mut groups, mut of_key): (Vec<Vec<usize>>, BTreeMap<String, usize>) = (vec![], BTreeMap::new());
    for (i, example) in examples.iter().enumerate() {
        let group = match example.key() {
            Some(key) => *of_key.entry(key).or_insert(groups.len()),
            None => groups.len(),
        };
        if group == groups.len() {
            groups.push(vec![]);
        }
        groups[group].push(i);
    }
    groups.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let target = (examples.len() as f64 * valid_fraction).round().max(1.0) as usize;
    let mut is_valid = vec![false; examples.len()];
    let (mut count, mut left) = (0, BTreeMap::<&str, usize>::new());
    examples.iter().for_each(|example| *left.entry(example.class()).or_default() += 1);
    for group in groups {
        if count >= target {
            break;
        }
        let mut taken = BTreeMap::<&str, usize>::new();
        group.iter().for_each(|&i| *taken.entry(examples[i].class()).or_default() += 1);
        if taken.iter().any(|(class, taken)| left.get(class) == Some(taken)) {
            continue;
        }
        for (class, taken) in taken {
            left.entry(class).and_modify(|left| *left -= taken);
        }
        count += group.len();
        group.into_iter().for_each(|i| is_valid[i] = true);
    }
    if count == 0 {
        let found = "too few different examples for a validation set";
        let expected = "give a `valid` set, `valid_fraction = 0`, or more data";
        return Err(Error::too_little(name, found, expected));
    }
    let (mut train, mut valid) = (vec![], vec![]);
    for (example, is_valid) in examples.into_iter().zip(is_valid) {
        if is_valid { valid.push(example) } else { train.push(example) }
    }
    Ok((train, valid))
}

#[cfg(test)]
mod tests {
    use super::super::record::Digest;
    use super::*;

    /// A number; in pairs two numbers have the same key.
    #[derive(Clone, Debug, PartialEq)]
    struct Numbered {
        number: u32,
        pairs: bool,
        class: &'static str,
    }

    impl Record for Numbered {
        fn digest(&self, digest: &mut Digest) {
            digest.add(&self.number.to_le_bytes());
        }

        fn key(&self) -> Option<String> {
            self.pairs.then(|| (self.number / 2).to_string())
        }

        fn class(&self) -> &str {
            self.class
        }
    }

    fn paired(number: u32) -> Numbered {
        Numbered { number, pairs: true, class: "" }
    }

    #[test]
    fn examples_with_the_same_key_stay_together() {
        let examples: Vec<_> = (0..100).map(paired).collect();
        let split = |fraction, seed| hold_out("numbers", examples.clone(), fraction, seed).unwrap();
        let (train, valid) = split(0.1, 3);
        assert_eq!((train.len(), valid.len()), (90, 10));
        assert!(valid.iter().all(|one| train.iter().all(|other| one.key() != other.key())));
        assert_eq!(split(0.1, 3).1, valid);
        assert_ne!(split(0.1, 4).1, valid);
        assert_eq!(split(0.0, 3), (examples.clone(), vec![]));
        assert!(hold_out("numbers", vec![paired(1)], 0.5, 1).is_err());
        assert!(hold_out("numbers", examples.clone(), 1.0, 1).is_err());
    }

    #[test]
    fn the_last_example_of_a_class_stays_in_the_training_set() {
        let classes = ["rare", "scarce", "many"];
        let one = |number: u32| Numbered { number, pairs: false, class: classes[number.min(2) as usize] };
        let examples: Vec<_> = (0..30).map(one).collect();
        for seed in 0..50 {
            let (train, valid) = hold_out("numbers", examples.clone(), 0.5, seed).unwrap();
            assert_eq!((train.len(), valid.len()), (15, 15));
            assert!(train.contains(&one(0)) && train.contains(&one(1)), "seed {seed}");
        }
        assert!(hold_out("numbers", vec![one(0), one(1)], 0.5, 1).is_err(), "no example can be held out");
    }
}
