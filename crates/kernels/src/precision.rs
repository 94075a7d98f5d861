//! How exactly the fast path multiplies: asked for, or chosen to fit the machine.

use crate::dispatch::Isa;
use crate::panel::Format;
use crate::simd::Simd;
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

    /// A row of `width` activations with its padding: whole vectors, whole steps of the products.
    pub(crate) fn padded(self, width: usize, simd: Simd) -> usize {
        width.next_multiple_of(simd.lanes().max(self.format().k_step(simd)))
    }

    /// What activations are held in. (Those that meet bytes are rounded step by step.)
    pub(crate) fn kind(self) -> Kind {
        match self {
            Precision::F32 | Precision::Int8 => Kind::F32,
            Precision::Bf16 => Kind::Bf16,
        }
    }
}

/// A precision, or the choice left to the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum PrecisionChoice {
    /// bfloat16 where the processor multiplies it faster and the layers are large enough to gain by that; otherwise single
    /// precision.
    #[default]
    Auto,
    /// [`Precision::F32`].
    F32,
    /// [`Precision::Bf16`].
    Bf16,
    /// [`Precision::Int8`].
    Int8,
}

/// Hidden size from which rounding to bfloat16 costs nothing that can be measured. Layers of 128 lose a little (SST-2:
/// 80.5 % right instead of 81.4, means of three seeds), those of 200 and 256 do not.
const ENOUGH_FOR_BF16: usize = 192;

impl PrecisionChoice {
    /// The precision for layers of this hidden size on this machine, by the instruction set that [`Isa::detect`] finds. A
    /// backend settles its own: [`crate::Backend::for_hidden_size`].
    pub fn resolve(self, hidden_size: usize) -> Precision {
        self.resolve_on(Isa::detect().unwrap_or(Isa::Scalar), hidden_size)
    }

    /// The precision for layers of this hidden size, with this instruction set.
    pub(crate) fn resolve_on(self, isa: Isa, hidden_size: usize) -> Precision {
        match self {
            PrecisionChoice::F32 => Precision::F32,
            PrecisionChoice::Bf16 => Precision::Bf16,
            PrecisionChoice::Int8 => Precision::Int8,
            PrecisionChoice::Auto if isa.gains_by_bf16() && hidden_size >= ENOUGH_FOR_BF16 => Precision::Bf16,
            PrecisionChoice::Auto => Precision::F32,
        }
    }
}

impl From<Precision> for PrecisionChoice {
    fn from(precision: Precision) -> Self {
        match precision {
            Precision::F32 => PrecisionChoice::F32,
            Precision::Bf16 => PrecisionChoice::Bf16,
            Precision::Int8 => PrecisionChoice::Int8,
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
