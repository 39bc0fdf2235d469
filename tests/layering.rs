//! Rooms import only rooms below them. Fails when a file under `src/` names a room above its own or one that is not in the plan.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms from the lowest up. Rooms on one line do not import each other.
const LAYERS: &[&[&str]] = &[
    &["words", "source"],
    &["exact", "error"],
    &["verdict"],
    &["contract"],
    &["evidence"],
    &["figure"],
    &["judge"],
    &["gate"],
    &["check", "challenge"],
    &["dossier"],
    &["store"],
    &["report", "package"],
    &["release"],
    &["cli"],
];

fn rank(room: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&room))
}

fn rust_files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("src").flatten() {
        let path = entry.path();
        if path.is_dir() {
            rust_files(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

/// The rooms that a text names as `crate::room`, also inside `crate::{a, b::c}`, outside of comments.
fn rooms_named(text: &str) -> Vec<String> {
    let code: String = text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut rooms = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let word = |s: &str| s.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut start = true;
            for (i, c) in group.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => start = true,
                    c if start && c.is_alphabetic() => {
                        rooms.push(word(&group[i..]));
                        start = false;
                    }
                    _ => {}
                }
            }
        } else {
            rooms.push(word(rest));
        }
    }
    rooms
}

#[test]
fn no_room_imports_upwards() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let relative = file.strip_prefix(&src).expect("below src");
        let first = relative.components().next().expect("a part").as_os_str().to_string_lossy().into_owned();
        let room = first.trim_end_matches(".rs").to_string();
        if room == "lib" || room == "main" {
            continue;
        }
        let Some(own) = rank(&room) else {
            wrong.push(format!("{}: room `{room}` is not in the plan", relative.display()));
            continue;
        };
        for named in rooms_named(&fs::read_to_string(&file).expect("readable")) {
            match rank(&named) {
                Some(other) if named == room || other < own => {}
                Some(_) => wrong.push(format!("{}: imports `{named}`, which does not lie below `{room}`", relative.display())),
                None => wrong.push(format!("{}: names `crate::{named}`, which is no room", relative.display())),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_test_sees_what_it_should() {
    assert_eq!(
        rooms_named("use crate::gate::Gate;\nuse crate::{cli, error::{A, B}};\n// use crate::no"),
        ["gate", "cli", "error"]
    );
    assert!(rank("cli") > rank("evidence"));
}
