//! The release package: the same bytes every time, whole or not there, and every tampering named.

mod common;

use common::tree;
use proptest::prelude::*;
use quorate::error::{Error, ErrorKind};
use quorate::evidence::read::Files;
use quorate::package::{
    Bag, DifferenceKind, Info, Limits, Mark, Payload, Verification, compare, open, open_within, read_decision, write,
};
use quorate::store::{Folder, sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

const TOOL: &str = r#"{"name":"quorate","schema":"quorate-tool/1","templates":{},"version":"0.1.0"}"#;

const DECISION: &str = concat!(
    r#"{"date":"2026-01-31","decision":"reject","release":{"service":"orders","version":"2.4.0"},"#,
    r#""schema":"quorate-decision/1","tool":{"name":"quorate","version":"0.1.0"}}"#
);

/// A folder that is removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("quorate-package-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(path.join("evidence/p1")).expect("scratch");
        fs::write(path.join("evidence/p1/a.jsonl"), b"{\"a\":1}\n").expect("evidence");
        fs::write(path.join("evidence/p1/b.jsonl"), b"{\"b\":2}\n{\"b\":3}\n").expect("evidence");
        Self(path)
    }

    fn package(&self) -> PathBuf {
        self.0.join("out/orders-2.4.0")
    }

    fn evidence(&self) -> Folder {
        Folder::new(self.0.join("evidence"))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn info() -> Info {
    Info::of(&read_decision(DECISION.as_bytes()).expect("decision"))
}

fn payload(files: &dyn Files) -> BTreeMap<String, Payload<'_>> {
    let mut payload = BTreeMap::new();
    for (path, text) in [
        ("decision.json", DECISION),
        ("contract/contract.toml", "schema = \"quorate-contract/1\"\n"),
        ("report/index.html", "<p>reject</p>\n"),
        ("report/empty.css", ""),
        ("tool.json", TOOL),
    ] {
        payload.insert(path.to_string(), Payload::Bytes(text.as_bytes().to_vec()));
    }
    for (path, text) in [("p1/a.jsonl", "{\"a\":1}\n"), ("p1/b.jsonl", "{\"b\":2}\n{\"b\":3}\n")] {
        let file = Payload::File { files, path: path.to_string(), sha256: sha256(text.as_bytes()), bytes: text.len() as u64 };
        payload.insert(format!("evidence/{path}"), file);
    }
    payload
}

/// A package on disk, and its root.
fn packaged() -> (Scratch, String) {
    let scratch = Scratch::new();
    let evidence = scratch.evidence();
    let bag = Bag::new(payload(&evidence), &info()).expect("bag");
    write(&bag, &scratch.package(), false).expect("write");
    (scratch, bag.root().to_string())
}

fn faults(package: &Path) -> Vec<String> {
    match open(package) {
        Ok(_) => Vec::new(),
        Err(error) => {
            assert_eq!(error.kind, ErrorKind::Package);
            error.faults.into_iter().map(|f| f.message).collect()
        }
    }
}

#[track_caller]
fn names(package: &Path, wanted: &[&str]) {
    let found = faults(package);
    for want in wanted {
        assert!(found.iter().any(|f| f.starts_with(want)), "no `{want}` in:\n{}", found.join("\n"));
    }
}

/// Lists what lies in `data/` again, as one would who covers up an edit.
fn rebuild_manifests(package: &Path) {
    let list = |paths: &[String]| -> String {
        paths.iter().map(|p| format!("{}  {p}\n", sha256(&fs::read(package.join(p)).expect("file")))).collect()
    };
    let mut data: Vec<String> = tree(package).keys().map(|p| p.to_string_lossy().into_owned()).collect();
    data.retain(|p| p.starts_with("data/"));
    let bytes: u64 = data.iter().map(|p| fs::metadata(package.join(p)).expect("file").len()).sum();
    let info = format!(
        "Bag-Software-Agent: quorate/0.1.0\nBagging-Date: 2026-01-31\nExternal-Identifier: orders-2.4.0\nPayload-Oxum: {bytes}.{}\n",
        data.len()
    );
    fs::write(package.join("bag-info.txt"), info).expect("write");
    fs::write(package.join("manifest-sha256.txt"), list(&data)).expect("write");
    rebuild_tagmanifest(package);
}

