//! Threads that divide one short job, such as a single step of a single sequence.
//!
//! A step of a large layer takes tens of microseconds: as long as it takes to wake a sleeping thread. So workers spin
//! for a while before they sleep, and the calling thread takes part in the job: items are claimed one by one, and a
//! worker that the system has preempted delays only the item that it has claimed.

use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, TryLockError};
use std::thread::JoinHandle;

/// Spins of a worker before it sleeps: a few tenths of a millisecond.
const SPINS_BEFORE_SLEEP: u32 = 1 << 14;
/// Spins between two calls of `yield_now`.
const SPINS_PER_YIELD: u32 = 1 << 6;

/// Maximum number of items per call of `for_each`.
pub(crate) const MAX_ITEMS: usize = u32::BITS as usize;

/// A spinning thread pool for short jobs; see the module documentation.
pub(crate) struct Team {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    /// Held by the thread that runs a job.
    in_use: Mutex<()>,
}

/// State shared between the calling thread and the workers.
struct Shared {
    /// The number of the current job in the upper half, a bit for each unclaimed item in the lower. Both are in one
    /// atomic, so that a claim cannot confuse two jobs.
    open: AtomicU64,
    /// Number of items of the current job.
    items: AtomicUsize,
    done: AtomicUsize,
    job: UnsafeCell<Option<Job>>,
    failed: AtomicBool,
    closing: AtomicBool,
    asleep: Mutex<usize>,
    wake: Condvar,
}

type Job = *const (dyn Fn(usize) + Sync);

// SAFETY: `job` is written only between two jobs, by the holder of `in_use`, and read only by threads that have
// claimed an item of the current one, which ends after they have finished.
unsafe impl Sync for Shared {}
// SAFETY: the pointer is to something `Sync`; see above for its use.
unsafe impl Send for Shared {}

/// The half of [`Shared::open`] that has the items.
const ITEMS: u64 = u32::MAX as u64;

impl Team {
    /// A team of this many threads, including the calling one.
    ///
    /// # Errors
    /// If the system cannot start the threads.
    pub(crate) fn new(threads: usize) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            open: AtomicU64::new(0),
            items: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            job: UnsafeCell::new(None),
            failed: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            asleep: Mutex::new(0),
            wake: Condvar::new(),
        });
        let mut team = Self { shared, workers: Vec::with_capacity(threads - 1), in_use: Mutex::new(()) };
        for number in 1..threads {
            let (shared, member) = (Arc::clone(&team.shared), Member { number, threads });
            let builder = std::thread::Builder::new().name("refrain-step".to_owned());
            team.workers.push(builder.spawn(move || shared.worker_loop(member))?);
        }
        Ok(team)
    }

    /// Number of threads, including the calling one.
    pub(crate) fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Runs `work(index, item)` for every item, of which there are at most [`MAX_ITEMS`]. Items must be independent.
    ///
    /// # Panics
    /// If `work` does.
    pub(crate) fn for_each<T: Send>(&self, items: &mut [T], work: impl Fn(usize, &mut T) + Sync) {
        assert!(items.len() <= MAX_ITEMS);
        let _in_use = match self.in_use.try_lock() {
            Ok(in_use) => in_use,
            // The job that panicked has ended, as any job has when `run` ends.
            Err(TryLockError::Poisoned(in_use)) => in_use.into_inner(),
            // Another job is in progress; this thread processes all items itself.
            Err(TryLockError::WouldBlock) => {
                return items.iter_mut().enumerate().for_each(|(i, item)| work(i, item));
            }
        };
        let (count, items) = (items.len(), Items::of(items));
        self.run(count, &|i| {
            // SAFETY: items are claimed once each and are below `count`, and none is open when `run` has returned.
            work(i, unsafe { items.take(i) });
        });
    }

    /// Calls `work` with each of `0..items` once, and returns when all calls have.
    fn run(&self, items: usize, work: &(dyn Fn(usize) + Sync)) {
        let shared = &*self.shared;
        // SAFETY: only the lifetime changes. No item is processed after this function has returned.
        let job: Job = unsafe { std::mem::transmute(work) };
        // SAFETY: no thread reads it now: all items of the previous job are done, and none of this one can be
        // claimed yet.
        unsafe { *shared.job.get() = Some(job) };
        shared.done.store(0, Ordering::Relaxed);
        let number = (shared.open.load(Ordering::Relaxed) >> 32).wrapping_add(1) & ITEMS;
        shared.items.store(items, Ordering::Relaxed);
        shared.open.store(number << 32 | ((1 << items) - 1), Ordering::SeqCst);
        if *shared.asleep.lock().unwrap_or_else(PoisonError::into_inner) > 0 {
            shared.wake.notify_all();
        }
        let member = Member { number: 0, threads: self.threads() };
        while shared.run_item(member) {}
        let mut spins = 0_u32;
        while shared.done.load(Ordering::Acquire) < items {
            pause(&mut spins);
        }
        assert!(!shared.failed.swap(false, Ordering::Relaxed), "a worker panicked");
    }
}

/// A thread's index, and the number of threads.
#[derive(Clone, Copy)]
struct Member {
    number: usize,
    threads: usize,
}

impl Member {
    /// The items that the thread claims first, one bit each. They are adjacent, and the same for the same number of
    /// items, so that their data stay in its cache.
    fn own(self, items: usize) -> u64 {
        let before = |member: usize| (1_u64 << (member * items / self.threads)) - 1;
        before(self.number + 1) & !before(self.number)
    }
}

