//! Data augmentation for images: random shifts, stretching, rotation and colour changes.

use rand::{Rng, RngExt};

/// Settings of the augmentation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Augment {
    /// Side length in pixels.
    pub side: usize,
    /// Whether half of the images are mirrored.
    pub flip: bool,
}

/// Maximum shift in pixels, in each direction.
const SHIFT: f32 = 1.5;
/// Maximum relative change of width and height.
const STRETCH: f32 = 0.1;
/// Maximum rotation angle in radians.
const TURN: f32 = 0.06;
/// Maximum relative change of each colour channel.
const GAIN: f32 = 0.2;
/// Maximum share of a colour channel that is added to another.
const MIX: f32 = 0.1;

impl Augment {
    /// Augments an image, `[side, side, 3]`, whose background is zero.
    pub fn apply(&self, image: &mut [f32], rng: &mut impl Rng) {
        let mut within = |bound: f32| rng.random_range(-bound..=bound);
        let centre = (self.side as f32 - 1.0) / 2.0;
        let (dx, dy) = (within(SHIFT), within(SHIFT));
        let (sx, sy) = (1.0 + within(STRETCH), 1.0 + within(STRETCH));
        let (sin, cos) = within(TURN).sin_cos();
        let colours: [[f32; 3]; 3] = std::array::from_fn(|to| {
            std::array::from_fn(|from| if from == to { 1.0 + within(GAIN) } else { within(MIX) })
        });
        let mirror = if self.flip && rng.random::<bool>() { -1.0 } else { 1.0 };
        let from = image.to_vec();
        for (at, pixel) in image.chunks_exact_mut(3).enumerate() {
            let (x, y) = ((at % self.side) as f32 - centre - dx, (at / self.side) as f32 - centre - dy);
            let (x, y) = ((cos * x + sin * y) / sx * mirror, (cos * y - sin * x) / sy);
            let colour = self.between(&from, x + centre, y + centre);
            for (to, weights) in pixel.iter_mut().zip(&colours) {
                let mixed: f32 = colour.iter().zip(weights).map(|(colour, weight)| colour * weight).sum();
                *to = mixed.clamp(0.0, 1.0);
            }
        }
    }

    /// The colour at a position between pixels, by bilinear interpolation; zero outside the image.
    fn between(&self, image: &[f32], x: f32, y: f32) -> [f32; 3] {
        let (left, top) = (x.floor(), y.floor());
        let (right_share, bottom_share) = (x - left, y - top);
        let mut colour = [0.0; 3];
        for (dx, dy) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
            let (x, y) = (left + dx, top + dy);
            let inside = |place: f32| place >= 0.0 && place < self.side as f32;
            if !inside(x) || !inside(y) {
                continue;
            }
            let share = |towards: f32, share: f32| if towards > 0.0 { share } else { 1.0 - share };
            let weight = share(dx, right_share) * share(dy, bottom_share);
            let pixel = &image[(y as usize * self.side + x as usize) * 3..][..3];
            colour.iter_mut().zip(pixel).for_each(|(sum, pixel)| *sum += weight * pixel);
        }
        colour
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn augmented_images_stay_valid_and_near_their_position() {
        let augment = Augment { side: 16, flip: false };
        let dot = |x: usize, y: usize| (6..10).contains(&x) && (6..10).contains(&y);
        let image: Vec<f32> =
            (0..256).flat_map(|at| [if dot(at % 16, at / 16) { 0.8 } else { 0.0 }; 3]).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let mut seen = vec![];
        for _ in 0..100 {
            let mut varied = image.clone();
            augment.apply(&mut varied, &mut rng);
            assert!(varied.iter().all(|x| (0.0..=1.0).contains(x)));
            assert!(varied[..3 * 16 * 3].iter().all(|&x| x == 0.0), "the shift exceeds its maximum");
            let share = varied.iter().sum::<f32>() / image.iter().sum::<f32>();
            assert!((0.4..1.8).contains(&share), "{share}");
            assert!(!seen.contains(&varied));
            seen.push(varied);
        }
    }

    #[test]
    fn images_are_mirrored_only_with_flip() {
        let image: Vec<f32> = (0..256).flat_map(|at| [if at % 16 < 4 { 1.0 } else { 0.0 }; 3]).collect();
        let mirrored = |flip: bool| {
            let mut rng = ChaCha8Rng::seed_from_u64(4);
            let mut count = 0;
            for _ in 0..50 {
                let mut varied = image.clone();
                Augment { side: 16, flip }.apply(&mut varied, &mut rng);
                let right: f32 = varied.chunks_exact(48).map(|row| row[24..].iter().sum::<f32>()).sum();
                count += usize::from(right > 1.0);
            }
            count
        };
        assert_eq!(mirrored(false), 0);
        assert!((10..40).contains(&mirrored(true)));
    }
}
