//! Blocks: the bytes of a file in pieces that end at line ends, unpacked when the file is packed.
//!
//! In: a reader. Out: blocks and, at the end, the digest of the file's bytes. Never holds more than one block and the longest line allowed. Refuses
//! to know what a line is about.

use super::unpack::Unpacked;
use std::io::{self, Read};

/// Some whole lines.
#[derive(Debug, Default)]
pub struct Block {
    /// The bytes; the last block of a file may lack the newline at its end.
    pub bytes: Vec<u8>,
    /// Whether it breaks off in a line that is longer than allowed.
    pub broken: bool,
}

/// Reads blocks.
pub struct Blocks<'r> {
    reader: Unpacked<'r>,
    carry: Vec<u8>,
    size: usize,
    line: usize,
    done: bool,
}

impl<'r> Blocks<'r> {
    /// Blocks of about `size` bytes with lines of at most `line` bytes.
    #[must_use]
    pub fn new(reader: Box<dyn Read + Send + 'r>, size: usize, line: usize) -> Self {
        Self { reader: Unpacked::new(reader), carry: Vec::new(), size: size.max(1), line, done: false }
    }

    /// The next block; `None` after the last.
    ///
    /// # Errors
    /// What the system said.
    pub fn next(&mut self) -> io::Result<Option<Block>> {
        if self.done {
            return Ok(None);
        }
        let mut bytes = std::mem::take(&mut self.carry);
        let mut searched = 0;
        loop {
            let old = bytes.len();
            self.reader.by_ref().take(self.size as u64).read_to_end(&mut bytes)?;
            let new = &bytes[old..];
            if new.len() < self.size {
                self.done = true;
                return Ok((!bytes.is_empty()).then_some(Block { bytes, broken: false }));
            }
            if let Some(end) = bytes[searched..].iter().rposition(|&b| b == b'\n') {
                let end = searched + end + 1;
                let mut carry = Vec::with_capacity(self.size + bytes.len() - end);
                carry.extend_from_slice(&bytes[end..]);
                self.carry = carry;
                bytes.truncate(end);
                return Ok(Some(Block { bytes, broken: false }));
            }
            searched = bytes.len();
            if bytes.len() > self.line {
                self.done = true;
                return Ok(Some(Block { bytes, broken: true }));
            }
        }
    }

    /// The digest in hex and the length of the file itself.
    ///
    /// # Errors
    /// What the system said.
    pub fn digest(self) -> io::Result<(String, u64)> {
        self.reader.digest()
    }
}
