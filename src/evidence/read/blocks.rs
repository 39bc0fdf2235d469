//! Blocks: the bytes of a file in pieces that end at line ends, unpacked when the file is packed.
//!
//! In: a reader. Out: blocks and, at the end, the digest of the file's bytes. Never holds more than one block and the longest line allowed. Refuses
//! to know what a line is about.

use super::unpack::Unpacked;
use std::io::{self, Read};

/// Some whole lines.
#[derive(Debug, Default)]
pub struct Block {
    /// Room; what lies past `end` means nothing.
    buffer: Vec<u8>,
    end: usize,
    /// Whether it breaks off in a line that is longer than allowed.
    pub broken: bool,
}

impl Block {
    /// The bytes; the last block of a file may lack the newline at its end.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[..self.end]
    }
}

/// Reads blocks.
pub struct Blocks<'r> {
    reader: Unpacked<'r>,
    /// Read, but behind the end of the last block.
    carry: Vec<u8>,
    /// Room of blocks that are done with: fresh memory costs more than what is read into it.
    spare: Vec<Vec<u8>>,
    size: usize,
    line: usize,
    done: bool,
}

impl<'r> Blocks<'r> {
    /// Blocks of about `size` bytes with lines of at most `line` bytes.
    #[must_use]
    pub fn new(reader: Box<dyn Read + Send + 'r>, size: usize, line: usize) -> Self {
        let (carry, spare) = (Vec::new(), Vec::new());
        Self { reader: Unpacked::new(reader), carry, spare, size: size.max(1), line, done: false }
    }

    /// Takes the room of a block that is done with.
    pub fn give_back(&mut self, block: Block) {
        // A long line's room is not kept.
        if block.buffer.len() <= 4 * self.size {
            self.spare.push(block.buffer);
        }
    }

    /// The next block; `None` after the last.
    ///
    /// # Errors
    /// What the system said.
    pub fn next(&mut self) -> io::Result<Option<Block>> {
        if self.done {
            return Ok(None);
        }
        let mut buffer = self.spare.pop().unwrap_or_default();
        let mut end = self.carry.len();
        grow(&mut buffer, end);
        buffer[..end].copy_from_slice(&self.carry);
        self.carry.clear();
        let mut searched = 0;
        loop {
            grow(&mut buffer, end + self.size);
            let new = fill(&mut self.reader, &mut buffer[end..end + self.size])?;
            end += new;
            if new < self.size {
                self.done = true;
                return Ok((end > 0).then_some(Block { buffer, end, broken: false }));
            }
            if let Some(last) = memchr::memrchr(b'\n', &buffer[searched..end]) {
                let whole = searched + last + 1;
                self.carry.extend_from_slice(&buffer[whole..end]);
                return Ok(Some(Block { buffer, end: whole, broken: false }));
            }
            searched = end;
            if end > self.line {
                self.done = true;
                return Ok(Some(Block { buffer, end, broken: true }));
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

/// Makes a buffer at least so long.
fn grow(buffer: &mut Vec<u8>, length: usize) {
    if buffer.len() < length {
        buffer.resize(length, 0);
    }
}

/// Reads until the room is full or the file ends; how much.
fn fill(reader: &mut impl Read, room: &mut [u8]) -> io::Result<usize> {
    let mut at = 0;
    while at < room.len() {
        match reader.read(&mut room[at..]) {
            Ok(0) => break,
            Ok(n) => at += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(at)
}
