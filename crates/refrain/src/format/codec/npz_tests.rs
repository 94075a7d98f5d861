use std::io::Write;

use proptest::prelude::*;
use rawzip::ZipArchiveWriter;

use super::*;

fn read(bytes: &[u8]) -> Result<Vec<FrameSequence>> {
    npz_of("x.npz", bytes)
}

/// An array in NumPy's format.
fn npy(descr: &str, shape: &str, bytes: &[u8]) -> Vec<u8> {
    npy_of(&format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"), bytes)
}

fn npy_of(header: &str, bytes: &[u8]) -> Vec<u8> {
    let header = format!("{header:<117}\n");
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), bytes].concat()
}

fn floats(values: impl IntoIterator<Item = f32>) -> Vec<u8> {
    values.into_iter().flat_map(f32::to_le_bytes).collect()
}

/// An archive of these arrays, packed or not.
fn npz(arrays: &[(&str, Vec<u8>)], packed: bool) -> Vec<u8> {
    let mut bytes = vec![];
    let mut archive = ZipArchiveWriter::new(&mut bytes);
    for (name, array) in arrays {
        let method = if packed { CompressionMethod::DEFLATE } else { CompressionMethod::STORE };
        let name = format!("{name}.npy");
        let (mut entry, config) = archive.new_file(&name).compression_method(method).start().unwrap();
        let descriptor = if packed {
            let encoder = flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::fast());
            let mut writer = config.wrap(encoder);
            writer.write_all(array).unwrap();
            let (encoder, descriptor) = writer.finish().unwrap();
            encoder.finish().unwrap();
            descriptor
        } else {
            let mut writer = config.wrap(&mut entry);
            writer.write_all(array).unwrap();
            writer.finish().unwrap().1
        };
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap();
    bytes
}

/// `[2, 3, 2]`, counting up from 0.
fn x() -> (&'static str, Vec<u8>) {
    ("x", npy("<f4", "(2, 3, 2)", &floats((0..12).map(|value| value as f32))))
}

#[test]
fn lengths_and_labels_per_sequence_or_step_are_read() {
    let lengths = ("lengths", npy("<i8", "(2,)", &[2_i64, 3].map(i64::to_le_bytes).concat()));
    let texts: Vec<u8> = "upno".chars().flat_map(|letter| u32::from(letter).to_be_bytes()).collect();
    for packed in [false, true] {
        let y = ("y", npy(">U2", "(2,)", &texts));
        let one = read(&npz(&[x(), lengths.clone(), y], packed)).unwrap();
        assert_eq!((&one[0].values[..], one[0].width, one[0].steps()), (&[0.0, 1.0, 2.0, 3.0][..], 2, 2));
        assert_eq!((one[1].values[0], one[1].steps(), &one[1].name[..]), (6.0, 3, "2"));
        assert_eq!(
            [one[0].labels.clone(), one[1].labels.clone()],
            ["up", "no"].map(|label| Labels::One(label.to_owned()))
        );
        let y = ("y", npy("|i1", "(2, 3)", &[0, 1, 9, 255, 4, 5]));
        let each = read(&npz(&[y, x(), lengths.clone()], packed)).unwrap();
        let expected = [vec!["0", "1"], vec!["-1", "4", "5"]];
        let expected = expected.map(|labels| Labels::Each(labels.into_iter().map(str::to_owned).collect()));
        assert_eq!([&each[0].labels, &each[1].labels], [&expected[0], &expected[1]]);
    }
}

#[test]
fn numbers_of_every_type_are_read() {
    for (descr, bytes) in [
        ("|u1", vec![1, 254]),
        ("<u2", vec![1, 0, 254, 0]),
        (">i4", vec![0, 0, 0, 1, 0, 0, 0, 254]),
        ("<u8", [1_u64, 254].map(u64::to_le_bytes).concat()),
        ("<f4", floats([1.0, 254.0])),
        (">f4", [1_f32, 254.0].map(f32::to_be_bytes).concat()),
        ("<f8", [1_f64, 254.0].map(f64::to_le_bytes).concat()),
        (">f8", [1_f64, 254.0].map(f64::to_be_bytes).concat()),
    ] {
        let vectors = read(&npz(&[("x", npy(descr, "(1, 2)", &bytes))], false)).unwrap();
        assert_eq!((&vectors[0].values[..], vectors[0].steps()), (&[1.0, 254.0][..], 1), "{descr}");
    }
    let signed = read(&npz(&[("x", npy("<i2", "(1, 2)", &[254, 255, 0, 128]))], false)).unwrap();
    assert_eq!(signed[0].values, [-2.0, -32768.0]);
}

