//! The parameters of a model: a flat arena with shaped entries under PyTorch's names, and its copy on a backend.
//!
//! A network defines its parameters once, in [`Layout::build`]: each layer takes a [`LayoutBuilder`] and stores the
//! offsets of its parameters. In the arena all matrices precede all vectors, each in the order of addition.
//! [`Weights`] copies an arena to a backend and packs its layers for matrix products.
//!
//! ```
//! use refrain::kernels::{Backend, Cpu};
//! use refrain::layer::Linear;
//! use refrain::params::{Layout, Weights};
//!
//! # fn main() -> refrain::Result<()> {
//! let (layout, [hidden, output]) = Layout::build(|layout| {
//!     [Linear::new(layout, "hidden", 3, 8), Linear::new(layout, "output", 8, 2)]
//! });
//! let names: Vec<&str> = layout.entries().iter().map(|entry| entry.name.as_str()).collect();
//! assert_eq!(names, ["hidden.weight", "output.weight", "hidden.bias", "output.bias"]);
//! assert_eq!(layout.decayed(), [0..3 * 8 + 8 * 2]);
//!
//! let backend = Cpu::new(1)?;
//! let mut weights = Weights::new(&layout, &backend, &layout.init(1));
//! weights.pack(&backend, false);
//! let (mut features, mut outputs, mut scratch) = (vec![], vec![], Default::default());
//! let input = backend.frames(3, &[0.1, 0.2, 0.3]);
//! hidden.outputs(&backend, &weights, backend.view(&input), &mut features, &mut scratch);
//! let features = backend.frames(8, &features);
//! output.outputs(&backend, &weights, backend.view(&features), &mut outputs, &mut scratch);
//! assert_eq!(outputs.len(), 2);
//! # Ok(())
//! # }
//! ```

mod weights;

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use refrain_kernels::{LinearSpec, RecurrentSpec};
use std::ops::Range;

pub use weights::{WeightDrop, Weights};

/// Initialisation of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// Uniform in `-bound..bound`; PyTorch uses `1 / sqrt(H)` for recurrent and linear layers.
    Uniform(f32),
    /// Normal with this standard deviation; PyTorch uses 1 for embeddings.
    Normal(f32),
    /// As [`Init::Uniform`], with 1 added to the elements `from..to`, so that a gate is initially open.
    UniformPlusOne {
        /// Of the uniform distribution.
        bound: f32,
        /// The first element to which 1 is added.
        from: usize,
        /// The end of these elements, exclusive.
        to: usize,
    },
    /// This number: layer normalisation starts with gains of 1 and biases of 0.
    Constant(f32),
}

impl Init {
    /// PyTorch's initialisation of a linear layer with this number of inputs: uniform, up to `1 / sqrt(inputs)`.
    pub fn of_products(inputs: usize) -> Self {
        Init::Uniform(1.0 / (inputs as f32).sqrt())
    }
}

/// A named parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// PyTorch's name, such as `rnn.weight_ih_l0`.
    pub name: String,
    /// Its dimensions, row-major.
    pub shape: Vec<usize>,
    /// Its range in the arena.
    pub range: Range<usize>,
    /// Its initialisation.
    pub init: Init,
    /// Whether it is subject to weight decay, as matrices are.
    pub decay: bool,
}

/// The parameters of a model, their offsets in the arena, and the layers that use them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    entries: Vec<Entry>,
    decayed: Vec<Range<usize>>,
    recurrent: Vec<RecurrentSpec>,
    linears: Vec<LinearSpec>,
}

/// A layout under construction, see [`Layout::build`].
#[derive(Debug, Default)]
pub struct LayoutBuilder {
    matrices: Vec<Entry>,
    vectors: Vec<Entry>,
    /// The offset of the first vector in the arena.
    vectors_from: usize,
    recurrent: Vec<RecurrentSpec>,
    linears: Vec<LinearSpec>,
}

/// Identifies consecutive recurrent layers of a layout, for [`Weights::recurrent`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecurrentIds(Range<usize>);

/// Identifies a linear layer of a layout, for [`Weights::linear`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinearId(usize);

impl LayoutBuilder {
    /// Adds a matrix, subject to weight decay, to the matrices; returns its offset in the arena.
    pub fn matrix(&mut self, name: impl Into<String>, shape: [usize; 2], init: Init) -> usize {
        push(&mut self.matrices, 0, name.into(), &shape, init)
    }

    /// Adds a vector, without weight decay, to the vectors; returns its offset in the arena.
    pub fn vector(&mut self, name: impl Into<String>, len: usize, init: Init) -> usize {
        push(&mut self.vectors, self.vectors_from, name.into(), &[len], init)
    }

    /// Like [`Self::matrix`], but among the vectors, for a layer that reads them as one slice.
    pub fn matrix_among_vectors(&mut self, name: impl Into<String>, shape: [usize; 2], init: Init) -> usize {
        push(&mut self.vectors, self.vectors_from, name.into(), &shape, init)
    }

    /// Registers recurrent layers, whose parameters have been added.
    pub fn recurrent(&mut self, specs: &[RecurrentSpec]) -> RecurrentIds {
        let first = self.recurrent.len();
        self.recurrent.extend_from_slice(specs);
        RecurrentIds(first..self.recurrent.len())
    }