/// A slice whose items are processed by several threads; each item by the thread that claimed its index.
pub(crate) struct Items<'a, T> {
    first: *mut T,
    borrowed: PhantomData<&'a mut [T]>,
}

// SAFETY: each item is used by one thread only, the one that takes it.
unsafe impl<T: Send> Sync for Items<'_, T> {}

impl<'a, T> Items<'a, T> {
    pub(crate) fn of(items: &'a mut [T]) -> Self {
        Self { first: items.as_mut_ptr(), borrowed: PhantomData }
    }

    /// # Safety
    /// The index must be below the number of items, and no index may be taken twice.
    #[allow(clippy::mut_from_ref)] // Each index is taken at most once, so no two references alias.
    pub(crate) unsafe fn take(&self, index: usize) -> &'a mut T {
        // SAFETY: the caller guarantees that the item exists, and that this is the only reference to it.
        unsafe { &mut *self.first.add(index) }
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        drop(self.shared.asleep.lock());
        self.shared.wake.notify_all();
        for worker in self.workers.drain(..) {
            // It terminates by itself; a panic has already been reported.
            let _ = worker.join();
        }
    }
}

impl Shared {
    /// Claims an item and processes it, if there is one: one of its own if possible, otherwise one of another thread.
    fn run_item(&self, member: Member) -> bool {
        // If this number belongs to another job, only the order of claims changes.
        let own = member.own(self.items.load(Ordering::Relaxed));
        let first = |open: u64| {
            let among = if open & own > 0 { open & own } else { open & ITEMS };
            among.trailing_zeros()
        };
        // Acquires what `run` has published.
        let claim = |open: u64| (open & ITEMS > 0).then(|| open & !(1 << first(open)));
        let Ok(open) = self.open.fetch_update(Ordering::SeqCst, Ordering::SeqCst, claim) else {
            return false;
        };
        let item = first(open) as usize;
        // SAFETY: an item of the current job is claimed and not done, so `job` is set and no thread writes it.
        let job = unsafe { (*self.job.get()).map(|job| &*job) };
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            if let Some(job) = job {
                job(item);
            }
        }));
        if done.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
        self.done.fetch_add(1, Ordering::Release);
        true
    }

    /// The main loop of a worker.
    fn worker_loop(&self, member: Member) {
        let mut spins = 0;
        while !self.closing.load(Ordering::Relaxed) {
            if self.run_item(member) {
                spins = 0;
            } else if spins < SPINS_BEFORE_SLEEP {
                pause(&mut spins);
            } else {
                self.sleep();
                spins = 0;
            }
        }
    }

    /// Waits until there is a job.
    fn sleep(&self) {
        let seen = self.open.load(Ordering::SeqCst) >> 32;
        let mut asleep = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
        *asleep += 1;
        // `run` publishes a job before it reads `asleep`, so either this thread sees the job or `run` sees this
        // thread.
        while self.open.load(Ordering::SeqCst) >> 32 == seen && !self.closing.load(Ordering::SeqCst) {
            asleep = self.wake.wait(asleep).unwrap_or_else(PoisonError::into_inner);
        }
        *asleep -= 1;
    }
}

/// A short wait that sometimes yields to other threads.
fn pause(spins: &mut u32) {
    *spins += 1;
    if spins.is_multiple_of(SPINS_PER_YIELD) {
        std::thread::yield_now();
    } else {
        std::hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_processed_once() {
        for threads in [1, 2, 5, MAX_ITEMS + 8] {
            let team = Team::new(threads).unwrap();
            for round in 0..300 {
                let mut items = vec![0_usize; round % (MAX_ITEMS + 1)];
                team.for_each(&mut items, |i, item| *item += i + 1);
                assert!(items.iter().enumerate().all(|(i, &item)| item == i + 1), "{threads} threads");
                if round % 100 == 99 {
                    // Long enough for the workers to sleep.
                    std::thread::sleep(std::time::Duration::from_millis(20));
                }
            }
        }
    }

    #[test]
    fn each_item_belongs_to_one_thread() {
        for (threads, items) in (1..40).flat_map(|threads| (0..=MAX_ITEMS).map(move |n| (threads, n))) {
            let own = (0..threads).map(|number| Member { number, threads }.own(items));
            let all = own.reduce(|all, own| {
                assert_eq!(all & own, 0, "{threads} threads, {items} items");
                all | own
            });
            assert_eq!(all, Some((1 << items) - 1), "{threads} threads, {items} items");
        }
    }

    #[test]
    fn several_threads_can_use_one_team() {
        let team = Team::new(3).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let mut items = [0; 7];
                        team.for_each(&mut items, |i, item| *item = i * i);
                        assert_eq!(items, [0, 1, 4, 9, 16, 25, 36]);
                    }
                });
            }
        });
    }

    #[test]
    fn a_panic_reaches_the_calling_thread() {
        let team = Team::new(2).unwrap();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            team.for_each(&mut [0; 4], |i, _| assert!(i != 2, "on purpose"));
        }));
        assert!(outcome.is_err());
        // The team keeps working, with all its threads.
        let (mut items, helped) = ([0; 4], AtomicBool::new(false));
        let caller = std::thread::current().id();
        while !helped.load(Ordering::Relaxed) {
            team.for_each(&mut items, |i, item| {
                *item = i;
                helped.fetch_or(std::thread::current().id() != caller, Ordering::Relaxed);
                std::thread::sleep(std::time::Duration::from_millis(1));
            });
        }
        assert_eq!(items, [0, 1, 2, 3]);
    }
}
