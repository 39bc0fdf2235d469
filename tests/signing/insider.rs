//! Whoever may write the package and hold a key that is trusted, and locks and keys that go astray.

use super::*;
use quorate::store::sha256;
use serde_json::Value;

/// Changes decision.json and everything that must follow from it, as a maker who lies would.
fn lie(place: &Place, edit: impl FnOnce(&mut Value)) {
    let path = place.package().join("data/decision.json");
    let mut value: Value = serde_json::from_slice(&fs::read(&path).expect("decision")).expect("JSON");
    edit(&mut value);
    fs::write(path, value.to_string()).expect("written");
    rebuild_and_sign(place);
}

/// The same with a version that is not this one's, by which bytes are not compared.
fn lie_of_another_version(edit: impl FnOnce(&mut Value)) -> (u8, Lines) {
    let place = Place::signed();
    let tool = place.package().join("data/tool.json");
    self::edit(&tool, "\"version\":\"0.1.0\"", "\"version\":\"0.0.9\"");
    let info = place.package().join("bag-info.txt");
    self::edit(&info, "quorate/0.1.0", "quorate/0.0.9");
    lie(&place, |value| {
        value["tool"]["version"] = "0.0.9".into();
        edit(value);
    });
    place.verify(&[])
}

#[test]
fn nothing_is_hidden_by_naming_another_version() {
    let (code, lines) = lie_of_another_version(|_| ());
    assert_eq!(code, 2, "{lines:?}");
    lines.says("RECOMPUTED", "not checked", "made by quorate 0.0.9");
    for key in ["risks", "exclusions", "waivers", "criteria", "locks", "tests", "declared"] {
        let (code, lines) = lie_of_another_version(|value| {
            value.as_object_mut().expect("an object").remove(key).expect("a key");
        });
        assert_eq!(code, 5, "{key}: {lines:?}");
        lines.says("RECOMPUTED", "failed", &format!("at /{key}"));
    }
}

#[test]
fn nothing_but_pages_lies_beside_the_pages_of_another_version() {
    for page in ["report/evil.html", "report/charts/deep/x.svg", "report/charts/x.js"] {
        let place = Place::signed();
        self::edit(&place.package().join("data/tool.json"), "\"version\":\"0.1.0\"", "\"version\":\"0.0.9\"");
        self::edit(&place.package().join("bag-info.txt"), "quorate/0.1.0", "quorate/0.0.9");
        let path = place.package().join("data").join(page);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folder");
        fs::write(path, "x").expect("written");
        lie(&place, |value| value["tool"]["version"] = "0.0.9".into());
        let (code, lines) = place.verify(&[]);
        assert_eq!(code, 5, "{page}: {lines:?}");
        lines.says("RECOMPUTED", "failed", page);
    }
}

#[test]
fn a_version_that_is_none_is_damage() {
    let place = Place::signed();
    self::edit(&place.package().join("data/decision.json"), "\"version\":\"0.1.0\"", "\"version\":\"0.1.0 \"");
    rebuild_manifests(&place.package());
    let (code, lines) = place.verify(&[]);
    assert_eq!(code, 5);
    lines.says("INTEGRITY", "failed", "is no version such as");
    let place = Place::signed();
    self::edit(&place.package().join("data/tool.json"), "{\"name\"", "{\"name\":\"x\",\"name\"");
    rebuild_manifests(&place.package());
    let (code, lines) = place.verify(&[]);
    assert_eq!(code, 5);
    lines.says("INTEGRITY", "failed", "tool: data/tool.json");
}

