//! Reading texts: symbols, vocabularies and token ids.
//!
//! A [`Source`] is a file or a text in memory. [`Corpus::scan`] reads one or several of them once, as a stream: it
//! counts the symbols (for the [`Vocabulary`]) and keeps a sparse index, so that a [`Reader`] can later start
//! anywhere without the text in memory. A *symbol* is a Unicode scalar value or a byte ([`Units`]), always a `u32`. A
//! [`Vocabulary`] assigns ids to symbols, words or subwords; with it a corpus becomes an [`EncodedText`], from which
//! batches are made.
//!
//! Texts that are in memory, the examples of a task, are encoded by a [`Tokenizer`] as characters, bytes, words or
//! subwords ([`TokenUnits`]).
//!
//! ```
//! use std::sync::Arc;
//! use refrain::text::{Corpus, EncodedText, TokenUnits, Units, Vocabulary};
//!
//! let corpus = Corpus::scan(["to be\n", "or not\r\n"], Units::Char, false)?;
//! assert_eq!(corpus.notes()[0].to_string(), "text 2: read 1 CRLF line ending as LF (use `raw` to keep every byte)");
//!
//! let vocabulary = Vocabulary::of_text(&corpus, TokenUnits::Char, 1, None)?;
//! let text = EncodedText::new(&corpus, Arc::new(vocabulary))?;
//! let mut ids = [0; 5];
//! text.reader(6)?.read(&mut ids)?;
//! assert_eq!(text.vocabulary().decode(&ids), b"or no");
//! # Ok::<(), refrain::Error>(())
//! ```

mod alphabet;
#[cfg(feature = "tokenizers")]
mod byte_pairs;
#[cfg(not(feature = "tokenizers"))]
#[path = "without_byte_pairs.rs"]
mod byte_pairs;
mod corpus;
mod counts;
mod decode;
mod encoded;
pub mod examples;
#[cfg(feature = "files")]
mod file;
mod reader;
mod source;
mod split;
mod stream;
mod token_units;
mod tokenizer;
mod units;
mod vocabulary;
mod word_list;
mod words;

pub use corpus::Corpus;
pub use counts::SymbolCounts;
pub use encoded::{EncodedText, IdReader};
pub use reader::Reader;
pub use source::Source;
pub use split::{split, split_at_line};
pub use token_units::TokenUnits;
pub use tokenizer::{Tokenizer, TokenizerOptions};
pub use units::Units;
pub use vocabulary::Vocabulary;

pub(crate) use crate::number::thousands;

/// The newline, as a character and as a byte.
pub(crate) const NEWLINE: u32 = b'\n' as u32;
