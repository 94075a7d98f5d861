//! Vectors of `f32` lanes: one trait, a thin wrapper per instruction set, and the transcendental functions written
//! once over the trait. Algorithms are [`Job`]s elsewhere in the crate.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod math;
mod scalar;
#[cfg(all(test, target_os = "linux", target_arch = "x86_64"))]
pub(crate) mod tile_emulator;
pub(crate) mod tiles;
#[cfg(test)]
mod tiles_tests;
mod vector;

pub(crate) use math::Functions;
pub(crate) use vector::{Job, Vector};

use crate::dispatch::{Isa, IsaError};

/// Proof that the machine has an instruction set: the only way to run a [`Job`] with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Simd {
    isa: Isa,
}

impl Simd {
    pub(crate) fn new(isa: Isa) -> Result<Self, IsaError> {
        if isa.is_available() { Ok(Self { isa }) } else { Err(IsaError::Unavailable(isa)) }
    }

    pub(crate) fn isa(self) -> Isa {
        self.isa
    }

    /// Lanes of one vector: the granularity to which sizes are padded.
    pub(crate) fn lanes(self) -> usize {
        match self.isa {
            Isa::Scalar => scalar::Scalar::LANES,
            Isa::Wide => scalar::Wide::LANES,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => avx2::Avx2::LANES,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 | Isa::Avx512Bf16 | Isa::Amx => avx512::Avx512::<false>::LANES,
            #[cfg(not(target_arch = "x86_64"))]
            Isa::Avx2 | Isa::Avx512 | Isa::Avx512Bf16 | Isa::Amx => unreachable!("not available off x86-64"),
        }
    }

    /// Whether products of bfloat16 run on tile units, in hardware or in software.
    pub(crate) fn multiplies_in_tiles(self) -> bool {
        matches!(self.isa, Isa::Amx | Isa::Wide)
    }

    /// Runs a job that may multiply 16-bit numbers, in pairs if the instruction set can.
    #[inline]
    pub(crate) fn run_with_dots<J: Job>(self, job: J) -> J::Output {
        match self.isa {
            // SAFETY: `Simd::new` has checked that the processor has the features that the function enables.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Bf16 => unsafe { avx512::run_with_dots(job) },
            _ => self.run(job),
        }
    }

    /// Runs a job with this instruction set.
    #[inline]
    pub(crate) fn run<J: Job>(self, job: J) -> J::Output {
        match self.isa {
            Isa::Scalar => job.run(scalar::Scalar::ZERO),
            Isa::Wide => job.run(scalar::Wide::ZERO),
            // SAFETY: `Simd::new` has checked that the processor has the features that each function enables.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { avx2::run(job) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 | Isa::Avx512Bf16 | Isa::Amx => unsafe { avx512::run(job) },
            #[cfg(not(target_arch = "x86_64"))]
            Isa::Avx2 | Isa::Avx512 | Isa::Avx512Bf16 | Isa::Amx => unreachable!("not available off x86-64"),
        }
    }
}

/// Flushes denormal numbers to zero on this thread while it is alive, if the processor can: gradients that vanish
/// through time would otherwise slow every product with them a hundredfold.
pub(crate) struct FlushDenormals {
    #[cfg(target_arch = "x86_64")]
    before: u32,
}

impl FlushDenormals {
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn new() -> Self {
        const FTZ_AND_DAZ: u32 = 0x8040;
        let mut before = 0_u32;
        // SAFETY: reads and writes the SSE control register, which every x86-64 processor has; `drop` restores it.
        unsafe {
            std::arch::asm!("stmxcsr [{}]", in(reg) &mut before, options(nostack));
            let flushing = before | FTZ_AND_DAZ;
            std::arch::asm!("ldmxcsr [{}]", in(reg) &flushing, options(nostack, readonly));
        }
        Self { before }
    }

    #[cfg(not(target_arch = "x86_64"))]
    pub(crate) fn new() -> Self {
        Self {}
    }
}

impl Drop for FlushDenormals {
    fn drop(&mut self) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: restores the value that `new` read.
        unsafe {
            std::arch::asm!("ldmxcsr [{}]", in(reg) &self.before, options(nostack, readonly));
        }
    }
}
