//! A stream: the bytes of a file one after the other, for formats whose records need what stands lines before.
//!
//! In: unpacked bytes. Out: bytes with the line they stand on, and problems at the place reached. Refuses to know formats.

use super::fault::Problem;
use super::unpack::Unpacked;
use std::io::Read;

/// How much is read at once.
const CHUNK: usize = 1 << 16;
/// How much of a line is kept for messages.
const HEAD: usize = 200;

/// The bytes of a file.
pub struct Stream<'r> {
    source: Unpacked<'r>,
    buffer: Vec<u8>,
    at: usize,
    ended: bool,
    line: u64,
    /// Bytes of the line in earlier buffers, and the first of them.
    before: usize,
    head: Vec<u8>,
    /// Where the line begins in the buffer.
    start: usize,
    /// What the system said.
    broken: Option<std::io::Error>,
    /// The longest record.
    pub limit: usize,
}

impl<'r> Stream<'r> {
    /// A stream of records of at most `limit` bytes.
    #[must_use]
    pub fn new(source: Unpacked<'r>, limit: usize) -> Self {
        let (buffer, head) = (Vec::new(), Vec::new());
        Self { source, buffer, at: 0, ended: false, line: 0, before: 0, head, start: 0, broken: None, limit }
    }

    fn refill(&mut self) -> Result<(), Problem> {
        let rest = &self.buffer[self.start.min(self.buffer.len())..];
        self.before += rest.len();
        let room = HEAD.saturating_sub(self.head.len());
        self.head.extend_from_slice(&rest[..rest.len().min(room)]);
        self.buffer.clear();
        (self.at, self.start) = (0, 0);
        if let Err(error) = self.source.by_ref().take(CHUNK as u64).read_to_end(&mut self.buffer) {
            let problem = self.problem("the file cannot be read on");
            self.broken = Some(error);
            return Err(problem);
        }
        self.ended = self.buffer.is_empty();
        Ok(())
    }

    /// The next byte, not taken; `None` at the end.
    ///
    /// # Errors
    /// What the system said.
    #[inline(always)]
    pub fn peek(&mut self) -> Result<Option<u8>, Problem> {
        match self.buffer.get(self.at) {
            Some(byte) => Ok(Some(*byte)),
            None => self.further(),
        }
    }

    /// The next byte when the buffer holds none.
    #[cold]
    fn further(&mut self) -> Result<Option<u8>, Problem> {
        if !self.ended {
            self.refill()?;
        }
        Ok(self.buffer.get(self.at).copied())
    }

    /// Takes the next byte.
    ///
    /// # Errors
    /// As [`Stream::peek`].
    #[inline(always)]
    pub fn next(&mut self) -> Result<Option<u8>, Problem> {
        let byte = self.peek()?;
        if byte.is_some() {
            self.at += 1;
            if byte == Some(b'\n') {
                self.line += 1;
                self.start = self.at;
                self.before = 0;
                self.head.clear();
            }
        }
        Ok(byte)
    }

    /// Takes the bytes before the next one that stops, as far as they are at hand; how many. `stops` must hold of a line end.
    ///
    /// # Errors
    /// As [`Stream::peek`].
    #[inline]
    pub fn run(&mut self, stops: impl Fn(u8) -> bool, out: &mut Vec<u8>) -> Result<usize, Problem> {
        if self.peek()?.is_none() {
            return Ok(0);
        }
        let rest = &self.buffer[self.at..];
        let taken = rest.iter().position(|b| stops(*b)).unwrap_or(rest.len());
        out.extend_from_slice(&rest[..taken]);
        self.at += taken;
        Ok(taken)
    }

    /// The bytes at hand, when a line begins at the byte reached.
    pub fn line_start(&self) -> Option<&[u8]> {
        (self.before == 0 && self.at == self.start).then(|| &self.buffer[self.at..])
    }

    /// Takes so many of the bytes at hand, among which is no line end.
    pub fn skip(&mut self, bytes: usize) {
        self.at = self.buffer.len().min(self.at + bytes);
    }

    /// The rest of the line without its end, and whether it had one; `None` at the end of the file.
    ///
    /// # Errors
    /// A line that is too long, or no text.
    pub fn line(&mut self, text: &mut String) -> Result<Option<bool>, Problem> {
        text.clear();
        if self.peek()?.is_none() {
            return Ok(None);
        }
        let mut bytes = std::mem::take(text).into_bytes();
        let ended = loop {
            if self.at == self.buffer.len() && self.peek()?.is_none() {
                break false;
            }
            let rest = &self.buffer[self.at..];
            let end = rest.iter().position(|&b| b == b'\n');
            let taken = end.unwrap_or(rest.len());
            bytes.extend_from_slice(&rest[..taken]);
            self.at += taken;
            if bytes.len() > self.limit {
                return Err(super::fault::too_long(&bytes, self.limit).on(self.line));
            }
            if end.is_some() {
                break true;
            }
        };
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        match String::from_utf8(bytes) {
            Ok(found) => *text = found,
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                return Err(super::fault::not_utf8(error.as_bytes(), at).on(self.line));
            }
        }
        if ended {
            self.next()?;
        }
        Ok(Some(ended))
    }

    /// The line reached, from 1.
    #[must_use]
    pub fn number(&self) -> u32 {
        u32::try_from(self.line + 1).unwrap_or(u32::MAX)
    }

    /// A problem at the byte reached.
    #[must_use]
    pub fn problem(&self, message: impl Into<String>) -> Problem {
        let mut line = self.head.clone();
        let rest = &self.buffer[self.start.min(self.buffer.len())..];
        let end = rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
        line.extend_from_slice(&rest[..end.min(HEAD.saturating_sub(line.len()))]);
        let at = self.before + (self.at - self.start.min(self.at));
        Problem::new(message, &line, Some(at.saturating_sub(1))).on(self.line)
    }

    /// A problem of the line reached with that line shown, when it shows none yet.
    #[must_use]
    pub fn shown(&self, problem: Problem) -> Problem {
        if problem.line != self.line || !problem.excerpt.is_empty() {
            return problem;
        }
        Problem { excerpt: self.problem("").excerpt, ..problem }
    }

    /// What the system said, if it was the system.
    pub fn broken(&mut self) -> Option<std::io::Error> {
        self.broken.take()
    }

    /// The digest and length of the file.
    ///
    /// # Errors
    /// What the system said.
    pub fn digest(self) -> std::io::Result<(String, u64)> {
        self.source.digest()
    }
}