fn rebuild_tagmanifest(package: &Path) {
    let names = ["bag-info.txt", "bagit.txt", "manifest-sha256.txt"];
    let text: String = names.iter().map(|p| format!("{}  {p}\n", sha256(&fs::read(package.join(p)).expect("file")))).collect();
    fs::write(package.join("tagmanifest-sha256.txt"), text).expect("write");
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).expect("text");
    assert!(text.contains(from));
    fs::write(path, text.replacen(from, to, 1)).expect("write");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let ((a, root_a), (b, root_b)) = (packaged(), packaged());
    assert_eq!(root_a, root_b);
    let files = tree(&a.package());
    assert_eq!(files, tree(&b.package()));
    assert_eq!(files.len(), 11);
    let text = |name: &str| String::from_utf8(files[Path::new(name)].clone()).unwrap();
    assert_eq!(text("bagit.txt"), "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n");
    assert!(
        text("bag-info.txt").starts_with("Bag-Software-Agent: quorate/0.1.0\nBagging-Date: 2026-01-31\nExternal-Identifier: o")
    );
    let paths: Vec<String> = text("manifest-sha256.txt").lines().map(|l| l[66..].to_string()).collect();
    assert!(paths.is_sorted() && paths.len() == 7);
    assert_eq!(sha256(&files[Path::new("tagmanifest-sha256.txt")]), root_a);
    let verified = open(&a.package()).unwrap();
    assert_eq!((verified.root.as_str(), verified.payload_files), (root_a.as_str(), 7));
    assert_eq!(fs::read_dir(a.0.join("out")).unwrap().count(), 1, "nothing is left beside the package");
}

#[test]
fn sha256sum_agrees() {
    let (scratch, _) = packaged();
    for name in ["manifest-sha256.txt", "tagmanifest-sha256.txt"] {
        let run = Command::new("sha256sum").args(["-c", "--strict", name]).current_dir(scratch.package()).output();
        if let Ok(out) = run {
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        }
    }
}

#[test]
fn an_undated_package_has_no_date() {
    let scratch = Scratch::new();
    let evidence = scratch.evidence();
    let mut files = payload(&evidence);
    let decision = DECISION.replace("\"2026-01-31\"", "null");
    files.insert("decision.json".into(), Payload::Bytes(decision.clone().into_bytes()));
    let info = Info::of(&read_decision(decision.as_bytes()).unwrap());
    write(&Bag::new(files, &info).unwrap(), &scratch.package(), false).unwrap();
    assert_eq!(open(&scratch.package()).unwrap().facts.date, None);
    assert!(!fs::read_to_string(scratch.package().join("bag-info.txt")).unwrap().contains("Date"));
}

#[test]
fn the_longest_path_of_a_matrix_can_be_packaged_and_verified() {
    let scratch = Scratch::new();
    let long = format!("{}/{}", "e".repeat(200), "f".repeat(199));
    assert!(quorate::contract::clean_path(&long) && long.len() == 400);
    let file = scratch.0.join("evidence").join(&long);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "long").unwrap();
    let evidence = scratch.evidence();
    let mut files = payload(&evidence);
    files.insert(format!("evidence/{long}"), Payload::File { files: &evidence, path: long, sha256: sha256(b"long"), bytes: 4 });
    write(&Bag::new(files, &info()).unwrap(), &scratch.package(), false).unwrap();
    assert_eq!(faults(&scratch.package()), Vec::<String>::new());
}

#[test]
fn names_that_tools_read_differently_are_refused() {
    let refused = |paths: &[&str]| -> Vec<String> {
        let files = paths.iter().map(|p| ((*p).to_string(), Payload::Bytes(Vec::new()))).collect();
        let error = Bag::new(files, &info()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Evidence);
        error.faults.into_iter().map(|f| f.message).collect()
    };
    assert!(refused(&["evidence/Log", "evidence/log"])[0].contains("only in case"));
    let found = refused(&["a/../b", "50%", "x\ny", "cafe\u{301}", "/etc"]);
    assert_eq!(found.len(), 5, "{found:?}");
}

