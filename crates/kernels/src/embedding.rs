//! The gradients of a layer over ids, by way of its lookup table: row `v` of the table is `W_ih e_v + b`, so the
//! pre-activation gradients of all positions that read `v` add up in one row, and one product over the vocabulary
//! replaces one over all positions.

use crate::panel::Operand;
use crate::sequence::{Packed, Scratch, WeightGradient};
use crate::spec::InputSpec;

/// Adds rows of gate gradients to the rows of the table that were read.
pub(crate) struct Scatter {
    pub(crate) lanes: usize,
    /// Slots of a unit block of the gates; the table keeps the first `gates` of them.
    pub(crate) slots: usize,
    pub(crate) gates: usize,
    pub(crate) table_row: usize,
}

impl Scatter {
    /// Overwrites `d_table` with the sums of `rows` by id.
    pub(crate) fn add_rows(&self, ids: &[u32], rows: &[f32], d_table: &mut [f32]) {
        d_table.fill(0.0);
        let row_len = self.table_row / self.gates * self.slots;
        let (from_block, to_block) = (self.slots * self.lanes, self.gates * self.lanes);
        for (&id, row) in ids.iter().zip(rows.chunks_exact(row_len)) {
            let out = &mut d_table[id as usize * self.table_row..][..self.table_row];
            for (out, block) in out.chunks_exact_mut(to_block).zip(row.chunks_exact(from_block)) {
                for (out, d) in out.iter_mut().zip(block) {
                    *out += d;
                }
            }
        }
    }
}

/// One-hot ids: the columns of `W_ih` are the rows of the table.
pub(crate) fn one_hot_gradient(layer: &Packed, d_table: &[f32], vocab_size: usize, d_weight_ih: &mut [f32]) {
    let (lanes, gates, hidden_size) =
        (layer.simd().lanes(), layer.spec().cell.input_gates(), layer.spec().hidden_size);
    for (v, row) in d_table.chunks_exact(layer.hp() * gates.len()).enumerate() {
        for unit in 0..hidden_size {
            for (slot, gate) in gates.iter().enumerate() {
                let d = row[(unit / lanes * gates.len() + slot) * lanes + unit % lanes];
                d_weight_ih[(gate * hidden_size + unit) * vocab_size + v] += d;
            }
        }
    }
}

/// Embedded ids: `d_W_ih = d_table^T E` and `d_E = d_table W_ih`.
pub(crate) fn embedded_gradient(
    layer: &Packed,
    params: &[f32],
    d_table: &[f32],
    grads: &mut [f32],
    scratch: &mut Scratch,
) {
    let spec = *layer.spec();
    let InputSpec::Embedded { vocab_size, size, embedding } = spec.input else { return };
    let (lanes, gates) = (layer.simd().lanes(), spec.cell.input_gates());
    let table_row = layer.hp() * gates.len();
    let by_embedding = WeightGradient {
        simd: layer.simd(),
        steps: vocab_size,
        hidden_size: spec.hidden_size,
        z: d_table,
        z_stride: table_row,
        z_slots: gates.len(),
        first_slot: 0,
        gates,
        x: &params[embedding..][..vocab_size * size],
        x_stride: size,
        x_block_stride: lanes,
        x_width: size,
    };
    by_embedding.add_to(&mut grads[spec.weight_ih_range()], scratch);

    let stride = size.next_multiple_of(lanes);
    scratch.row.resize_scratch(vocab_size * stride);
    let rows = Operand::rows(d_table, table_row, table_row);
    layer.input_gradient(rows, vocab_size, &mut scratch.row, stride);
    let d_embedding = &mut grads[embedding..][..vocab_size * size];
    for (out, row) in d_embedding.chunks_exact_mut(size).zip(scratch.row.chunks_exact(stride)) {
        for (out, d) in out.iter_mut().zip(row) {
            *out += d;
        }
    }
}
