//! The orientation of an image in its Exif data.

/// How to map pixels of the upright image to the stored one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Orientation {
    /// Whether columns and rows are swapped,
    pub(super) transposed: bool,
    /// then the stored columns reversed,
    pub(super) mirrored: bool,
    /// and the stored rows reversed.
    pub(super) flipped: bool,
}

impl Orientation {
    /// The tag `Orientation` (0x0112) of the first directory of an Exif block (TIFF 6.0, page 36); upright if there
    /// is none or the block is malformed, because the image can be used without it.
    pub(super) fn of(exif: &[u8]) -> Self {
        let (transposed, mirrored, flipped) = match tag(exif, 0x0112) {
            Some(2) => (false, true, false),
            Some(3) => (false, true, true),
            Some(4) => (false, false, true),
            Some(5) => (true, false, false),
            Some(6) => (true, false, true),
            Some(7) => (true, true, true),
            Some(8) => (true, true, false),
            _ => (false, false, false),
        };
        Orientation { transposed, mirrored, flipped }
    }
}

/// The 16-bit value of a tag in the first directory of a TIFF structure.
fn tag(tiff: &[u8], id: u16) -> Option<u16> {
    let big_endian = match tiff.get(..4)? {
        b"MM\0*" => true,
        b"II*\0" => false,
        _ => return None,
    };
    let short = |at: usize| {
        let bytes = tiff.get(at..)?.first_chunk()?;
        Some(if big_endian { u16::from_be_bytes(*bytes) } else { u16::from_le_bytes(*bytes) })
    };
    let (high, low) = if big_endian { (4, 6) } else { (6, 4) };
    let directory = usize::from(short(high)?) << 16 | usize::from(short(low)?);
    let entries = (0..usize::from(short(directory)?)).map(|entry| directory + 2 + 12 * entry);
    entries.into_iter().find(|&entry| short(entry) == Some(id)).and_then(|entry| short(entry + 8))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_tag_is_found_in_both_byte_orders() {
        let little = b"II*\0\x08\0\0\0\x02\0\x0f\x01\x02\0\x01\0\0\0\0\0\0\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        let big = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let right = Orientation { transposed: true, mirrored: false, flipped: true };
        assert_eq!([Orientation::of(little), Orientation::of(big)], [right; 2]);
        assert_eq!(Orientation::of(b""), Orientation::default());
    }

    proptest! {
        #[test]
        fn no_exif_block_panics(bytes in prop::collection::vec(any::<u8>(), 0..40), big_endian: bool) {
            let start: &[u8] = if big_endian { b"MM\0*" } else { b"II*\0" };
            Orientation::of(&[start, &bytes].concat());
            Orientation::of(&bytes);
        }
    }
}
