//! A NumPy array in the `.npy` format: a text header with type and shape, then the elements.
//!
//! Source: NumPy, "NEP 1: A simple file format for NumPy arrays", versions 1.0 to 3.0.

use std::io::Read;

use crate::InputProblem;

/// Maximum length of a header that NumPy accepts by default.
const MAX_HEADER: usize = 10_000;
/// Maximum number of bytes of elements, as a protection against decompression bombs.
const MAX_BYTES: u64 = 4 << 30;

/// An array of numbers or texts, in C order.
#[derive(Debug)]
pub(super) struct Array {
    pub(super) shape: Vec<usize>,
    item: Item,
    bytes: Vec<u8>,
}

/// How one element is stored.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Item {
    kind: Kind,
    /// Bytes, at least 1; at most 8 for numbers.
    size: usize,
    big_endian: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Float,
    Signed,
    /// Includes booleans.
    Unsigned,
    /// UTF-32.
    Unicode,
    /// UTF-8.
    Bytes,
}

impl Array {
    /// Reads an array to the end of `file`, or returns the problem and its remedy. Memory grows with the actual size,
    /// not with the claim of the header.
    pub(super) fn read(mut file: impl Read) -> Result<Self, InputProblem> {
        let mut start = [0; 8];
        fill(&mut file, &mut start)?;
        let [magic @ .., version, _] = start;
        if magic != *b"\x93NUMPY" {
            return Err(InputProblem::malformed("is not an array of NumPy", "save it with `numpy.savez`"));
        }
        let mut length = [0; 4];
        fill(&mut file, &mut length[..if version == 1 { 2 } else { 4 }])?;
        let length = u32::from_le_bytes(length) as usize;
        if length > MAX_HEADER {
            let found = format!("has a header of {length} bytes, more than NumPy writes");
            return Err(InputProblem::malformed(found, "save it again"));
        }
        let mut header = vec![0; length];
        fill(&mut file, &mut header)?;
        let (item, shape) = parse(&String::from_utf8_lossy(&header))?;
        let size = shape.iter().try_fold(item.size, |size, &count| size.checked_mul(count));
        let Some(size) = size.filter(|&size| size as u64 <= MAX_BYTES) else {
            let found = format!("claims the shape {shape:?}, more than 4 GiB");
            return Err(InputProblem::malformed(found, "split it into several files"));
        };
        let mut bytes = vec![];
        file.take(size as u64 + 1).read_to_end(&mut bytes).map_err(damaged)?;
        if bytes.len() != size {
            let found = format!("has the wrong number of bytes for its shape {shape:?}");
            return Err(InputProblem::malformed(found, "save it again"));
        }
        Ok(Array { shape, item, bytes })
    }

