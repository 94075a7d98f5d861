//! Sequences of vectors in an archive of NumPy arrays, as written by `numpy.savez` and `numpy.savez_compressed`.

use std::io::Read;

use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive, ZipSliceArchive};

use super::npy::Array;
use crate::format::frames::{FrameSequence, Labels};
use crate::format::text::bytes_of;
use crate::{Error, InputProblem, Place, Result};

/// The sequences in an archive, named `place` in messages, of up to three arrays:
///
/// - `x [N, T, F]`, numbers; or `x [N, F]`, single vectors, which become sequences of one step;
/// - `lengths [N]`, integers from 1 to `T`: the number of valid steps of each sequence, by default all;
/// - `y`, integers or strings: `[N]`, one label per sequence, or `[N, T]`, one per step.
///
/// The names of the sequences are their numbers from 1.
///
/// # Errors
/// [`Error::Io`] if it cannot be read; [`Error::Input`], without line, for an invalid or damaged archive, for arrays of
/// inconsistent shapes, of other types, in Fortran order or above 4 GiB, and for non-finite numbers within the
/// lengths.
pub fn npz_of(place: impl Into<Place>, input: impl Read) -> Result<Vec<FrameSequence>> {
    let place = place.into();
    sequences(&place, &bytes_of(&place, input)?)
}

fn sequences(place: &Place, bytes: &[u8]) -> Result<Vec<FrameSequence>> {
    let malformed = |found: String, expected: &str| Error::malformed(place, found, expected);
    let remedy = "write it with `numpy.savez(path, x=x, y=y)`";
    let archive = ZipArchive::from_slice(bytes)
        .map_err(|error| malformed(format!("is not an archive of NumPy arrays ({error})"), remedy))?;
    let x = array(place, &archive, "x")?.ok_or_else(|| malformed("has no array `x`".to_owned(), remedy))?;
    let (count, steps, width) = match x.shape[..] {
        [n, t, f] => (n, t, f),
        [n, f] => (n, 1, f),
        _ => {
            let found = format!("`x` has the shape {:?}, expected [N, T, F] or [N, F]", x.shape);
            return Err(malformed(found, "reshape it"));
        }
    };
    if count == 0 || steps == 0 || width == 0 {
        return Err(malformed(format!("`x` has the shape {:?}", x.shape), "it is empty"));
    }
    if x.is_text() {
        return Err(malformed("`x` contains texts".to_owned(), "expected numbers"));
    }
    let lengths = lengths(place, array(place, &archive, "lengths")?, count, steps)?;
    let y = array(place, &archive, "y")?;
    (0..count)
        .zip(lengths)
        .map(|(n, length)| {
            let first = n * steps;
            let value = |index: usize| {
                let value = x.number(index).unwrap_or(f64::NAN) as f32;
                if value.is_finite() {
                    return Ok(value);
                }
                let (step, feature) = (index / width - first, index % width);
                let found = format!(
                    "`x` is missing, infinite or too large in sequence {n}, step {step}, feature {feature} (counted \
                     from 0)"
                );
                Err(malformed(found, "fill it in, or remove the sequence"))
            };
            let values = (first * width..(first + length) * width).map(value).collect::<Result<_, _>>()?;
            let labels = y.as_ref().map_or(Ok(Labels::None), |y| labels(place, y, n, length, [count, steps]))?;
            Ok(FrameSequence { values, width, columns: [].into(), labels, name: (n + 1).to_string(), line: None })
        })
        .collect()
}

/// The length of each of `count` sequences, in steps.
fn lengths(place: &Place, array: Option<Array>, count: usize, steps: usize) -> Result<Vec<usize>> {
    let Some(array) = array else { return Ok(vec![steps; count]) };
    let malformed = |found: String, expected: String| Error::malformed(place, found, expected);
    if array.shape != [count] {
        let found = format!("`lengths` has the shape {:?}", array.shape);
        return Err(malformed(found, format!("expected [{count}] as for `x`")));
    }
    let length = |n| {
        let length = array.integer(n).ok_or_else(|| {
            malformed("`lengths` has no integers".to_owned(), "convert it with `.astype(int)`".to_owned())
        })?;
        let valid = usize::try_from(length).ok().filter(|length| (1..=steps).contains(length));
        let found = || format!("`lengths` has {length} for sequence {n} (counted from 0)");
        valid.ok_or_else(|| malformed(found(), format!("expected 1 to {steps}")))
    };
    (0..count).map(length).collect()
}

/// The labels of the first `length` steps of sequence `n`, from `y` with the shape of `x`.
fn labels(place: &Place, y: &Array, n: usize, length: usize, [count, steps]: [usize; 2]) -> Result<Labels> {
    let label = |index: usize| match y.text(index) {
        Some(label) if !label.is_empty() => Ok(label),
        _ => {
            let found = format!("`y` has no text or integer for sequence {n} (counted from 0)");
            Err(Error::malformed(place, found, "convert `y` to texts or integers"))
        }
    };
    match y.shape[..] {
        [labels] if labels == count => label(n).map(Labels::One),
        [rows, columns] if (rows, columns) == (count, steps) => {
            (n * steps..n * steps + length).map(label).collect::<Result<_, _>>().map(Labels::Each)
        }
        _ => {
            let expected = format!("expected [{count}] or [{count}, {steps}] as for `x`");
            Err(Error::malformed(place, format!("`y` has the shape {:?}", y.shape), expected))
        }
    }
}

/// The array of this name, if the archive contains it.
fn array(place: &Place, archive: &ZipSliceArchive<&[u8]>, name: &str) -> Result<Option<Array>> {
    let fault = |problem| Error::input(place.clone().field(format!("array `{name}`")), problem);
    let damaged = |error: rawzip::Error| {
        fault(InputProblem::malformed(format!("is damaged ({error})"), "use another copy, or save it again"))
    };
    let file = format!("{name}.npy");
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry().map_err(damaged)? {
        if entry.file_path().as_ref() != file.as_bytes() {
            continue;
        }
        let packed = archive.get_entry(entry.wayfinder()).map_err(damaged)?;
        let reader: Box<dyn Read> = match entry.compression_method() {
            CompressionMethod::STORE => Box::new(packed.data()),
            CompressionMethod::DEFLATE => Box::new(DeflateDecoder::new(packed.data())),
            other => {
                let remedy = "save it with `numpy.savez_compressed`";
                return Err(fault(InputProblem::malformed(format!("is compressed by {other}"), remedy)));
            }
        };
        return Array::read(packed.verifying_reader(reader)).map(Some).map_err(fault);
    }
    Ok(None)
}

#[cfg(test)]
#[path = "npz_tests.rs"]
mod tests;
