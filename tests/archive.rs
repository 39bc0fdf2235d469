//! The archive of a package: the same bytes as the folder in their one form, read in place, and every hostile archive named.

#![expect(clippy::print_stderr, reason = "a test that skips a part says so")]

use quorate::error::ErrorKind;
use quorate::package::{Bag, Info, Limits, Mode, Payload, open, open_within, read_decision, write_as};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const DECISION: &str = concat!(
    r#"{"date":"2026-01-31","decision":"reject","release":{"service":"orders","version":"2.4.0"},"#,
    r#""schema":"quorate-decision/1","tool":{"name":"quorate","version":"0.1.0"}}"#
);

fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("archive").join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("scratch folder");
    dir
}

fn long() -> String {
    format!("evidence/{}/{}.jsonl", "d".repeat(120), "n".repeat(90))
}

fn payload() -> BTreeMap<String, Payload<'static>> {
    let mut files: BTreeMap<String, Payload<'static>> = [
        ("decision.json", DECISION),
        ("contract/contract.toml", "schema = \"quorate-contract/1\"\n"),
        ("report/index.html", "<p>reject</p>\n"),
        ("report/empty.css", ""),
        ("evidence/p1/a.jsonl", "{\"a\":1}\n"),
    ]
    .into_iter()
    .map(|(path, text)| (path.to_string(), Payload::Bytes(text.as_bytes().to_vec())))
    .collect();
    files.insert(long(), Payload::Bytes(vec![b'x'; 1024]));
    files
}

/// A package with its archive; gives the archive and the root.
fn packaged(dir: &Path) -> (PathBuf, String) {
    let info = Info::of(&read_decision(DECISION.as_bytes()).expect("decision"));
    let bag = Bag::new(payload(), &info).expect("bag");
    write_as(&bag, &dir.join("orders-2.4.0"), Mode { force: false, archive: true }).expect("written");
    (dir.join("orders-2.4.0.tar"), bag.root().to_string())
}

fn faults(archive: &Path) -> Vec<String> {
    match open(archive) {
        Ok(_) => Vec::new(),
        Err(error) => {
            assert_eq!(error.kind, ErrorKind::Package);
            error.faults.into_iter().map(|f| f.message).collect()
        }
    }
}

#[track_caller]
fn names(archive: &Path, wanted: &[&str]) {
    let found = faults(archive);
    for want in wanted {
        assert!(found.iter().any(|f| f.starts_with(want)), "no `{want}` in:\n{}", found.join("\n"));
    }
}

/// One entry of an archive, put together apart from the code that is tested.
#[derive(Clone)]
struct Entry {
    prefix: String,
    name: Vec<u8>,
    flag: u8,
    link: &'static str,
    mode: &'static str,
    size: String,
    data: Vec<u8>,
}

impl Entry {
    fn file(name: &str, data: &[u8]) -> Self {
        let (size, data) = (format!("{:011o}\0", data.len()), data.to_vec());
        Self { prefix: String::new(), name: name.as_bytes().to_vec(), flag: b'0', link: "", mode: "0000644\0", size, data }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut block = vec![0u8; 512];
        let fields: [(usize, &[u8]); 12] = [
            (0, &self.name),
            (100, self.mode.as_bytes()),
            (108, b"0000000\0"),
            (116, b"0000000\0"),
            (124, self.size.as_bytes()),
            (136, b"00000000000\0"),
            (148, b"        "),
            (156, &[self.flag]),
            (157, self.link.as_bytes()),
            (257, b"ustar\x0000"),
            (329, b"0000000\x000000000\0"),
            (345, self.prefix.as_bytes()),
        ];
        for (at, bytes) in fields {
            block[at..at + bytes.len()].copy_from_slice(bytes);
        }
        let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block.extend(&self.data);
        block.resize(block.len().next_multiple_of(512), 0);
        block
    }
}

