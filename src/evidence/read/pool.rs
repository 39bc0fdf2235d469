//! The pool: blocks parsed on several threads, taken up in the order of the file.
//!
//! In: blocks, one after the other, from the thread that reads and hashes. Out: chunks in the same order. The reading thread parses too when it would
//! have to wait, so that no thread is idle and none is one too many. Refuses to know what a block is about.

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::channel;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Scope;

/// Work that waits for a thread.
struct Queue<J> {
    state: Mutex<(VecDeque<(u64, J)>, bool)>,
    filled: Condvar,
}

impl<J> Queue<J> {
    fn lock(&self) -> MutexGuard<'_, (VecDeque<(u64, J)>, bool)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: (u64, J)) {
        self.lock().0.push_back(job);
        self.filled.notify_one();
    }

    fn close(&self) {
        let mut state = self.lock();
        state.0.clear();
        state.1 = true;
        self.filled.notify_all();
    }

    fn try_pop(&self) -> Option<(u64, J)> {
        self.lock().0.pop_front()
    }

    /// The next job; `None` when there will be none.
    fn pop(&self) -> Option<(u64, J)> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.0.pop_front() {
                return Some(job);
            }
            if state.1 {
                return None;
            }
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Runs `work` on every job that `next` gives and hands the results to `take` in the order of the jobs. Ends at the first error of either.
///
/// # Errors
/// The first error of `next`, or of `take` if that comes earlier in the order of the jobs.
pub fn run<J: Send, R: Send, E>(
    threads: usize,
    mut next: impl FnMut() -> Result<Option<J>, E>,
    work: impl Fn(J) -> R + Sync,
    mut take: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    let queue = Queue { state: Mutex::new((VecDeque::new(), false)), filled: Condvar::new() };
    std::thread::scope(|scope| {
        let result = drive(scope, threads, &queue, &mut next, &work, &mut take);
        queue.close();
        result
    })
}

fn drive<'scope, 'env, J: Send + 'env, R: Send + 'env, E>(
    scope: &'scope Scope<'scope, 'env>,
    threads: usize,
    queue: &'scope Queue<J>,
    next: &mut impl FnMut() -> Result<Option<J>, E>,
    work: &'scope (impl Fn(J) -> R + Sync),
    take: &mut impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    let (sender, results) = channel::<(u64, R)>();
    let limit = 2 * threads.max(1) as u64;
    let (mut sent, mut taken, mut workers) = (0, 0, 1);
    let mut ready: BTreeMap<u64, R> = BTreeMap::new();
    let mut stopped: Option<Result<(), E>> = None;
    loop {
        ready.extend(results.try_iter());
        while let Some(result) = ready.remove(&taken) {
            taken += 1;
            take(result)?;
        }
        if stopped.is_none() && sent - taken < limit {
            match next() {
                Ok(Some(job)) => {
                    queue.push((sent, job));
                    sent += 1;
                    if sent > 1 && workers < threads {
                        workers += 1;
                        let sender = sender.clone();
                        scope.spawn(move || {
                            while let Some((number, job)) = queue.pop() {
                                if sender.send((number, work(job))).is_err() {
                                    break;
                                }
                            }
                        });
                    }
                }
                Ok(None) => stopped = Some(Ok(())),
                Err(error) => stopped = Some(Err(error)),
            }
        } else if let Some((number, job)) = queue.try_pop() {
            ready.insert(number, work(job));
        } else if taken < sent {
            ready.extend(results.recv());
        } else {
            return stopped.unwrap_or(Ok(()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_first_error() {
        for threads in [1, 2, 5] {
            let (mut given, mut seen) = (0..100_u32, Vec::new());
            let done: Result<(), u32> = run(
                threads,
                || Ok(given.next()),
                |j| j * 2,
                |r| {
                    seen.push(r);
                    Ok(())
                },
            );
            assert_eq!((done, seen), (Ok(()), (0..100).map(|j| j * 2).collect::<Vec<_>>()));
            let mut given = 0..100_u32;
            let next = || given.next().map(Some).ok_or(1000);
            assert_eq!(run(threads, next, |j| j, |r| if r >= 7 { Err(r) } else { Ok(()) }), Err(7));
            let mut given = 0..3_u32;
            assert_eq!(run(threads, || given.next().map(Some).ok_or(1000), |j| j, |_| Ok(())), Err(1000));
        }
    }
}
