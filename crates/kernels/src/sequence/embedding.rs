//! The gradients of a layer over ids, through its lookup table: row `v` of the table is `W_ih e_v + b`, so the
//! pre-activation gradients of all positions with id `v` are summed in one row, and one product over the vocabulary
//! replaces one over all positions.

use super::gradient::{Scratch, WeightGradient};
use super::packed::Packed;
use crate::buffer::Aligned;
use crate::element::Element;
use crate::panel::Planes;
use crate::simd::{Job, Vector};
use crate::spec::InputSpec;
use crate::values::{ValuesRef, match_kind};

/// Adds the gradients of the input weights, and of the embedding if there is one, given the gradients `z` of the
/// pre-activations. `d_table` is scratch memory.
pub(super) fn gradients(
    layer: &Packed,
    ids: &[u32],
    params: &[f32],
    z: Planes<'_>,
    d_table: &mut Aligned,
    grads: &mut [f32],
    scratch: &mut Scratch,
) {
    let spec = layer.spec();
    let gates = spec.cell.gates();
    match spec.input {
        InputSpec::Frames { .. } => unreachable!("ids for a layer over frames"),
        InputSpec::OneHot { vocab_size } => {
            scatter(layer, ids, z, (vocab_size, gates), d_table);
            one_hot(layer, d_table, vocab_size, &mut grads[spec.weight_ih_range()]);
        }
        InputSpec::Embedded { vocab_size, size, embedding } => {
            scatter(layer, ids, z, (vocab_size, gates), d_table);
            embedded(layer, params, d_table, (vocab_size, size, embedding), grads, scratch);
        }
    }
}

/// Overwrites `d_table`, `[V, G, Hp]`, with the sums of the rows of `z` by id.
fn scatter(
    layer: &Packed,
    ids: &[u32],
    z: Planes<'_>,
    (vocab_size, gates): (usize, usize),
    d_table: &mut Aligned,
) {
    d_table.resize_scratch(vocab_size * gates * layer.hp());
    d_table.fill(0.0);
    match_kind!(ValuesRef, z.data, data => {
        layer.simd().run(Scatter { ids, data, z, gates, d_table });
    });
}

struct Scatter<'a, E> {
    ids: &'a [u32],
    data: &'a [E],
    z: Planes<'a>,
    gates: usize,
    d_table: &'a mut [f32],
}

impl<E: Element> Job for Scatter<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, v: V) {
        let Self { ids, data, z: Planes { row_stride: hp, plane, .. }, gates, d_table } = self;
        for (row, &id) in ids.iter().enumerate() {
            let sums = &mut d_table[id as usize * gates * hp..][..gates * hp];
            for (gate, sums) in sums.chunks_exact_mut(hp).enumerate() {
                let z = &data[gate * plane + row * hp..][..hp];
                for (sum, z) in sums.chunks_exact_mut(V::LANES).zip(z.chunks_exact(V::LANES)) {
                    (v.load(sum) + E::load(v, z)).store(sum);
                }
            }
        }
    }
}

/// One-hot ids: the columns of `W_ih` are the rows of the table.
fn one_hot(layer: &Packed, d_table: &[f32], vocab_size: usize, d_weight_ih: &mut [f32]) {
    let (gates, hp, hidden_size) =
        (layer.spec().cell.description().input_gates, layer.hp(), layer.spec().hidden_size);
    for (v, row) in d_table.chunks_exact(hp * gates.len()).enumerate() {
        for (row, gate) in row.chunks_exact(hp).zip(gates) {
            for (unit, d) in row[..hidden_size].iter().enumerate() {
                d_weight_ih[(gate * hidden_size + unit) * vocab_size + v] += d;
            }
        }
    }
}

/// Embedded ids: `d_W_ih = d_table^T E` and `d_E = d_table W_ih`.
fn embedded(
    layer: &Packed,
    params: &[f32],
    d_table: &[f32],
    (vocab_size, size, embedding): (usize, usize, usize),
    grads: &mut [f32],
    scratch: &mut Scratch,
) {
    let (spec, simd, hp) = (layer.spec(), layer.simd(), layer.hp());
    let gates = spec.cell.description().input_gates;
    let z = Planes { data: ValuesRef::F32(d_table), row_stride: gates.len() * hp, plane: hp };
    let by_embedding = WeightGradient {
        simd,
        steps: vocab_size,
        hidden_size: spec.hidden_size,
        z,
        first_plane: 0,
        gates,
        x: ValuesRef::F32(&params[embedding..][..vocab_size * size]),
        x_stride: size,
        x_width: size,
    };
    by_embedding.add_to(&mut grads[spec.weight_ih_range()], scratch);

    let stride = size.next_multiple_of(simd.lanes());
    scratch.row.resize_scratch(vocab_size * stride);
    layer.input_gradient(z, vocab_size, &mut scratch.row, stride);
    let d_embedding = &mut grads[embedding..][..vocab_size * size];
    for (out, row) in d_embedding.chunks_exact_mut(size).zip(scratch.row.chunks_exact(stride)) {
        for (out, d) in out.iter_mut().zip(row) {
            *out += d;
        }
    }
}
