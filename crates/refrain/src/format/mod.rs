//! The files that examples come in, one format a file: bytes in, plain host data out, and errors that name the line.

mod captions;
mod column;
mod conll;
mod form;
mod labelled;
mod midi;
mod pairs;
mod roll_picture;
mod rolls;
mod rows;
mod sniff;
mod tabbed;
mod text;

pub use captions::{Caption, captions_of, read_captions};
pub use column::Column;
pub use conll::{Columns, Sentence, TaggedSentence, read_tagged, read_untagged, tagged_of, untagged_of};
pub use form::{Form, Guess, form_of};
pub use labelled::{LabelledText, TextLine, labelled_of, read_labelled, read_texts, texts_of};
pub use midi::{
    MidiOptions, MidiPiece, Repeats, StepsPerQuarter, midi_of, read_midi, read_midi_folder, to_midi,
};
pub use pairs::{Pair, pairs_of, read_pairs};
pub use roll_picture::{roll_picture, roll_text};
pub use rolls::{HIGHEST_NOTE, LOWEST_NOTE, NOTES, Roll, RollParts, Span, read_rolls};
pub use text::{read_bytes, read_text, text_of};
