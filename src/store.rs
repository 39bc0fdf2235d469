//! The store: opens files below a folder without being led astray.
//!
//! In: a folder and clean relative paths. Out: readers and texts, or what is wrong with a file. A symbolic link below the folder, a
//! pipe, a device, a file that is too long, and a file that changes while it is read are all refused. Refuses to know what is in a file.

use crate::error::{Error, ErrorKind, Fault, Place, RecordPlace};
use crate::evidence::read::Files;
use crate::words::hex;
use sha2::{Digest, Sha256};
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// The longest file that is opened, in bytes.
pub const MAX_FILE: u64 = 1 << 36;

/// The longest contract or matrix, in bytes.
pub const MAX_TEXT: u64 = 4 << 20;

/// SHA-256 of some bytes, in lower-case hex.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// A folder whose files are read by their clean relative paths. The folder itself may be a symbolic link; nothing below it may.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The folder at `root`, which need not be there.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The whole text of a file of at most [`MAX_TEXT`] bytes.
    ///
    /// # Errors
    /// An error of kind `kind` when the file is not there, cannot be read, is too long, or is not UTF-8 (with line and byte).
    pub fn text(&self, path: &str, kind: ErrorKind) -> Result<String, Error> {
        text(self, path, kind)
    }

    /// The whole file, if there is one, when it has at most `cap` bytes.
    ///
    /// # Errors
    /// As [`Files::open`], and when the file is longer.
    pub fn bytes(&self, path: &str, cap: u64) -> io::Result<Option<Vec<u8>>> {
        bytes(self, path, cap)
    }

    /// The folder at a clean relative path below this one, if that is what it is; links are not followed.
    #[must_use]
    pub fn below(&self, path: &str) -> Self {
        let clean = path.is_empty() || plain(path);
        Self { root: if clean { self.root.join(path) } else { self.root.join("\0") } }
    }

    /// The names of what lies directly in the folder, sorted; none when there is no folder. Names that are not UTF-8 are left out.
    ///
    /// # Errors
    /// What the system said.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(&self.root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let names = entries.map(|e| e.map(|e| e.file_name().into_string().ok())).collect::<io::Result<Vec<_>>>()?;
        let mut names: Vec<String> = names.into_iter().flatten().collect();
        names.sort();
        Ok(names)
    }

    /// What lies at a path: `None` when nothing does. Every component is looked at itself, never through a link.
    fn look(&self, path: &str) -> io::Result<Option<Metadata>> {
        if !plain(path) {
            return Err(io::Error::other("the path is not a plain relative path"));
        }
        let mut at = self.root.clone();
        let last = path.split('/').count() - 1;
        for (i, part) in path.split('/').enumerate() {
            at.push(part);
            let found = match fs::symlink_metadata(&at) {
                Ok(found) => found,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            };
            let shown = path.split('/').take(i + 1).collect::<Vec<_>>().join("/");
            if found.is_symlink() {
                return Err(io::Error::other(format!("`{shown}` is a symbolic link")));
            }
            if i == last {
                return if found.is_file() {
                    Ok(Some(found))
                } else {
                    Err(io::Error::other(format!("`{shown}` is {}, not a regular file", what(&found))))
                };
            }
            if !found.is_dir() {
                return Err(io::Error::other(format!("`{shown}` is {}, not a folder", what(&found))));
            }
        }
        Ok(None)
    }
}

impl Files for Folder {
    fn open(&self, path: &str) -> io::Result<Option<Box<dyn Read + Send>>> {
        let Some(seen) = self.look(path)? else { return Ok(None) };
        if seen.len() > MAX_FILE {
            return Err(io::Error::other(format!("it is longer than {MAX_FILE} bytes")));
        }
        let file = File::open(self.root.join(path))?;
        let held = file.metadata()?;
        let again = self.look(path)?;
        if !same(&seen, &held) || !again.is_some_and(|a| same(&a, &held)) {
            return Err(io::Error::other("it was replaced while it was opened"));
        }
        Ok(Some(Box::new(Steady { file, seen: held, read: 0 })))
    }
}