#[test]
fn tampering_is_named() {
    type Tamper = fn(&Path);
    let cases: [(Tamper, &[&str]); 19] = [
        (|p| edit(&p.join("data/report/index.html"), "reject", "accept"), &["digest: data/report/index.html"]),
        (
            |p| {
                let (a, b) = (p.join("data/evidence/p1/a.jsonl"), p.join("data/evidence/p1/b.jsonl"));
                fs::rename(&a, p.join("x")).expect("swap");
                fs::rename(&b, &a).expect("swap");
                fs::rename(p.join("x"), &b).expect("swap");
            },
            &["digest: data/evidence/p1/a.jsonl", "digest: data/evidence/p1/b.jsonl"],
        ),
        (
            |p| fs::remove_file(p.join("data/evidence/p1/a.jsonl")).expect("drop"),
            &["missing-file: data/evidence/p1/a.jsonl", "payload-oxum: bag-info.txt"],
        ),
        (
            |p| fs::write(p.join("data/extra.txt"), "x").expect("add"),
            &["extra-file: data/extra.txt", "payload-oxum: bag-info.txt"],
        ),
        (|p| fs::write(p.join("README"), "x").expect("add"), &["extra-file: README"]),
        (|p| fs::create_dir(p.join("data/empty")).expect("add"), &["empty-folder: data/empty"]),
        (|p| fs::create_dir(p.join("attest")).expect("add"), &["empty-folder: attest"]),
        (|p| fs::create_dir_all(p.join("notes/deep")).expect("add"), &["empty-folder: notes/deep"]),
        (
            |p| {
                edit(&p.join("bag-info.txt"), "Payload-Oxum: ", "Payload-Oxum: 1");
                rebuild_tagmanifest(p);
            },
            &["payload-oxum: bag-info.txt"],
        ),
        (
            |p| {
                edit(&p.join("bag-info.txt"), "2026-01-31", "2027-01-31");
                rebuild_tagmanifest(p);
            },
            &["tag-file: bag-info.txt"],
        ),
        (
            |p| {
                let path = p.join("manifest-sha256.txt");
                let text = fs::read_to_string(&path).expect("manifest");
                let first = text.lines().next().expect("line").to_string();
                fs::write(&path, format!("{first}\n{text}")).expect("write");
                rebuild_tagmanifest(p);
            },
            &["duplicate-entry: data/contract/contract.toml"],
        ),
        (
            |p| {
                let path = p.join("manifest-sha256.txt");
                let text = fs::read_to_string(&path).expect("manifest");
                let turned: String = text.lines().rev().map(|line| format!("{line}\n")).collect();
                fs::write(&path, turned).expect("write");
                rebuild_tagmanifest(p);
            },
            &["manifest-order: manifest-sha256.txt: line 2"],
        ),
        (
            |p| {
                edit(&p.join("manifest-sha256.txt"), "\n", "\r\n");
                rebuild_tagmanifest(p);
            },
            &["bad-path: data/contract/contract.toml\\u{d}: the path holds a line break"],
        ),
        (
            |p| {
                edit(&p.join("manifest-sha256.txt"), "  data/tool.json", "  data/../data/tool.json");
                rebuild_tagmanifest(p);
            },
            &["bad-path: data/../data/tool.json: the path holds `..`", "extra-file: data/tool.json"],
        ),
        (
            |p| {
                fs::write(p.join("data/Tool.json"), "{}").expect("add");
                rebuild_manifests(p);
            },
            &["case-collision: data/tool.json"],
        ),
        (
            |p| {
                edit(&p.join("data/decision.json"), "{\"date\"", "{\"date\":null,\"date\"");
                rebuild_manifests(p);
            },
            &["decision: data/decision.json: a duplicate key at /date"],
        ),
        (
            |p| {
                edit(&p.join("data/decision.json"), "decision/1", "decision/9");
                rebuild_manifests(p);
            },
            &["decision: data/decision.json: schema \"quorate-decision/9\" is not known"],
        ),
        (
            |p| {
                fs::write(p.join("bagit.txt"), "BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-8\n").expect("write");
                rebuild_tagmanifest(p);
            },
            &["tag-file: bagit.txt"],
        ),
        (
            |p| {
                edit(&p.join("tagmanifest-sha256.txt"), "bagit.txt", "data/tool.json");
            },
            &["manifest-line: tagmanifest-sha256.txt", "tag-file: tagmanifest-sha256.txt: it does not list bagit.txt"],
        ),
    ];
    for (tamper, wanted) in cases {
        let (scratch, _) = packaged();
        tamper(&scratch.package());
        names(&scratch.package(), wanted);
    }
}

