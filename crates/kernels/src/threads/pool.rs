//! A thread pool that persists between calls.

use super::team::{Items, Team};
use crate::error::CpuError;
use rayon::prelude::*;
use std::sync::{Arc, OnceLock};

/// Threads that process items in parallel. Clones share the threads.
#[derive(Clone)]
pub(crate) struct Threads {
    /// `None` for the calling thread alone.
    several: Option<Arc<Several>>,
}

struct Several {
    pool: rayon::ThreadPool,
    /// For steps of one sequence; created on first use. `None` if the system cannot start more threads.
    team: OnceLock<Option<Team>>,
}

impl Threads {
    /// # Errors
    /// If the system cannot start that many.
    pub(crate) fn new(threads: usize) -> Result<Self, CpuError> {
        if threads <= 1 {
            return Ok(Self { several: None });
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.map_err(|error| CpuError::Threads { threads, reason: error.to_string() })?;
        Ok(Self { several: Some(Arc::new(Several { pool, team: OnceLock::new() })) })
    }

    /// Number of threads.
    pub(crate) fn count(&self) -> usize {
        self.several.as_ref().map_or(1, |several| several.pool.current_num_threads())
    }

    /// Calls `work(index, item)` for every item, once each.
    pub(crate) fn for_each<T: Send>(&self, items: &mut [T], work: impl Fn(usize, &mut T) + Sync) {
        let (count, items) = (items.len(), Items::of(items));
        self.for_each_below(count, &|index| {
            // SAFETY: every index below `count` is passed once.
            work(index, unsafe { items.take(index) });
        });
    }

    /// Calls `work` with every number below `count`, once each. Not generic over items, so that the pool's code is
    /// compiled once.
    fn for_each_below(&self, count: usize, work: &(dyn Fn(usize) + Sync)) {
        match &self.several {
            Some(several) if count > 1 => {
                several.pool.install(|| (0..count).into_par_iter().with_max_len(1).for_each(work));
            }
            _ => (0..count).for_each(work),
        }
    }

    /// The team for dividing a step. `None` on a thread of the pool: the others have their own items.
    pub(crate) fn team(&self) -> Option<&Team> {
        let several = self.several.as_ref().filter(|_| rayon::current_thread_index().is_none())?;
        several.team.get_or_init(|| Team::new(several.pool.current_num_threads()).ok()).as_ref()
    }
}
