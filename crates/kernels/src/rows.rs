//! Rows of a table, such as an embedding, read and updated by id.

use crate::real::Real;

/// Overwrites `into` with the rows `ids` of `table`, `[_, width]`.
pub(crate) fn read<R: Real>(table: &[R], width: usize, ids: &[u32], into: &mut Vec<R>) {
    into.clear();
    into.reserve(ids.len() * width);
    ids.iter().for_each(|&id| into.extend_from_slice(&table[id as usize * width..][..width]));
}

/// Adds `values`, `[ids, width]`, to the rows `ids` of `table`, in order.
pub(crate) fn add<R: Real>(values: &[R], width: usize, ids: &[u32], table: &mut [R]) {
    for (&id, values) in ids.iter().zip(values.chunks_exact(width)) {
        let row = &mut table[id as usize * width..][..width];
        row.iter_mut().zip(values).for_each(|(to, &x)| *to = *to + x);
    }
}
