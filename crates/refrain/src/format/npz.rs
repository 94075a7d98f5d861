//! Sequences of vectors in an archive of NumPy arrays, as `numpy.savez` and `numpy.savez_compressed` write them.

use std::io::Read;
use std::path::Path;

use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive, ZipSliceArchive};

use super::frames::{FrameSequence, Labels};
use super::npy::Array;
use super::read_bytes;
use crate::{Error, Result};

/// The sequences in an archive of up to three arrays:
///
/// - `x [N, T, F]`, numbers; or `x [N, F]`, single vectors, which become sequences of one step;
/// - `lengths [N]`, integers from 1 to `T`: how many steps of each sequence count, all without it;
/// - `y`, integers or strings: `[N]`, one label a sequence, or `[N, T]`, one a step.
///
/// Names are numbers from 1.
///
/// # Errors
/// As [`read_bytes`], and [`Error::Data`], without line, for what is no such archive or is damaged, for arrays whose
/// shapes do not agree or whose elements are of another type, in Fortran order or above 4 GiB, and for numbers within
/// the lengths that are not finite.
pub fn read_npz(path: &Path) -> Result<Vec<FrameSequence>> {
    sequences(&read_bytes(path)?).map_err(|message| Error::data(path, None, message))
}

fn sequences(bytes: &[u8]) -> Result<Vec<FrameSequence>, String> {
    let archive = ZipArchive::from_slice(bytes).map_err(|error| {
        format!("is no archive of NumPy arrays ({error}): write it with `numpy.savez(path, x=x, y=y)`")
    })?;
    let x = array(&archive, "x")?.ok_or("has no array `x`: write it with `numpy.savez(path, x=x, y=y)`")?;
    let (count, steps, width) = match x.shape[..] {
        [n, t, f] => (n, t, f),
        [n, f] => (n, 1, f),
        _ => {
            return Err(format!("`x` has the shape {:?}, expected [N, T, F] or [N, F]: reshape it", x.shape));
        }
    };
    if count == 0 || steps == 0 || width == 0 {
        return Err(format!("`x` has the shape {:?}: it is empty", x.shape));
    }
    if x.is_text() {
        return Err("`x` holds texts, expected numbers".to_owned());
    }
    let lengths = lengths(array(&archive, "lengths")?, count, steps)?;
    let y = array(&archive, "y")?;
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
                Err(format!(
                    "`x` is missing, infinite or too large in sequence {n}, step {step}, feature {feature} (counted \
                     from 0): fill it in, or leave the sequence out"
                ))
            };
            let values = (first * width..(first + length) * width).map(value).collect::<Result<_, _>>()?;
            let labels = y.as_ref().map_or(Ok(Labels::None), |y| labels(y, n, length, [count, steps]))?;
            Ok(FrameSequence { values, width, columns: [].into(), labels, name: (n + 1).to_string(), line: None })
        })
        .collect()
}

/// The length of each of `count` sequences, in steps.
fn lengths(array: Option<Array>, count: usize, steps: usize) -> Result<Vec<usize>, String> {
    let Some(array) = array else { return Ok(vec![steps; count]) };
    if array.shape != [count] {
        return Err(format!("`lengths` has the shape {:?}, expected [{count}] as for `x`", array.shape));
    }
    let length = |n| {
        let length = array.integer(n).ok_or("`lengths` holds no integers: convert it with `.astype(int)`")?;
        let valid = usize::try_from(length).ok().filter(|length| (1..=steps).contains(length));
        valid
            .ok_or(format!("`lengths` has {length} for sequence {n} (counted from 0), expected 1 to {steps}"))
    };
    (0..count).map(length).collect()
}

/// The labels of sequence `n`, of that many steps, out of `y` beside an `x [N, T, F]`.
fn labels(y: &Array, n: usize, length: usize, [count, steps]: [usize; 2]) -> Result<Labels, String> {
    let label = |index: usize| match y.text(index) {
        Some(label) if !label.is_empty() => Ok(label),
        _ => Err(format!(
            "`y` has no text or integer for sequence {n} (counted from 0): convert it to one of these"
        )),
    };
    match y.shape[..] {
        [labels] if labels == count => label(n).map(Labels::One),
        [rows, columns] if (rows, columns) == (count, steps) => {
            (n * steps..n * steps + length).map(label).collect::<Result<_, _>>().map(Labels::Each)
        }
        _ => Err(format!(
            "`y` has the shape {:?}, expected [{count}] or [{count}, {steps}] as for `x`",
            y.shape
        )),
    }
}

/// The array of this name; none if the archive has none.
fn array(archive: &ZipSliceArchive<&[u8]>, name: &str) -> Result<Option<Array>, String> {
    let fault = |message: String| format!("array `{name}` {message}");
    let damaged =
        |error: rawzip::Error| fault(format!("is damaged ({error}): use another copy, or save it again"));
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
                return Err(fault(format!("is packed by {other}: save it with `numpy.savez_compressed`")));
            }
        };
        return Array::read(packed.verifying_reader(reader)).map(Some).map_err(fault);
    }
    Ok(None)
}

#[cfg(test)]
#[path = "npz_tests.rs"]
mod tests;
