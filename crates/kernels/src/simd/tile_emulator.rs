//! Executes tile instructions on processors that lack a tile unit, so that tests run the machine code of [`Hardware`]
//! everywhere.
//!
//! A processor without tiles raises SIGILL at each of their instructions. The handler decodes the instruction at that
//! address, executes it as specified by Intel's architecture manual on a register file of the thread, and resumes
//! after it, in a few microseconds per instruction. Decoder, register file and arithmetic share no code with
//! [`super::tiles`], which is tested against them. Where a tile unit would raise a fault, and at any other
//! instruction, the signal takes its default action and ends the process.

use super::FlushDenormals;
use super::tiles::Hardware;
use std::cell::UnsafeCell;
use std::sync::Once;

/// The tiles of this processor, or emulated ones.
pub(crate) fn hardware() -> Hardware {
    static INSTALLED: Once = Once::new();
    if !super::tiles::is_available() {
        INSTALLED.call_once(install);
    }
    // SAFETY: the handler executes what the processor does not.
    unsafe { Hardware::new_unchecked() }
}

fn install() {
    // SAFETY: the structure is valid when zero, and the handler has the signature that SA_SIGINFO asks for.
    let status = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
            on_illegal_instruction;
        action.sa_sigaction = handler as usize;
        action.sa_flags = libc::SA_SIGINFO;
        libc::sigaction(libc::SIGILL, &action, std::ptr::null_mut())
    };
    assert_eq!(status, 0, "SIGILL has a handler");
}

extern "C" fn on_illegal_instruction(_: libc::c_int, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // Constant and without a destructor, so safe to use in a signal handler.
    thread_local!(static UNIT: UnsafeCell<Unit> = const { UnsafeCell::new(Unit::OFF) });
    // SAFETY: the kernel passes the registers of the interrupted code, which it will reload.
    let registers = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    // SAFETY: the processor has just read an instruction there.
    let decoded = unsafe { decode(registers) };
    let executed = decoded.and_then(|(instruction, next)| {
        // SAFETY: only this handler refers to the unit, and it does not interrupt itself. The interrupted code
        // guarantees the memory that the instruction addresses.
        UNIT.with(|unit| unsafe { (*unit.get()).execute(instruction) })?;
        Some(next)
    });
    match executed {
        Some(next) => registers[libc::REG_RIP as usize] = next as i64,
        // SAFETY: the default action; the instruction is then executed again.
        None => unsafe {
            libc::signal(libc::SIGILL, libc::SIG_DFL);
        },
    }
}

type Registers = [libc::greg_t; 23];

/// Rows of a tile in memory: row `r` at `address + r * stride`.
#[derive(Clone, Copy)]
struct Rows {
    address: u64,
    stride: u64,
}

#[derive(Clone, Copy)]
enum Instruction {
    LoadConfig(u64),
    StoreConfig(u64),
    Release,
    Zero(usize),
    Load(usize, Rows),
    Store(usize, Rows),
    MultiplyAdd { c: usize, a: usize, b: usize },
}

/// Bytes of code, read in order.
struct Code(*const u8);

impl Code {
    /// # Safety
    /// The instruction extends at least to this byte.
    unsafe fn byte(&mut self) -> u8 {
        // SAFETY: guaranteed by the caller.
        unsafe {
            let byte = self.0.read();
            self.0 = self.0.add(1);
            byte
        }
    }

    /// # Safety
    /// The instruction extends over the next four bytes.
    unsafe fn displacement32(&mut self) -> u64 {
        // SAFETY: guaranteed by the caller.
        let bytes = std::array::from_fn(|_| unsafe { self.byte() });
        i32::from_le_bytes(bytes) as u64
    }
}