    /// Whether elements are texts.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.item.kind, Kind::Unicode | Kind::Bytes)
    }

    /// The element at a flat index, if it is an integer.
    pub(super) fn integer(&self, index: usize) -> Option<i128> {
        let shift = 64 - 8 * self.item.size.min(8);
        match self.item.kind {
            Kind::Signed => Some((i64::from_le_bytes(self.word(index)?) << shift >> shift).into()),
            Kind::Unsigned => Some(u64::from_le_bytes(self.word(index)?).into()),
            _ => None,
        }
    }

    /// The element at a flat index as a number; none for texts.
    pub(super) fn number(&self, index: usize) -> Option<f64> {
        let word = self.word(index)?;
        match (self.item.kind, self.item.size) {
            (Kind::Float, 4) => Some(f32::from_bits(u64::from_le_bytes(word) as u32).into()),
            (Kind::Float, _) => Some(f64::from_le_bytes(word)),
            _ => self.integer(index).map(|integer| integer as f64),
        }
    }

    /// The element at a flat index as a text; none for floating-point numbers and for invalid Unicode.
    pub(super) fn text(&self, index: usize) -> Option<String> {
        let bytes = self.element(index)?;
        match self.item.kind {
            Kind::Unicode => {
                let point = |bytes: &[u8]| {
                    let bytes = bytes.try_into().ok()?;
                    let point = match self.item.big_endian {
                        true => u32::from_be_bytes(bytes),
                        false => u32::from_le_bytes(bytes),
                    };
                    char::from_u32(point)
                };
                let text: String = bytes.chunks_exact(4).map(point).collect::<Option<_>>()?;
                Some(text.trim_end_matches('\0').to_owned())
            }
            Kind::Bytes => Some(str::from_utf8(bytes).ok()?.trim_end_matches('\0').to_owned()),
            _ => self.integer(index).map(|integer| integer.to_string()),
        }
    }

    fn element(&self, index: usize) -> Option<&[u8]> {
        self.bytes.chunks_exact(self.item.size).nth(index)
    }

    /// The bytes of a number, little-endian, padded with zeros.
    fn word(&self, index: usize) -> Option<[u8; 8]> {
        let bytes = self.element(index)?;
        let mut word = [0; 8];
        word.get_mut(..bytes.len())?.copy_from_slice(bytes);
        if self.item.big_endian {
            word[..bytes.len()].reverse();
        }
        Some(word)
    }
}

/// Parses a header such as `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`.
fn parse(header: &str) -> Result<(Item, Vec<usize>), InputProblem> {
    let value = |key: &str| Some(header.split_once(&format!("'{key}':"))?.1.trim_start());
    let damaged =
        || InputProblem::malformed("has a header that cannot be read", "save it again with `numpy.savez`");
    let descr = value("descr").ok_or_else(damaged)?;
    let descr = descr.strip_prefix('\'').and_then(|rest| rest.split_once('\'')).map(|(descr, _)| descr);
    let item = descr.and_then(item).ok_or_else(|| {
        let found = descr.unwrap_or("several fields");
        let remedy = "convert it, with `.astype(\"float32\")` for numbers, `.astype(str)` for labels";
        InputProblem::malformed(format!("has elements of type `{found}`"), remedy)
    })?;
    if !value("fortran_order").ok_or_else(damaged)?.starts_with("False") {
        return Err(InputProblem::malformed("is in Fortran order", "save `numpy.ascontiguousarray` of it"));
    }
    let shape =
        value("shape").and_then(|shape| shape.strip_prefix('(')?.split_once(')')).ok_or_else(damaged)?.0;
    let shape = shape.split(',').map(str::trim).filter(|count| !count.is_empty());
    let shape = shape.map(|count| count.parse().map_err(|_| damaged())).collect::<Result<_, _>>()?;
    Ok((item, shape))
}

/// Parses a type description such as `<f4`; none if it is not supported.
fn item(descr: &str) -> Option<Item> {
    let mut letters = descr.chars();
    let (order, kind) = (letters.next()?, letters.next()?);
    let size: usize = letters.as_str().parse().ok()?;
    let (kind, size) = match (kind, size) {
        ('f', 4 | 8) => (Kind::Float, size),
        ('i', 1 | 2 | 4 | 8) => (Kind::Signed, size),
        ('u', 1 | 2 | 4 | 8) | ('b', 1) => (Kind::Unsigned, size),
        ('U', 1..) => (Kind::Unicode, size.checked_mul(4)?),
        ('S', 1..) => (Kind::Bytes, size),
        _ => return None,
    };
    match order {
        '<' | '|' => Some(Item { kind, size, big_endian: false }),
        '>' => Some(Item { kind, size, big_endian: true }),
        _ => None,
    }
}

fn fill(file: &mut impl Read, bytes: &mut [u8]) -> Result<(), InputProblem> {
    file.read_exact(bytes).map_err(damaged)
}

fn damaged(error: std::io::Error) -> InputProblem {
    InputProblem::malformed(format!("is damaged ({error})"), "use another copy, or save it again")
}
