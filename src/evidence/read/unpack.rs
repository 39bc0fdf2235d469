//! Unpacking: the bytes of a file as they lie, hashed once, and what they hold when they are gzip or zstd.
//!
//! In: a reader. Out: the bytes of the content, and at the end the digest and length of the file itself. Packed files are known by their first bytes.
//! Refuses to know lines, and content that grows out of all proportion to its file.

use crate::words::hex;
use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;
use sha2::{Digest, Sha256};
use std::io::{self, BufRead, BufReader, Cursor, Read};

/// Content of this size is taken whatever the file's size.
const FREE: u64 = 64 << 20;
/// Beyond that, content may be this many times as long as what was read of the file.
const RATIO: u64 = 200;
/// The longest content.
const LONGEST: u64 = 1 << 36;

/// The file's own bytes, hashed as they pass.
struct Raw<'r> {
    reader: Box<dyn Read + Send + 'r>,
    hasher: Sha256,
    total: u64,
}

impl Read for Raw<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buffer)?;
        self.hasher.update(&buffer[..n]);
        self.total += n as u64;
        Ok(n)
    }
}

/// The first bytes again, then the rest.
type Again<'r> = BufReader<io::Chain<Cursor<Vec<u8>>, Raw<'r>>>;

enum Inner<'r> {
    /// Not looked at yet.
    New(Raw<'r>),
    /// Not packed: the first bytes, then the rest.
    Plain(io::Chain<Cursor<Vec<u8>>, Raw<'r>>),
    Gzip(Box<MultiGzDecoder<Again<'r>>>),
    Zstd(Box<StreamingDecoder<Again<'r>, ruzstd::decoding::FrameDecoder>>),
    Done(Option<Raw<'r>>),
}

/// The content of a file.
pub struct Unpacked<'r> {
    inner: Inner<'r>,
    out: u64,
}

fn bad(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
}

impl<'r> Unpacked<'r> {
    /// The content of what a reader gives.
    #[must_use]
    pub fn new(reader: Box<dyn Read + Send + 'r>) -> Self {
        Self { inner: Inner::New(Raw { reader, hasher: Sha256::new(), total: 0 }), out: 0 }
    }

    /// Looks at the first bytes.
    fn open(mut raw: Raw<'r>) -> io::Result<Inner<'r>> {
        let mut head = Vec::new();
        raw.by_ref().take(4).read_to_end(&mut head)?;
        let (gzip, zstd) = (head.starts_with(&[0x1f, 0x8b]), head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]));
        let chain = Cursor::new(head).chain(raw);
        Ok(if gzip {
            Inner::Gzip(Box::new(MultiGzDecoder::new(BufReader::with_capacity(1 << 16, chain))))
        } else if zstd {
            Inner::Zstd(Box::new(frame(BufReader::with_capacity(1 << 16, chain))?))
        } else {
            Inner::Plain(chain)
        })
    }

    fn raw(&self) -> Option<&Raw<'r>> {
        match &self.inner {
            Inner::New(raw) => Some(raw),
            Inner::Plain(chain) => Some(chain.get_ref().1),
            Inner::Gzip(packed) => Some(packed.get_ref().get_ref().get_ref().1),
            Inner::Zstd(packed) => Some(packed.get_ref().get_ref().get_ref().1),
            Inner::Done(raw) => raw.as_ref(),
        }
    }

    fn proportion(&self) -> io::Result<()> {
        let read = self.raw().map_or(0, |raw| raw.total);
        if matches!(self.inner, Inner::Gzip(_) | Inner::Zstd(_))
            && (self.out > LONGEST || self.out > FREE.saturating_add(read.saturating_mul(RATIO)))
        {
            let out = self.out >> 20;
            return Err(bad(format!(
                "its content grew to {out} MiB out of {read} packed bytes: this looks like a decompression bomb; unpack it by hand"
            )));
        }
        Ok(())
    }

    /// The digest in hex and the length of the file itself, all that is left of it included.
    ///
    /// # Errors
    /// What the system said.
    pub fn digest(self) -> io::Result<(String, u64)> {
        let raw = match self.inner {
            Inner::New(raw) => Some(raw),
            Inner::Plain(chain) => Some(chain.into_inner().1),
            Inner::Gzip(packed) => Some(packed.into_inner().into_inner().into_inner().1),
            Inner::Zstd(packed) => Some(packed.into_inner().into_inner().into_inner().1),
            Inner::Done(raw) => raw,
        };
        let Some(mut raw) = raw else { return Ok((String::new(), 0)) };
        io::copy(&mut raw, &mut io::sink())?;
        let digest = raw.hasher.finalize();
        Ok((hex(&digest), raw.total))
    }
}

fn frame(source: Again<'_>) -> io::Result<StreamingDecoder<Again<'_>, ruzstd::decoding::FrameDecoder>> {
    StreamingDecoder::new(source).map_err(|e| bad(format!("it is no whole zstd file: {e}")))
}

impl Read for Unpacked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let n = match std::mem::replace(&mut self.inner, Inner::Done(None)) {
                Inner::New(raw) => {
                    self.inner = Self::open(raw)?;
                    continue;
                }
                Inner::Plain(mut chain) => {
                    let n = chain.read(buffer);
                    self.inner = Inner::Plain(chain);
                    n?
                }
                Inner::Gzip(mut packed) => {
                    let n = packed.read(buffer).map_err(|e| bad(format!("it is no whole gzip file: {e}")));
                    self.inner = Inner::Gzip(packed);
                    n?
                }
                Inner::Zstd(mut packed) => {
                    let n = packed.read(buffer).map_err(|e| bad(format!("it is no whole zstd file: {e}")))?;
                    if n == 0 {
                        self.inner = next_frame(*packed)?;
                        continue;
                    }
                    self.inner = Inner::Zstd(packed);
                    n
                }
                Inner::Done(raw) => {
                    self.inner = Inner::Done(raw);
                    0
                }
            };
            self.out += n as u64;
            self.proportion()?;
            return Ok(n);
        }
    }
}

