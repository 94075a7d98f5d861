//! Writes the scalars of a run to a TensorBoard event file.
//!
//! The file is a sequence of records (length, its checksum, data, their checksum). Each record is an `Event` message,
//! with so few fields that it is encoded by hand (tensorflow/core/util/event.proto, tensorflow/core/lib/io/record_writer.cc).

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use refrain::train::Event;
use refrain::{Error, Result};

/// An event file, which is created when the run starts.
#[derive(Default)]
pub(crate) struct EventFile {
    open: Option<(File, PathBuf)>,
}

impl EventFile {
    /// Creates the file, and the directory if it does not exist.
    fn create(&mut self, directory: &Path) -> Result<()> {
        std::fs::create_dir_all(directory).map_err(Error::io("create", directory))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let path = directory.join(format!("events.out.tfevents.{}.refrain", now.as_millis()));
        let file = File::create_new(&path).map_err(Error::io("create", &path))?;
        self.open = Some((file, path));
        // Every event file starts with the version of the format.
        self.write(&message(0, |event| text(event, 3, "brain.Event:2")))
    }

    /// Writes the scalars of an event.
    pub(crate) fn on_event(&mut self, event: &Event) -> Result<()> {
        match event {
            Event::Start(start) => match &start.out {
                Some(out) => self.create(&out.join("tensorboard")),
                None => Ok(()),
            },
            Event::Step(step) => self.scalars(
                step.step,
                &[
                    ("loss/train", step.loss),
                    ("gradient/norm", step.grad_norm),
                    ("learning_rate", step.learning_rate),
                    ("targets_per_second", step.targets_per_s),
                ],
            ),
            Event::Valid { step, loss, accuracy, .. } => {
                let accuracy = accuracy.map(|accuracy| ("accuracy/validation", accuracy));
                let all: Vec<_> = [("loss/validation", *loss)].into_iter().chain(accuracy).collect();
                self.scalars(*step, &all)
            }
            _ => Ok(()),
        }
    }

    fn scalars(&mut self, step: u64, scalars: &[(&str, f64)]) -> Result<()> {
        let summary = |event: &mut Vec<u8>| {
            let mut values = vec![];
            for (name, value) in scalars {
                let mut one = vec![];
                text(&mut one, 1, name);
                one.push(2 << 3 | 5);
                one.extend((*value as f32).to_le_bytes());
                bytes(&mut values, 1, &one);
            }
            bytes(event, 5, &values);
        };
        self.write(&message(step, summary))
    }

    /// Writes a record.
    fn write(&mut self, data: &[u8]) -> Result<()> {
        let length = (data.len() as u64).to_le_bytes();
        let mut record = length.to_vec();
        record.extend(masked_checksum(&length).to_le_bytes());
        record.extend(data);
        record.extend(masked_checksum(data).to_le_bytes());
        match &mut self.open {
            Some((file, path)) => file.write_all(&record).map_err(Error::io("write", path)),
            None => Ok(()),
        }
    }
}

/// An `Event` message with the current time.
fn message(step: u64, content: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut event = vec![1 << 3 | 1];
    event.extend(now.as_secs_f64().to_le_bytes());
    event.push(2 << 3);
    varint(&mut event, step);
    content(&mut event);
    event
}

fn text(into: &mut Vec<u8>, field: u8, value: &str) {
    bytes(into, field, value.as_bytes());
}

fn bytes(into: &mut Vec<u8>, field: u8, value: &[u8]) {
    into.push(field << 3 | 2);
    varint(into, value.len() as u64);
    into.extend(value);
}

fn varint(into: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        into.push(value as u8 | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}

/// CRC-32C, rotated and shifted, because the CRC of data followed by their CRC is a constant.
fn masked_checksum(data: &[u8]) -> u32 {
    checksum(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli), bit by bit, which is fast enough for short records.
fn checksum(data: &[u8]) -> u32 {
    !data.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_agree_with_rfc_3720() {
        // RFC 3720, appendix B.4.
        assert_eq!(checksum(&[0; 32]), 0x8a91_36aa);
        assert_eq!(checksum(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(checksum(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn records_have_lengths_checksums_and_values() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = EventFile::default();
        file.create(directory.path()).unwrap();
        file.scalars(300, &[("loss/train", 1.5)]).unwrap();
        let data = std::fs::read(&file.open.unwrap().1).unwrap();
        let mut rest = &data[..];
        let mut records = vec![];
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
            assert_eq!(rest[8..12], masked_checksum(&rest[..8]).to_le_bytes());
            let record = &rest[12..12 + length];
            assert_eq!(rest[12 + length..16 + length], masked_checksum(record).to_le_bytes());
            records.push(record.to_vec());
            rest = &rest[16 + length..];
        }
        assert_eq!(records.len(), 2);
        assert!(records[0].ends_with(b"brain.Event:2"));
        // Step 300 is 0xac 0x02; the value ends the message.
        assert_eq!(records[1][9..12], [2 << 3, 0xac, 0x02]);
        assert!(
            records[1].ends_with(&1.5_f32.to_le_bytes())
                && records[1].windows(10).any(|w| w == b"loss/train")
        );
    }
}