/// The files of the package as entries in order.
fn entries(dir: &Path) -> Vec<Entry> {
    let root = dir.join("orders-2.4.0");
    let verified = open(&root).expect("whole");
    verified
        .files
        .keys()
        .map(|path| {
            let full = format!("orders-2.4.0/{path}");
            let data = fs::read(root.join(path)).expect("file");
            match full.len() {
                0..=100 => Entry::file(&full, &data),
                _ => {
                    let at = full[..=155].rfind('/').expect("a folder");
                    Entry { prefix: full[..at].to_string(), ..Entry::file(&full[at + 1..], &data) }
                }
            }
        })
        .collect()
}

fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut out: Vec<u8> = entries.iter().flat_map(Entry::bytes).collect();
    out.resize((out.len() + 1024).next_multiple_of(10_240), 0);
    out
}

#[test]
fn the_archive_is_the_folder_in_one_form() {
    let dir = scratch("form");
    let (archive, root) = packaged(&dir);
    let verified = open(&archive).unwrap_or_else(|e| panic!("{e}"));
    let folder = open(&dir.join("orders-2.4.0")).expect("whole");
    assert_eq!((&verified.root, &verified.files, verified.payload_bytes), (&root, &folder.files, folder.payload_bytes));
    assert_eq!(fs::read(&archive).expect("archive"), tar(&entries(&dir)), "written as the format says");
    let again = scratch("form-again");
    assert_eq!(fs::read(&archive).expect("archive"), fs::read(packaged(&again).0).expect("archive"));
    assert_eq!(fs::read_dir(&dir).expect("folder").count(), 2, "nothing is left beside them");
}

/// The command in docs/package.md; `tar` of GNU makes the same bytes and unpacks them.
#[test]
fn gnu_tar_makes_and_reads_the_same_bytes() {
    let version = Command::new("tar").arg("--version").output();
    if !version.is_ok_and(|v| String::from_utf8_lossy(&v.stdout).contains("GNU")) {
        eprintln!("skipped: there is no GNU tar");
        return;
    }
    let dir = scratch("gnu");
    let (archive, _) = packaged(&dir);
    let docs = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/package.md")).expect("docs");
    let start = docs.find("find orders-2.4.0 -type f").expect("the command is in docs/package.md");
    let command = docs[start..].split("\n```").next().expect("an end").replace("orders-2.4.0.tar", "again.tar");
    let made = Command::new("sh").arg("-c").arg(&command).current_dir(&dir).output().expect("sh");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(fs::read(dir.join("again.tar")).expect("made") == fs::read(&archive).expect("archive"), "GNU tar differs");
    fs::create_dir(dir.join("unpacked")).expect("made");
    let unpacked = Command::new("tar").args(["-xf", "../orders-2.4.0.tar"]).current_dir(dir.join("unpacked")).status();
    assert!(unpacked.expect("tar").success());
    assert_eq!(open(&dir.join("unpacked/orders-2.4.0")).expect("whole").root, open(&archive).expect("whole").root);
}

