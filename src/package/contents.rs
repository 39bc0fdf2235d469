//! A package as files by path, in a folder or in an archive.
//!
//! In: a path. Out: what lies there, listed as a closed world, and a way to open it. Refuses to know what the files say.

use super::archive::Archive;
use super::harm::{Damages, Harm};
use super::{Limits, walk};
use crate::evidence::read::Files;
use crate::store::Folder;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Where the files of a package are.
#[derive(Debug, Clone)]
pub struct Contents(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Folder(PathBuf, Folder),
    Archive(Archive),
}

impl Contents {
    /// What lies at a path: a folder, or an archive when it is a file.
    pub(super) fn at(path: &Path, damages: &mut Damages) -> Option<Self> {
        if path.is_dir() {
            return Some(Self(Kind::Folder(path.to_path_buf(), Folder::new(path))));
        }
        if !path.exists() {
            damages.add(Harm::NoPackage, "", "there is neither a package folder nor an archive there");
            return None;
        }
        match Archive::at(path) {
            Ok(archive) => Some(Self(Kind::Archive(archive))),
            Err(error) => {
                damages.add(Harm::NoPackage, "", format!("it is no package folder, and no archive: {error}"));
                None
            }
        }
    }

    /// All files with their lengths, everything else as damage; `None` when they cannot be listed to the end.
    pub(super) fn list(&mut self, limits: &Limits, damages: &mut Damages) -> Option<BTreeMap<String, u64>> {
        match &mut self.0 {
            Kind::Folder(root, _) => walk::walk(root, limits, damages),
            Kind::Archive(archive) => archive.list(limits, damages),
        }
    }

    /// The files below a folder of the package, such as `data/evidence`.
    #[must_use]
    pub fn below<'c>(&'c self, folder: &str) -> Below<'c> {
        Below { contents: self, prefix: format!("{folder}/") }
    }
}

impl Files for Contents {
    fn open(&self, path: &str) -> io::Result<Option<Box<dyn Read + Send>>> {
        match &self.0 {
            Kind::Folder(_, folder) => folder.open(path),
            Kind::Archive(archive) => archive.open(path),
        }
    }
}

/// The files below one folder of a package.
#[derive(Debug, Clone)]
pub struct Below<'c> {
    contents: &'c Contents,
    prefix: String,
}

impl Files for Below<'_> {
    fn open(&self, path: &str) -> io::Result<Option<Box<dyn Read + Send>>> {
        self.contents.open(&format!("{}{path}", self.prefix))
    }
}