/// What follows a zstd frame: another one, or the end.
fn next_frame(packed: StreamingDecoder<Again<'_>, ruzstd::decoding::FrameDecoder>) -> io::Result<Inner<'_>> {
    let (mut source, frame_decoder) = packed.into_parts();
    if let (Some(written), Some(found)) = (frame_decoder.get_checksum_from_data(), frame_decoder.get_calculated_checksum())
        && written != found
    {
        return Err(bad("its zstd checksum does not fit its content"));
    }
    if source.fill_buf()?.is_empty() {
        return Ok(Inner::Done(Some(source.into_inner().into_inner().1)));
    }
    Ok(Inner::Zstd(Box::new(frame(source)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read(bytes: &[u8]) -> io::Result<(Vec<u8>, String, u64)> {
        let mut unpacked = Unpacked::new(Box::new(Cursor::new(bytes.to_vec())));
        let mut out = Vec::new();
        unpacked.read_to_end(&mut out)?;
        let (digest, length) = unpacked.digest()?;
        Ok((out, digest, length))
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
    }

    fn sha(bytes: &[u8]) -> String {
        hex(&Sha256::digest(bytes))
    }

    #[test]
    fn plain_gzip_and_zstd_give_the_content_and_the_digest_of_the_file() {
        let text = b"one line\nanother\n".repeat(10_000);
        for file in [text.clone(), gzip(&text), zstd(&text)] {
            assert_eq!(read(&file).unwrap(), (text.clone(), sha(&file), file.len() as u64));
        }
        let two = [gzip(b"a\n"), gzip(b"b\n")].concat();
        assert_eq!(read(&two).unwrap().0, b"a\nb\n");
        let two = [zstd(b"a\n"), zstd(b"b\n")].concat();
        assert_eq!(read(&two).unwrap().0, b"a\nb\n");
        for short in [b"".as_slice(), b"a", b"ab\n"] {
            assert_eq!(read(short).unwrap(), (short.to_vec(), sha(short), short.len() as u64));
        }
    }

    #[test]
    fn cut_and_padded_files_are_refused() {
        let text = b"one line\nanother\n".repeat(1000);
        for file in [gzip(&text), zstd(&text)] {
            assert!(read(&file[..file.len() - 9]).is_err());
            assert!(read(&[file.as_slice(), b"rubbish"].concat()).is_err());
        }
    }

    #[test]
    fn bombs_are_refused() {
        let bomb = gzip(&vec![b' '; 100 << 20]);
        let error = read(&bomb).unwrap_err().to_string();
        assert!(error.contains("decompression bomb"), "{error}");
    }
}
