//! Selection of the instruction set: detected, or forced by `REFRAIN_ISA`.

#[cfg(target_arch = "x86_64")]
use crate::simd::tiles;
use std::fmt;
use std::str::FromStr;

/// An instruction set that the fused kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Isa {
    /// Portable code, four lanes, on any processor.
    Scalar,
    /// Portable code in the 16-lane layout of AVX-512, with tile units in software: for tests on machines without
    /// them.
    Wide,
    /// AVX2 and FMA, eight lanes.
    Avx2,
    /// AVX-512, sixteen lanes.
    Avx512,
    /// AVX-512 with instructions that multiply pairs of bfloat16 and of 16-bit integers.
    Avx512Bf16,
    /// AVX-512 with tile units for products of bfloat16.
    Amx,
}

/// Why an instruction set cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IsaError {
    /// No instruction set has this name.
    Unknown(String),
    /// This processor lacks it.
    Unavailable(Isa),
}

impl Isa {
    /// The environment variable that forces an instruction set.
    pub const VARIABLE: &'static str = "REFRAIN_ISA";

    /// All instruction sets, slowest first.
    pub const ALL: [Isa; 6] = [Isa::Scalar, Isa::Wide, Isa::Avx2, Isa::Avx512, Isa::Avx512Bf16, Isa::Amx];

    /// Whether this processor can run it.
    pub fn is_available(self) -> bool {
        match self {
            Isa::Scalar | Isa::Wide => true,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vl")
                    && Isa::Avx2.is_available()
            }
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Bf16 => {
                Isa::Avx512.is_available()
                    && is_x86_feature_detected!("avx512bf16")
                    && is_x86_feature_detected!("avx512vnni")
            }
            #[cfg(target_arch = "x86_64")]
            Isa::Amx => Isa::Avx512.is_available() && tiles::is_available(),
            #[cfg(not(target_arch = "x86_64"))]
            Isa::Avx2 | Isa::Avx512 | Isa::Avx512Bf16 | Isa::Amx => false,
        }
    }

    /// The instruction sets that this processor can run, slowest first.
    pub fn available() -> impl Iterator<Item = Isa> {
        Self::ALL.into_iter().filter(|isa| isa.is_available())
    }

    /// The fastest available instruction set, or the one that `REFRAIN_ISA` names.
    ///
    /// # Errors
    /// If the variable names an unknown or unavailable instruction set.
    pub fn detect() -> Result<Isa, IsaError> {
        match std::env::var(Self::VARIABLE) {
            Ok(name) if !name.is_empty() => {
                let isa: Isa = name.parse()?;
                if isa.is_available() { Ok(isa) } else { Err(IsaError::Unavailable(isa)) }
            }
            _ if Isa::Amx.is_available() => Ok(Isa::Amx),
            _ if Isa::Avx512Bf16.is_available() => Ok(Isa::Avx512Bf16),
            _ if Isa::Avx512.is_available() => Ok(Isa::Avx512),
            _ if Isa::Avx2.is_available() => Ok(Isa::Avx2),
            _ => Ok(Isa::Scalar),
        }
    }

    /// Whether products of bfloat16 are faster than those of `f32`: in pairs, or in tile units.
    pub fn has_fast_bf16(self) -> bool {
        matches!(self, Isa::Avx512Bf16 | Isa::Amx)
    }

    /// Its name in `REFRAIN_ISA`.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Scalar => "scalar",
            Isa::Wide => "wide",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
            Isa::Avx512Bf16 => "avx512bf16",
            Isa::Amx => "amx",
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Isa {
    type Err = IsaError;

    fn from_str(name: &str) -> Result<Self, IsaError> {
        let known = |isa: &Isa| isa.name().eq_ignore_ascii_case(name);
        Self::ALL.into_iter().find(known).ok_or_else(|| IsaError::Unknown(name.to_owned()))
    }
}

impl fmt::Display for IsaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |isas: &mut dyn Iterator<Item = Isa>| isas.map(Isa::name).collect::<Vec<_>>().join(", ");
        match self {
            IsaError::Unknown(name) => {
                let known = list(&mut Isa::ALL.into_iter());
                write!(f, "{}={name}: unknown instruction set; available names: {known}", Isa::VARIABLE)
            }
            IsaError::Unavailable(isa) => {
                let here = list(&mut Isa::available());
                write!(f, "{}={isa}: not supported by this processor, which supports {here}", Isa::VARIABLE)
            }
        }
    }
}

impl std::error::Error for IsaError {}