/// The whole text of a file of at most [`MAX_TEXT`] bytes.
///
/// # Errors
/// An error of kind `kind` when the file is not there, cannot be read, is too long, or is not UTF-8 (with line and byte).
pub fn text(files: &dyn Files, path: &str, kind: ErrorKind) -> Result<String, Error> {
    let found = bytes(files, path, MAX_TEXT).map_err(|e| Error::plain(kind, format!("cannot read `{path}`: {e}")))?;
    let found = found.ok_or_else(|| Error::plain(kind, format!("there is no file `{path}`")))?;
    // Errors show the lines of a text. Of a key that was named by mistake, none may be seen.
    if memchr::memmem::find(&found, b"PRIVATE KEY-----").is_some() {
        return Err(Error::plain(kind, format!("`{path}` is a private key, not a text that is asked for here")));
    }
    String::from_utf8(found).map_err(|e| Error::one(kind, not_utf8(path, e.as_bytes(), e.utf8_error().valid_up_to())))
}

/// The whole file, if there is one, when it has at most `cap` bytes.
///
/// # Errors
/// What the opener said, and when the file is longer.
pub fn bytes(files: &dyn Files, path: &str, cap: u64) -> io::Result<Option<Vec<u8>>> {
    let Some(reader) = files.open(path)? else { return Ok(None) };
    let mut bytes = Vec::new();
    reader.take(cap.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > cap {
        return Err(io::Error::other(format!("it is longer than {cap} bytes")));
    }
    Ok(Some(bytes))
}

/// One file that is read in parts and must stay as it was when it was first looked at.
#[derive(Debug, Clone)]
pub(crate) struct Pinned {
    path: PathBuf,
    seen: Metadata,
}

impl Pinned {
    /// The regular file at a path, which may be reached through a link.
    ///
    /// # Errors
    /// What the system said, or that it is no regular file.
    pub fn at(path: &Path) -> io::Result<Self> {
        let seen = fs::metadata(path)?;
        if seen.is_file() {
            return Ok(Self { path: path.to_path_buf(), seen });
        }
        Err(io::Error::other(format!("it is {}", what(&seen))))
    }

    /// Its length in bytes.
    pub fn len(&self) -> u64 {
        self.seen.len()
    }

    /// Some bytes from a place in it.
    ///
    /// # Errors
    /// What the system said, or that the file is another one now.
    pub fn part(&self, at: u64, bytes: u64) -> io::Result<impl Read + Send + use<>> {
        let mut file = File::open(&self.path)?;
        if !same(&self.seen, &file.metadata()?) {
            return Err(io::Error::other("it was replaced while it was read"));
        }
        file.seek(io::SeekFrom::Start(at))?;
        Ok(Part { file, seen: self.seen.clone(), left: bytes })
    }
}

/// A part of a file that must stay as it was until its last byte is read.
struct Part {
    file: File,
    seen: Metadata,
    left: u64,
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let n = self.file.read(&mut buffer[..wanted])?;
        self.left -= n as u64;
        let ended = n == 0 && !buffer.is_empty();
        if ended && (self.left > 0 || !same(&self.seen, &self.file.metadata()?)) {
            return Err(io::Error::other("it changed while it was read"));
        }
        Ok(n)
    }
}

/// A path of named parts only. (How long it may be, and which characters it may hold, is for matrices and packages to say.)
fn plain(path: &str) -> bool {
    !path.contains(['\\', '\0']) && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// Whether two looks saw the same file in the same state.
fn same(a: &Metadata, b: &Metadata) -> bool {
    #[cfg(unix)]
    let identity = {
        use std::os::unix::fs::MetadataExt;
        (a.dev(), a.ino()) == (b.dev(), b.ino())
    };
    #[cfg(not(unix))]
    let identity = true;
    identity && b.is_file() && a.len() == b.len() && a.modified().ok() == b.modified().ok()
}

/// What a thing in a folder is, in words.
pub(crate) fn what(found: &Metadata) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let kind = found.file_type();
        if kind.is_fifo() {
            return "a pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
        if kind.is_block_device() || kind.is_char_device() {
            return "a device";
        }
    }
    if found.is_symlink() {
        "a symbolic link"
    } else if found.is_dir() {
        "a folder"
    } else if found.is_file() {
        "a file"
    } else {
        "something else"
    }
}

