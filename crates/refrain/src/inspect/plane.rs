//! What one quantity of a layer did over all steps, small enough to be kept and sent: a byte a value.

use refrain_kernels::Real;

/// The values of some units over all steps, each within 1/254 of its unit's range.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plane {
    units: Vec<usize>,
    columns: Vec<Column>,
}

/// The values of a unit: a byte times a scale.
#[derive(Clone, Debug, PartialEq)]
struct Column {
    scale: f32,
    bytes: Vec<i8>,
}

/// Units whose values are gathered together: they lie side by side, a cache line of them.
const TILE: usize = 16;
/// Of what lies between -1 and 1.
const UNIT_SCALE: f32 = 1.0 / 127.0;

impl Plane {
    /// A plane of these units of a layer, still without steps.
    pub fn new(units: Vec<usize>) -> Self {
        let columns = units.iter().map(|_| Column { scale: UNIT_SCALE, bytes: vec![] }).collect();
        Self { units, columns }
    }

    /// Adds steps: `values` are `[T, width]`, all units of the layer.
    pub fn extend<R: Real>(&mut self, values: &[R], width: usize) {
        let mut tile: [Vec<f32>; TILE] = Default::default();
        for (units, columns) in self.units.chunks(TILE).zip(self.columns.chunks_mut(TILE)) {
            tile.iter_mut().for_each(Vec::clear);
            for step in values.chunks_exact(width) {
                tile.iter_mut().zip(units).for_each(|(column, &unit)| column.push(step[unit].as_f32()));
            }
            columns.iter_mut().zip(&tile).for_each(|(column, values)| column.extend(values));
        }
    }

    /// The units of the layer that it has, in the order of its columns.
    pub fn units(&self) -> &[usize] {
        &self.units
    }

    /// Steps.
    pub fn steps(&self) -> usize {
        self.columns.first().map_or(0, |column| column.bytes.len())
    }

    /// The value of a byte, a column each.
    pub fn scales(&self) -> Vec<f32> {
        self.columns.iter().map(|column| column.scale).collect()
    }

    /// The values of a column.
    pub fn column(&self, column: usize) -> impl Iterator<Item = f32> {
        let Column { scale, bytes } = &self.columns[column];
        bytes.iter().map(move |&byte| f32::from(byte) * scale)
    }

    /// All steps of the first unit, then those of the next: two's complement, as [`Plane::scales`] says.
    pub fn bytes(&self) -> Vec<u8> {
        self.columns.iter().flat_map(|column| column.bytes.iter().map(|&byte| byte as u8)).collect()
    }
}

impl Column {
    fn extend(&mut self, values: &[f32]) {
        let most = values.iter().filter(|x| x.is_finite()).fold(0.0_f32, |most, x| most.max(x.abs()));
        while most > 127.0 * self.scale {
            self.scale *= 2.0;
            self.bytes.iter_mut().for_each(|byte| *byte /= 2);
        }
        // What is not a number becomes 0, and what is infinite the largest byte.
        let per_unit = 1.0 / self.scale;
        self.bytes.extend(values.iter().map(|x| (x * per_unit + 0.5_f32.copysign(*x)) as i8));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_within_a_byte_of_their_range() {
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
    fn what_is_not_finite_does_no_harm() {
        let mut plane = Plane::new(vec![0]);
        plane.extend(&[f32::NAN, f32::INFINITY, 0.5], 1);
        let values: Vec<f32> = plane.column(0).collect();
        assert_eq!(values[0], 0.0);
        assert!((values[1] - 1.0).abs() < 1e-6 && (values[2] - 0.5).abs() < 0.01);
    }
}
