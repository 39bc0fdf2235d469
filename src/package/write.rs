//! Writes a package so that at any instant there is the old one, the new one, or none.
//!
//! In: a bag and a folder name. Out: the folder, whole, and with it an archive when asked for. Both are built beside their places, brought to
//! the disk, and renamed. Writers into one parent folder wait for each other, so what an earlier writer left behind can be told from what is
//! being written. Refuses to know what is written.

use super::archive;
use super::bag::{BAGIT, Bag, Payload, TAGMANIFEST};
use super::harm::Damages;
use super::{Limits, walk};
use crate::error::{Error, ErrorKind, Fault};
use crate::store::{Folder, copy_verified};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How a package is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mode {
    /// A package that is there is replaced, its archive and the signatures in it included.
    pub force: bool,
    /// The package is written as an archive too, `<folder>.tar` beside the folder.
    pub archive: bool,
}

/// Writes a package to `to`, as [`write_as`] without an archive.
///
/// # Errors
/// As [`write_as`].
pub fn write(bag: &Bag<'_>, to: &Path, force: bool) -> Result<(), Error> {
    write_as(bag, to, Mode { force, archive: false })
}

/// Writes a package to the folder `to`.
///
/// # Errors
/// [`ErrorKind::Usage`] when something is there already, or is no package and so not replaced, or an archive cannot hold a file;
/// [`ErrorKind::Evidence`] when a file changed since it was judged; [`ErrorKind::Internal`] when the system refuses. In each case what was
/// there is there still.
pub fn write_as(bag: &Bag<'_>, to: &Path, mode: Mode) -> Result<(), Error> {
    let place = Place::of(to)?;
    if mode.archive {
        archive::check(&place.name, bag.files().iter().map(|(path, file)| (path.as_str(), file.len())))?;
    }
    fs::create_dir_all(&place.parent).map_err(|e| cannot("make", &place.parent, &e))?;
    let held = lock(&place.parent)?;
    if held.is_some() {
        place.clear_stale()?;
    }
    place.check_free(mode)?;
    let made = place.build(bag, mode).and_then(|()| place.swap(mode));
    if made.is_err() {
        let _ = fs::remove_dir_all(place.folder(PARTIAL));
        let _ = fs::remove_file(place.archive(PARTIAL));
    }
    made
}

/// The word in the name of what is being built, or waits to be removed.
pub(super) const PARTIAL: &str = "partial";
/// The word in the name of what was moved aside, and comes back when the new package does not get its place.
const REPLACED: &str = "replaced";

/// Whether a folder looks like a release package.
#[must_use]
pub fn is_package(folder: &Path) -> bool {
    [BAGIT, TAGMANIFEST].iter().all(|name| fs::symlink_metadata(folder.join(name)).is_ok_and(|m| m.is_file()))
}

/// Where a package goes, and the names beside it that are used on the way.
pub(super) struct Place {
    pub(super) parent: PathBuf,
    name: String,
}

pub(super) fn cannot(what: &str, path: &Path, error: &io::Error) -> Error {
    Error::plain(ErrorKind::Internal, format!("cannot {what} `{}`: {error}", path.display()))
}

fn rename(what: &str, from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(|e| cannot(what, from, &e))
}

/// Whether anything is at a path, be it a dangling link.
fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

impl Place {
    pub(super) fn of(to: &Path) -> Result<Self, Error> {
        let name = to.file_name().and_then(|n| n.to_str());
        let name = name.ok_or_else(|| Error::plain(ErrorKind::Usage, format!("`{}` does not name a folder", to.display())))?;
        let parent = to.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(Self { parent: parent.to_path_buf(), name: name.to_string() })
    }

    fn target(&self) -> PathBuf {
        self.parent.join(&self.name)
    }

    fn target_archive(&self) -> PathBuf {
        self.parent.join(format!("{}.tar", self.name))
    }

    /// A name beside the package folder.
    pub(super) fn folder(&self, word: &str) -> PathBuf {
        self.parent.join(format!(".{}.quorate-{word}-{}", self.name, std::process::id()))
    }

    /// A name beside the archive.
    fn archive(&self, word: &str) -> PathBuf {
        self.parent.join(format!(".{}.tar.quorate-{word}-{}", self.name, std::process::id()))
    }