/// A file that must stay as it was when it was opened, until its last byte is read.
struct Steady {
    file: File,
    seen: Metadata,
    read: u64,
}

impl Read for Steady {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buffer)?;
        self.read += n as u64;
        let ended = n == 0 && !buffer.is_empty();
        if self.read > self.seen.len() || (ended && (self.read < self.seen.len() || !same(&self.seen, &self.file.metadata()?))) {
            return Err(io::Error::other("it changed while it was read"));
        }
        Ok(n)
    }
}

/// Copies a file that was judged before, as a stream, and checks that it still has the digest and length it was judged by.
///
/// # Errors
/// [`ErrorKind::Evidence`] when the file is gone, cannot be read or has changed; [`ErrorKind::Internal`] when `out` cannot be written.
pub fn copy_verified(files: &dyn Files, path: &str, sha256: &str, bytes: u64, out: &mut dyn Write) -> Result<(), Error> {
    let bad = |why: String| {
        let fault = Fault::new(format!("evidence `{path}` {why}"));
        Error::one(ErrorKind::Evidence, fault.help("stop what writes to the evidence folder, then run again"))
    };
    let opened = files.open(path).map_err(|e| bad(format!("cannot be read again: {e}")))?;
    let mut reader = opened.ok_or_else(|| bad("is gone since it was judged".into()))?;
    let (mut hash, mut copied, mut buffer) = (Sha256::new(), 0u64, vec![0u8; 1 << 16]);
    loop {
        let n = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(bad(format!("cannot be read again: {error}"))),
        };
        copied += n as u64;
        if copied > bytes {
            return Err(bad(format!("changed since it was judged: it had {bytes} bytes and now has more")));
        }
        hash.update(&buffer[..n]);
        out.write_all(&buffer[..n])
            .map_err(|e| Error::plain(ErrorKind::Internal, format!("cannot write the copy of `{path}`: {e}")))?;
    }
    let now = hex(&hash.finalize());
    if copied != bytes || now != sha256 {
        return Err(bad(format!("changed since it was judged: it was sha256 {sha256} and is now {now}")));
    }
    Ok(())
}

/// SHA-256 and length of a file, read as a stream; `None` when there is none.
///
/// # Errors
/// What the system or the opener said.
pub fn digest(files: &dyn Files, path: &str) -> io::Result<Option<(String, u64)>> {
    let Some(mut reader) = files.open(path)? else { return Ok(None) };
    let mut hash = Sha256::new();
    let bytes = io::copy(&mut reader, &mut hash)?;
    Ok(Some((hex(&hash.finalize()), bytes)))
}

/// Points at the first byte that is not UTF-8.
fn not_utf8(path: &str, bytes: &[u8], at: usize) -> Fault {
    let start = bytes[..at].iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
    let line = 1 + bytes[..at].iter().filter(|&&b| b == b'\n').count() as u64;
    let shown = start.max(at.saturating_sub(80));
    let end = bytes.len().min(at + 1);
    let place = RecordPlace {
        path: path.to_string(),
        line,
        byte: (at - start) as u64 + 1,
        excerpt: String::from_utf8_lossy(&bytes[shown..end]).into_owned(),
    };
    let message = format!("`{path}` is not UTF-8: byte 0x{:02x} at line {line}, byte {}", bytes[at], place.byte);
    Fault { message, places: vec![(Place::Record(place), String::new())], help: None }
}

