//! Images as numbers.

use super::resize::resize;
use crate::{Error, InputProblem, Place, Result};

/// Maximum number of pixels of an image, 67 million: a small file can claim any number.
const MAX_PIXELS: usize = 1 << 26;

/// An image, upright.
#[derive(Clone, Debug, PartialEq)]
pub struct Pixels {
    /// Columns, at least 1.
    pub width: usize,
    /// Rows, at least 1.
    pub height: usize,
    /// `[height, width, 3]`, row-major: red, green and blue, each from 0 to 1, as stored (usually sRGB, so not linear).
    pub values: Vec<f32>,
}

impl Pixels {
    /// An image of `[height, width, 3]` values, row-major: red, green and blue, each from 0 to 1.
    ///
    /// # Errors
    /// [`Error::Input`] unless there are `height * width * 3` values, all finite, and at least one pixel.
    ///
    /// ```
    /// let grey = refrain::format::Pixels::new(2, 1, vec![0.5; 6])?;
    /// assert_eq!(grey.resized(4, 4)?.values, [0.5; 48]);
    /// # Ok::<(), refrain::Error>(())
    /// ```
    pub fn new(width: usize, height: usize, values: Vec<f32>) -> Result<Self> {
        let place = || Place::of("image");
        if !is_allowed((width, height)) {
            let found = format!("has {width} x {height} pixels");
            return Err(Error::malformed(place(), found, "expected 1 to 67 million"));
        }
        if values.len() != width * height * 3 {
            let (found, expected) = (values.len(), width * height * 3);
            return Err(Error::input(place(), InputProblem::Size { what: "values", found, expected }));
        }
        if let Some(value) = values.iter().find(|value| !value.is_finite()) {
            return Err(Error::input(place(), InputProblem::NonFinite { value: value.to_string() }));
        }
        Ok(Self { width, height, values })
    }

    /// The same image in another size, without keeping the aspect ratio.
    ///
    /// # Errors
    /// [`Error::Setting`] for a size of zero, or of more than 67 million pixels.
    pub fn resized(&self, width: usize, height: usize) -> Result<Self> {
        check_size((width, height))?;
        let size = (self.width, self.height);
        if size == (width, height) {
            return Ok(self.clone());
        }
        let pixel = |x: usize, y: usize| {
            let first = (y * self.width + x) * 3;
            [self.values[first], self.values[first + 1], self.values[first + 2]]
        };
        Ok(Self { width, height, values: resize(pixel, size, (width, height)) })
    }
}

/// Whether an image may have this width and height.
pub(super) fn is_allowed((width, height): (usize, usize)) -> bool {
    width.checked_mul(height).is_some_and(|pixels| (1..=MAX_PIXELS).contains(&pixels))
}

/// Refuses a size that no image may have.
pub(super) fn check_size((width, height): (usize, usize)) -> Result<()> {
    match is_allowed((width, height)) {
        true => Ok(()),
        false => {
            let value = format!("{width} x {height}");
            Err(Error::out_of_range("image_size", value, "1 to 67 million pixels"))
        }
    }
}