#[test]
fn what_cannot_be_judged_at_all_still_has_its_six_lines() {
    let place = Place::signed();
    self::edit(&place.package().join("data/contract/contract.toml"), "[release]", "[release");
    rebuild_and_sign(&place);
    let (code, lines) = place.verify(&[]);
    assert_eq!(code, 5, "{lines:?}");
    lines.says("INTEGRITY", "ok", "");
    lines.says("AUTHENTIC", "ok", "");
    lines.says("RECOMPUTED", "failed", "what is in the package cannot be judged");
    lines.says("DECISION", "failed", "cannot be borne out");
    // A decision of a wrong shape is not judged, and not signed either.
    type Shape = (fn(&mut Value), &'static str);
    let shapes: [Shape; 2] = [
        (|value| value["gates"] = "x".into(), "has not the shape of a decision"),
        (
            |value| {
                let first = value["gates"][0].clone();
                value["gates"].as_array_mut().expect("gates").push(first);
            },
            "twice",
        ),
    ];
    for (edit, wanted) in shapes {
        let place = Place::new();
        place.ok(2, &["release", "@contract.toml", "--out", "@out"]);
        let path = place.package().join("data/decision.json");
        let mut value: Value = serde_json::from_slice(&fs::read(&path).expect("decision")).expect("JSON");
        edit(&mut value);
        fs::write(path, value.to_string()).expect("written");
        rebuild_manifests(&place.package());
        let (code, text) = place.run(&["verify", "@out/fixture-1"]);
        assert_eq!(code, 5, "{text}");
        Lines(text).says("RECOMPUTED", "failed", wanted);
        let text = place.ok(5, &["sign", "@out/fixture-1", "--role", "release", "--key", "@maker"]);
        assert!(text.contains(wanted), "{text}");
    }
}

#[test]
fn it_is_said_which_release_was_verified() {
    let place = Place::signed();
    let (_, lines) = place.verify(&[]);
    assert!(lines.0.contains("of fixture 1, "), "{lines:?}");
    assert_eq!(place.verify(&["--release", "fixture-1"]).0, 2);
    let (code, lines) = place.verify(&["--release", "fixture-2"]);
    assert_eq!(code, 5);
    lines.says("INTEGRITY", "failed", "it is of fixture-1, fixture-2 was expected");
    let (_, json) = place.run(&["verify", "@out/fixture-1", "--json"]);
    let value: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&value["release"]["service"], &value["release"]["version"]), (&"fixture".into(), &"1".into()));
}

#[test]
fn four_eyes_are_of_two_people() {
    let place = Place::signed();
    place.ok(0, &["sign", "@out/fixture-1", "--role", "audit", "--opinion", "concur", "--key", "@auditor"]);
    for who in ["maker@example.org", "other@example.org,maker@example.org"] {
        place.trust(&format!("maker@example.org {}\n{who} {}\n", public(MAKER), public(AUDITOR)));
        let (code, lines) = place.verify(&["--require-role", "audit"]);
        assert_eq!(code, 5, "{lines:?}");
        lines.says("AUTHORISED", "failed", "no trusted auditor other than the maker");
    }
}

#[test]
fn a_lock_that_was_interrupted_or_raced_leaves_a_sound_chain() {
    let place = Place::new();
    let locks = place.0.join("locks");
    place.ok(0, &["lock", "@contract.toml", "--key", "@maker"]);
    fs::remove_file(locks.join("lock-0001.json")).expect("as if killed between the two files");
    fs::write(locks.join(".lock-0001.json.quorate-partial-1"), "half").expect("as if killed in a file");
    place.ok(2, &["release", "@contract.toml", "--out", "@out"]);
    place.ok(0, &["lock", "@contract.toml", "--key", "@maker"]);
    assert!(!locks.join(".lock-0001.json.quorate-partial-1").exists(), "what was left over is cleared");
    let codes: Vec<u8> = std::thread::scope(|scope| {
        let run = || place.run(&["lock", "@contract.toml", "--key", "@maker", "--reason", "again"]).0;
        let all: Vec<_> = (0..6).map(|_| scope.spawn(run)).collect();
        all.into_iter().map(|t| t.join().expect("a code")).collect()
    });
    assert_eq!(codes, [0; 6], "each waits for the one before");
    place.ok(2, &["release", "@contract.toml", "--out", "@out", "--force"]);
    let of = |n: u32| fs::read(locks.join(format!("lock-{n:04}.json"))).expect("a lock");
    for n in 2..=7 {
        let text = String::from_utf8(of(n)).expect("UTF-8");
        assert!(text.contains(&sha256(&of(n - 1))), "lock {n} names the one before");
    }
}

#[test]
fn a_key_in_the_place_of_a_text_is_not_shown() {
    let place = Place::new();
    for words in [
        &["release", "@maker", "--out", "@out"][..],
        &["release", "@contract.toml", "--matrix", "@maker", "--out", "@out"],
        &["lock", "@contract.toml", "--matrix", "@maker"],
        &["challenge", "@maker"],
        &["verify", "@out", "--allowed-signers", "@maker"],
        &["check", "@maker"],
    ] {
        let (code, text) = place.run(words);
        assert_ne!(code, 0, "{words:?}");
        assert!(!leaks(MAKER, text.as_bytes()), "{words:?}: {text}");
    }
    fs::copy(place.0.join("maker"), place.0.join("evidence/history.jsonl")).expect("copied");
    let (_, text) = place.run(&["release", "@contract.toml", "--out", "@out"]);
    assert!(!leaks(MAKER, text.as_bytes()), "{text}");
    fs::create_dir_all(place.0.join("out")).expect("folder");
    for (path, bytes) in tree(&place.0.join("out")) {
        assert!(path.contains("data/evidence/") || !leaks(MAKER, &bytes), "{path} shows the key");
    }
}

