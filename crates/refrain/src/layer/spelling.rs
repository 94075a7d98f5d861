//! Words by their characters (Ling et al. 2015): a small bidirectional stack reads each word, and its two final states,
//! side by side, stand for the word. So a word that was never seen still has an ending, a capital, a hyphen.

use refrain_kernels::{Backend, Cell, InputSpec, State};

use super::dropout::DropoutRate;
use super::stack::{Source, Stack, StackBack, StackInput, StackSizes, StackWorkspace};
use crate::data::DistinctWords;
use crate::params::{Init, Layout};

/// An embedding of characters `[V, E]` and one layer of `H` units in each direction.
#[derive(Clone, Debug)]
pub struct Spelling {
    stack: Stack,
    hidden_size: usize,
}

/// What a pass leaves behind.
pub struct SpellingWorkspace<B: Backend> {
    stack: StackWorkspace<B>,
    state: Vec<State<B::Real>>,
}

impl Spelling {
    /// Appends matrices to `layout`, under `prefix`; biases by [`Spelling::push_biases`].
    pub(crate) fn new(
        layout: &mut Layout,
        prefix: &str,
        cell: Cell,
        [vocab_size, size, hidden_size]: [usize; 3],
    ) -> Self {
        let embedding =
            layout.push(format!("{prefix}.embedding.weight"), &[vocab_size, size], Init::Normal(1.0));
        let sizes = StackSizes {
            cell,
            input: InputSpec::Embedded { vocab_size, size, embedding },
            hidden_size,
            num_layers: 1,
            bidirectional: true,
            // Nothing but the final states is read.
            layer_norm: false,
            dropout: DropoutRate::default(),
            drops_top: false,
        };
        Self { stack: Stack::new(layout, prefix, sizes), hidden_size }
    }

    /// Appends biases.
    pub(crate) fn push_biases(&mut self, layout: &mut Layout, prefix: &str) {
        self.stack.push_biases(layout, prefix);
    }

    /// The recurrent layers.
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// Numbers that stand for a word, `2 H`.
    pub fn size(&self) -> usize {
        2 * self.hidden_size
    }

    /// Overwrites `into` with what stands for the word at every position, `[T, B, 2 H]`; zeros where rows are padded.
    pub fn forward<B: Backend>(
        &self,
        backend: &B,
        weights: (&[B::Recurrent], &B::Buffer),
        words: &DistinctWords,
        pass: &mut SpellingWorkspace<B>,
        into: &mut Vec<B::Real>,
    ) {
        pass.state = self.stack.zero_state::<B>(words.words.rows());
        self.stack.forward(backend, weights, &input(words), &mut pass.state, &mut pass.stack);
        let h = self.hidden_size;
        into.clear();
        into.resize(words.places.values.len() * self.size(), B::Real::default());
        for at in words.positions() {
            let word = words.places.values[at] as usize * h;
            for (half, state) in into[at * 2 * h..][..2 * h].chunks_exact_mut(h).zip(&pass.state) {
                half.copy_from_slice(&state.h[word..][..h]);
            }
        }
    }

    /// The way back from the gradient `d_words [T, B, 2 H]` of what [`Spelling::forward`] wrote.
    pub fn backward<B: Backend>(
        &self,
        backend: &B,
        layers: &[B::Recurrent],
        words: &DistinctWords,
        pass: &mut SpellingWorkspace<B>,
        d_words: &[B::Real],
        (params, grads): (&B::Buffer, &mut B::Buffer),
    ) {
        let h = self.hidden_size;
        let mut d_final = self.stack.zero_state::<B>(words.words.rows());
        for at in words.positions() {
            let word = words.places.values[at] as usize * h;
            for (half, d) in d_words[at * 2 * h..][..2 * h].chunks_exact(h).zip(&mut d_final) {
                d.h[word..][..h].iter_mut().zip(half).for_each(|(sum, &d)| *sum = *sum + d);
            }
        }
        let none = vec![B::Real::default(); words.words.values.len() * self.size()];
        pass.stack.d_output = backend.d_frames(self.size(), &none);
        let back = StackBack { d_final: Some(&d_final), ..StackBack::new(params, grads) };
        self.stack.backward(backend, layers, &input(words), &mut pass.stack, back);
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

impl<B: Backend> Default for SpellingWorkspace<B> {
    fn default() -> Self {
        Self { stack: StackWorkspace::default(), state: vec![] }
    }
}
