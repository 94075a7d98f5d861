//! Word vectors from characters (Ling et al. 2015): a small bidirectional stack reads each word, whose vector is the
//! concatenation of the two final states. So endings, capitals and hyphens of unknown words are used, too.

use refrain_kernels::{Backend, Cell, InputSpec, State};
use serde::{Deserialize, Serialize};

use super::stack::{Source, Stack, StackBack, StackInput, StackSizes, StackWorkspace};
use super::workspace::workspace;
use crate::data::DistinctWords;
use crate::params::{Init, LayoutBuilder, Weights};

/// Sizes of a [`CharEncoder`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CharEncoderSizes {
    /// Number of characters, including the unknown token.
    pub vocab_size: usize,
    /// Embedding dimension of a character.
    pub embedding_size: usize,
    /// Hidden size per direction.
    pub hidden_size: usize,
}

/// An embedding of characters `[V, E]` and one layer of `H` units per direction.
#[derive(Clone, Debug)]
pub struct CharEncoder {
    stack: Stack,
    hidden_size: usize,
}

workspace! {
    /// Results and buffers of a pass.
    pub struct CharEncoderWorkspace<B> {
        stack: StackWorkspace<B>,
        state: Vec<State<B::Real>>,
    }
}

impl CharEncoder {
    /// Adds the parameters of the embedding, `prefix.embedding.weight`, and of the recurrent layers, under `prefix`.
    pub fn new(layout: &mut LayoutBuilder, prefix: &str, cell: Cell, sizes: CharEncoderSizes) -> Self {
        let CharEncoderSizes { vocab_size, embedding_size: size, hidden_size } = sizes;
        let name = format!("{prefix}.embedding.weight");
        let embedding = layout.matrix(name, [vocab_size, size], Init::Normal(1.0));
        let input = InputSpec::Embedded { vocab_size, size, embedding };
        // Only the final states are used: neither normalisation nor dropout would apply.
        let sizes = StackSizes { bidirectional: true, ..StackSizes::new(cell, input, hidden_size) };
        Self { stack: Stack::new(layout, prefix, sizes), hidden_size }
    }

    /// Embedding dimension of a word, `2 H`.
    pub fn size(&self) -> usize {
        2 * self.hidden_size
    }

    /// Overwrites `into` with the vector of the word at every position, `[T, B, 2 H]`; zeros for padding.
    pub fn forward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        words: &DistinctWords,
        workspace: &mut CharEncoderWorkspace<B>,
        into: &mut Vec<B::Real>,
    ) {
        workspace.state = self.stack.zero_state::<B>(words.words.rows());
        self.stack.forward(backend, weights, &input(words), &mut workspace.state, &mut workspace.stack);
        let h = self.hidden_size;
        into.clear();
        into.resize(words.places.values.len() * self.size(), B::Real::default());
        for at in words.places.filled() {
            let word = words.places.values[at] as usize * h;
            for (half, state) in into[at * 2 * h..][..2 * h].chunks_exact_mut(h).zip(&workspace.state) {
                half.copy_from_slice(&state.h[word..][..h]);
            }
        }
    }

    /// The backward pass from `d_words [T, B, 2 H]`, the gradient of the vectors.
    pub fn backward<B: Backend>(
        &self,
        backend: &B,
        weights: &Weights<B>,
        words: &DistinctWords,
        workspace: &mut CharEncoderWorkspace<B>,
        d_words: &[B::Real],
        grads: &mut B::Buffer,
    ) {
        let h = self.hidden_size;
        let mut d_final = self.stack.zero_state::<B>(words.words.rows());
        for at in words.places.filled() {
            let word = words.places.values[at] as usize * h;
            for (half, d) in d_words[at * 2 * h..][..2 * h].chunks_exact(h).zip(&mut d_final) {
                d.h[word..][..h].iter_mut().zip(half).for_each(|(sum, &d)| *sum = *sum + d);
            }
        }
        let none = vec![B::Real::default(); words.words.values.len() * self.size()];
        workspace.stack.d_output = backend.d_frames(self.size(), &none);
        let back = StackBack { d_final: Some(&d_final), ..StackBack::new(grads) };
        self.stack.backward(backend, weights, &input(words), &mut workspace.stack, back);
    }
}

fn input<B: Backend>(words: &DistinctWords) -> StackInput<'_, B> {
    StackInput {
        source: Source::Ids(&words.words.values),
        rows: words.words.rows(),
        lengths: Some(&words.words.lengths),
        dropout: None,
    }
}
