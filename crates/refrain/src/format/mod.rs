//! The files that examples come in, one format a file: bytes in, plain host data out, and errors that name the line.

mod captions;
mod column;
mod conll;
mod csv_rows;
mod exif;
mod form;
mod frames;
mod image;
mod labelled;
mod midi;
mod npy;
mod npz;
mod number;
mod pairs;
mod resize;
mod rolls;
mod rows;
mod series;
mod sniff;
mod tabbed;
mod table;
mod text;
mod ts;
mod vectors;

pub use captions::{Caption, captions_of, read_captions};
pub use column::Column;
pub(crate) use conll::read_tagged_or_written;
pub use conll::{Columns, Sentence, TaggedSentence, read_tagged, read_untagged, tagged_of, untagged_of};
pub use form::{Form, Guess, form_of};
pub(crate) use frames::arrange;
pub use frames::{FrameSequence, Labels};
pub use image::{Pixels, pixels_of, read_image};
pub use labelled::{LabelledText, labelled_of, read_labelled};
pub use midi::{
    MidiOptions, MidiPiece, Repeats, StepsPerQuarter, midi_of, read_midi, read_midi_folder, to_midi,
};
pub use npz::read_npz;
pub use pairs::{Pair, pairs_of, read_pairs};
pub use rolls::{HIGHEST_NOTE, LOWEST_NOTE, NOTES, Roll, RollParts, Span, read_rolls};
pub use series::{Series, read_series};
pub use table::read_table;
pub use text::{read_bytes, read_text, text_of};
pub use ts::read_ts;
pub use vectors::{DescribedVector, read_vectors, vectors_of};
