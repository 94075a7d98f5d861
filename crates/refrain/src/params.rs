//! The parameters of a model: one flat arena with named, shaped views under PyTorch's names.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::ops::Range;

/// How a parameter starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// Uniform in `-bound..bound`; PyTorch takes `1 / sqrt(H)` for recurrent and linear layers.
    Uniform(f32),
    /// Normal, with this deviation; PyTorch takes 1 for embeddings.
    Normal(f32),
    /// As `Uniform`, with 1 added to the forget gate's quarter, so that a young LSTM remembers (Jozefowicz et al.
    /// 2015, section 2.2).
    ForgetGate(f32),
    /// This number: what normalises a layer starts with gains of 1 and biases of 0.
    Constant(f32),
}

/// A named parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// PyTorch's name, as `rnn.weight_ih_l0`.
    pub name: String,
    /// Its dimensions, row-major.
    pub shape: Vec<usize>,
    /// Its place in the arena.
    pub range: Range<usize>,
    /// How it starts.
    pub init: Init,
}

/// Which parameters a model has, and where they lie in its arena.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    entries: Vec<Entry>,
}

impl Layout {
    /// Appends a parameter and returns its offset.
    pub(crate) fn push(&mut self, name: impl Into<String>, shape: &[usize], init: Init) -> usize {
        let from = self.len();
        let len = shape.iter().product::<usize>();
        self.entries.push(Entry { name: name.into(), shape: shape.to_vec(), range: from..from + len, init });
        from
    }

    /// Lets the parameter at this offset start in another way.
    pub(crate) fn start(&mut self, at: usize, init: Init) {
        self.entries.iter_mut().filter(|entry| entry.range.start == at).for_each(|entry| entry.init = init);
    }

    /// The parameters in the order of the arena.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Number of parameters, all told.
    pub fn len(&self) -> usize {
        self.entries.last().map_or(0, |entry| entry.range.end)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the biases begin. All matrices come first: weight decay is for them alone.
    pub(crate) fn matrices(&self) -> usize {
        self.entries.iter().find(|entry| entry.shape.len() < 2).map_or(self.len(), |entry| entry.range.start)
    }

    /// The parameter that holds element `index` of the arena.
    pub(crate) fn entry_at(&self, index: usize) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.range.contains(&index))
    }

    /// First values, a function of the seed alone.
    pub fn init(&self, seed: u64) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut values = Vec::with_capacity(self.len());
        for entry in &self.entries {
            let len = entry.range.len();
            match entry.init {
                Init::Uniform(bound) => values.extend((0..len).map(|_| rng.random_range(-bound..bound))),
                Init::Normal(deviation) => values.extend((0..len).map(|_| deviation * normal(&mut rng))),
                Init::Constant(value) => values.extend((0..len).map(|_| value)),
                Init::ForgetGate(bound) => values.extend((0..len).map(|i| {
                    let forget = (len / 4..len / 2).contains(&i);
                    rng.random_range(-bound..bound) + if forget { 1.0 } else { 0.0 }
                })),
            }
        }
        values
    }
}

/// A standard normal number (Box & Muller 1958).
fn normal(rng: &mut impl Rng) -> f32 {
    let (u, v): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    ((-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> Layout {
        let mut layout = Layout::default();
        layout.push("embedding.weight", &[100, 50], Init::Normal(0.5));
        layout.push("rnn.weight_hh_l0", &[80, 20], Init::Uniform(0.25));
        layout.push("rnn.bias_ih_l0", &[80], Init::ForgetGate(0.25));
        layout
    }

    #[test]
    fn first_values_follow_from_the_seed_and_keep_their_distributions() {
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
    fn biases_come_after_all_matrices() {
        assert_eq!(layout().matrices(), 6600);
        assert_eq!(layout().entry_at(6600).map(|entry| entry.name.as_str()), Some("rnn.bias_ih_l0"));
    }
}
