//! How exactly the fast path multiplies.

use crate::panel::Format;
use crate::values::Kind;
use std::fmt;
use std::str::FromStr;

/// What weights, and the activations that meet them in products, are held in. Sums, cell states, gradients of
/// parameters and the parameters themselves are `f32` in every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Precision {
    /// Single precision throughout.
    #[default]
    F32,
    /// bfloat16: half the memory, and on processors that multiply it a multiple of the speed.
    Bf16,
    /// Weights of eight bits with a scale for each output: a quarter of the memory; not for training.
    Int8,
}

impl Precision {
    /// All of them, most exact first.
    pub const ALL: [Precision; 3] = [Precision::F32, Precision::Bf16, Precision::Int8];

    /// Its name, as the command line takes it.
    pub fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::Bf16 => "bf16",
            Precision::Int8 => "int8",
        }
    }

    /// What packed weights are held in.
    pub(crate) fn format(self) -> Format {
        match self {
            Precision::F32 => Format::F32,
            Precision::Bf16 => Format::Bf16,
            Precision::Int8 => Format::Int8,
        }
    }

    /// What activations are held in. (Those that meet bytes are rounded step by step.)
    pub(crate) fn kind(self) -> Kind {
        match self {
            Precision::F32 | Precision::Int8 => Kind::F32,
            Precision::Bf16 => Kind::Bf16,
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Precision {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|p| p.name().eq_ignore_ascii_case(name));
        known.ok_or_else(|| format!("{name}: no such precision; there are f32, bf16 and int8"))
    }
}