/// The interrupted instruction and the address after it; `None` if it is not a tile instruction.
///
/// They all have the three-byte VEX prefix, opcode map 0F38, and W and L zero.
///
/// # Safety
/// `registers` are those of code interrupted at an instruction.
unsafe fn decode(registers: &Registers) -> Option<(Instruction, u64)> {
    let mut code = Code(registers[libc::REG_RIP as usize] as *const u8);
    // SAFETY: each byte is read only after the previous ones have shown that the instruction extends to it.
    unsafe {
        if code.byte() != 0xC4 {
            return None;
        }
        // The prefix holds the fourth bits of register numbers, and a whole third operand, inverted.
        let byte = code.byte();
        let (reg_8, index_8, rm_8) = (!byte >> 4 & 8, !byte >> 3 & 8, !byte >> 2 & 8);
        if byte & 0x1F != 2 {
            return None;
        }
        let byte = code.byte();
        let (operand_3, mandatory_prefix) = (!byte >> 3 & 15, byte & 3);
        if byte & 0x84 != 0 {
            return None;
        }
        let opcode = code.byte();
        if !matches!(opcode, 0x49 | 0x4B | 0x5C) {
            return None;
        }
        let modrm = code.byte();
        let (mode, reg, rm) = (modrm >> 6, modrm >> 3 & 7 | reg_8, modrm & 7);

        const NONE: u8 = 0;
        const P66: u8 = 1;
        const PF3: u8 = 2;
        const PF2: u8 = 3;
        // Tile numbers have three bits; operands that an instruction lacks must be zero.
        let tile = |number: u8| (number < 8).then_some(usize::from(number));
        let instruction = if mode == 3 {
            match (opcode, mandatory_prefix) {
                (0x49, NONE) if modrm == 0xC0 && operand_3 == 0 => Instruction::Release,
                (0x49, PF2) if rm == 0 && operand_3 == 0 => Instruction::Zero(tile(reg)?),
                (0x5C, PF3) => {
                    let (c, a, b) = (tile(reg)?, tile(rm | rm_8)?, tile(operand_3)?);
                    Instruction::MultiplyAdd { c, a, b }
                }
                _ => return None,
            }
        } else {
            let (rows, has_sib) = memory_operand(&mut code, registers, (mode, rm), (index_8, rm_8));
            let address = rows.address.wrapping_add(rows.stride);
            match (opcode, mandatory_prefix) {
                _ if operand_3 != 0 => return None,
                (0x49, NONE) if reg == 0 => Instruction::LoadConfig(address),
                (0x49, P66) if reg == 0 => Instruction::StoreConfig(address),
                // The second is a hint not to keep the rows in the caches.
                (0x4B, PF2 | P66) if has_sib => Instruction::Load(tile(reg)?, rows),
                (0x4B, PF3) if has_sib => Instruction::Store(tile(reg)?, rows),
                _ => return None,
            }
        };
        Some((instruction, code.0 as u64))
    }
}

/// Base and displacement, and the scaled index as a stride; whether there was a SIB byte.
///
/// # Safety
/// `code` is at the byte after ModRM.
unsafe fn memory_operand(
    code: &mut Code,
    registers: &Registers,
    (mode, rm): (u8, u8),
    (index_8, base_8): (u8, u8),
) -> (Rows, bool) {
    const ORDER: [libc::c_int; 16] = [
        libc::REG_RAX,
        libc::REG_RCX,
        libc::REG_RDX,
        libc::REG_RBX,
        libc::REG_RSP,
        libc::REG_RBP,
        libc::REG_RSI,
        libc::REG_RDI,
        libc::REG_R8,
        libc::REG_R9,
        libc::REG_R10,
        libc::REG_R11,
        libc::REG_R12,
        libc::REG_R13,
        libc::REG_R14,
        libc::REG_R15,
    ];
    let value = |number: u8| registers[ORDER[usize::from(number)] as usize] as u64;
    // SAFETY: ModRM and SIB determine which bytes follow.
    unsafe {
        let has_sib = rm == 4;
        let (base, stride) = if has_sib {
            let sib = code.byte();
            let (scale, index, base) = (sib >> 6, sib >> 3 & 7 | index_8, sib & 7);
            (base, if index == 4 { 0 } else { value(index) << scale })
        } else {
            (rm, 0)
        };
        let address = match mode {
            // No base; without SIB the displacement is relative to the next instruction.
            0 if base == 5 => {
                let displacement = code.displacement32();
                if has_sib { displacement } else { displacement.wrapping_add(code.0 as u64) }
            }
            0 => value(base | base_8),
            1 => value(base | base_8).wrapping_add(code.byte() as i8 as u64),
            _ => value(base | base_8).wrapping_add(code.displacement32()),
        };
        (Rows { address, stride }, has_sib)
    }
}

/// Configuration and tiles of one thread.
struct Unit {
    config: [u8; 64],
    tiles: [[[u8; 64]; 16]; 8],
}

impl Unit {
    const OFF: Self = Self { config: [0; 64], tiles: [[[0; 64]; 16]; 8] };

    /// Rows, and bytes per row; `None` if the tile is not configured.
    fn shape(&self, tile: usize) -> Option<(usize, usize)> {
        let (rows, row_bytes) = (self.config[48 + tile].into(), self.config[16 + 2 * tile].into());
        (self.config[0] == 1 && rows > 0).then_some((rows, row_bytes))
    }

