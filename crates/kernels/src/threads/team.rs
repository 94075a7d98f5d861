//! Threads that share out one short piece of work, such as a single step of a single stream.
//!
//! A step of a large layer takes some tens of microseconds: as long as it takes to wake a sleeping thread. So helpers
//! watch for work for a while before they sleep, and whoever asks for the work takes part in it: pieces are claimed
//! one by one, and a helper that the system has taken off its processor delays nothing but the piece it holds.

use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, TryLockError};
use std::thread::JoinHandle;

/// How often a helper looks for work before it sleeps: some tenths of a millisecond.
const LOOKS: u32 = 1 << 14;
/// Looks between two offers to let another thread run.
const LOOKS_BETWEEN_YIELDS: u32 = 1 << 6;

/// Pieces that one work may have.
pub(crate) const MOST_PIECES: usize = u32::BITS as usize;

/// See the module.
pub(crate) struct Team {
    board: Arc<Board>,
    helpers: Vec<JoinHandle<()>>,
    /// Held by whoever has work done.
    in_use: Mutex<()>,
}

/// Where work is announced.
struct Board {
    /// The number of the work in the upper half, a bit for each piece that nobody has claimed in the lower. Both in
    /// one, so that no claim can mistake one work for another.
    open: AtomicU64,
    /// Pieces of the work.
    pieces: AtomicUsize,
    done: AtomicUsize,
    work: UnsafeCell<Option<Work>>,
    failed: AtomicBool,
    closing: AtomicBool,
    asleep: Mutex<usize>,
    wake: Condvar,
}

type Work = *const (dyn Fn(usize) + Sync);

// SAFETY: `work` is written only between two works, by the one who holds `in_use`, and read only by those who have
// claimed a piece of the present one, which ends after them.
unsafe impl Sync for Board {}
// SAFETY: the pointer is to something `Sync`; see above for its use.
unsafe impl Send for Board {}

/// The half of [`Board::open`] that has the pieces.
const PIECES: u64 = u32::MAX as u64;

impl Team {
    /// A team of this many threads, the asking one included.
    ///
    /// # Errors
    /// If the system cannot start the threads.
    pub(crate) fn new(threads: usize) -> std::io::Result<Self> {
        let board = Arc::new(Board {
            open: AtomicU64::new(0),
            pieces: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            work: UnsafeCell::new(None),
            failed: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            asleep: Mutex::new(0),
            wake: Condvar::new(),
        });
        let mut team = Self { board, helpers: Vec::with_capacity(threads - 1), in_use: Mutex::new(()) };
        for number in 1..threads {
            let (board, seat) = (Arc::clone(&team.board), Seat { number, threads });
            let helper = std::thread::Builder::new().name("refrain-step".to_owned());
            team.helpers.push(helper.spawn(move || board.help(seat))?);
        }
        Ok(team)
    }

    /// Threads, the asking one included.
    pub(crate) fn threads(&self) -> usize {
        self.helpers.len() + 1
    }

    /// Runs `work(index, item)` for every item, of which there are at most [`MOST_PIECES`]. Items must not depend on each
    /// other.
    ///
    /// # Panics
    /// If `work` does.
    pub(crate) fn for_each<T: Send>(&self, items: &mut [T], work: impl Fn(usize, &mut T) + Sync) {
        assert!(items.len() <= MOST_PIECES);
        let _in_use = match self.in_use.try_lock() {
            Ok(in_use) => in_use,
            // The work that panicked is over, as any is when `run` ends.
            Err(TryLockError::Poisoned(in_use)) => in_use.into_inner(),
            // Somebody else's work is under way; this one needs nobody.
            Err(TryLockError::WouldBlock) => {
                return items.iter_mut().enumerate().for_each(|(i, item)| work(i, item));
            }
        };
        let (count, items) = (items.len(), Items::of(items));
        self.run(count, &|i| {
            // SAFETY: pieces are claimed once each and below `count`, and none is open when `run` has returned.
            work(i, unsafe { items.take(i) });
        });
    }

    /// Has the pieces `0..pieces` done, each once, and returns when all are.
    fn run(&self, pieces: usize, work: &(dyn Fn(usize) + Sync)) {
        let board = &*self.board;
        // SAFETY: only the lifetime changes. No piece is worked on after this function has returned.
        let work: Work = unsafe { std::mem::transmute(work) };
        // SAFETY: nobody reads it now: all pieces of the last work are done, and none of this is to be had yet.
        unsafe { *board.work.get() = Some(work) };
        board.done.store(0, Ordering::Relaxed);
        let number = (board.open.load(Ordering::Relaxed) >> 32).wrapping_add(1) & PIECES;
        board.pieces.store(pieces, Ordering::Relaxed);
        board.open.store(number << 32 | ((1 << pieces) - 1), Ordering::SeqCst);
        if *board.asleep.lock().unwrap_or_else(PoisonError::into_inner) > 0 {
            board.wake.notify_all();
        }
        let seat = Seat { number: 0, threads: self.threads() };
        while board.work_on_a_piece(seat) {}
        let mut looks = 0_u32;
        while board.done.load(Ordering::Acquire) < pieces {
            pause(&mut looks);
        }
        assert!(!board.failed.swap(false, Ordering::Relaxed), "a helper's piece of work panicked");
    }
}