#[test]
fn an_archive_of_another_run_never_stands_beside_a_package() {
    let place = Place::new();
    place.ok(2, &["release", "@contract.toml", "--out", "@out", "--archive"]);
    fs::remove_dir_all(place.package()).expect("removed");
    let text = place.ok(64, &["release", "@contract.toml", "--out", "@out"]);
    assert!(text.contains("fixture-1.tar` is there already"), "{text}");
    place.ok(2, &["release", "@contract.toml", "--out", "@out", "--force"]);
    assert!(!place.0.join("out/fixture-1.tar").exists());
}

#[test]
fn withheld_evidence_under_a_lock_is_no_lie() {
    let (place, _) = locked();
    place.run(&["release", "@contract.toml", "--out", "@out", "--key", "@maker", "--withhold", "history.jsonl"]);
    let (code, lines) = place.verify(&[]);
    assert_ne!(code, 5, "{lines:?}");
    lines.says("RECOMPUTED", "not checked", "in part");
    // The same without the lock in the package: that the gate was asked for is known from the evidence alone.
    fs::remove_dir_all(place.0.join("locks")).expect("removed");
    place.run(&["release", "@contract.toml", "--out", "@out", "--key", "@maker", "--withhold", "history.jsonl", "--force"]);
    let (code, lines) = place.verify(&[]);
    assert_ne!(code, 5, "{lines:?}");
}

#[test]
fn a_gate_that_an_older_version_did_not_know_is_no_lie() {
    let (code, lines) = lie_of_another_version(|value| {
        value["gates"].as_array_mut().expect("gates").retain(|g| g["id"] != "contract.endpoints-complete");
    });
    assert_eq!(code, 2, "{lines:?}");
    lines.says(
        "RECOMPUTED",
        "not checked",
        "gates that quorate 0.1.0 asks for and the package does not have: contract.endpoints-complete",
    );
    let (code, lines) = lie_of_another_version(|value| value["artifacts"][0]["synthetic"] = false.into());
    assert_eq!(code, 5, "{lines:?}");
    lines.says("RECOMPUTED", "failed", "/artifacts: what is said of history.jsonl");
}

/// The first, the middle and the last byte of each file of a package that has all a package can have, through the whole of `verify`.
#[test]
fn a_flipped_byte_anywhere_fails_to_verify() {
    let (place, _) = locked();
    let made = place.run(&["release", "@contract.toml", "--out", "@out", "--key", "@maker", "--max-evidence", "10B"]).0;
    assert!(made == 1 || made == 2);
    place.ok(0, &["sign", "@out/fixture-1", "--role", "audit", "--opinion", "concur", "--key", "@auditor"]);
    let (code, lines) = place.verify(&["--require-role", "audit"]);
    assert_eq!(code, made, "{lines:?}");
    let files = tree(&place.package());
    let parts = [
        "attest/audit.",
        "attest/release.",
        "attest/vsa.",
        "data/lock/lock-0001.json.sig",
        "data/evidence-refs.json",
        "data/tool.json",
    ];
    assert!(parts.iter().all(|part| files.keys().any(|path| path.starts_with(part))), "{:?}", files.keys());
    for (path, bytes) in &files {
        for at in [0, bytes.len() / 2, bytes.len() - 1] {
            let mut other = bytes.clone();
            other[at] ^= 1;
            fs::write(place.package().join(path), other).expect("written");
            let (code, lines) = place.verify(&["--require-role", "audit"]);
            assert_eq!(code, 5, "byte {at} of {path}: {lines:?}");
        }
        fs::write(place.package().join(path), bytes).expect("written");
    }
}

/// A package of which one file alone is larger than the memory that is allowed.
#[cfg(unix)]
#[test]
fn a_package_larger_than_memory_is_verified() {
    let place = Place::new();
    place.ok(2, &["release", "@contract.toml", "--out", "@out"]);
    let large = fs::File::create(place.package().join("data/evidence/large.bin")).expect("made");
    large.set_len(600 << 20).expect("sparse");
    rebuild_manifests(&place.package());
    let script = "ulimit -v 400000; exec \"$0\" verify out/fixture-1 --no-recompute --threads 1";
    let out =
        Command::new("sh").args(["-c", script, env!("CARGO_BIN_EXE_quorate")]).current_dir(&place.0).output().expect("sh runs");
    let text = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    Lines(text.clone()).says("INTEGRITY", "ok", "629");
    assert_eq!(out.status.code(), Some(2), "{text}");
}
