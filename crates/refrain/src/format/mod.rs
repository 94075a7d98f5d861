//! The data formats, and the examples that are read from them.
//!
//! Examples are plain values, which can also be built in memory: [`LabelledText`], [`Pair`], [`TaggedSentence`],
//! [`FrameSequence`], [`Series`], [`Roll`], [`Pixels`] and others. The reader of each format, such as `labelled_of` or
//! `npz_of`, takes any input and its name for error messages, which also have the line. With the feature `files`,
//! `read(path, labelled_of)` reads a file.
//!
#![cfg_attr(
    feature = "formats",
    doc = r##"
```
use refrain::format::{labelled_of, pairs_of};

let read = labelled_of("reviews", &b"good\tI like it\n"[..])?;
assert_eq!((&*read[0].label, &*read[0].text), ("good", "I like it"));

let error = pairs_of("pairs.tsv", &b"Go.\tVa !\nGo.\n"[..]).unwrap_err();
assert_eq!(error.to_string(), "pairs.tsv, line 2: has no tab: write source<TAB>target");
# Ok::<(), refrain::Error>(())
```
"##
)]

#[cfg(feature = "formats")]
mod codec;
mod column;
mod data_format;
#[cfg(feature = "pictures")]
mod exif;
mod frames;
#[cfg(feature = "pictures")]
mod image;
mod pixels;
mod records;
mod resize;
mod roll;
mod series;
mod text;

#[cfg(feature = "formats")]
pub use codec::*;
pub use column::{Column, Columns};
pub use data_format::{DataFormat, DetectedFormat};
#[cfg(all(feature = "train", feature = "files", feature = "formats"))]
pub(crate) use frames::arrange;
pub use frames::{FrameSequence, Labels};
#[cfg(feature = "pictures")]
pub use image::pixels_of;
pub use pixels::Pixels;
pub use records::{Caption, DescribedVector, LabelledText, Pair, Sentence, TaggedSentence};
pub use roll::{HIGHEST_NOTE, LOWEST_NOTE, NOTES, Roll, RollParts, Span, StepsPerQuarter};
pub use series::Series;
pub use text::text_of;
