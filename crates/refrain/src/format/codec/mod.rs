//! The formats: one per file, each with a function from an input to plain values.

mod captions;
mod conll;
mod csv_rows;
mod detect;
#[cfg(feature = "files")]
mod files;
mod labelled;
mod midi;
mod npy;
mod npz;
mod number;
mod pairs;
mod rolls;
mod rows;
mod series_table;
mod tabbed;
mod table;
mod ts;
mod vectors;

pub use captions::captions_of;
pub use conll::{tagged_of, tagged_or_written_of, untagged_of};
pub use detect::detect_format_of_bytes;
#[cfg(feature = "files")]
pub use files::*;
pub use labelled::labelled_of;
pub use midi::{MidiOptions, MidiPiece, Repeats, midi_of, to_midi};
pub use npz::npz_of;
pub use pairs::pairs_of;
pub use rolls::rolls_of;
pub use series_table::series_of;
pub use table::table_of;
pub use ts::ts_of;
pub use vectors::vectors_of;
