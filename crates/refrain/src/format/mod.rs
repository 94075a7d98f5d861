//! The files that examples come in, one format a file: bytes in, plain host data out, and errors that name the line.

mod exif;
mod frames;
mod image;
mod npy;
mod npz;
mod number;
mod resize;
mod csv_rows;
mod series;
mod table;
mod text;
mod ts;
mod vectors;

pub use frames::{FrameSequence, Labels};
pub use image::{Pixels, pixels_of, read_image};
pub use npz::read_npz;
pub use series::{Series, read_series};
pub use table::read_table;
pub use text::{read_bytes, read_text, text_of};
pub use ts::read_ts;
pub use vectors::{DescribedVector, read_vectors};
