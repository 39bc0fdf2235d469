//! Writes a package so that at any instant there is the old one, the new one, or none.
//!
//! In: a bag and a folder name. Out: the folder, whole. It is built beside its place, brought to the disk, and renamed. Writers into one
//! parent folder wait for each other, so what an earlier writer left behind can be told from what is being written. Refuses to know what
//! is written.

use super::attest::{Attestations, FOLDER};
use super::bag::{BAGIT, Bag, Payload, TAGMANIFEST};
use crate::error::{Error, ErrorKind, Fault};
use crate::store::copy_verified;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes a package to `to`. With `force`, a package that is there is replaced, signatures in it included.
///
/// # Errors
/// [`ErrorKind::Usage`] when something is there already, or is no package and so not replaced; [`ErrorKind::Evidence`] when a file
/// changed since it was judged; [`ErrorKind::Internal`] when the system refuses. In each case what was there is there still.
pub fn write(bag: &Bag<'_>, to: &Path, force: bool) -> Result<(), Error> {
    let place = Place::of(to)?;
    fs::create_dir_all(&place.parent).map_err(|e| cannot("make", &place.parent, &e))?;
    let held = lock(&place.parent)?;
    if held.is_some() {
        place.clear_stale()?;
    }
    place.check_free(force)?;
    let made = place.build(bag).and_then(|()| place.swap(force));
    if made.is_err() {
        let _ = fs::remove_dir_all(place.partial());
    }
    made
}