    /// Registers a linear layer, whose parameters have been added.
    pub fn linear(&mut self, spec: LinearSpec) -> LinearId {
        self.linears.push(spec);
        LinearId(self.linears.len() - 1)
    }
}

/// Adds a parameter to the entries that start at offset `first` of the arena; returns its offset.
fn push(entries: &mut Vec<Entry>, first: usize, name: String, shape: &[usize], init: Init) -> usize {
    let from = entries.last().map_or(first, |entry| entry.range.end);
    let range = from..from + shape.iter().product::<usize>();
    entries.push(Entry { name, shape: shape.to_vec(), range, init, decay: shape.len() > 1 });
    from
}

impl Layout {
    /// Builds the layout of the layers that `build` constructs, and returns both.
    ///
    /// `build` is called twice and must be deterministic: the offsets of vectors depend on the size of all matrices.
    pub fn build<L>(build: impl Fn(&mut LayoutBuilder) -> L) -> (Self, L) {
        let mut sizing = LayoutBuilder::default();
        build(&mut sizing);
        let vectors_from = sizing.matrices.last().map_or(0, |entry| entry.range.end);
        let mut builder = LayoutBuilder { vectors_from, ..LayoutBuilder::default() };
        let layers = build(&mut builder);
        let LayoutBuilder { matrices: mut entries, vectors, recurrent, linears, .. } = builder;
        entries.extend(vectors);
        let mut decayed: Vec<Range<usize>> = vec![];
        for entry in entries.iter().filter(|entry| entry.decay) {
            match decayed.last_mut() {
                Some(last) if last.end == entry.range.start => last.end = entry.range.end,
                _ => decayed.push(entry.range.clone()),
            }
        }
        (Self { entries, decayed, recurrent, linears }, layers)
    }

    /// The parameters in the order of the arena.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Number of parameters in total.
    pub fn len(&self) -> usize {
        self.entries.last().map_or(0, |entry| entry.range.end)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The ranges of the arena that are subject to weight decay, ascending and not adjacent.
    pub fn decayed(&self) -> &[Range<usize>] {
        &self.decayed
    }

    /// All recurrent layers, in the order in which they were registered.
    pub fn recurrent(&self) -> &[RecurrentSpec] {
        &self.recurrent
    }

    /// The parameter that contains element `index` of the arena.
    pub fn entry_at(&self, index: usize) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.range.contains(&index))
    }

    /// Initial values, a function of the seed.
    pub fn init(&self, seed: u64) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut values = Vec::with_capacity(self.len());
        for entry in &self.entries {
            let len = entry.range.len();
            match entry.init {
                Init::Uniform(bound) => values.extend((0..len).map(|_| rng.random_range(-bound..bound))),
                Init::Normal(deviation) => values.extend((0..len).map(|_| deviation * normal(&mut rng))),
                Init::Constant(value) => values.extend((0..len).map(|_| value)),
                Init::UniformPlusOne { bound, from, to } => values.extend((0..len).map(|i| {
                    rng.random_range(-bound..bound) + if (from..to).contains(&i) { 1.0 } else { 0.0 }
                })),
            }
        }
        values
    }
}

/// A standard normal random number (Box & Muller 1958).
fn normal(rng: &mut impl Rng) -> f32 {
    let (u, v): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    ((-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> Layout {
        let (layout, offsets) = Layout::build(|layout| {
            let embedding = layout.matrix("embedding.weight", [100, 50], Init::Normal(0.5));
            let init = Init::UniformPlusOne { bound: 0.25, from: 20, to: 40 };
            let bias = layout.vector("rnn.bias_ih_l0", 80, init);
            let weight = layout.matrix("rnn.weight_hh_l0", [80, 20], Init::Uniform(0.25));
            [embedding, weight, bias, layout.matrix_among_vectors("crf.transitions", [3, 3], init)]
        });
        assert_eq!(offsets, [0, 5000, 6600, 6680]);
        layout
    }

    #[test]
    fn initial_values_depend_on_the_seed_and_follow_their_distributions() {
        let layout = layout();
        let values = layout.init(5);
        assert_eq!(values, layout.init(5));
        assert_ne!(values, layout.init(6));
        let normal = &values[..5000];
        let mean = normal.iter().sum::<f32>() / 5000.0;
        let variance = normal.iter().map(|x| x * x).sum::<f32>() / 5000.0;
        assert!(mean.abs() < 0.05 && (variance - 0.25).abs() < 0.025, "{mean} {variance}");
        assert!(values[5000..6600].iter().all(|x| x.abs() <= 0.25));
        assert!(values[6620..6640].iter().all(|x| (0.75..=1.25).contains(x)));
    }

    #[test]
    fn vectors_come_after_all_matrices_and_do_not_decay() {
        let layout = layout();
        assert_eq!(layout.entry_at(6600).map(|entry| entry.name.as_str()), Some("rnn.bias_ih_l0"));
        assert_eq!(layout.decayed(), [0..6600, 6680..6689]);
        assert_eq!(layout.len(), 6689);
    }
}
