use png::{BitDepth, ColorType};
use proptest::prelude::*;

use super::*;

fn pixels(bytes: &[u8], size: Option<(usize, usize)>) -> Result<Pixels> {
    pixels_of("x.png", bytes, size)
}

fn png(width: u32, height: u32, colours: ColorType, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![];
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(colours);
    encoder.set_depth(BitDepth::Eight);
    encoder.write_header().unwrap().write_image_data(data).unwrap();
    bytes
}

/// A grey JPEG of 16 columns and 8 rows per band, left half white, right half black, with this Exif orientation.
fn jpeg(orientation: u8, bands: u8) -> Vec<u8> {
    let exif =
        [b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", &[orientation][..], &[0; 6]].concat();
    let segment = |marker: u8, content: &[u8]| {
        [&[0xff, marker][..], &(content.len() as u16 + 2).to_be_bytes(), content].concat()
    };
    // Differences between blocks have two codes: 0 for 10 bits, 10 for 11 bits. All other codes are 0, for the end.
    let code = |kind: u8, counts: [u8; 2], values: &[u8]| {
        segment(0xc4, &[&[kind, counts[0], counts[1]][..], &[0; 14], values].concat())
    };
    // 0 and 1016 = 8 x 127 in 10 bits, 0; then alternately 10 and -2032 or 2032 in 11 bits, 0. Ones fill the last byte.
    let (down, up) = (format!("10{:011b}0", (1 << 11) - 1 - 2032), format!("10{:011b}0", 2032));
    let mut bits = format!("0{:010b}0{down}{}", 1016, format!("{up}{down}").repeat(usize::from(bands) - 1));
    bits.extend(std::iter::repeat_n('1', (8 - bits.len() % 8) % 8));
    let data = (0..bits.len() / 8).map(|byte| u8::from_str_radix(&bits[8 * byte..][..8], 2).unwrap());
    let data: Vec<u8> = data.flat_map(|byte| if byte == 255 { vec![255, 0] } else { vec![byte] }).collect();
    [
        vec![0xff, 0xd8],
        segment(0xe1, &exif),
        segment(0xdb, &[&[0][..], &[1; 64]].concat()),
        segment(0xc0, &[8, 0, 8 * bands, 0, 16, 1, 1, 0x11, 0]),
        code(0x00, [1, 1], &[10, 11]),
        code(0x10, [1, 0], &[0]),
        segment(0xda, &[1, 1, 0, 0, 63, 0]),
        data,
        vec![0xff, 0xd9],
    ]
    .concat()
}

#[test]
fn every_colour_type_becomes_rgb_over_white() {
    for (colours, data, expected) in [
        (ColorType::Rgb, &[255, 0, 51][..], [1.0, 0.0, 0.2]),
        (ColorType::Grayscale, &[51], [0.2; 3]),
        (ColorType::GrayscaleAlpha, &[0, 51], [0.8; 3]),
        (ColorType::Rgba, &[255, 0, 0, 0], [1.0; 3]),
        (ColorType::Rgba, &[255, 0, 0, 51], [1.0, 0.8, 0.8]),
    ] {
        let picture = pixels(&png(1, 1, colours, data), None).unwrap();
        assert_eq!((picture.width, picture.height), (1, 1));
        for (value, expected) in picture.values.iter().zip(expected) {
            assert!((value - expected).abs() < 1e-6, "{colours:?}: {:?}", picture.values);
        }
    }
}

#[test]
fn rows_start_at_the_top_and_columns_at_the_left() {
    let picture = pixels(&png(3, 2, ColorType::Grayscale, &[0, 51, 102, 153, 204, 255]), None).unwrap();
    let grey: Vec<u8> = picture.values.iter().step_by(3).map(|value| (value * 5.0).round() as u8).collect();
    assert_eq!((picture.width, picture.height, grey), (3, 2, vec![0, 1, 2, 3, 4, 5]));
}

#[test]
fn an_image_is_upright_for_all_exif_orientations() {
    for (orientation, size, first, last) in [
        (1, (16, 8), 1.0, 0.0),
        (2, (16, 8), 0.0, 1.0),
        (3, (16, 8), 0.0, 1.0),
        (4, (16, 8), 1.0, 0.0),
        (5, (8, 16), 1.0, 0.0),
        (6, (8, 16), 1.0, 0.0),
        (7, (8, 16), 0.0, 1.0),
        (8, (8, 16), 0.0, 1.0),
    ] {
        let picture = pixels(&jpeg(orientation, 1), None).unwrap();
        assert_eq!((picture.width, picture.height), size, "{orientation}");
        let ends = [picture.values[0], picture.values[picture.values.len() - 1]];
        // Grey values are 255 and 1.
        assert!((ends[0] - first).abs() < 0.01 && (ends[1] - last).abs() < 0.01, "{orientation}: {ends:?}");
    }
}

#[test]
fn images_are_resized() {
    let picture = pixels(&png(2, 2, ColorType::Grayscale, &[0, 255, 255, 0]), Some((1, 1))).unwrap();
    assert_eq!((picture.width, picture.height), (1, 1));
    assert!(picture.values.iter().all(|value| (value - 0.5).abs() < 1e-6));
    assert_eq!(pixels(&jpeg(6, 1), Some((5, 7))).unwrap().values.len(), 5 * 7 * 3);
}

#[test]
fn every_error_is_reported() {
    let whole = png(2, 2, ColorType::Rgb, &[7; 12]);
    let mut huge = whole.clone();
    huge[16..20].copy_from_slice(&100_000_u32.to_be_bytes());
    huge[20..24].copy_from_slice(&100_000_u32.to_be_bytes());
    // The checksum of the header follows it immediately.
    let checksum = rawzip::crc32(&huge[12..29]).to_be_bytes();
    huge[29..33].copy_from_slice(&checksum);
    for (bytes, expected) in [
        (&b""[..], "is neither PNG nor JPEG"),
        (b"GIF89a", "is neither PNG nor JPEG: convert it"),
        (&whole[..whole.len() / 2], "cannot be unpacked"),
        (&whole[..40], "cannot be unpacked"),
        (&jpeg(1, 1)[..60], "cannot be unpacked"),
        (&jpeg(1, 31)[..200], "cannot be unpacked"),
        (b"\xff\xd8\xff\xe0", "cannot be unpacked"),
        (&huge, "has 100000 x 100000 pixels, expected 1 to 67 million: make it smaller"),
    ] {
        let message = pixels(bytes, None).unwrap_err().to_string();
        assert!(message.starts_with(&format!("x.png: {expected}")), "{message}");
    }
    for size in [(0, 5), (1 << 14, 1 << 13), (usize::MAX, 2)] {
        assert!(matches!(pixels(&whole, Some(size)), Err(Error::Setting { .. })));
    }
}

proptest! {
    #[test]
    fn damaged_files_do_not_cause_panics(
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        length in any::<prop::sample::Index>(),
        is_png: bool,
    ) {
        let mut bytes = if is_png { png(3, 2, ColorType::Rgba, &[9; 24]) } else { jpeg(6, 1) };
        for (place, byte) in places {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let _ = pixels(&bytes, Some((2, 2)));
        let _ = pixels(&bytes[..length.index(bytes.len())], Some((2, 2)));
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        for start in [&b""[..], b"\x89PNG\r\n\x1a\n", b"\xff\xd8"] {
            let _ = pixels(&[start, &bytes].concat(), None);
        }
    }
}
