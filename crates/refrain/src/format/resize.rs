//! Resizes images.

/// Number of channels.
const RGB: usize = 3;

/// Resizes an image of `[height, width]` pixels, each `pixel(x, y)`, to `[rows, columns, 3]`.
///
/// Resizes one direction after the other with a triangle filter as wide as the coarser of the two grids: linear
/// interpolation for enlarging, a weighted mean of all pixels for reducing (Pillow's `BILINEAR`).
pub(super) fn resize(
    pixel: impl Fn(usize, usize) -> [f32; RGB],
    (width, height): (usize, usize),
    (columns, rows): (usize, usize),
) -> Vec<f32> {
    let across = weights(width, columns);
    let mut narrow = Vec::with_capacity(height * columns);
    for y in 0..height {
        narrow.extend(across.iter().map(|weights| mix(weights, |x| pixel(x, y))));
    }
    let mut values = Vec::with_capacity(rows * columns * RGB);
    for weights in weights(height, rows) {
        values.extend((0..columns).flat_map(|x| mix(&weights, |y| narrow[y * columns + x])));
    }
    values
}

/// For each of `to` positions, the weights of the `from` positions: the first index, and the weights of this and the
/// following ones, which sum to 1.
fn weights(from: usize, to: usize) -> Vec<(usize, Vec<f32>)> {
    let scale = from as f64 / to as f64;
    let radius = scale.max(1.0);
    let place = |at: usize| {
        let centre = (at as f64 + 0.5) * scale;
        let first = (centre - radius).max(0.0) as usize;
        let last = ((centre + radius).ceil() as usize).min(from);
        let weight = |place: usize| (1.0 - (place as f64 + 0.5 - centre).abs() / radius).max(0.0);
        let sum: f64 = (first..last).map(weight).sum();
        (first, (first..last).map(|place| (weight(place) / sum) as f32).collect())
    };
    (0..to).map(place).collect()
}

fn mix((first, weights): &(usize, Vec<f32>), pixel: impl Fn(usize) -> [f32; RGB]) -> [f32; RGB] {
    (*first..).zip(weights).fold([0.0; RGB], |mixed, (place, share)| {
        let pixel = pixel(place);
        std::array::from_fn(|colour| mixed[colour] + share * pixel[colour])
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_row_is_interpolated_and_averaged() {
        let row = |width: usize, columns: usize| -> Vec<f32> {
            let grey = resize(|x, _| [x as f32; RGB], (width, 1), (columns, 1));
            grey.chunks_exact(RGB).map(|pixel| pixel[0]).collect()
        };
        assert_eq!(row(3, 3), [0.0, 1.0, 2.0]);
        assert_eq!(row(2, 4), [0.0, 0.25, 0.75, 1.0]);
        // Weights 3, 3, 1 and 1, 3, 3, 1, divided by their sums.
        assert_eq!(row(6, 3), [5.0 / 7.0, 2.5, 5.0 - 5.0 / 7.0]);
    }

    proptest! {
        #[test]
        fn a_uniform_image_is_not_changed(width in 1_usize..40, height in 1_usize..40, columns in 1_usize..40, rows in 1_usize..40) {
            let values = resize(|_, _| [0.25, 0.5, 1.0], (width, height), (columns, rows));
            prop_assert_eq!(values.len(), rows * columns * RGB);
            for pixel in values.chunks_exact(RGB) {
                for (value, expected) in pixel.iter().zip([0.25, 0.5, 1.0]) {
                    prop_assert!((value - expected).abs() < 1e-5);
                }
            }
        }
    }
}