#[test]
fn every_error_is_reported() {
    let y = |shape: &str, bytes: &[u8]| vec![x(), ("y", npy("|u1", shape, bytes))];
    let lengths = |descr: &str, shape: &str, bytes: &[u8]| vec![x(), ("lengths", npy(descr, shape, bytes))];
    let alone = |descr: &str, shape: &str, bytes: &[u8]| vec![("x", npy(descr, shape, bytes))];
    let header = |header: &str| vec![("x", npy_of(header, &[0; 8]))];
    for (arrays, expected) in [
        (vec![("z", npy("<f4", "(1, 1)", &[0; 4]))], "x.npz: has no array `x`"),
        (
            alone("<f4", "(4,)", &[0; 16]),
            "x.npz: `x` has the shape [4], expected [N, T, F] or [N, F]: reshape it",
        ),
        (alone("<f4", "()", &[0; 4]), "x.npz: `x` has the shape []"),
        (alone("<f4", "(0, 3)", &[]), "x.npz: `x` has the shape [0, 3]: it is empty"),
        (alone("<U1", "(1, 1)", &[65, 0, 0, 0]), "x.npz: `x` contains texts"),
        (
            alone("<f4", "(1, 1, 2)", &floats([0.0, f32::NAN])),
            "x.npz: `x` is missing, infinite or too large in sequence 0",
        ),
        (alone("<f8", "(1, 1)", &1e300_f64.to_le_bytes()), "x.npz: `x` is missing, infinite or too large"),
        (
            alone("<f4", "(2, 2)", &[0; 15]),
            "x.npz, array `x`: has the wrong number of bytes for its shape [2, 2]",
        ),
        (alone("<f4", "(2, 2)", &[0; 17]), "x.npz, array `x`: has the wrong number of bytes"),
        (alone("<f4", "(1000000000, 1)", &[0; 16]), "x.npz, array `x`: has the wrong number of bytes"),
        (alone("<f4", "(4294967296, 4294967296)", &[]), "x.npz, array `x`: claims the shape"),
        (
            alone("<f4", "(99999999999999999999, 1)", &[]),
            "x.npz, array `x`: has a header that cannot be read",
        ),
        (alone("<f4", "(-1, 1)", &[]), "x.npz, array `x`: has a header that cannot be read"),
        (alone("<f4", "(1, 1", &[]), "x.npz, array `x`: has a header that cannot be read"),
        (alone("|O", "(1, 1)", &[]), "x.npz, array `x`: has elements of type `|O`: convert it"),
        (alone("<f2", "(1, 1)", &[0; 2]), "x.npz, array `x`: has elements of type `<f2`"),
        (alone("<U0", "(1000000000, 1)", &[]), "x.npz, array `x`: has elements of type `<U0`"),
        (alone("é", "(1, 1)", &[]), "x.npz, array `x`: has elements of type `é`"),
        (
            header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}"),
            "x.npz, array `x`: has elements of type `sev",
        ),
        (
            header("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2)}"),
            "x.npz, array `x`: is in Fortran order",
        ),
        (header(&"(".repeat(9_000)), "x.npz, array `x`: has a header that cannot be read"),
        (header(&" ".repeat(20_000)), "x.npz, array `x`: has a header of 20001 bytes"),
        (vec![("x", b"hello, world".to_vec())], "x.npz, array `x`: is not an array of NumPy"),
        (vec![("x", b"\x93NUM".to_vec())], "x.npz, array `x`: is damaged"),
        (
            vec![("x", b"\x93NUMPY\x02\0\xff\xff\xff\xff".to_vec())],
            "x.npz, array `x`: has a header of 4294967295 bytes",
        ),
        (lengths("|u1", "(3,)", &[1, 1, 1]), "x.npz: `lengths` has the shape [3]: expected [2]"),
        (
            lengths("|u1", "(2,)", &[1, 4]),
            "x.npz: `lengths` has 4 for sequence 1 (counted from 0): expected 1 to 3",
        ),
        (lengths("|u1", "(2,)", &[0, 3]), "x.npz: `lengths` has 0 for sequence 0"),
        (lengths("|i1", "(2,)", &[255, 3]), "x.npz: `lengths` has -1 for sequence 0"),
        (lengths("<f4", "(2,)", &[0; 8]), "x.npz: `lengths` has no integers"),
        (y("(3,)", &[0; 3]), "x.npz: `y` has the shape [3]: expected [2] or [2, 3]"),
        (y("(2, 2)", &[0; 4]), "x.npz: `y` has the shape [2, 2]"),
        (vec![x(), ("y", npy("<f4", "(2,)", &[0; 8]))], "x.npz: `y` has no text or integer for sequence 0"),
        (
            vec![x(), ("y", npy("<U1", "(2,)", &[0xff; 8]))],
            "x.npz: `y` has no text or integer for sequence 0",
        ),
        (vec![x(), ("y", npy("<U1", "(2,)", &[0; 8]))], "x.npz: `y` has no text or integer for sequence 0"),
    ] {
        for packed in [false, true] {
            let message = read(&npz(&arrays, packed)).unwrap_err().to_string();
            assert!(message.starts_with(expected), "expected {expected}: {message}");
        }
    }
    assert!(read(b"").unwrap_err().to_string().starts_with("x.npz: is not an archive of NumPy arrays"));
}

#[test]
fn a_changed_byte_of_an_array_is_detected() {
    let mut bytes = npz(&[x()], false);
    let place = bytes.windows(4).position(|bytes| bytes == 5_f32.to_le_bytes()).unwrap();
    bytes[place] ^= 1;
    let message = read(&bytes).unwrap_err().to_string();
    assert!(message.starts_with("x.npz, array `x`: is damaged"), "{message}");
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
        let _ = read(&npz(&[("x", bytes.clone())], true));
        let _ = read(&npz(&[("x", npy_of(&String::from_utf8_lossy(&bytes), &bytes))], false));
    }

    #[test]
    fn damaged_files_do_not_cause_panics(places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), packed: bool) {
        let mut bytes = npz(&[x(), ("y", npy("|u1", "(2,)", &[1, 2]))], packed);
        for (place, byte) in places {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let _ = read(&bytes);
    }
}
