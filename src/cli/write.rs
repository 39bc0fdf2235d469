//! Files that a user asks for by name: written whole or not at all.
//!
//! In: a path and bytes. Out: a file with these bytes. A regular file is replaced by a fresh one that was written beside it, also at the end of a
//! symbolic link; what is a device or a pipe is written into and stays what it is. Refuses to write over what a command reads, and to know what the
//! bytes are.

use crate::error::{Error, ErrorKind, Fault};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How many names are tried for a file beside another.
const NAMES: u32 = 1000;

/// Refuses a file that is one of those that the command reads, by whatever name; `option` is how it was asked for.
///
/// # Errors
/// [`ErrorKind::Usage`], naming both.
pub(super) fn spare<P: AsRef<Path>>(file: &Path, option: &str, inputs: impl IntoIterator<Item = P>) -> Result<(), Error> {
    match inputs.into_iter().find(|input| same(file, input.as_ref())) {
        None => Ok(()),
        Some(input) => {
            let input = input.as_ref().display();
            let fault = Fault::new(format!("`{option} {}` would write over {input}, which this command reads", file.display()));
            Err(Error::one(ErrorKind::Usage, fault.help("name another file")))
        }
    }
}

/// Whether two paths lead to one thing that is there.
pub(super) fn same(one: &Path, other: &Path) -> bool {
    identity(one).is_some_and(|own| identity(other) == Some(own))
}

/// Whether a file can be written at a path at all.
///
/// # Errors
/// [`ErrorKind::Usage`] for a path that cannot be a file's, [`ErrorKind::Internal`] when the system does not let us look.
pub(super) fn fit(file: &Path) -> Result<(), Error> {
    target(file).map(drop)
}

/// Which file a path leads to; nothing when there is none.
#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

/// Which file a path leads to; nothing when there is none.
#[cfg(not(unix))]
fn identity(path: &Path) -> Option<PathBuf> {
    fs::canonicalize(path).ok()
}

/// Writes a file whole.
///
/// # Errors
/// [`ErrorKind::Usage`] for a path that cannot be a file's, [`ErrorKind::Internal`] when the system refuses.
pub(super) fn whole(file: &Path, bytes: &[u8]) -> Result<(), Error> {
    let done = match target(file)? {
        Target::Stream => OpenOptions::new().write(true).open(file).and_then(|mut open| open.write_all(bytes)),
        Target::Place(place) => replace(&place, bytes),
    };
    done.map_err(|e| cannot(file, &e))
}

fn cannot(file: &Path, error: &io::Error) -> Error {
    Error::plain(ErrorKind::Internal, format!("cannot write `{}`: {error}", file.display()))
}

/// What is written to.
enum Target {
    /// A device or a pipe: its name is not touched.
    Stream,
    /// Where a regular file is, or will be.
    Place(PathBuf),
}

fn target(file: &Path) -> Result<Target, Error> {
    let shown = file.display();
    let usage = |message: String, help: &str| Error::one(ErrorKind::Usage, Fault::new(message).help(help));
    if file.file_name().is_none() {
        return Err(usage(format!("`{shown}` does not name a file"), "end the path with the name of a file"));
    }
    let found = match fs::symlink_metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Target::Place(file.to_path_buf())),
        found => found.map_err(|e| cannot(file, &e))?,
    };
    let linked = found.is_symlink();
    let found = match fs::metadata(file) {
        Err(error) if linked && error.kind() == io::ErrorKind::NotFound => {
            return Err(usage(format!("`{shown}` is a symbolic link to nothing"), "name the file itself, or remove the link"));
        }
        found => found.map_err(|e| cannot(file, &e))?,
    };
    if found.is_dir() {
        Err(usage(format!("`{shown}` is a folder"), "name a file in it"))
    } else if !found.is_file() {
        Ok(Target::Stream)
    } else if linked {
        fs::canonicalize(file).map(Target::Place).map_err(|e| cannot(file, &e))
    } else {
        Ok(Target::Place(file.to_path_buf()))
    }
}