    /// What writers that were killed left under such a name: folders, or files for the archive.
    fn stale(&self, word: &str, folders: bool) -> Result<Vec<PathBuf>, Error> {
        self.left(&format!(".{}{}.quorate-{word}-", self.name, if folders { "" } else { ".tar" }), folders)
    }

    /// What lies under such a name with the number of a process after it.
    fn left(&self, prefix: &str, folders: bool) -> Result<Vec<PathBuf>, Error> {
        let entries = fs::read_dir(&self.parent).map_err(|e| cannot("list", &self.parent, &e))?;
        let kind = |e: &fs::DirEntry| e.file_type().is_ok_and(|t| if folders { t.is_dir() } else { t.is_file() });
        let ours = entries.flatten().filter(kind).filter(|e| {
            let name = e.file_name();
            let number = name.to_str().and_then(|n| n.strip_prefix(prefix));
            number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        });
        let mut paths: Vec<PathBuf> = ours.map(|e| e.path()).collect();
        paths.sort();
        Ok(paths)
    }

    /// Removes single files that were being written under this name when their writer was killed. Only called under the lock.
    pub(super) fn clear_files(&self) -> Result<(), Error> {
        let left = self.left(&format!(".{}.quorate-{PARTIAL}-", self.name), false)?;
        left.iter().try_for_each(|path| fs::remove_file(path).map_err(|e| cannot("remove", path, &e)))
    }

    /// Removes what a writer that was killed left behind; brings a package and its archive back that it had moved aside. Only called under
    /// the lock. A replaced folder beside a package means that the new one stands, and that what is left of the old one goes.
    pub(super) fn clear_stale(&self) -> Result<(), Error> {
        let file = |path: &Path| fs::remove_file(path).map_err(|e| cannot("remove", path, &e));
        let mut stands = false;
        let folders = self.stale(REPLACED, true)?;
        for path in folders.iter().filter(|_| !is_there(&self.target())).take(1) {
            rename("bring back", path, &self.target())?;
        }
        for path in folders.iter().filter(|path| is_there(path)) {
            stands = true;
            for archive in self.stale(REPLACED, false)? {
                file(&archive)?;
            }
            self.discard(path)?;
        }
        for path in self.stale(REPLACED, false)? {
            if stands || is_there(&self.target_archive()) {
                file(&path)?;
            } else {
                rename("bring back", &path, &self.target_archive())?;
            }
        }
        self.stale(PARTIAL, false)?.iter().try_for_each(|path| file(path))?;
        let gone = |path: &PathBuf| fs::remove_dir_all(path).map_err(|e| cannot("remove", path, &e));
        self.stale(PARTIAL, true)?.iter().try_for_each(gone)
    }

    /// Removes a package that was moved aside. It takes the name of a partial one first: one that is half removed must never come back.
    fn discard(&self, replaced: &Path) -> Result<(), Error> {
        let partial = self.folder(PARTIAL);
        if is_there(&partial) {
            fs::remove_dir_all(&partial).map_err(|e| cannot("remove", &partial, &e))?;
        }
        rename("remove", replaced, &partial)?;
        fs::remove_dir_all(&partial).map_err(|e| cannot("remove", &partial, &e))
    }

