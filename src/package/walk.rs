//! Walks a package folder as a closed world.
//!
//! In: a folder. Out: its regular files with their lengths, and everything else that lies in it as damage. Follows no link and opens no
//! file. Refuses to know manifests.

use super::Limits;
use super::harm::{Damages, Harm};
use super::path::flaw;
use crate::store::what;
use std::collections::BTreeMap;
use std::fs::{self, DirEntry};
use std::path::Path;

/// The regular files below `root` by their path, with their lengths; `None` when there are too many to go on.
pub(super) fn walk(root: &Path, limits: &Limits, damages: &mut Damages) -> Option<BTreeMap<String, u64>> {
    let (mut files, mut bytes, mut count) = (BTreeMap::new(), 0u64, 0u64);
    let mut folders = vec![(String::new(), 0usize)];
    while let Some((folder, depth)) = folders.pop() {
        let entries = match list(&root.join(&folder), limits.files - count) {
            Ok(entries) => entries,
            Err(error) => {
                damages.add(Harm::Unreadable, &folder, error.to_string());
                continue;
            }
        };
        let Some(entries) = entries else {
            damages.add(Harm::TooLarge, &folder, format!("there are more than {} files and folders", limits.files));
            return None;
        };
        if entries.is_empty() {
            damages.add(Harm::EmptyFolder, &folder, "nothing is in it");
        }
        count += entries.len() as u64;
        for entry in entries {
            let Some((path, length)) = look(&folder, &entry, damages) else { continue };
            match length {
                Some(length) => {
                    bytes = bytes.saturating_add(length);
                    files.insert(path, length);
                }
                None if depth + 1 >= limits.depth => {
                    damages.add(Harm::TooLarge, &path, format!("folders are nested deeper than {}", limits.depth));
                }
                None => folders.push((path, depth + 1)),
            }
        }
    }
    if bytes > limits.bytes {
        damages.add(Harm::TooLarge, "", format!("there are more than {} bytes", limits.bytes));
        return None;
    }
    Some(files)
}

/// What lies in a folder; `None` when it is more than `cap` things.
fn list(folder: &Path, cap: u64) -> std::io::Result<Option<Vec<DirEntry>>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        if entries.len() as u64 >= cap {
            return Ok(None);
        }
        entries.push(entry?);
    }
    Ok(Some(entries))
}

/// The path of a thing, with its length if it is a file; `None` when it is damage, which is noted.
fn look(folder: &str, entry: &DirEntry, damages: &mut Damages) -> Option<(String, Option<u64>)> {
    let join = |name: &str| if folder.is_empty() { name.to_string() } else { format!("{folder}/{name}") };
    let Ok(name) = entry.file_name().into_string() else {
        damages.add(Harm::BadPath, &join(&entry.file_name().to_string_lossy()), "the name is not UTF-8");
        return None;
    };
    let path = join(&name);
    let found = match entry.metadata() {
        Ok(found) => found,
        Err(error) => {
            damages.add(Harm::Unreadable, &path, error.to_string());
            return None;
        }
    };
    if let Some(why) = flaw(&path) {
        damages.add(Harm::BadPath, &path, why);
        return None;
    }
    if found.is_symlink() {
        damages.add(Harm::Symlink, &path, "it is a symbolic link");
        None
    } else if found.is_dir() {
        Some((path, None))
    } else if found.is_file() {
        Some((path, Some(found.len())))
    } else {
        damages.add(Harm::NotRegular, &path, format!("it is {}", what(&found)));
        None
    }
}