/// Writes a fresh file beside the place and renames it, so that nothing half-written ever stands there.
fn replace(place: &Path, bytes: &[u8]) -> io::Result<()> {
    let (part, mut open) = fresh(place)?;
    let mode = fs::metadata(place).map(|found| found.permissions());
    let done = open
        .write_all(bytes)
        .and_then(|()| mode.map_or(Ok(()), |mode| fs::set_permissions(&part, mode)))
        .and_then(|()| fs::rename(&part, place));
    if done.is_err() {
        let _ = fs::remove_file(&part);
    }
    done
}

/// A new file beside a place, under a name that nobody has.
fn fresh(place: &Path) -> io::Result<(PathBuf, File)> {
    for n in 0..NAMES {
        let part = place.with_file_name(format!(".quorate-{}-{n}.part", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).open(&part) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => return opened.map(|open| (part, open)),
        }
    }
    Err(io::Error::other("there are too many unfinished files beside it"))
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{FileTypeExt, symlink};

    fn scratch(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("quorate-write-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(dir.join("sub")).unwrap();
        dir
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is_touched() {
        let dir = scratch("plain");
        let file = dir.join("a.html");
        fs::write(dir.join("a.html.part"), "another's").unwrap();
        whole(&file, b"one").unwrap();
        whole(&file, b"two").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert_eq!(fs::read(dir.join("a.html.part")).unwrap(), b"another's");
        assert_eq!(names(&dir), ["a.html", "a.html.part", "sub"]);
        assert_eq!(whole(&dir.join("sub"), b"x").unwrap_err().kind, ErrorKind::Usage);
        assert_eq!(whole(&dir.join("no/such"), b"x").unwrap_err().kind, ErrorKind::Internal);
        assert_eq!(whole(&dir.join("new/"), b"x").unwrap_err().kind, ErrorKind::Internal);
        assert_eq!(names(&dir), ["a.html", "a.html.part", "sub"]);
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_link_is_followed_and_a_socket_stays_one() {
        let dir = scratch("links");
        fs::write(dir.join("sub/real"), "old").unwrap();
        symlink("sub/real", dir.join("link")).unwrap();
        symlink("nowhere", dir.join("dangling")).unwrap();
        whole(&dir.join("link"), b"new").unwrap();
        assert!(fs::symlink_metadata(dir.join("link")).unwrap().is_symlink());
        assert_eq!(fs::read(dir.join("sub/real")).unwrap(), b"new");
        assert_eq!(names(&dir.join("sub")), ["real"]);
        assert!(whole(&dir.join("dangling"), b"x").unwrap_err().to_string().contains("a symbolic link to nothing"));
        let _socket = std::os::unix::net::UnixListener::bind(dir.join("s")).unwrap();
        assert_eq!(whole(&dir.join("s"), b"x").unwrap_err().kind, ErrorKind::Internal);
        assert!(fs::symlink_metadata(dir.join("s")).unwrap().file_type().is_socket());
        assert_eq!(names(&dir), ["dangling", "link", "s", "sub"]);
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn what_is_read_is_spared_by_any_name() {
        let dir = scratch("spared");
        let input = dir.join("in");
        fs::write(&input, "x").unwrap();
        fs::hard_link(&input, dir.join("hard")).unwrap();
        symlink("in", dir.join("soft")).unwrap();
        for name in ["in", "hard", "soft", "sub/../in"] {
            assert_eq!(spare(&dir.join(name), "--html", [&input]).unwrap_err().kind, ErrorKind::Usage, "{name}");
        }
        spare(&dir.join("other"), "--html", [&input]).unwrap();
        fs::write(dir.join("other"), "x").unwrap();
        spare(&dir.join("other"), "--html", [&input, &dir.join("gone")]).unwrap();
        fs::remove_dir_all(dir).unwrap();
    }
}
