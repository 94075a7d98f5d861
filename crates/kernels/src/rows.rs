//! Rows of a table by number: an embedding, looked up and learned.

use crate::real::Real;

/// Overwrites `into` with the rows of `table`, `[_, width]`, that `ids` name.
pub(crate) fn read<R: Real>(table: &[R], width: usize, ids: &[u32], into: &mut Vec<R>) {
    into.clear();
    into.reserve(ids.len() * width);
    ids.iter().for_each(|&id| into.extend_from_slice(&table[id as usize * width..][..width]));
}

/// Adds `values`, `[ids, width]`, to the rows of `table` that `ids` name, in their order.
pub(crate) fn add<R: Real>(values: &[R], width: usize, ids: &[u32], table: &mut [R]) {
    for (&id, values) in ids.iter().zip(values.chunks_exact(width)) {
        let row = &mut table[id as usize * width..][..width];
        row.iter_mut().zip(values).for_each(|(to, &x)| *to = *to + x);
    }
}