#[cfg(unix)]
#[test]
fn links_and_pipes_are_named() {
    use std::os::unix::fs::symlink;
    let (scratch, _) = packaged();
    let package = scratch.package();
    let path = package.join("data/report/index.html");
    fs::rename(&path, scratch.0.join("same-bytes")).unwrap();
    symlink(scratch.0.join("same-bytes"), &path).unwrap();
    symlink("nowhere", package.join("data/dangling")).unwrap();
    symlink("data", package.join("attest")).unwrap();
    fs::remove_file(package.join("data/tool.json")).unwrap();
    assert!(Command::new("mkfifo").arg(package.join("data/tool.json")).status().unwrap().success());
    names(
        &package,
        &[
            "symlink: attest",
            "symlink: data/dangling",
            "symlink: data/report/index.html",
            "not-regular: data/tool.json: it is a pipe",
        ],
    );
    let all = faults(&package);
    assert!(!all.iter().any(|f| f.starts_with("missing-file")), "said once: {all:?}");
}

#[test]
fn all_damage_is_told_at_once() {
    let (scratch, _) = packaged();
    let package = scratch.package();
    fs::write(package.join("data/tool.json"), "{ }").unwrap();
    fs::write(package.join("a\nb"), "x").unwrap();
    fs::remove_file(package.join("data/contract/contract.toml")).unwrap();
    let found = faults(&package);
    let kinds: Vec<&str> = found.iter().map(|f| f.split(": ").next().unwrap()).collect();
    assert_eq!(kinds, ["bad-path", "payload-oxum", "empty-folder", "missing-file", "digest", "tool"], "{found:?}");
    assert!(found[0].contains("a\\nb"), "{}", found[0]);
    let shown = Verification::damaged(&open(&package).unwrap_err());
    assert_eq!((shown.integrity.mark, shown.decision.mark), (Mark::Failed, Mark::NotChecked));
    assert!(shown.text().starts_with("INTEGRITY   failed       the package is damaged: 6 faults\n            - bad-path: a\\nb"));
    assert!(shown.broken());
}

#[test]
fn nothing_and_not_a_folder_are_named() {
    let scratch = Scratch::new();
    names(&scratch.0.join("none"), &["no-package"]);
    names(&scratch.0.join("evidence/p1/a.jsonl"), &["archive: the archive breaks off"]);
    names(&scratch.0.join("evidence"), &["missing-file: tagmanifest-sha256.txt", "extra-file: p1/a.jsonl"]);
}

#[test]
fn size_is_capped() {
    let (scratch, _) = packaged();
    let too_large = |limits: Limits| {
        let error = open_within(&scratch.package(), &limits).unwrap_err();
        assert!(error.to_string().contains("too-large"), "{error}");
    };
    open_within(&scratch.package(), &Limits::default()).unwrap();
    too_large(Limits { files: 10, ..Limits::default() });
    too_large(Limits { bytes: 100, ..Limits::default() });
    too_large(Limits { depth: 2, ..Limits::default() });
    let error = open_within(&scratch.package(), &Limits { text: 100, ..Limits::default() }).unwrap_err();
    assert!(error.to_string().contains("unreadable: data/decision.json: it is longer than 100 bytes"), "{error}");
}

#[test]
fn judging_again_catches_what_manifests_do_not() {
    let (scratch, root) = packaged();
    let (package, evidence) = (scratch.package(), scratch.evidence());
    let verified = open(&package).unwrap();
    assert_eq!(compare(&verified, &payload(&evidence)), []);
    edit(&package.join("data/decision.json"), "reject", "accept");
    rebuild_manifests(&package);
    let verified = open(&package).expect("the manifests are right");
    assert_ne!(verified.root, root);
    let mut rebuilt = payload(&evidence);
    rebuilt.remove("tool.json");
    rebuilt.insert("report/report.md".into(), Payload::Bytes(b"# reject\n".to_vec()));
    let found = compare(&verified, &rebuilt);
    let kinds: Vec<_> = found.iter().map(|d| (d.path.as_str(), d.kind)).collect();
    let wanted = [
        ("data/decision.json", DifferenceKind::Differs),
        ("data/report/report.md", DifferenceKind::Missing),
        ("data/tool.json", DifferenceKind::Extra),
    ];
    assert_eq!(kinds, wanted);
    assert!(found[0].to_string().starts_with("differs: data/decision.json"), "{}", found[0]);
}

