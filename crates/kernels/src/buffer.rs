//! Zeroed memory on cache-line boundaries: the flat arenas, and every activation and packed weight of the fast path.

use crate::bf16::Bf16;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::num::NonZero;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// Bytes of a cache line.
const LINE: usize = 64;

/// A number without padding or invalid bits, zero when its bits are: what may lie in [`Aligned`] memory.
///
/// # Safety
/// Every bit pattern is a value, and the size divides a cache line.
pub unsafe trait Plain: Copy {}
// SAFETY: plain numbers of one, two and four bytes.
unsafe impl Plain for f32 {}
// SAFETY: as above.
unsafe impl Plain for Bf16 {}
// SAFETY: as above.
unsafe impl Plain for i16 {}
// SAFETY: as above.
unsafe impl Plain for i8 {}

/// A vector of numbers, `f32` unless said, that starts on a cache line.
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

    /// Makes room for `len` values, keeping the memory when it suffices. What it then holds is unspecified
    /// but initialised: for scratch that is written before it is read.
    pub(crate) fn resize_scratch(&mut self, len: usize) {
        let bytes = len * size_of::<E>();
        if bytes > self.memory.layout.size() {
            self.memory = Memory::default(); // first, so that the old memory can serve again
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
        // SAFETY: `memory` holds at least `len` contiguous initialised numbers, any bits of which are a value.
        unsafe { std::slice::from_raw_parts(self.memory.start.as_ptr().cast(), self.len) }
    }
}

impl<E: Plain> DerefMut for Aligned<E> {
    fn deref_mut(&mut self) -> &mut [E] {
        // SAFETY: as for `deref`, and the borrow is unique.
        unsafe { std::slice::from_raw_parts_mut(self.memory.start.as_ptr().cast(), self.len) }
    }
}

/// Initialised bytes, owned. Large ones lie on huge pages where the system has them: weights are read at every step,
/// and looking up their ordinary pages takes a few hundredths of the time of a large model.
struct Memory {
    start: NonNull<u8>,
    /// Of size zero where nothing is allocated.
    layout: Layout,
}

// SAFETY: plain bytes with one owner.
unsafe impl Send for Memory {}
// SAFETY: as above; shared, they are only read.
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
        let layout = Layout::from_size_align(bytes, align).expect("the size was checked when the model was");
        // SAFETY: the layout is not empty, since both callers ask for more bytes than none. The bytes are
        // written before anyone reads them.
        unsafe {
            let start = NonNull::new(alloc(layout)).unwrap_or_else(|| handle_alloc_error(layout));
            huge_pages::ask_for(start, bytes);
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
        // SAFETY: both have so many bytes, and the copy is new.
        unsafe { copy.start.copy_from_nonoverlapping(self.start, self.layout.size()) };
        copy
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if self.layout.size() > 0 {
            // SAFETY: allocated with this layout, and nobody else's.
            unsafe { dealloc(self.start.as_ptr(), self.layout) };
        }
    }
}

#[cfg(target_os = "linux")]
mod huge_pages {
    use std::ptr::NonNull;

    /// Bytes of a huge page on x86-64, and on most others.
    pub(super) const SIZE: usize = 2 << 20;

    /// Asks for huge pages under the whole multiples of one; no more memory is taken. A system without them says
    /// no, and nothing is lost.
    pub(super) fn ask_for(start: NonNull<u8>, bytes: usize) {
        let whole = bytes / SIZE * SIZE;
        if whole > 0 {
            // SAFETY: advice on memory that is the caller's; its contents stay.
            unsafe { libc::madvise(start.as_ptr().cast(), whole, libc::MADV_HUGEPAGE) };
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod huge_pages {
    use std::ptr::NonNull;

    pub(super) const SIZE: usize = usize::MAX;

    pub(super) fn ask_for(_: NonNull<u8>, _: usize) {}
}
