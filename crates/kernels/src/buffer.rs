//! Zeroed memory on cache-line boundaries: the flat arenas, and every activation and packed weight of the fast path.

use crate::element::Bf16;
use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

/// One cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; LINE]);

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
    lines: Vec<Line>,
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
        let lines = (len * size_of::<E>()).div_ceil(LINE);
        if lines > self.lines.len() {
            self.lines = Vec::new(); // first, so that the old memory can serve again
            self.lines = zeroed_lines(lines);
        }
        self.len = len;
    }
}

/// Zeros as the allocator has them: memory fresh from the system is not touched.
fn zeroed_lines(lines: usize) -> Vec<Line> {
    if lines == 0 {
        return vec![];
    }
    let layout = Layout::array::<Line>(lines).expect("the size was checked when the model was");
    // SAFETY: the layout is that of a vector of so many lines and not empty; zeros are valid lines.
    unsafe {
        let pointer = alloc_zeroed(layout);
        if pointer.is_null() {
            handle_alloc_error(layout);
        }
        Vec::from_raw_parts(pointer.cast(), lines, lines)
    }
}

impl<E> Default for Aligned<E> {
    fn default() -> Self {
        Self { lines: vec![], len: 0, element: PhantomData }
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
        // SAFETY: `lines` holds at least `len` contiguous initialised numbers, any bits of which are a value.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl<E: Plain> DerefMut for Aligned<E> {
    fn deref_mut(&mut self) -> &mut [E] {
        // SAFETY: as for `deref`, and the borrow is unique.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}
