//! The precision of products in the fast backend: given, or chosen to fit the machine.

use crate::dispatch::Isa;
use crate::panel::Format;
use crate::simd::Simd;
use crate::values::Kind;
use std::fmt;
use std::str::FromStr;

/// The number format of weights, and of activations in products. Sums, cell states, gradients of parameters and the
/// parameters themselves are always `f32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Precision {
    /// Single precision throughout.
    #[default]
    F32,
    /// bfloat16: half the memory, and several times the speed on processors with bfloat16 products.
    Bf16,
    /// 8-bit weights with one scale per output: a quarter of the memory; not for training.
    Int8,
}

impl Precision {
    /// All precisions, most exact first.
    pub const ALL: [Precision; 3] = [Precision::F32, Precision::Bf16, Precision::Int8];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::Bf16 => "bf16",
            Precision::Int8 => "int8",
        }
    }

    /// The format of packed weights.
    pub(crate) fn format(self) -> Format {
        match self {
            Precision::F32 => Format::F32,
            Precision::Bf16 => Format::Bf16,
            Precision::Int8 => Format::Int8,
        }
    }

    /// The length of a row of `width` activations with padding: whole vectors, whole steps of the products.
    pub(crate) fn padded(self, width: usize, simd: Simd) -> usize {
        width.next_multiple_of(simd.lanes().max(self.format().k_step(simd)))
    }

    /// The number type of activations. (For 8-bit weights they are rounded at each step.)
    pub(crate) fn kind(self) -> Kind {
        match self {
            Precision::F32 | Precision::Int8 => Kind::F32,
            Precision::Bf16 => Kind::Bf16,
        }
    }
}

/// A precision, or automatic selection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum PrecisionChoice {
    /// bfloat16 if the processor multiplies it faster and the layers are large enough to benefit; otherwise single
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

/// Hidden size from which rounding to bfloat16 has no measurable cost. Layers of 128 units lose a little (accuracy on
/// SST-2: 80.5 % instead of 81.4 %, means of three seeds), those of 200 and 256 do not.
const MIN_HIDDEN_SIZE_FOR_BF16: usize = 192;

impl PrecisionChoice {
    /// The precision for layers of this hidden size on this machine, with the instruction set of [`Isa::detect`]. A
    /// backend resolves its own precision with [`crate::Backend::for_hidden_size`].
    pub fn resolve(self, hidden_size: usize) -> Precision {
        self.resolve_on(Isa::detect().unwrap_or(Isa::Scalar), hidden_size)
    }

    /// The precision for layers of this hidden size, with this instruction set.
    pub(crate) fn resolve_on(self, isa: Isa, hidden_size: usize) -> Precision {
        match self {
            PrecisionChoice::F32 => Precision::F32,
            PrecisionChoice::Bf16 => Precision::Bf16,
            PrecisionChoice::Int8 => Precision::Int8,
            PrecisionChoice::Auto if isa.has_fast_bf16() && hidden_size >= MIN_HIDDEN_SIZE_FOR_BF16 => {
                Precision::Bf16
            }
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
        known.ok_or_else(|| format!("{name}: unknown precision; use f32, bf16 or int8"))
    }
}
