//! Threads that work off numbered pieces of one job after another.
//!
//! A decode step is some two hundred short jobs. Threads that wait on a lock between them would sleep and wake
//! for longer than they work, so they watch a counter for a while before they sleep.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Looks at the counter before a thread gives its time slice away, and before it sleeps.
const SPINS: usize = 2_000;
const YIELDS: usize = 200;

type Work<'a> = dyn Fn(usize, usize) + Sync + 'a;

/// One job: `pieces` calls of `work`.
struct Job {
    work: *const Work<'static>,
    pieces: usize,
    next: AtomicUsize,
    done: AtomicUsize,
    panicked: AtomicBool,
}

// SAFETY: the pointer is followed only for pieces below `pieces`; `Team::each` keeps what it points to alive until
// all of those are done, and the pointee is Sync.
#[allow(unsafe_code)]
unsafe impl Send for Job {}
// SAFETY: as above; everything else in it is atomic.
#[allow(unsafe_code)]
unsafe impl Sync for Job {}

impl Job {
    /// Works pieces off until none is left.
    fn help(&self, worker: usize) {
        loop {
            let piece = self.next.fetch_add(1, Ordering::Relaxed);
            if piece >= self.pieces {
                return;
            }
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                // SAFETY: this piece is not done yet, so `each` has not returned and the closure lives.
                #[allow(unsafe_code)]
                let work = unsafe { &*self.work };
                work(worker, piece);
            }));
            if result.is_err() {
                self.panicked.store(true, Ordering::Relaxed);
            }
            self.done.fetch_add(1, Ordering::Release);
        }
    }
}

#[derive(Default)]
struct Board {
    job: Option<Arc<Job>>,
    closed: bool,
    sleeping: usize,
}

#[derive(Default)]
struct Common {
    board: Mutex<Board>,
    posted: AtomicUsize,
    wake: Condvar,
}

impl Common {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, worker: usize) {
        let mut seen = 0;
        loop {
            let mut looks = 0;
            while self.posted.load(Ordering::Acquire) == seen && looks < SPINS + YIELDS {
                looks += 1;
                if looks < SPINS {
                    std::hint::spin_loop();
                } else {
                    std::thread::yield_now();
                }
            }
            let mut board = self.board();
            while self.posted.load(Ordering::Acquire) == seen {
                board.sleeping += 1;
                board = self.wake.wait(board).unwrap_or_else(PoisonError::into_inner);
                board.sleeping -= 1;
            }
            seen = self.posted.load(Ordering::Acquire);
            let (job, closed) = (board.job.clone(), board.closed);
            drop(board);
            if closed {
                return;
            }
            if let Some(job) = job {
                job.help(worker);
            }
        }
    }
}

/// The calling thread and `threads - 1` others. They end with it.
pub(crate) struct Team {
    common: Arc<Common>,
    workers: Vec<std::thread::JoinHandle<()>>,
}

impl Team {
    pub(crate) fn new(threads: usize) -> Self {
        let common = Arc::new(Common::default());
        let mut workers = Vec::new();
        for worker in 1..threads {
            let theirs = common.clone();
            let spawned = std::thread::Builder::new()
                .name("rlx-engine".to_owned())
                .spawn(move || theirs.serve(worker));
            // A system that gives no more threads gets a smaller team.
            let Ok(handle) = spawned else { break };
            workers.push(handle);
        }
        Self { common, workers }
    }

    /// Threads, the calling one included.
    pub(crate) fn size(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `work(worker, piece)` once for each piece, on all threads; returns when all calls have.
    pub(crate) fn each(&self, pieces: usize, work: impl Fn(usize, usize) + Sync) {
        if self.workers.is_empty() || pieces <= 1 {
            for piece in 0..pieces {
                work(0, piece);
            }
            return;
        }
        let work: &Work<'_> = &work;
        // SAFETY: only the lifetime changes. This call returns when every piece is done, and no thread follows the
        // pointer after that (see `Job::help`).
        #[allow(unsafe_code)]
        let work: *const Work<'static> =
            unsafe { std::mem::transmute::<*const Work<'_>, *const Work<'static>>(work) };
        let job = Arc::new(Job {
            work,
            pieces,
            next: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            panicked: AtomicBool::new(false),
        });
        let asleep = {
            let mut board = self.common.board();
            board.job = Some(job.clone());
            self.common.posted.fetch_add(1, Ordering::Release);
            board.sleeping > 0
        };
        if asleep {
            self.common.wake.notify_all();
        }
        job.help(0);
        let mut looks = 0;
        while job.done.load(Ordering::Acquire) < pieces {
            looks += 1;
            if looks < SPINS {
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
        if job.panicked.load(Ordering::Relaxed) {
            panic!("a thread of the engine panicked; its message stands above");
        }
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        {
            let mut board = self.common.board();
            board.closed = true;
            board.job = None;
            self.common.posted.fetch_add(1, Ordering::Release);
        }
        self.common.wake.notify_all();
        for worker in self.workers.drain(..) {
            // A worker that panicked has been reported by `each`.
            let _ = worker.join();
        }
    }
}

/// A slice into which the pieces of a job write at places of their own.
pub(crate) struct Places<'a, T> {
    start: *mut T,
    len: usize,
    life: std::marker::PhantomData<&'a mut [T]>,
}

// SAFETY: it is a `&mut [T]` that is handed out in parts; whoever takes parts promises that they do not overlap.
#[allow(unsafe_code)]
unsafe impl<T: Send> Sync for Places<'_, T> {}

impl<'a, T> Places<'a, T> {
    pub(crate) fn new(slice: &'a mut [T]) -> Self {
        Self {
            start: slice.as_mut_ptr(),
            len: slice.len(),
            life: std::marker::PhantomData,
        }
    }

    /// Elements `from..from + count`.
    ///
    /// # Panics
    /// Where they reach beyond the slice.
    ///
    /// # Safety
    /// No two threads hold overlapping parts at one time.
    #[allow(unsafe_code, clippy::mut_from_ref)]
    pub(crate) unsafe fn part(&self, from: usize, count: usize) -> &mut [T] {
        assert!(
            from <= self.len && count <= self.len - from,
            "a part beyond the slice"
        );
        // SAFETY: within the slice, which is borrowed mutably for 'a; disjoint by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(from), count) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_is_done_once() {
        for threads in [1, 2, 5] {
            let team = Team::new(threads);
            for pieces in [0, 1, 2, 7, 300] {
                let mut counts = vec![0u8; pieces];
                let places = Places::new(&mut counts);
                team.each(pieces, |worker, piece| {
                    assert!(worker < team.size());
                    // SAFETY: each piece touches its own element.
                    #[allow(unsafe_code)]
                    let place = unsafe { places.part(piece, 1) };
                    place[0] += 1;
                });
                assert!(counts.iter().all(|&c| c == 1));
            }
        }
    }

    #[test]
    fn a_panic_in_a_piece_reaches_the_caller() {
        let team = Team::new(3);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            team.each(50, |_, piece| assert!(piece != 17));
        }));
        assert!(result.is_err());
        let hits = AtomicUsize::new(0);
        team.each(20, |_, _| {
            hits.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(hits.into_inner(), 20);
    }
}
