//! Adds single files whole or not at all: attestations to a package, and locks.
//!
//! In: a package folder or a path, and bytes. Out: the files, in their places. What is there is never changed. Refuses to know what is written.

use super::attest::{Attestations, FOLDER};
use super::bag::Payload;
use super::write::{PARTIAL, Place, cannot, lock, put, sync};
use crate::error::{Error, ErrorKind, Fault};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Adds files of `attest/` to a package that is there. Nothing that is there is changed; a file appears whole or not at all. A run that was
/// killed between two files can be done again: a file that is there with the same bytes will do.
///
/// # Errors
/// [`ErrorKind::Usage`] when another file of that name is there; [`ErrorKind::Internal`] when the system refuses.
pub fn add(package: &Path, files: &Attestations) -> Result<(), Error> {
    let package = package.canonicalize().map_err(|e| cannot("find", package, &e))?;
    let place = Place::of(&package)?;
    let held = lock(&place.parent)?;
    if held.is_some() {
        place.clear_stale()?;
    }
    let mut wanted = Vec::new();
    for (path, bytes) in files {
        let to = package.join(path);
        match fs::read(&to) {
            Ok(there) if there == *bytes => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => wanted.push((to, bytes)),
            _ => {
                let fault = Fault::new(format!("`{}` is there already and says something else", to.display()));
                return Err(Error::one(
                    ErrorKind::Usage,
                    fault.help("signatures are only added, never replaced; use another key"),
                ));
            }
        }
    }
    // Built beside the package, so that a kill leaves neither half a file nor an empty folder in it.
    let (folder, partial) = (package.join(FOLDER), place.folder(PARTIAL));
    fs::create_dir(&partial).map_err(|e| cannot("make", &partial, &e))?;
    let made = wanted.iter().try_for_each(|(to, bytes)| {
        let name = to.file_name().unwrap_or_default();
        put(&Payload::Bytes((*bytes).clone()), &partial.join(name))
    });
    let moved = made.and_then(|()| sync(&partial)).and_then(|()| {
        if fs::symlink_metadata(&folder).is_err() && !wanted.is_empty() {
            return fs::rename(&partial, &folder).map_err(|e| cannot("put into place", &folder, &e));
        }
        wanted.iter().try_for_each(|(to, _)| {
            let from = partial.join(to.file_name().unwrap_or_default());
            fs::rename(from, to).map_err(|e| cannot("put into place", to, &e))
        })
    });
    let _ = fs::remove_dir_all(&partial);
    moved.and_then(|()| if wanted.is_empty() { Ok(()) } else { sync(&folder).and_then(|()| sync(&package)) })
}

/// A folder in which no other writer is at work, for files that are put there one after the other.
#[derive(Debug)]
pub struct Held {
    folder: PathBuf,
    lock: Option<File>,
}

impl Held {
    /// Makes the folder if need be, and waits until no other writer is in it.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when the system refuses.
    pub fn folder(folder: &Path) -> Result<Self, Error> {
        fs::create_dir_all(folder).map_err(|e| cannot("make", folder, &e))?;
        Ok(Self { folder: folder.to_path_buf(), lock: lock(folder)? })
    }

    /// Writes one file whole or not at all, and brings it to the disk. With `replace`, a file that is there is replaced.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when it is there already; [`ErrorKind::Internal`] when the system refuses.
    pub fn put(&self, name: &str, bytes: &[u8], replace: bool) -> Result<(), Error> {
        let to = self.folder.join(name);
        if !replace && fs::symlink_metadata(&to).is_ok() {
            return Err(Error::plain(ErrorKind::Usage, format!("`{}` is there already", to.display())));
        }
        let place = Place::of(&to)?;
        if self.lock.is_some() {
            place.clear_files()?;
        }
        let partial = place.folder(PARTIAL);
        put(&Payload::Bytes(bytes.to_vec()), &partial)?;
        fs::rename(&partial, &to).map_err(|e| cannot("put into place", &to, &e))?;
        sync(&self.folder)
    }
}