#[test]
fn the_printout_says_what_was_not_checked() {
    let (scratch, root) = packaged();
    fs::create_dir(scratch.package().join("attest")).unwrap();
    fs::write(scratch.package().join("attest/release.a.sigstore.json"), "{}").unwrap();
    let verified = open(&scratch.package()).unwrap();
    assert_eq!(verified.root, root, "attestations are outside the root");
    assert_eq!(verified.attestations.len(), 1);
    let shown = Verification::unsigned(&verified);
    assert!(!shown.broken());
    let wanted = format!(
        "INTEGRITY   ok           7 files, 243 bytes, root sha256:{root}\n\
         AUTHENTIC   not checked  1 file in attest/ not looked at; nothing here says who made the package\n\
         AUTHORISED  not checked  no signer is known, so no right to release was checked\n\
         TIME        not checked  the package itself says 2026-01-31; nothing else vouches for it\n\
         RECOMPUTED  not checked  the evidence was not judged again\n\
         DECISION    not checked  the package says reject\n\
         \x20           - of orders 2.4.0, no artifact digest\n"
    );
    let text = shown.text();
    assert_eq!(text, wanted.replace("243", &verified.payload_bytes.to_string()));
    assert_eq!(shown.json()["authentic"]["state"], "not checked");
}

/// Evidence that breaks off, or kills the process, half-way.
struct Broken {
    whole: Folder,
    kill: bool,
}

impl Files for Broken {
    fn open(&self, path: &str) -> io::Result<Option<Box<dyn Read + Send>>> {
        if !path.ends_with("b.jsonl") {
            return self.whole.open(path);
        }
        Ok(Some(Box::new(Half { given: false, kill: self.kill })))
    }
}

struct Half {
    given: bool,
    kill: bool,
}

impl Read for Half {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given && self.kill {
            std::process::abort();
        }
        if self.given {
            return Err(io::Error::other("the disk is gone"));
        }
        self.given = true;
        buffer[0] = b'{';
        Ok(1)
    }
}

#[test]
fn a_write_that_breaks_off_leaves_what_was_there() {
    let (scratch, root) = packaged();
    let broken = Broken { whole: scratch.evidence(), kill: false };
    let bag = Bag::new(payload(&broken), &info()).unwrap();
    let error = write(&bag, &scratch.package(), true).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Evidence);
    assert!(error.to_string().contains("p1/b.jsonl") && error.to_string().contains("the disk is gone"), "{error}");
    assert_eq!(open(&scratch.package()).unwrap().root, root);
    let other = scratch.0.join("out/other");
    assert!(write(&bag, &other, false).is_err() && !other.exists());
    assert_eq!(fs::read_dir(scratch.0.join("out")).unwrap().count(), 1);
}

#[test]
fn evidence_that_changed_is_named() {
    let scratch = Scratch::new();
    let evidence = scratch.evidence();
    let bag = Bag::new(payload(&evidence), &info()).unwrap();
    let fails = |bag: &Bag<'_>| -> Error {
        let error = write(bag, &scratch.package(), false).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Evidence);
        assert!(!scratch.package().exists());
        error
    };
    for text in ["{\"a\":9}\n", "{\"a\":1}\n{}\n", "{"] {
        fs::write(scratch.0.join("evidence/p1/a.jsonl"), text).unwrap();
        assert!(fails(&bag).to_string().contains("`p1/a.jsonl` changed since it was judged"));
    }
    fs::remove_file(scratch.0.join("evidence/p1/a.jsonl")).unwrap();
    assert!(fails(&bag).to_string().contains("`p1/a.jsonl` is gone since it was judged"));
}