/// The folder and the file name of a path that a user gave.
#[must_use]
pub fn split(path: &Path) -> Option<(Folder, &str)> {
    let name = path.file_name()?.to_str()?;
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Some((Folder::new(parent), name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn scratch() -> PathBuf {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("quorate-store-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(path.join("sub")).unwrap();
        fs::write(path.join("sub/a.jsonl"), b"one\ntwo\n").unwrap();
        path
    }

    fn why(folder: &Folder, path: &str) -> String {
        match folder.open(path) {
            Ok(Some(_)) => "opened".into(),
            Ok(None) => "absent".into(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn opens_plain_files_only() {
        let root = scratch();
        let folder = Folder::new(&root);
        assert_eq!(why(&folder, "sub/a.jsonl"), "opened");
        assert_eq!(why(&folder, "sub/b.jsonl"), "absent");
        assert_eq!(why(&folder, "no/such"), "absent");
        for path in ["../x", "/etc/passwd", "sub/../sub/a.jsonl", "sub//a.jsonl", "", "sub\\a"] {
            assert!(why(&folder, path).contains("plain relative path"), "{path}");
        }
        assert!(why(&folder, "sub").contains("a folder, not a regular file"));
        assert!(why(&folder, "sub/a.jsonl/x").contains("a file, not a folder"));
        fs::remove_dir_all(root).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn refuses_links_and_devices() {
        use std::os::unix::fs::symlink;
        let root = scratch();
        symlink("a.jsonl", root.join("sub/link")).unwrap();
        symlink("nowhere", root.join("dangling")).unwrap();
        symlink("sub", root.join("linked")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(root.join("s")).unwrap();
        let folder = Folder::new(&root);
        assert_eq!(why(&folder, "sub/link"), "`sub/link` is a symbolic link");
        assert_eq!(why(&folder, "dangling"), "`dangling` is a symbolic link");
        assert_eq!(why(&folder, "linked/a.jsonl"), "`linked` is a symbolic link");
        assert!(why(&folder, "s").contains("a socket"));
        let through = root.join("root-link");
        symlink(&root, &through).unwrap();
        assert_eq!(why(&Folder::new(&through), "sub/a.jsonl"), "opened");
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_file_that_changes_is_refused() {
        let root = scratch();
        let folder = Folder::new(&root);
        let mut longer = folder.open("sub/a.jsonl").unwrap().unwrap();
        fs::write(root.join("sub/a.jsonl"), b"one\ntwo\nthree\n").unwrap();
        assert!(longer.read_to_end(&mut Vec::new()).unwrap_err().to_string().contains("changed"));
        let mut shorter = folder.open("sub/a.jsonl").unwrap().unwrap();
        fs::write(root.join("sub/a.jsonl"), b"one\n").unwrap();
        assert!(shorter.read_to_end(&mut Vec::new()).unwrap_err().to_string().contains("changed"));
        let mut same = Vec::new();
        let error = copy_verified(&folder, "sub/a.jsonl", &sha256(b"two\n"), 4, &mut same).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Evidence);
        assert!(error.to_string().contains("`sub/a.jsonl` changed since it was judged"), "{error}");
        same.clear();
        copy_verified(&folder, "sub/a.jsonl", &sha256(b"one\n"), 4, &mut same).unwrap();
        assert_eq!(same, b"one\n");
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn texts_are_utf8_and_short() {
        let root = scratch();
        let folder = Folder::new(&root);
        fs::write(root.join("bad.toml"), b"a = 1\nb = \"\xff\"\n").unwrap();
        let error = folder.text("bad.toml", ErrorKind::Contract).unwrap_err();
        assert_eq!(error.to_string(), "`bad.toml` is not UTF-8: byte 0xff at line 2, byte 6");
        assert!(error.render(&crate::source::Sources::default(), false).contains("bad.toml:2:6"));
        fs::write(root.join("long.toml"), vec![b'#'; MAX_TEXT as usize + 1]).unwrap();
        assert!(folder.text("long.toml", ErrorKind::Contract).unwrap_err().to_string().contains("longer than 4194304 bytes"));
        assert!(folder.text("none.toml", ErrorKind::Contract).unwrap_err().to_string().contains("no file `none.toml`"));
        assert_eq!(folder.text("sub/a.jsonl", ErrorKind::Contract).unwrap(), "one\ntwo\n");
        let given = root.join("sub/a.jsonl");
        let (parent, name) = split(&given).unwrap();
        assert_eq!((parent.text(name, ErrorKind::Contract).unwrap().len(), name), (8, "a.jsonl"));
        assert!(split(Path::new("matrix.toml")).is_some_and(|(folder, _)| folder.root == Path::new(".")));
        fs::remove_dir_all(root).unwrap();
    }
}
