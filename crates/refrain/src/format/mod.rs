//! The files that examples come in, one format a file: bytes in, plain host data out, and errors that name the line.

mod text;

pub use text::{read_bytes, read_text, text_of};