    /// Nothing is at the targets, or a package (or an empty folder) and its archive that may be replaced.
    fn check_free(&self, mode: Mode) -> Result<(), Error> {
        let (target, archive) = (self.target(), self.target_archive());
        let taken = |path: &Path| match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(cannot("look at", path, &error)),
            Ok(found) => Ok(Some(found)),
        };
        let refuse = |path: &Path, why: &str, help: &str| {
            let fault = Fault::new(format!("`{}` {why}", path.display()));
            Err(Error::one(ErrorKind::Usage, fault.help(help)))
        };
        // The archive of another run is never left beside the folder of this one.
        let (folder, file) = (taken(&target)?, taken(&archive)?);
        let file = file.filter(|_| mode.archive || archive::is_ours(&archive, &self.name));
        let occupied = if folder.is_some() { &target } else { &archive };
        if !mode.force && (folder.is_some() || file.is_some()) {
            return refuse(occupied, "is there already", "name another folder, or use --force to replace it");
        }
        let empty = || fs::read_dir(&target).is_ok_and(|mut entries| entries.next().is_none());
        if folder.is_some_and(|f| !f.is_dir() || !(is_package(&target) || empty())) {
            return refuse(
                &target,
                "is not a release package, so it is not replaced",
                "name another folder, or remove it yourself",
            );
        }
        if file.is_some_and(|f| !f.is_file() || !archive::is_ours(&archive, &self.name)) {
            let why = "is not the archive of a release package, so it is not replaced";
            return refuse(&archive, why, "name another folder, or remove it yourself");
        }
        Ok(())
    }

    /// Builds the package, and its archive, beside their places and brings them to the disk.
    fn build(&self, bag: &Bag<'_>, mode: Mode) -> Result<(), Error> {
        let partial = self.folder(PARTIAL);
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
        folders.iter().rev().try_for_each(|folder| sync(folder))?;
        if mode.archive { self.pack(&partial) } else { Ok(()) }
    }

    /// Writes a built package as an archive: whatever is in the folder.
    fn pack(&self, built: &Path) -> Result<(), Error> {
        let mut damages = Damages::default();
        let list = walk::walk(built, &Limits::default(), &mut damages);
        let Some(list) = list.filter(|_| damages.0.is_empty()) else { return Err(damages.error()) };
        let path = self.archive(PARTIAL);
        let wrong = |e: io::Error| cannot("write", &path, &e);
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(wrong)?;
        archive::pack(&Folder::new(built), &list, &self.name, &mut file).and_then(|()| file.sync_all()).map_err(wrong)
    }

    /// Puts what was built into its place, the folder before the archive. With `force`, what is there is moved aside first, the archive
    /// before the folder, and restored if that fails; without, the system itself refuses to rename over a folder that holds anything.
    /// At no instant do an old and a new one stand side by side.
    fn swap(&self, mode: Mode) -> Result<(), Error> {
        let (target, archive) = (self.target(), self.target_archive());
        let (old, old_archive) = (self.folder(REPLACED), self.archive(REPLACED));
        let moved = mode.force && is_there(&target);
        let moved_archive = mode.force && archive::is_ours(&archive, &self.name);
        if moved_archive && moved {
            rename("move aside", &archive, &old_archive)?;
        } else if moved_archive {
            fs::remove_file(&archive).map_err(|e| cannot("remove", &archive, &e))?;
        }
        let aside = if moved { rename("move aside", &target, &old) } else { Ok(()) };
        if let Err(error) = aside.and_then(|()| rename("put into place", &self.folder(PARTIAL), &target)) {
            if is_there(&old) {
                rename("bring back", &old, &target)?;
            }
            if is_there(&old_archive) {
                rename("bring back", &old_archive, &archive)?;
            }
            return Err(error);
        }
        if mode.archive {
            rename("put into place", &self.archive(PARTIAL), &archive)?;
        }
        sync(&self.parent)?;
        // The new package stands; what cannot be removed now is removed by the next run.
        let _ = fs::remove_file(&old_archive);
        if moved {
            let _ = self.discard(&old);
        }
        Ok(())
    }
}

/// Writes one file and brings it to the disk.
pub(super) fn put(payload: &Payload<'_>, to: &Path) -> Result<(), Error> {
    let wrong = |e: io::Error| cannot("write", to, &e);
    let mut file = OpenOptions::new().write(true).create_new(true).open(to).map_err(wrong)?;
    match payload {
        Payload::Bytes(bytes) => file.write_all(bytes).map_err(wrong)?,
        Payload::File { files, path, sha256, bytes } => copy_verified(*files, path, sha256, *bytes, &mut file)?,
    }
    file.sync_all().map_err(wrong)
}

/// Brings the names in a folder to the disk.
pub(super) fn sync(folder: &Path) -> Result<(), Error> {
    #[cfg(unix)]
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| cannot("bring to disk", folder, &e))?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// Waits until no other writer is in the folder. `None` where the system has no such locks: nothing is cleared then.
pub(super) fn lock(folder: &Path) -> Result<Option<File>, Error> {
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