/// A thread's place in its team.
#[derive(Clone, Copy)]
struct Seat {
    number: usize,
    threads: usize,
}

impl Seat {
    /// The pieces of a work that the thread claims first, a bit each. They are neighbours, and the same ones whenever as
    /// many are shared out: what they read and write is in its cache.
    fn own(self, pieces: usize) -> u64 {
        let before = |seat: usize| (1_u64 << (seat * pieces / self.threads)) - 1;
        before(self.number + 1) & !before(self.number)
    }
}

/// Items that several threads work on, each on those whose index it was given.
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
    #[allow(clippy::mut_from_ref)] // No index twice: no two references to an item.
    pub(crate) unsafe fn take(&self, index: usize) -> &'a mut T {
        // SAFETY: the caller sees to it that this is an item, and the only reference to it.
        unsafe { &mut *self.first.add(index) }
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.board.closing.store(true, Ordering::SeqCst);
        drop(self.board.asleep.lock());
        self.board.wake.notify_all();
        for helper in self.helpers.drain(..) {
            // It ends by itself; what it panicked with has been told already.
            let _ = helper.join();
        }
    }
}

impl Board {
    /// Claims a piece and works on it, if there is one: one of its own, or else one of somebody who is late.
    fn work_on_a_piece(&self, seat: Seat) -> bool {
        // Should this be the number of another work, it only means claiming pieces in another order.
        let own = seat.own(self.pieces.load(Ordering::Relaxed));
        let first = |open: u64| {
            let among = if open & own > 0 { open & own } else { open & PIECES };
            among.trailing_zeros()
        };
        // Acquires what the announcement of the work published.
        let claim = |open: u64| (open & PIECES > 0).then(|| open & !(1 << first(open)));
        let Ok(open) = self.open.fetch_update(Ordering::SeqCst, Ordering::SeqCst, claim) else {
            return false;
        };
        let piece = first(open) as usize;
        // SAFETY: a piece of the present work is claimed and not done, so the work is there and nobody writes.
        let work = unsafe { (*self.work.get()).map(|work| &*work) };
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            if let Some(work) = work {
                work(piece);
            }
        }));
        if done.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
        self.done.fetch_add(1, Ordering::Release);
        true
    }

    /// What a helper does all its life.
    fn help(&self, seat: Seat) {
        let mut looks = 0;
        while !self.closing.load(Ordering::Relaxed) {
            if self.work_on_a_piece(seat) {
                looks = 0;
            } else if looks < LOOKS {
                pause(&mut looks);
            } else {
                self.sleep();
                looks = 0;
            }
        }
    }

    /// Waits until there is work.
    fn sleep(&self) {
        let seen = self.open.load(Ordering::SeqCst) >> 32;
        let mut asleep = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
        *asleep += 1;
        // Whoever announces work does so before asking who is asleep, so it is seen here or this is seen there.
        while self.open.load(Ordering::SeqCst) >> 32 == seen && !self.closing.load(Ordering::SeqCst) {
            asleep = self.wake.wait(asleep).unwrap_or_else(PoisonError::into_inner);
        }
        *asleep -= 1;
    }
}

/// A short wait, longer now and then for the sake of other threads.
fn pause(looks: &mut u32) {
    *looks += 1;
    if looks.is_multiple_of(LOOKS_BETWEEN_YIELDS) {
        std::thread::yield_now();
    } else {
        std::hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once_whoever_does_it() {
        for threads in [1, 2, 5, MOST_PIECES + 8] {
            let team = Team::new(threads).unwrap();
            for round in 0..300 {
                let mut items = vec![0_usize; round % (MOST_PIECES + 1)];
                team.for_each(&mut items, |i, item| *item += i + 1);
                assert!(items.iter().enumerate().all(|(i, &item)| item == i + 1), "{threads} threads");
                if round % 100 == 99 {
                    // Long enough for the helpers to fall asleep.
                    std::thread::sleep(std::time::Duration::from_millis(20));
                }
            }
        }
    }

    #[test]
    fn each_piece_is_one_threads_own() {
        for (threads, pieces) in (1..40).flat_map(|threads| (0..=MOST_PIECES).map(move |n| (threads, n))) {
            let own = (0..threads).map(|number| Seat { number, threads }.own(pieces));
            let all = own.reduce(|all, own| {
                assert_eq!(all & own, 0, "{threads} threads, {pieces} pieces");
                all | own
            });
            assert_eq!(all, Some((1 << pieces) - 1), "{threads} threads, {pieces} pieces");
        }
    }

    #[test]
    fn several_may_ask_the_same_team() {
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
    fn a_panic_reaches_the_one_who_asked() {
        let team = Team::new(2).unwrap();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            team.for_each(&mut [0; 4], |i, _| assert!(i != 2, "on purpose"));
        }));
        assert!(outcome.is_err());
        // The team goes on, all of it.
        let (mut items, helped) = ([0; 4], AtomicBool::new(false));
        let asking = std::thread::current().id();
        while !helped.load(Ordering::Relaxed) {
            team.for_each(&mut items, |i, item| {
                *item = i;
                helped.fetch_or(std::thread::current().id() != asking, Ordering::Relaxed);
                std::thread::sleep(std::time::Duration::from_millis(1));
            });
        }
        assert_eq!(items, [0, 1, 2, 3]);
    }
}
