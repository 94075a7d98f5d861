//! One quantity of a layer over all time steps, quantised to one byte per value.

use refrain_kernels::Real;

/// The values of some units over all time steps, each with an error of at most 1/254 of its unit's range.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plane {
    units: Vec<usize>,
    /// One per unit: the value of 1 in `values`.
    scales: Vec<f32>,
    /// `[T, units]`.
    values: Vec<i8>,
}

/// The scale of values between -1 and 1.
const UNIT_SCALE: f32 = 1.0 / 127.0;

impl Plane {
    /// A plane of these units of a layer, without time steps.
    pub fn new(units: Vec<usize>) -> Self {
        let scales = vec![UNIT_SCALE; units.len()];
        Self { units, scales, values: vec![] }
    }

    /// Adds time steps: `values` are `[T, width]`, all units of the layer.
    pub fn extend<R: Real>(&mut self, values: &[R], width: usize) {
        self.widen_scales(values, width);
        let per_unit: Vec<f32> = self.scales.iter().map(|scale| 1.0 / scale).collect();
        for step in values.chunks_exact(width) {
            let own = self.units.iter().zip(&per_unit).map(|(&unit, per_unit)| {
                let x = step[unit].as_f32();
                // NaN becomes 0, infinity the largest byte.
                (x * per_unit + 0.5_f32.copysign(x)) as i8
            });
            self.values.extend(own);
        }
    }

    /// Doubles the scales of units with larger values.
    fn widen_scales<R: Real>(&mut self, values: &[R], width: usize) {
        let mut max = vec![0.0_f32; self.units.len()];
        for step in values.chunks_exact(width) {
            for (max, &unit) in max.iter_mut().zip(&self.units) {
                let x = step[unit].as_f32().abs();
                if x > *max && x.is_finite() {
                    *max = x;
                }
            }
        }
        let columns = self.units.len();
        for (column, (scale, max)) in self.scales.iter_mut().zip(max).enumerate() {
            while max > 127.0 * *scale {
                *scale *= 2.0;
                self.values.iter_mut().skip(column).step_by(columns).for_each(|byte| *byte /= 2);
            }
        }
    }

    /// The units of the layer, one per column.
    pub fn units(&self) -> &[usize] {
        &self.units
    }

    /// Number of time steps.
    pub fn steps(&self) -> usize {
        self.values.len().checked_div(self.units.len()).unwrap_or(0)
    }

    /// The value of a byte of 1, one per column.
    pub fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// The values of a column.
    pub fn column(&self, column: usize) -> impl Iterator<Item = f32> {
        let scale = self.scales[column];
        self.bytes_of(column).map(move |byte| f32::from(byte) * scale)
    }

    /// All time steps of the first unit, then those of the next: two's complement, in units of [`Plane::scales`].
    pub fn bytes(&self) -> Vec<u8> {
        (0..self.units.len()).flat_map(|column| self.bytes_of(column).map(|byte| byte as u8)).collect()
    }

    fn bytes_of(&self, column: usize) -> impl Iterator<Item = i8> {
        self.values.iter().skip(column).step_by(self.units.len()).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantised_values_are_within_two_steps_of_the_originals() {
        let values: Vec<f32> =
            (0..3 * 50).map(|i| ((i as f32) * 0.37).sin() * (1 + i % 3) as f32 * 2.0).collect();
        let mut plane = Plane::new(vec![2, 0]);
        plane.extend(&values[..30], 3);
        plane.extend(&values[30..], 3);
        assert_eq!((plane.units(), plane.steps(), plane.bytes().len()), (&[2, 0][..], 50, 100));
        for (column, &unit) in plane.units().iter().enumerate() {
            let bound = plane.scales()[column] * 2.0;
            for (t, x) in plane.column(column).enumerate() {
                assert!((x - values[3 * t + unit]).abs() <= bound, "unit {unit}, step {t}: {x}");
            }
        }
    }

    #[test]
    fn values_that_are_not_finite_do_not_affect_others() {
        let mut plane = Plane::new(vec![0]);
        plane.extend(&[f32::NAN, f32::INFINITY, 0.5], 1);
        let values: Vec<f32> = plane.column(0).collect();
        assert_eq!(values[0], 0.0);
        assert!((values[1] - 1.0).abs() < 1e-6 && (values[2] - 0.5).abs() < 0.01);
    }
}
