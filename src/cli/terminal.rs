//! What a terminal is told: colours, width, and how far the work is.
//!
//! In: the environment's words, and whether a stream is a terminal. Out: settings, and lines on standard error. Refuses to know results.

use super::Io;
use crate::evidence::read::Files;
use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// The columns of a stream that is no terminal.
pub const WIDTH: usize = 110;

/// How often a status line is drawn.
const TICK: Duration = Duration::from_millis(120);

/// Whether a stream gets colours: never with `NO_COLOR`, always with `CLICOLOR_FORCE`, else only on a terminal that can, unless `CLICOLOR` is 0.
/// As <https://no-color.org> and <https://bixense.com/clicolors> say; the first wins.
pub fn coloured(variable: impl Fn(&str) -> Option<String>, terminal: bool) -> bool {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    if set("NO_COLOR").is_some() {
        return false;
    }
    if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
        return true;
    }
    terminal && set("CLICOLOR").is_none_or(|value| value != "0") && set("TERM").is_none_or(|value| value != "dumb")
}

/// The columns to wrap at: those of the terminal within reason, or 110.
#[must_use]
pub fn columns(terminal: Option<usize>) -> usize {
    terminal.map_or(WIDTH, |n| n.clamp(60, WIDTH))
}

/// Says what is done now, on standard error: a line each, or on a terminal a status line that the next one replaces.
pub(super) struct Progress {
    quiet: bool,
}

impl Progress {
    pub(super) fn new(quiet: bool) -> Self {
        Self { quiet }
    }

    /// Begins a phase.
    pub(super) fn phase(&self, io: &mut Io<'_>, words: &str) {
        if self.quiet {
            return;
        }
        // Progress that cannot be written is nobody's loss.
        let _ = if io.env.status { write!(io.err, "\r\u{1b}[K{words} …") } else { writeln!(io.err, "{words}") };
        let _ = io.err.flush();
    }

    /// Takes the status line away.
    pub(super) fn done(&self, io: &mut Io<'_>) {
        if !self.quiet && io.env.status {
            let _ = write!(io.err, "\r\u{1b}[K");
            let _ = io.err.flush();
        }
    }

    /// Works in a thread of its own while a status line says how many bytes of the files were read; without a terminal, only a line at the start.
    pub(super) fn watch<T: Send>(&self, io: &mut Io<'_>, words: &str, files: &Counted<'_>, work: impl FnOnce() -> T + Send) -> T {
        self.phase(io, words);
        if self.quiet || !io.env.status {
            return work();
        }
        let result = std::thread::scope(|scope| {
            let (done, waiting) = channel::<()>();
            let worker = scope.spawn(move || {
                let result = work();
                drop(done);
                result
            });
            while waiting.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                let read = files.read.load(Ordering::Relaxed);
                let _ = write!(io.err, "\r\u{1b}[K{words} … {}", megabytes(read));
                let _ = io.err.flush();
            }
            worker.join()
        });
        self.done(io);
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB read", bytes / 1_000_000, bytes / 100_000 % 10)
}

/// Files whose bytes are counted as they are read.
pub(super) struct Counted<'f> {
    files: &'f dyn Files,
    read: std::sync::Arc<AtomicU64>,
}

impl<'f> Counted<'f> {
    pub(super) fn new(files: &'f dyn Files) -> Self {
        Self { files, read: std::sync::Arc::default() }
    }
}

impl Files for Counted<'_> {
    fn open(&self, path: &str) -> std::io::Result<Option<Box<dyn Read + Send>>> {
        let count = self.read.clone();
        Ok(self.files.open(path)?.map(|inner| Box::new(Counting { inner, count }) as Box<dyn Read + Send>))
    }
}

struct Counting {
    inner: Box<dyn Read + Send>,
    count: std::sync::Arc<AtomicU64>,
}

impl Read for Counting {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.count.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_follow_the_environment() {
        type Case<'c> = (&'c [(&'c str, &'c str)], bool, bool);
        let cases: [Case<'_>; 11] = [
            (&[], true, true),
            (&[], false, false),
            (&[("NO_COLOR", "1")], true, false),
            (&[("NO_COLOR", "")], true, true),
            (&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], true, false),
            (&[("CLICOLOR_FORCE", "1")], false, true),
            (&[("CLICOLOR_FORCE", "0")], false, false),
            (&[("CLICOLOR", "0")], true, false),
            (&[("CLICOLOR", "1")], false, false),
            (&[("CLICOLOR", "0"), ("CLICOLOR_FORCE", "1")], false, true),
            (&[("TERM", "dumb")], true, false),
        ];
        for (variables, terminal, wanted) in cases {
            let get = |name: &str| variables.iter().find(|v| v.0 == name).map(|v| v.1.to_string());
            assert_eq!(coloured(get, terminal), wanted, "{variables:?} {terminal}");
        }
    }

    #[test]
    fn widths_stay_within_reason() {
        assert_eq!([None, Some(0), Some(80), Some(400)].map(columns), [110, 60, 80, 110]);
    }

    fn said(status: bool, quiet: bool) -> String {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let env = super::super::Env { status, ..Default::default() };
        let mut io = Io { env: &env, out: &mut out, err: &mut err };
        let nothing = crate::store::Folder::new("nowhere");
        let progress = Progress::new(quiet);
        let n = progress.watch(&mut io, "reading", &Counted::new(&nothing), || 7);
        progress.phase(&mut io, "writing");
        progress.done(&mut io);
        assert!(n == 7 && out.is_empty());
        String::from_utf8(err).expect("text")
    }

    #[test]
    fn progress_is_lines_without_a_terminal_and_nothing_when_quiet() {
        assert_eq!(said(false, false), "reading\nwriting\n");
        assert_eq!((said(false, true), said(true, true)), (String::new(), String::new()));
        let drawn = said(true, false);
        assert!(drawn.starts_with("\r\u{1b}[Kreading …") && drawn.ends_with("writing …\r\u{1b}[K"), "{drawn:?}");
    }
}