#[test]
fn hostile_archives_are_named() {
    type Tamper = fn(&mut Vec<Entry>);
    fn find<'e>(entries: &'e mut [Entry], end: &str) -> &'e mut Entry {
        entries.iter_mut().find(|e| e.name.ends_with(end.as_bytes())).expect("an entry")
    }
    fn kind(entries: &mut [Entry], flag: u8, link: &'static str) {
        let entry = find(entries, "index.html");
        *entry = Entry { flag, link, size: "00000000000\0".into(), data: Vec::new(), ..entry.clone() };
    }
    const PAGE: &str = "orders-2.4.0/data/report/index.html";
    let cases: Vec<(&str, Tamper, Vec<String>)> = vec![
        ("link", |e| kind(e, b'2', "a.jsonl"), vec![format!("symlink: {PAGE}"), "missing-file: data/report/index.html".into()]),
        ("hard link", |e| kind(e, b'1', "orders-2.4.0/bagit.txt"), vec![format!("not-regular: {PAGE}: it is a hard link")]),
        ("device", |e| kind(e, b'3', ""), vec![format!("not-regular: {PAGE}: it is a device")]),
        ("pipe", |e| kind(e, b'6', ""), vec![format!("not-regular: {PAGE}: it is a pipe")]),
        ("folder", |e| kind(e, b'5', ""), vec![format!("not-regular: {PAGE}: it is a folder")]),
        ("contiguous", |e| kind(e, b'7', ""), vec![format!("archive: {PAGE}: it is of an unknown type")]),
        ("old", |e| kind(e, 0, ""), vec![format!("archive: {PAGE}: it is of an unknown type")]),
        (
            "pax",
            |e| {
                let data = b"30 path=orders-2.4.0/data/x.txt\n";
                e.insert(0, Entry { flag: b'x', ..Entry::file("pax", data) });
            },
            vec!["archive: pax: it is a PAX extension".into()],
        ),
        ("global pax", |e| e.insert(0, Entry { flag: b'g', ..Entry::file("pax", b"11 mtime=1\n") }), vec!["archive: pax".into()]),
        (
            "gnu long name",
            |e| e.insert(0, Entry { flag: b'L', ..Entry::file("././@LongLink", b"orders-2.4.0/data/y\0") }),
            vec!["archive: ././@LongLink: it is a GNU long name".into()],
        ),
        ("sparse", |e| kind(e, b'S', ""), vec![format!("archive: {PAGE}: it is a sparse file")]),
        (
            "absolute",
            |e| e.push(Entry::file("/etc/cron.d/x", b"x")),
            vec!["bad-path: /etc/cron.d/x: it is not below one folder".into()],
        ),
        (
            "upwards",
            |e| e.push(Entry::file("orders-2.4.0/data/../../x", b"x")),
            vec!["bad-path: orders-2.4.0/data/../../x: the path holds `..`".into()],
        ),
        ("up at once", |e| e.push(Entry::file("../x", b"x")), vec!["bad-path: ../x: the path holds `..`".into()]),
        ("other top", |e| e.push(Entry::file("other/x", b"x")), vec!["bad-path: other/x: it is not below `orders-2.4.0`".into()]),
        ("no top", |e| e.push(Entry::file("x", b"x")), vec!["bad-path: x: it is not below one folder".into()]),
        (
            "not UTF-8",
            |e| e.push(Entry { name: b"orders-2.4.0/\xff".to_vec(), ..Entry::file("", b"x") }),
            vec!["bad-path: orders-2.4.0/\u{fffd}: the name is not UTF-8".into()],
        ),
        (
            "twice",
            |e| {
                let mut again = find(e, "index.html").clone();
                again.data = b"<p>accept</p>\n".to_vec();
                let at = e.iter().position(|x| x.name.ends_with(b"index.html")).expect("an entry");
                e.insert(at + 1, again);
            },
            vec!["duplicate-entry: data/report/index.html: the archive holds it again".into()],
        ),
        (
            "case",
            |e| e.push(Entry::file("orders-2.4.0/tagManifest-sha256.txt", b"x")),
            vec!["case-collision: tagmanifest-sha256.txt".into()],
        ),
        ("order", |e| e.swap(0, 1), vec!["archive: bag-info.txt: it is not in the order of bytes".into()]),
        ("mode", |e| e[0].mode = "0004755\0", vec!["archive: orders-2.4.0/bag-info.txt: its mode is not as".into()]),
        ("link name on a file", |e| e[0].link = "x", vec!["archive: orders-2.4.0/bag-info.txt: its link name is not as".into()]),
        (
            "a size that says more than there is",
            |e| e.last_mut().expect("one").size = "00077777777\0".into(),
            vec!["archive: tagmanifest-sha256.txt: its header says 16777215 bytes".into()],
        ),
        (
            "a size that hides a file",
            |e| {
                let hidden = Entry::file("orders-2.4.0/data/hidden", b"x").bytes();
                let page = find(e, "index.html");
                page.data.resize(512, 0);
                page.data.extend(hidden);
            },
            vec!["bad-path: orders-2.4.0/data/hidden".into()],
        ),
        (
            "a size of another base",
            |e| e[0].size = "\u{80}000000000\0".into(),
            vec!["archive: orders-2.4.0/bag-info.txt: its size".into()],
        ),
        (
            "spaces in the size",
            |e| e[0].size = format!("{:>11o}\0", e[0].data.len()),
            vec!["archive: orders-2.4.0/bag-info".into()],
        ),
    ];
    let dir = scratch("hostile");
    packaged(&dir);
    let target = dir.join("hostile.tar");
    for (name, tamper, wanted) in cases {
        let mut list = entries(&dir);
        tamper(&mut list);
        fs::write(&target, tar(&list)).expect("written");
        let found = faults(&target);
        assert!(!found.is_empty(), "{name}: taken for whole");
        if name == "a size that hides a file" {
            // The entry is a file like others then, and no manifest lists it.
            assert!(found.iter().any(|f| f.starts_with("extra-file: data/hidden") || f.contains("order")), "{name}: {found:?}");
            continue;
        }
        for want in wanted {
            assert!(found.iter().any(|f| f.starts_with(&want)), "{name}: no `{want}` in:\n{}", found.join("\n"));
        }
    }
}

