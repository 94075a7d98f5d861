//! Byte pair encoding: subwords built by repeatedly merging the most frequent pair of neighbours (Sennrich, Haddow &
//! Birch 2016), starting from the 256 bytes (Radford et al. 2019), so that every text can be encoded.
//!
//! The `tokenizers` crate does the work. A model file contains only the merges, in order, in the notation of GPT-2's
//! `merges.txt`, where every byte is a visible character; the vocabulary follows from them. Nothing else of that
//! crate's pipeline is used: [`split_chunks`] replaces its regular expressions, whose tables would make the program
//! 3.7 MB larger.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};
use tokenizers::models::bpe::{BPE, BpeTrainer, Vocab};
use tokenizers::{Model, Trainer};

use super::words::split_chunks;
use crate::{Error, Result};

type Merges = Vec<(String, String)>;

/// The id of a byte is its value; the merged subwords follow in order.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Merges", into = "Merges")]
pub(super) struct BytePairs {
    merges: Merges,
    /// The bytes of each id.
    subwords: Vec<Vec<u8>>,
    model: Arc<BPE>,
}

impl BytePairs {
    /// Merges pairs that occur at least `min_count` times until there are `size` subwords, or no such pairs are left.
    /// `size` is at least 256, the number of bytes.
    ///
    /// # Errors
    /// [`Error::Input`] if the trainer refuses the texts.
    pub(super) fn train(texts: &[Cow<'_, str>], min_count: u64, size: usize) -> Result<Self> {
        let refused = |why: String| {
            Error::malformed("texts", format!("training of subwords failed ({why})"), "use other texts")
        };
        let merges = train_merges(texts, min_count, size).map_err(|error| refused(error.to_string()))?;
        merges.try_into().map_err(refused)
    }

    /// The number of subwords, at least 256.
    pub(super) fn len(&self) -> usize {
        self.subwords.len()
    }

    pub(super) fn encode(&self, text: &str) -> Vec<u32> {
        let mut ids = vec![];
        for chunk in split_chunks(text) {
            match self.model.tokenize(&visible(chunk)) {
                Ok(tokens) => ids.extend(tokens.into_iter().map(|token| token.id)),
                // This cannot fail because all bytes are in the vocabulary; the fallback to bytes is valid, too.
                Err(_) => ids.extend(chunk.bytes().map(u32::from)),
            }
        }
        ids
    }

    /// The bytes of a subword, which may be a part of a character; none for an id that is not below
    /// [`len`](Self::len).
    pub(super) fn subword(&self, id: u32) -> Option<&[u8]> {
        self.subwords.get(id as usize).map(Vec::as_slice)
    }
}

fn train_merges(texts: &[Cow<'_, str>], min_count: u64, size: usize) -> tokenizers::Result<Merges> {
    let mut trainer = BpeTrainer::builder()
        .show_progress(false)
        .min_frequency(min_count)
        .vocab_size(size)
        .initial_alphabet(ALPHABET.iter().copied().collect())
        .build();
    trainer.feed(texts.iter(), |text| Ok(split_chunks(text).map(visible).collect()))?;
    let mut model = BPE::default();
    trainer.train(&mut model)?;
    // The only access to the merges in order.
    let mut model = serde_json::to_value(model)?;
    Ok(serde_json::from_value(model["merges"].take())?)
}

/// The character that represents each byte: itself if it is visible, or else the next one, starting at U+0100. As in
/// `bytes_to_unicode` of <https://github.com/openai/gpt-2/blob/master/src/encoder.py>.
static ALPHABET: LazyLock<Vec<char>> = LazyLock::new(|| {
    let mut others = '\u{100}'..;
    let character = |byte| match byte {
        b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF => Some(char::from(byte)),
        _ => others.next(),
    };
    (0..=u8::MAX).filter_map(character).collect()
});

/// The characters that represent the bytes of a text.
fn visible(text: &str) -> String {
    text.bytes().map(|byte| ALPHABET[usize::from(byte)]).collect()
}

impl PartialEq for BytePairs {
    fn eq(&self, other: &Self) -> bool {
        self.merges == other.merges
    }
}

impl From<BytePairs> for Merges {
    fn from(pairs: BytePairs) -> Self {
        pairs.merges
    }
}

impl TryFrom<Merges> for BytePairs {
    type Error = String;

    fn try_from(merges: Merges) -> Result<Self, String> {
        let bytes: HashMap<char, u8> = ALPHABET.iter().copied().zip(0..=u8::MAX).collect();
        let mut subwords: Vec<_> = (0..=u8::MAX).map(|byte| vec![byte]).collect();
        let mut ids: Vocab = ALPHABET.iter().map(char::to_string).zip(0..).collect();
        for (left, right) in &merges {
            let whole = format!("{left}{right}");
            let subword: Option<Vec<u8>> =
                whole.chars().map(|character| bytes.get(&character).copied()).collect();
            let subword = subword
                .ok_or_else(|| format!("the subword {whole:?} contains characters that represent no byte"))?;
            // Two merges may give the same subword.
            if !ids.contains_key(&whole) {
                ids.insert(whole, subwords.len() as u32);
                subwords.push(subword);
            }
        }
        let model = BPE::builder().vocab_and_merges(ids, merges.clone()).build();
        let model = model.map_err(|error| format!("the merges of subwords are inconsistent: {error}"))?;
        Ok(Self { merges, subwords, model: Arc::new(model) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_the_characters_of_gpt_2() {
        use tokenizers::pre_tokenizers::byte_level::ByteLevel;
        assert_eq!(ALPHABET.len(), 256);
        assert_eq!(ByteLevel::alphabet(), ALPHABET.iter().copied().collect());
        assert_eq!(visible("a é\n"), "aĠÃ©Ċ");
    }

    #[test]
    fn the_most_frequent_pair_is_merged_first() {
        let pairs = BytePairs::train(&["low low lower lowest".into()], 2, 258).unwrap();
        let merge = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        assert_eq!(pairs.merges, [merge("l", "o"), merge("lo", "w")]);
        assert_eq!(pairs.encode("low lot"), [257, 32, 256, 't' as u32]);
        assert_eq!(pairs.subword(257), Some(b"low".as_slice()));
        assert_eq!(pairs.subword(258), None);
    }

    #[test]
    fn training_is_deterministic() {
        let text = crate::text::examples::latin();
        let texts: Vec<_> = text.lines().map(Cow::from).collect();
        let first = BytePairs::train(&texts, 2, 600).unwrap();
        assert_eq!(first.len(), 600);
        for _ in 0..5 {
            assert_eq!(BytePairs::train(&texts, 2, 600).unwrap(), first);
        }
    }
}
