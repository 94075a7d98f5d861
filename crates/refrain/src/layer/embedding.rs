//! An embedding of ids, looked up on the host.
//!
//! A recurrent layer over ids has a cheaper way for small vocabularies ([`refrain_kernels::InputSpec::Embedded`]): it
//! multiplies the whole table once per update. This layer costs nothing for ids that do not occur, and its vectors can
//! be concatenated with others.

use refrain_kernels::Backend;

use crate::params::{Init, LayoutBuilder};

/// A table `[V, E]`.
#[derive(Clone, Debug)]
pub struct Embedding {
    size: usize,
    weight: usize,
}

impl Embedding {
    /// Adds the table `prefix.weight`.
    pub fn new(layout: &mut LayoutBuilder, prefix: &str, vocab_size: usize, size: usize, init: Init) -> Self {
        Self { size, weight: layout.matrix(format!("{prefix}.weight"), [vocab_size, size], init) }
    }

    /// The table's offset in the arena.
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// `E`.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The vectors of `ids`, `[ids, E]`.
    pub fn forward<B: Backend>(&self, backend: &B, params: &B::Buffer, ids: &[u32], into: &mut Vec<B::Real>) {
        backend.read_rows(params, self.weight, self.size, ids, into);
    }

    /// Adds the gradient of the vectors, `[ids, E]`, to that of the table.
    pub fn backward<B: Backend>(
        &self,
        backend: &B,
        ids: &[u32],
        d_vectors: &[B::Real],
        grads: &mut B::Buffer,
    ) {
        backend.add_rows(d_vectors, self.weight, self.size, ids, grads);
    }
}