#[test]
fn the_end_of_an_archive_counts() {
    let dir = scratch("end");
    let (archive, _) = packaged(&dir);
    let good = fs::read(&archive).expect("archive");
    let target = dir.join("cut.tar");
    let found = |bytes: &[u8]| {
        fs::write(&target, bytes).expect("written");
        faults(&target).join("\n")
    };
    assert!(found(&[&good[..], b"#!/bin/sh"].concat()).contains("archive: the archive has 20489 bytes"));
    assert!(found(&[&good[..], &[0; 10_240]].concat()).contains("with its end mark it must have"));
    let mut behind = good.clone();
    *behind.last_mut().expect("bytes") = 1;
    assert!(found(&behind).contains("there are bytes after the end mark"));
    assert!(found(&good[..good.len() - 512]).contains("with its end mark it must have"));
    let last = good.iter().rposition(|&b| b != 0).expect("bytes");
    assert!(found(&good[..(last + 1).next_multiple_of(512)]).contains("breaks off"));
    assert!(found(&good[..700]).contains("its header says"));
    assert!(found(&good[..100]).contains("breaks off"));
    assert!(found(b"").contains("breaks off"));
    assert!(found(&[0; 10_240]).contains("missing-file: tagmanifest-sha256.txt"));
    assert!(found(b"PK\x03\x04 this is no tar, and a little longer than nothing at all").contains("archive"));
}

/// No byte of an archive is free: each one, changed, is caught. Every seventh is tried (512 is no multiple of it), all of them when
/// `QUORATE_ALL` is set; the bytes of a header are all tried beside `header`.
#[test]
fn every_byte_of_an_archive_counts() {
    let dir = scratch("bytes");
    let (archive, _) = packaged(&dir);
    let good = fs::read(&archive).expect("archive");
    let target = dir.join("flipped.tar");
    let step = if std::env::var_os("QUORATE_ALL").is_some() { 1 } else { 7 };
    for at in (0..good.len()).step_by(step) {
        let mut bad = good.clone();
        bad[at] ^= 0x20;
        fs::write(&target, &bad).expect("written");
        assert!(open(&target).is_err(), "byte {at} is free");
    }
}

#[test]
fn what_manifests_and_walks_catch_is_caught_in_archives_too() {
    type Tamper = fn(&mut Vec<Entry>);
    let cases: [(Tamper, &[&str]); 5] = [
        (
            |e| e.iter_mut().find(|e| e.name.ends_with(b"index.html")).expect("one").data[3] ^= 1,
            &["digest: data/report/index.html"],
        ),
        (|e| e.retain(|e| !e.name.ends_with(b"a.jsonl")), &["missing-file: data/evidence/p1/a.jsonl", "payload-oxum"]),
        (
            |e| {
                let at = e.iter().position(|e| e.name.ends_with(b"a.jsonl")).expect("one");
                e.insert(at + 1, Entry::file("orders-2.4.0/data/extra", b"x"));
            },
            &["extra-file: data/extra"],
        ),
        (|e| e.push(Entry::file("orders-2.4.0/zz", b"x")), &["extra-file: zz"]),
        (
            |e| {
                let at = |end: &[u8]| e.iter().position(|e| e.name.ends_with(end)).expect("one");
                let (a, b) = (at(b"a.jsonl"), at(b"contract.toml"));
                let (left, right) = (e[a].clone(), e[b].clone());
                (e[a].data, e[a].size, e[b].data, e[b].size) = (right.data, right.size, left.data, left.size);
            },
            &["digest: data/evidence/p1/a.jsonl", "digest: data/contract/contract.toml"],
        ),
    ];
    let dir = scratch("contents");
    packaged(&dir);
    let target = dir.join("edited.tar");
    for (tamper, wanted) in cases {
        let mut list = entries(&dir);
        tamper(&mut list);
        fs::write(&target, tar(&list)).expect("written");
        names(&target, wanted);
    }
}