/// Adds files of `attest/` to a package that is there. Nothing that is there is changed; a file appears whole or not at all. A run that was
/// killed between two files can be done again: a file that is there with the same bytes will do.
///
/// # Errors
/// [`ErrorKind::Usage`] when another file of that name is there; [`ErrorKind::Internal`] when the system refuses.
pub fn add(package: &Path, files: &Attestations) -> Result<(), Error> {
    let package = package.canonicalize().map_err(|e| cannot("find", package, &e))?;
    if !package.is_dir() {
        let fault = Fault::new(format!("`{}` is no package folder", package.display()));
        return Err(Error::one(ErrorKind::Usage, fault.help("signatures are added to the folder, not to an archive of it")));
    }
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
    let (folder, partial) = (package.join(FOLDER), place.partial());
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

/// Writes one file whole or not at all, and brings it to the disk. With `replace`, a file that is there is replaced.
///
/// # Errors
/// [`ErrorKind::Usage`] when it is there already; [`ErrorKind::Internal`] when the system refuses.
pub fn put_new(to: &Path, bytes: &[u8], replace: bool) -> Result<(), Error> {
    let place = Place::of(to)?;
    fs::create_dir_all(&place.parent).map_err(|e| cannot("make", &place.parent, &e))?;
    let _held = lock(&place.parent)?;
    if !replace && fs::symlink_metadata(to).is_ok() {
        return Err(Error::plain(ErrorKind::Usage, format!("`{}` is there already", to.display())));
    }
    let partial = place.partial();
    let _ = fs::remove_file(&partial);
    put(&Payload::Bytes(bytes.to_vec()), &partial)?;
    fs::rename(&partial, to).map_err(|e| cannot("put into place", to, &e))?;
    sync(&place.parent)
}

/// Where a package goes, and the names beside it that are used on the way.
struct Place {
    parent: PathBuf,
    name: String,
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Error {
    Error::plain(ErrorKind::Internal, format!("cannot {what} `{}`: {error}", path.display()))
}

impl Place {
    fn of(to: &Path) -> Result<Self, Error> {
        let name = to.file_name().and_then(|n| n.to_str());
        let name = name.ok_or_else(|| Error::plain(ErrorKind::Usage, format!("`{}` does not name a folder", to.display())))?;
        let parent = to.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(Self { parent: parent.to_path_buf(), name: name.to_string() })
    }

    fn target(&self) -> PathBuf {
        self.parent.join(&self.name)
    }

    fn beside(&self, word: &str) -> PathBuf {
        self.parent.join(format!("{}{}", self.prefix(word), std::process::id()))
    }

    fn prefix(&self, word: &str) -> String {
        format!(".{}.quorate-{word}-", self.name)
    }

    /// The folder in which a package is built.
    fn partial(&self) -> PathBuf {
        self.beside("partial")
    }

    /// The name under which a package that is replaced waits for its removal.
    fn replaced(&self) -> PathBuf {
        self.beside("replaced")
    }

    /// Removes what a writer that was killed left behind; brings a package back that it had moved aside. Only called under the lock.
    fn clear_stale(&self) -> Result<(), Error> {
        let stale = |word: &str| -> Result<Vec<PathBuf>, Error> {
            let entries = fs::read_dir(&self.parent).map_err(|e| cannot("list", &self.parent, &e))?;
            let prefix = self.prefix(word);
            let ours = entries.flatten().filter(|e| e.file_type().is_ok_and(|t| t.is_dir())).filter(|e| {
                let name = e.file_name();
                let number = name.to_str().and_then(|n| n.strip_prefix(prefix.as_str()));
                number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
            });
            let mut paths: Vec<PathBuf> = ours.map(|e| e.path()).collect();
            paths.sort();
            Ok(paths)
        };
        for path in stale("replaced")? {
            if fs::symlink_metadata(self.target()).is_err() {
                fs::rename(&path, self.target()).map_err(|e| cannot("bring back", &path, &e))?;
            } else {
                fs::remove_dir_all(&path).map_err(|e| cannot("remove", &path, &e))?;
            }
        }
        stale("partial")?.into_iter().try_for_each(|path| fs::remove_dir_all(&path).map_err(|e| cannot("remove", &path, &e)))
    }

    /// Nothing is at the target, or a package (or an empty folder) that may be replaced.
    fn check_free(&self, force: bool) -> Result<(), Error> {
        let target = self.target();
        let found = match fs::symlink_metadata(&target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(cannot("look at", &target, &error)),
            Ok(found) => found,
        };
        let shown = target.display();
        if !force {
            let fault = Fault::new(format!("`{shown}` is there already"));
            return Err(Error::one(ErrorKind::Usage, fault.help("name another folder, or use --force to replace it")));
        }
        let empty = || fs::read_dir(&target).is_ok_and(|mut entries| entries.next().is_none());
        let plain = |name: &str| fs::symlink_metadata(target.join(name)).is_ok_and(|m| m.is_file());
        if found.is_dir() && ((plain(BAGIT) && plain(TAGMANIFEST)) || empty()) {
            return Ok(());
        }
        let fault = Fault::new(format!("`{shown}` is not a release package, so it is not replaced"));
        Err(Error::one(ErrorKind::Usage, fault.help("name another folder, or remove it yourself")))
    }

    /// Builds the package beside its place and brings it to the disk.
    fn build(&self, bag: &Bag<'_>) -> Result<(), Error> {
        let partial = self.partial();
        fs::create_dir(&partial).map_err(|e| cannot("make", &partial, &e))?;
        let mut folders = BTreeSet::from([partial.clone()]);
        for (path, payload) in bag.files() {
            let full = partial.join(path);
            if let Some(folder) = full.parent().filter(|f| !folders.contains(*f)) {
                fs::create_dir_all(folder).map_err(|e| cannot("make", folder, &e))?;
                folders.extend(folder.ancestors().take_while(|a| a.starts_with(&partial)).map(Path::to_path_buf));
            }
            put(payload, &full)?;
        }
        folders.iter().rev().try_for_each(|folder| sync(folder))
    }

    /// Puts the built package into its place. With `force`, what is there is moved aside first, and restored if that fails; without,
    /// the system itself refuses to rename over a folder that holds anything.
    fn swap(&self, force: bool) -> Result<(), Error> {
        let (target, partial, replaced) = (self.target(), self.partial(), self.replaced());
        let moved = match fs::symlink_metadata(&target) {
            Ok(_) if force => fs::rename(&target, &replaced).map(|()| true).map_err(|e| cannot("move aside", &target, &e))?,
            _ => false,
        };
        if let Err(error) = fs::rename(&partial, &target) {
            if moved {
                fs::rename(&replaced, &target).map_err(|e| cannot("bring back", &replaced, &e))?;
            }
            return Err(cannot("put into place", &target, &error));
        }
        sync(&self.parent)?;
        if moved {
            // The new package stands; what cannot be removed now is removed by the next run.
            let _ = fs::remove_dir_all(&replaced);
        }
        Ok(())
    }
}

/// Writes one file and brings it to the disk.
fn put(payload: &Payload<'_>, to: &Path) -> Result<(), Error> {
    let wrong = |e: io::Error| cannot("write", to, &e);
    let mut file = OpenOptions::new().write(true).create_new(true).open(to).map_err(wrong)?;
    match payload {
        Payload::Bytes(bytes) => file.write_all(bytes).map_err(wrong)?,
        Payload::File { files, path, sha256, bytes } => copy_verified(*files, path, sha256, *bytes, &mut file)?,
    }
    file.sync_all().map_err(wrong)
}

/// Brings the names in a folder to the disk.
fn sync(folder: &Path) -> Result<(), Error> {
    #[cfg(unix)]
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| cannot("bring to disk", folder, &e))?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// Waits until no other writer is in the folder. `None` where the system has no such locks: nothing is cleared then.
fn lock(folder: &Path) -> Result<Option<File>, Error> {
    if cfg!(not(unix)) {
        return Ok(None);
    }
    let file = File::open(folder).map_err(|e| cannot("open", folder, &e))?;
    match file.lock() {
        Ok(()) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(None),
        Err(error) => Err(cannot("lock", folder, &error)),
    }
}
