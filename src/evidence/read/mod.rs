//! Reading: from bytes to records, each byte hashed once and parsed from the same buffer.
//!
//! In: a matrix and a way to open files. Out: [`Evidence`], or every error with file, line and byte.

use super::Evidence;
use crate::contract::Matrix;
use crate::error::{Error, ErrorKind};
use std::io::Read;

/// A way to open evidence files by their clean path below the evidence root.
pub trait Files: Sync {
    /// The bytes of a file; `None` when there is none of that name.
    ///
    /// # Errors
    /// What the system said; a symbolic link or anything else that is no regular file.
    fn open(&self, path: &str) -> std::io::Result<Option<Box<dyn Read + Send>>>;
}

/// Reads all evidence of a matrix on up to `threads` threads. The result does not depend on their number.
///
/// # Errors
/// [`ErrorKind::Evidence`] with every file that is there but cannot be read; [`ErrorKind::Contract`] with every binding that names an
/// unknown kind, format or field.
pub fn read(_matrix: &Matrix, _files: &dyn Files, _threads: usize) -> Result<Evidence, Error> {
    Err(Error::plain(ErrorKind::Internal, "reading evidence is not written yet"))
}