#[test]
fn only_a_package_is_replaced_and_only_when_forced() {
    let (scratch, root) = packaged();
    let evidence = scratch.evidence();
    let mut files = payload(&evidence);
    files.insert("report/more.html".into(), Payload::Bytes(b"more".to_vec()));
    let bag = Bag::new(files, &info()).unwrap();
    let error = write(&bag, &scratch.package(), false).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Usage);
    assert_eq!(open(&scratch.package()).unwrap().root, root);
    write(&bag, &scratch.package(), true).unwrap();
    assert_eq!(open(&scratch.package()).unwrap().root, bag.root());
    assert_eq!(fs::read_dir(scratch.0.join("out")).unwrap().count(), 1);
    let error = write(&bag, &scratch.0.join("evidence"), true).unwrap_err();
    assert!(error.kind == ErrorKind::Usage && error.to_string().contains("not a release package"), "{error}");
    assert!(scratch.0.join("evidence/p1/a.jsonl").exists());
    let error = write(&bag, &scratch.0.join("evidence/p1/a.jsonl/x"), false).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Internal);
}

/// Run by the next test in a process of its own, which it kills half-way.
#[test]
fn child_that_is_killed() {
    let Ok(root) = std::env::var("QUORATE_KILLED_IN") else { return };
    let root = PathBuf::from(root);
    let broken = Broken { whole: Folder::new(root.join("evidence")), kill: true };
    let bag = Bag::new(payload(&broken), &info()).expect("bag");
    let _ = write(&bag, &root.join("out/orders-2.4.0"), true);
}

#[test]
fn a_kill_leaves_the_old_package_and_the_next_run_clears_up() {
    let (scratch, root) = packaged();
    let killed = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_is_killed"])
        .env("QUORATE_KILLED_IN", &scratch.0)
        .output()
        .unwrap();
    assert!(!killed.status.success());
    assert_eq!(open(&scratch.package()).unwrap().root, root);
    let out = || fs::read_dir(scratch.0.join("out")).unwrap().flatten().map(|e| e.file_name().into_string().unwrap());
    assert!(out().any(|name| name.starts_with(".orders-2.4.0.quorate-partial-")));
    let evidence = scratch.evidence();
    write(&Bag::new(payload(&evidence), &info()).unwrap(), &scratch.package(), true).unwrap();
    assert_eq!(out().collect::<Vec<_>>(), ["orders-2.4.0"]);
}

#[test]
fn a_package_that_was_moved_aside_comes_back() {
    let (scratch, root) = packaged();
    let aside = scratch.0.join("out/.orders-2.4.0.quorate-replaced-1");
    fs::rename(scratch.package(), &aside).unwrap();
    let evidence = scratch.evidence();
    let bag = Bag::new(payload(&evidence), &info()).unwrap();
    assert_eq!(write(&bag, &scratch.package(), false).unwrap_err().kind, ErrorKind::Usage);
    assert_eq!(open(&scratch.package()).unwrap().root, root);
    assert!(!aside.exists());
}

#[test]
fn every_byte_counts() {
    let (scratch, _) = packaged();
    let package = scratch.package();
    for (path, bytes) in tree(&package) {
        let path = package.join(path);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x20;
            fs::write(&path, &changed).unwrap();
            assert!(open(&package).is_err(), "{} byte {at}", path.display());
        }
        fs::write(&path, [bytes.as_slice(), b"\n"].concat()).unwrap();
        assert!(open(&package).is_err(), "{} with a byte more", path.display());
        if let Some((_, shorter)) = bytes.split_last() {
            fs::write(&path, shorter).unwrap();
            assert!(open(&package).is_err(), "{} with a byte less", path.display());
        }
        fs::write(&path, &bytes).unwrap();
    }
    assert!(open(&package).is_ok());
}

proptest! {
    #[test]
    fn a_changed_byte_is_always_found(file in 0usize..1000, at in 0usize..100_000, flip in 1u8..=255) {
        let (scratch, _) = packaged();
        let package = scratch.package();
        let files: Vec<_> = tree(&package).into_iter().filter(|(_, bytes)| !bytes.is_empty()).collect();
        let (path, mut bytes) = files[file % files.len()].clone();
        let at = at % bytes.len();
        bytes[at] ^= flip;
        fs::write(package.join(&path), bytes).unwrap();
        let named = path.to_string_lossy().into_owned();
        let error = open(&package).unwrap_err();
        prop_assert!(error.to_string().contains(&named) || named.contains("manifest-sha256"), "{named}: {error}");
    }
}
