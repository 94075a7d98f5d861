//! Reads PNG and JPEG images.

use std::io::{Cursor, Read};

use png::Transformations;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::exif::Orientation;
use super::pixels::{Pixels, check_size, is_allowed};
use super::resize::resize;
use super::text::bytes_of;
use crate::{Error, InputProblem, Place, Result};

/// Maximum width and height of a JPEG file.
const MAX_SIDE: usize = 65_535;

/// A PNG or JPEG image, named `place` in messages, resized to `size` (width and height in pixels) if given, without
/// keeping the aspect ratio. Transparency is blended over white, grey becomes RGB, more than 8 bits per channel are
/// reduced to 8, and images are rotated as their Exif data require.
///
/// # Errors
/// [`Error::Io`] if it cannot be read; [`Error::Input`], without line, if it is neither PNG nor JPEG, damaged, or has
/// more than 67 million pixels. [`Error::Setting`] for a size of zero or of more pixels.
pub fn pixels_of(place: impl Into<Place>, input: impl Read, size: Option<(usize, usize)>) -> Result<Pixels> {
    let place = place.into();
    pixels(&place, &bytes_of(&place, input)?, size)
}

fn pixels(place: &Place, bytes: &[u8], size: Option<(usize, usize)>) -> Result<Pixels> {
    size.map_or(Ok(()), check_size)?;
    let stored = match bytes {
        [0x89, b'P', b'N', b'G', ..] => Stored::png(bytes),
        [0xff, 0xd8, ..] => Stored::jpeg(bytes),
        _ => Err(InputProblem::malformed("is neither PNG nor JPEG", "convert it to one of these")),
    };
    let stored = stored.map_err(|problem| Error::input(place, problem))?;
    let upright = stored.size();
    let (width, height) = size.unwrap_or(upright);
    let pixel = |x, y| stored.pixel(x, y);
    let values = match upright == (width, height) {
        true => (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, y))).collect(),
        false => resize(pixel, upright, (width, height)),
    };
    Ok(Pixels { width, height, values })
}

/// An image as stored in its file.
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
    fn png(bytes: &[u8]) -> Result<Self, InputProblem> {
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

    fn jpeg(bytes: &[u8]) -> Result<Self, InputProblem> {
        // Without this, the missing part of a truncated file would be grey.
        let options = DecoderOptions::default()
            .set_strict_mode(true)
            .set_max_width(MAX_SIDE)
            .set_max_height(MAX_SIDE)
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

    /// Checks that the decoder returned as many bytes as the size requires.
    fn whole(self) -> Result<Self, InputProblem> {
        match self.bytes.len() == self.width * self.height * self.channels && self.channels > 0 {
            true => Ok(self),
            false => Err(damaged("it has fewer pixels than its header says")),
        }
    }

    /// Width and height, upright.
    fn size(&self) -> (usize, usize) {
        match self.orientation.transposed {
            true => (self.height, self.width),
            false => (self.width, self.height),
        }
    }

    /// A pixel of the upright image, blended over white.
    fn pixel(&self, x: usize, y: usize) -> [f32; 3] {
        let (x, y) = if self.orientation.transposed { (y, x) } else { (x, y) };
        let x = if self.orientation.mirrored { self.width - 1 - x } else { x };
        let y = if self.orientation.flipped { self.height - 1 - y } else { y };
        let place = (y * self.width + x) * self.channels;
        let value = |channel: usize| f32::from(self.bytes[place + channel]) / 255.0;
        let over = |colour: [f32; 3], opacity: f32| colour.map(|colour| 1.0 - opacity + opacity * colour);
        match self.channels {
            1 => [value(0); 3],
            2 => over([value(0); 3], value(1)),
            3 => [value(0), value(1), value(2)],
            _ => over([value(0), value(1), value(2)], value(3)),
        }
    }
}

/// The size in a header, checked before memory is allocated.
fn claimed(width: usize, height: usize) -> Result<(usize, usize), InputProblem> {
    match is_allowed((width, height)) {
        true => Ok((width, height)),
        false => {
            let found = format!("has {width} x {height} pixels, expected 1 to 67 million");
            Err(InputProblem::malformed(found, "make it smaller"))
        }
    }
}

fn damaged(error: impl std::fmt::Display) -> InputProblem {
    // Some decoders' messages end with a line end.
    let error = error.to_string();
    let remedy = "use another copy, or open it with a viewer and save it again as PNG";
    InputProblem::malformed(format!("cannot be unpacked ({})", error.trim_end()), remedy)
}

#[cfg(test)]
#[path = "image_tests.rs"]
mod tests;