    /// Returns `None` where a tile unit would raise a fault.
    ///
    /// # Safety
    /// The interrupted code guarantees the memory at the instruction's address.
    unsafe fn execute(&mut self, instruction: Instruction) -> Option<()> {
        match instruction {
            Instruction::LoadConfig(address) => {
                // SAFETY: guaranteed by the caller.
                let config = unsafe { (address as *const [u8; 64]).read() };
                *self = Unit { config, ..Unit::OFF };
                match config[0] {
                    0 => *self = Unit::OFF,
                    1 if self.is_valid() => {}
                    _ => return None,
                }
            }
            // SAFETY: guaranteed by the caller.
            Instruction::StoreConfig(address) => unsafe { (address as *mut [u8; 64]).write(self.config) },
            Instruction::Release => *self = Unit::OFF,
            Instruction::Zero(tile) => {
                self.shape(tile)?;
                self.tiles[tile] = [[0; 64]; 16];
            }
            Instruction::Load(tile, Rows { address, stride }) => {
                let (rows, row_bytes) = self.shape(tile)?;
                self.tiles[tile] = [[0; 64]; 16];
                for (r, row) in self.tiles[tile][..rows].iter_mut().enumerate() {
                    let from = address.wrapping_add(stride.wrapping_mul(r as u64)) as *const u8;
                    // SAFETY: guaranteed by the caller.
                    unsafe { from.copy_to_nonoverlapping(row.as_mut_ptr(), row_bytes) };
                }
            }
            Instruction::Store(tile, Rows { address, stride }) => {
                let (rows, row_bytes) = self.shape(tile)?;
                for (r, row) in self.tiles[tile][..rows].iter().enumerate() {
                    let to = address.wrapping_add(stride.wrapping_mul(r as u64)) as *mut u8;
                    // SAFETY: guaranteed by the caller.
                    unsafe { to.copy_from_nonoverlapping(row.as_ptr(), row_bytes) };
                }
            }
            Instruction::MultiplyAdd { c, a, b } => self.multiply_add(c, a, b)?,
        }
        Some(())
    }

    /// Palette 1 as LDTILECFG accepts it; instructions are never interrupted midway here, so they start at row 0.
    fn is_valid(&self) -> bool {
        let c = &self.config;
        let zero = |bytes: &[u8]| bytes.iter().all(|&byte| byte == 0);
        let tiles_valid = (0..8).all(|t| {
            let (rows, low, high) = (c[48 + t], c[16 + 2 * t], c[17 + 2 * t]);
            rows <= 16 && low <= 64 && high == 0 && (rows == 0) == (low == 0)
        });
        tiles_valid && zero(&c[1..16]) && zero(&c[32..48]) && zero(&c[56..])
    }

    fn multiply_add(&mut self, c: usize, a: usize, b: usize) -> Option<()> {
        let [(rows, c_bytes), (a_rows, a_bytes), (b_rows, b_bytes)] =
            [self.shape(c)?, self.shape(a)?, self.shape(b)?];
        let whole = [a_bytes, b_bytes, c_bytes].iter().all(|bytes| bytes % 4 == 0);
        let fitting = rows == a_rows && c_bytes == b_bytes && a_bytes / 4 == b_rows;
        if !whole || !fitting || c == a || c == b || a == b {
            return None;
        }
        // The processor treats denormals as a tile unit does, and the kernel starts the handler with rounding to
        // nearest.
        let _flush_denormals = FlushDenormals::new();
        let shape = (rows, a_bytes / 4, c_bytes / 4);
        let (a, b) = (self.tiles[a], self.tiles[b]);
        if is_x86_feature_detected!("fma") {
            // SAFETY: the processor has FMA.
            unsafe { dot_products_fma(&mut self.tiles[c], &a, &b, shape) }
        } else {
            dot_products(&mut self.tiles[c], &a, &b, shape);
        }
        Some(())
    }
}

#[target_feature(enable = "fma")]
fn dot_products_fma(
    c: &mut [[u8; 64]; 16],
    a: &[[u8; 64]; 16],
    b: &[[u8; 64]; 16],
    shape: (usize, usize, usize),
) {
    dot_products(c, a, b, shape);
}

/// TDPBF16PS, element by element.
#[inline(always)]
fn dot_products(
    c: &mut [[u8; 64]; 16],
    a: &[[u8; 64]; 16],
    b: &[[u8; 64]; 16],
    (rows, pairs, columns): (usize, usize, usize),
) {
    fn bf16(row: &[u8; 64], i: usize) -> f32 {
        f32::from_le_bytes([0, 0, row[2 * i], row[2 * i + 1]])
    }
    for m in 0..rows {
        for n in 0..columns {
            let (mut even, mut odd) = (0.0, 0.0);
            for (k, b) in b[..pairs].iter().enumerate() {
                even = bf16(&a[m], 2 * k).mul_add(bf16(b, 2 * n), even);
                odd = bf16(&a[m], 2 * k + 1).mul_add(bf16(b, 2 * n + 1), odd);
            }
            let element = &mut c[m][4 * n..][..4];
            let before = f32::from_le_bytes([element[0], element[1], element[2], element[3]]);
            element.copy_from_slice(&(before + (even + odd)).to_le_bytes());
        }
    }
}
