//! The calling thread, in place of a thread pool.

use crate::error::CpuError;

/// The calling thread.
#[derive(Clone)]
pub(crate) struct Threads;

impl Threads {
    pub(crate) fn new(_: usize) -> Result<Self, CpuError> {
        Ok(Self)
    }

    pub(crate) fn count(&self) -> usize {
        1
    }

    /// Calls `work(index, item)` for every item.
    pub(crate) fn for_each<T>(&self, items: &mut [T], work: impl Fn(usize, &mut T)) {
        items.iter_mut().enumerate().for_each(|(index, item)| work(index, item));
    }

    pub(crate) fn team(&self) -> Option<&Team> {
        None
    }
}

/// A team of threads, which never exists.
pub(crate) enum Team {}

/// Maximum number of items per call of `for_each`.
pub(crate) const MAX_ITEMS: usize = 1;

impl Team {
    pub(crate) fn threads(&self) -> usize {
        match *self {}
    }

    pub(crate) fn for_each<T>(&self, _: &mut [T], _: impl Fn(usize, &mut T)) {
        match *self {}
    }
}