#[test]
fn archives_are_capped() {
    let dir = scratch("caps");
    let (archive, _) = packaged(&dir);
    let why = |limits: Limits| open_within(&archive, &limits).expect_err("too large").to_string();
    assert!(why(Limits { files: 5, ..Limits::default() }).contains("too-large: there are more than 5 files"));
    assert!(why(Limits { bytes: 900, ..Limits::default() }).contains("too-large: there are more than 900 bytes"));
    assert!(why(Limits { depth: 2, ..Limits::default() }).contains("too-large: data/evidence/"));
}

#[test]
fn what_an_archive_cannot_hold_is_refused_before_anything_is_written() {
    let dir = scratch("refused");
    let mut files = payload();
    let path = format!("evidence/{}/{}", "d".repeat(160), "n".repeat(99));
    files.insert(path.clone(), Payload::Bytes(b"x".to_vec()));
    let info = Info::of(&read_decision(DECISION.as_bytes()).expect("decision"));
    let bag = Bag::new(files, &info).expect("a folder can hold it");
    let error = write_as(&bag, &dir.join("orders-2.4.0"), Mode { force: false, archive: true }).expect_err("refused");
    assert_eq!(error.kind, ErrorKind::Usage);
    assert!(error.to_string().contains(&path) && error.faults[0].help.as_ref().is_some_and(|h| h.contains("--archive")));
    assert_eq!(fs::read_dir(&dir).expect("folder").count(), 0);
}

#[test]
fn only_an_archive_is_replaced_and_only_when_forced() {
    let dir = scratch("replaced");
    let (archive, root) = packaged(&dir);
    let info = Info::of(&read_decision(DECISION.as_bytes()).expect("decision"));
    let mut files = payload();
    files.insert("report/more.html".into(), Payload::Bytes(b"more".to_vec()));
    let bag = Bag::new(files, &info).expect("bag");
    let to = dir.join("orders-2.4.0");
    let mode = |force, archive| Mode { force, archive };
    assert_eq!(write_as(&bag, &to, mode(false, true)).expect_err("there").kind, ErrorKind::Usage);
    write_as(&bag, &to, mode(true, true)).expect("replaced");
    assert_ne!(open(&archive).expect("whole").root, root);
    assert_eq!(open(&archive).expect("whole").root, bag.root());
    write_as(&bag, &to, mode(true, false)).expect("replaced");
    assert!(!archive.exists(), "the archive of the replaced package does not outlive it");
    fs::write(&archive, "my own file").expect("written");
    let error = write_as(&bag, &to, mode(true, true)).expect_err("not ours");
    assert!(error.kind == ErrorKind::Usage && error.to_string().contains("not the archive of a release package"), "{error}");
    write_as(&bag, &to, mode(true, false)).expect("the file is nobody's business");
    assert_eq!(fs::read_to_string(&archive).expect("kept"), "my own file");
    fs::remove_dir_all(&to).expect("removed");
    let error = write_as(&bag, &to, mode(false, true)).expect_err("there");
    assert!(error.to_string().contains("orders-2.4.0.tar` is there already"), "{error}");
    assert_eq!(fs::read_dir(&dir).expect("folder").count(), 1);
}
