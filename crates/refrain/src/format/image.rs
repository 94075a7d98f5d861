//! Pictures, PNG and JPEG.

use std::io::Cursor;
use std::path::Path;

use png::Transformations;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::exif::Orientation;
use super::read_bytes;
use super::resize::resize;
use crate::{Error, Result};

/// Most pixels in a picture, 67 million: a small file can claim any number.
const MAX_PIXELS: usize = 1 << 26;
/// Widest and highest that a JPEG file can be.
const LONGEST_SIDE: usize = 65_535;

/// A picture, upright.
#[derive(Clone, Debug, PartialEq)]
pub struct Pixels {
    /// Columns, at least 1.
    pub width: usize,
    /// Rows, at least 1.
    pub height: usize,
    /// `[height, width, 3]`, row-major: red, green and blue, each from 0 to 1, as stored (sRGB as a rule, so not linear).
    pub values: Vec<f32>,
}

/// A PNG or JPEG picture, whatever it is called, resized to `size`, a width and a height in pixels, if one is given; its
/// proportions are not kept then. What is transparent lies on white. Grey becomes RGB, more than 8 bits a colour are
/// cut to 8, and a picture taken with the camera held upright is turned so.
///
/// # Errors
/// As [`read_bytes`], and [`Error::Data`], without line, for what is neither PNG nor JPEG, is damaged, or has more than
/// 67 million pixels. [`Error::Config`] for a size that has none, or as many.
pub fn read_image(path: &Path, size: Option<(usize, usize)>) -> Result<Pixels> {
    pixels_of(path, &read_bytes(path)?, size)
}

/// The picture in `bytes`, which came from `path`: as [`read_image`].
///
/// # Errors
/// As [`read_image`].
pub fn pixels_of(path: &Path, bytes: &[u8], size: Option<(usize, usize)>) -> Result<Pixels> {
    if let Some((width, height)) = size.filter(|&size| !is_allowed(size)) {
        let message =
            format!("a picture of {width} x {height} pixels cannot be made: choose 1 to 67 million pixels");
        return Err(Error::Config(message));
    }
    let stored = match bytes {
        [0x89, b'P', b'N', b'G', ..] => Stored::png(bytes),
        [0xff, 0xd8, ..] => Stored::jpeg(bytes),
        _ => Err("is neither PNG nor JPEG: convert it to one of these".to_owned()),
    };
    let stored = stored.map_err(|message| Error::data(path, None, message))?;
    let upright = stored.size();
    let (width, height) = size.unwrap_or(upright);
    let pixel = |x, y| stored.pixel(x, y);
    let values = match upright == (width, height) {
        true => (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, y))).collect(),
        false => resize(pixel, upright, (width, height)),
    };
    Ok(Pixels { width, height, values })
}

/// A picture as its file holds it.
struct Stored {
    width: usize,
    height: usize,
    /// `[height, width, channels]`.
    bytes: Vec<u8>,
    /// Grey, grey and opacity, RGB, or RGB and opacity.
    channels: usize,
    orientation: Orientation,
}

impl Stored {
    fn png(bytes: &[u8]) -> Result<Self, String> {
        let mut decoder = png::Decoder::new(Cursor::new(bytes));
        decoder.set_transformations(Transformations::normalize_to_color8());
        decoder.set_ignore_text_chunk(true);
        decoder.set_ignore_iccp_chunk(true);
        let header = decoder.read_header_info().map_err(damaged)?;
        let (width, height) = claimed(header.width as usize, header.height as usize)?;
        let mut reader = decoder.read_info().map_err(damaged)?;
        let channels = reader.output_color_type().0.samples();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap_or_default()];
        reader.next_frame(&mut bytes).map_err(damaged)?;
        let exif = reader.info().exif_metadata.as_deref().unwrap_or_default();
        Stored { width, height, bytes, channels, orientation: Orientation::of(exif) }.whole()
    }

    fn jpeg(bytes: &[u8]) -> Result<Self, String> {
        // Otherwise the rest of a file that was cut off would be grey.
        let options = DecoderOptions::default()
            .set_strict_mode(true)
            .set_max_width(LONGEST_SIDE)
            .set_max_height(LONGEST_SIDE)
            .jpeg_set_out_colorspace(ColorSpace::RGB);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
        decoder.decode_headers().map_err(damaged)?;
        let (width, height) = decoder.dimensions().unwrap_or_default();
        let (width, height) = claimed(width, height)?;
        let bytes = decoder.decode().map_err(damaged)?;
        let channels = decoder.output_colorspace().map_or(0, |space| space.num_components());
        let exif = decoder.exif().map(Vec::as_slice).unwrap_or_default();
        Stored { width, height, bytes, channels, orientation: Orientation::of(exif) }.whole()
    }

    /// Itself, if the decoder gave as many bytes as it said.
    fn whole(self) -> Result<Self, String> {
        match self.bytes.len() == self.width * self.height * self.channels && self.channels > 0 {
            true => Ok(self),
            false => Err(damaged("it holds fewer pixels than it says")),
        }
    }

    /// Width and height, upright.
    fn size(&self) -> (usize, usize) {
        match self.orientation.transposed {
            true => (self.height, self.width),
            false => (self.width, self.height),
        }
    }

    /// A pixel of the upright picture, over white.
    fn pixel(&self, x: usize, y: usize) -> [f32; 3] {
        let (x, y) = if self.orientation.transposed { (y, x) } else { (x, y) };
        let x = if self.orientation.mirrored { self.width - 1 - x } else { x };
        let y = if self.orientation.flipped { self.height - 1 - y } else { y };
        let place = (y * self.width + x) * self.channels;
        let share = |channel: usize| f32::from(self.bytes[place + channel]) / 255.0;
        let over = |colour: [f32; 3], opacity: f32| colour.map(|colour| 1.0 - opacity + opacity * colour);
        match self.channels {
            1 => [share(0); 3],
            2 => over([share(0); 3], share(1)),
            3 => [share(0), share(1), share(2)],
            _ => over([share(0), share(1), share(2)], share(3)),
        }
    }
}

fn is_allowed((width, height): (usize, usize)) -> bool {
    width.checked_mul(height).is_some_and(|pixels| (1..=MAX_PIXELS).contains(&pixels))
}

/// The size that a file says it has, before anything is made so large.
fn claimed(width: usize, height: usize) -> Result<(usize, usize), String> {
    match is_allowed((width, height)) {
        true => Ok((width, height)),
        false => Err(format!("has {width} x {height} pixels, expected 1 to 67 million: make it smaller")),
    }
}

fn damaged(error: impl std::fmt::Display) -> String {
    // Some decoders' messages end their line.
    let error = error.to_string();
    format!(
        "cannot be unpacked ({}): use another copy, or open it with a viewer and save it again as PNG",
        error.trim_end()
    )
}

#[cfg(test)]
#[path = "image_tests.rs"]
mod tests;
