//! Byte pair encoding: pieces of words, found by joining the most frequent pair of neighbours again and again
//! (Sennrich, Haddow & Birch 2016), with the 256 bytes to begin with (Radford et al. 2019), so that no text has
//! anything unknown in it.
//!
//! The work is done by the `tokenizers` crate. A model file holds the merges only, in the order in which they were
//! found and in the spelling of GPT-2's `merges.txt`, where every byte is a character that can be seen; the vocabulary
//! follows from them. Of that crate's pipeline only this model is used: [`split_chunks`] stands for its regular
//! expressions, whose tables would make the program 3.7 MB larger.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};
use tokenizers::models::bpe::{BPE, BpeTrainer, Vocab};
use tokenizers::{Model, Trainer};

use super::words::split_chunks;
use crate::{Error, Result};

type Merges = Vec<(String, String)>;

/// Bytes have their value as their id; what the merges make follows in their order.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Merges", into = "Merges")]
pub(super) struct BytePairs {
    merges: Merges,
    /// The bytes of each id.
    pieces: Vec<Vec<u8>>,
    model: Arc<BPE>,
}

impl BytePairs {
    /// Merges pairs that occur `min_count` times or more until there are `size` pieces, or no more such pairs.
    /// `size` is at least 256, the number of bytes.
    ///
    /// # Errors
    /// [`Error::Input`] if the trainer refuses the texts.
    pub(super) fn train(texts: &[Cow<'_, str>], min_count: u64, size: usize) -> Result<Self> {
        let refused = |why: String| {
            Error::malformed("texts", format!("no word pieces come of them ({why})"), "give others")
        };
        let merges = learn(texts, min_count, size).map_err(|error| refused(error.to_string()))?;
        merges.try_into().map_err(refused)
    }

    /// How many pieces there are, at least 256.
    pub(super) fn len(&self) -> usize {
        self.pieces.len()
    }

    pub(super) fn encode(&self, text: &str) -> Vec<u32> {
        let mut ids = vec![];
        for chunk in split_chunks(text) {
            match self.model.tokenize(&spelt(chunk)) {
                Ok(tokens) => ids.extend(tokens.into_iter().map(|token| token.id)),
                // With all bytes known nothing fails, but its signature may; bytes are a way to write any text.
                Err(_) => ids.extend(chunk.bytes().map(u32::from)),
            }
        }
        ids
    }

    /// The bytes of a piece, which may be a part of a character; none for an id that is not below
    /// [`len`](Self::len).
    pub(super) fn piece(&self, id: u32) -> Option<&[u8]> {
        self.pieces.get(id as usize).map(Vec::as_slice)
    }
}

fn learn(texts: &[Cow<'_, str>], min_count: u64, size: usize) -> tokenizers::Result<Merges> {
    let mut trainer = BpeTrainer::builder()
        .show_progress(false)
        .min_frequency(min_count)
        .vocab_size(size)
        .initial_alphabet(ALPHABET.iter().copied().collect())
        .build();
    trainer.feed(texts.iter(), |text| Ok(split_chunks(text).map(spelt).collect()))?;
    let mut model = BPE::default();
    trainer.train(&mut model)?;
    // Nothing else gives the merges in their order.
    let mut model = serde_json::to_value(model)?;
    Ok(serde_json::from_value(model["merges"].take())?)
}

/// The character that stands for each byte: itself where it can be seen, or else the next from U+0100 on. As in
/// `bytes_to_unicode` of <https://github.com/openai/gpt-2/blob/master/src/encoder.py>.
static ALPHABET: LazyLock<Vec<char>> = LazyLock::new(|| {
    let mut others = '\u{100}'..;
    let character = |byte| match byte {
        b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF => Some(char::from(byte)),
        _ => others.next(),
    };
    (0..=u8::MAX).filter_map(character).collect()
});

/// The characters that stand for the bytes of a text.
fn spelt(text: &str) -> String {
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
        let mut pieces: Vec<_> = (0..=u8::MAX).map(|byte| vec![byte]).collect();
        let mut ids: Vocab = ALPHABET.iter().map(char::to_string).zip(0..).collect();
        for (left, right) in &merges {
            let whole = format!("{left}{right}");
            let piece: Option<Vec<u8>> =
                whole.chars().map(|character| bytes.get(&character).copied()).collect();
            let piece = piece.ok_or_else(|| format!("the word piece {whole:?} is not one of bytes"))?;
            // Two pairs may make the same piece.
            if !ids.contains_key(&whole) {
                ids.insert(whole, pieces.len() as u32);
                pieces.push(piece);
            }
        }
        let model = BPE::builder().vocab_and_merges(ids, merges.clone()).build();
        let model =
            model.map_err(|error| format!("the merges of word pieces do not fit together: {error}"))?;
        Ok(Self { merges, pieces, model: Arc::new(model) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_has_the_character_that_others_give_it() {
        use tokenizers::pre_tokenizers::byte_level::ByteLevel;
        assert_eq!(ALPHABET.len(), 256);
        assert_eq!(ByteLevel::alphabet(), ALPHABET.iter().copied().collect());
        assert_eq!(spelt("a é\n"), "aĠÃ©Ċ");
    }

    #[test]
    fn the_most_frequent_pair_is_merged_first() {
        let pairs = BytePairs::train(&["low low lower lowest".into()], 2, 258).unwrap();
        let merge = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        assert_eq!(pairs.merges, [merge("l", "o"), merge("lo", "w")]);
        assert_eq!(pairs.encode("low lot"), [257, 32, 256, 't' as u32]);
        assert_eq!(pairs.piece(257), Some(b"low".as_slice()));
        assert_eq!(pairs.piece(258), None);
    }

    #[test]
    fn training_again_gives_the_same_pieces() {
        let text = crate::text::examples::latin();
        let texts: Vec<_> = text.lines().map(Cow::from).collect();
        let first = BytePairs::train(&texts, 2, 600).unwrap();
        assert_eq!(first.len(), 600);
        for _ in 0..5 {
            assert_eq!(BytePairs::train(&texts, 2, 600).unwrap(), first);
        }
    }
}
