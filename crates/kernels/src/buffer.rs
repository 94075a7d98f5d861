//! Zero-initialised memory aligned to cache lines: the flat arenas, and all activations and packed weights of the
//! fast backend.

use crate::bf16::Bf16;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::num::NonZero;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// Bytes of a cache line.
const LINE: usize = 64;

/// A number type without padding or invalid bit patterns, zero when its bits are zero: allowed in [`Aligned`] memory.
///
/// # Safety
/// Every bit pattern is a valid value, and the size divides a cache line.
pub unsafe trait Plain: Copy {}
// SAFETY: plain numbers of one, two and four bytes.
unsafe impl Plain for f32 {}
// SAFETY: as above.
unsafe impl Plain for Bf16 {}
// SAFETY: as above.
unsafe impl Plain for i16 {}
// SAFETY: as above.
unsafe impl Plain for i8 {}

/// A vector of numbers, `f32` by default, aligned to a cache line.
#[derive(Clone)]
pub struct Aligned<E = f32> {
    memory: Memory,
    len: usize,
    element: PhantomData<E>,
}

impl<E: Plain> Aligned<E> {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        let mut zeros = Self::default();
        zeros.resize_scratch(len);
        zeros
    }

    /// Resizes to `len` values, reusing the memory if it is large enough. The contents are unspecified but
    /// initialised: for scratch memory that is written before it is read.
    pub(crate) fn resize_scratch(&mut self, len: usize) {
        let bytes = len * size_of::<E>();
        if bytes > self.memory.layout.size() {
            self.memory = Memory::default(); // freed first, so that the allocator can reuse it
            self.memory = Memory::zeroed(bytes);
        }
        self.len = len;
    }
}

impl<E> Default for Aligned<E> {
    fn default() -> Self {
        Self { memory: Memory::default(), len: 0, element: PhantomData }
    }
}

impl<E: Plain> From<&[E]> for Aligned<E> {
    fn from(values: &[E]) -> Self {
        let mut aligned = Self::zeros(values.len());
        aligned.copy_from_slice(values);
        aligned
    }
}

impl<E: Plain> Deref for Aligned<E> {
    type Target = [E];

    fn deref(&self) -> &[E] {
        // SAFETY: `memory` holds at least `len` contiguous initialised numbers, for which any bits are a valid value.
        unsafe { std::slice::from_raw_parts(self.memory.start.as_ptr().cast(), self.len) }
    }
}

impl<E: Plain> DerefMut for Aligned<E> {
    fn deref_mut(&mut self) -> &mut [E] {
        // SAFETY: as for `deref`, and the borrow is unique.
        unsafe { std::slice::from_raw_parts_mut(self.memory.start.as_ptr().cast(), self.len) }
    }
}

/// Owned, initialised bytes. Large blocks use huge pages where the system has them: weights are read at every step,
/// and translating addresses of ordinary pages takes a few per cent of the time of a large model.
struct Memory {
    start: NonNull<u8>,
    /// Size zero if nothing is allocated.
    layout: Layout,
}

// SAFETY: plain bytes with one owner.
unsafe impl Send for Memory {}
// SAFETY: as above; shared access only reads.
unsafe impl Sync for Memory {}

impl Default for Memory {
    fn default() -> Self {
        let layout = Layout::from_size_align(0, LINE).expect("a power of two");
        Self { start: NonNull::without_provenance(NonZero::new(LINE).expect("not zero")), layout }
    }
}

impl Memory {
    fn zeroed(bytes: usize) -> Self {
        let align = if bytes < huge_pages::SIZE { LINE } else { huge_pages::SIZE };
        let layout = Layout::from_size_align(bytes, align).expect("the model's size was validated");
        // SAFETY: the layout is not empty, since both callers pass `bytes > 0`. The bytes are written before they are
        // read.
        unsafe {
            let start = NonNull::new(alloc(layout)).unwrap_or_else(|| handle_alloc_error(layout));
            huge_pages::advise(start, bytes);
            start.write_bytes(0, bytes);
            Self { start, layout }
        }
    }
}

impl Clone for Memory {
    fn clone(&self) -> Self {
        if self.layout.size() == 0 {
            return Self::default();
        }
        let copy = Self::zeroed(self.layout.size());
        // SAFETY: both have this many bytes, and the copy is a new allocation.
        unsafe { copy.start.copy_from_nonoverlapping(self.start, self.layout.size()) };
        copy
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if self.layout.size() > 0 {
            // SAFETY: allocated with this layout, and not yet freed.
            unsafe { dealloc(self.start.as_ptr(), self.layout) };
        }
    }
}

#[cfg(target_os = "linux")]
mod huge_pages {
    use std::ptr::NonNull;

    /// Bytes of a huge page on x86-64 and most other platforms.
    pub(super) const SIZE: usize = 2 << 20;

    /// Requests huge pages for the whole multiples of a huge page; allocates nothing. Failure is ignored: ordinary
    /// pages work too.
    pub(super) fn advise(start: NonNull<u8>, bytes: usize) {
        let whole = bytes / SIZE * SIZE;
        if whole > 0 {
            // SAFETY: only advice; the contents stay unchanged.
            unsafe { libc::madvise(start.as_ptr().cast(), whole, libc::MADV_HUGEPAGE) };
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod huge_pages {
    use std::ptr::NonNull;

    pub(super) const SIZE: usize = usize::MAX;

    pub(super) fn advise(_: NonNull<u8>, _: usize) {}
}
