//! Signed packages: who vouches for them, and every way in which that can be undone, each caught and named.

#![expect(clippy::print_stderr, clippy::unwrap_used, reason = "a test that skips a part says so, and one that cannot go on ends")]

use common::put_key;
use quorate::cli::{self, Env, Secret};
use quorate::evidence::read::Files;
use quorate::package::attest::{Instant, Key, Opinion, Policy, Revoked, Signers, Subject, check, countersign, lock_signer};
use quorate::package::{Bag, Info, Mark, Payload, add, open, read_decision, write};
use quorate::store::{Folder, sha256};
use ssh_key::private::Ed25519Keypair;
use ssh_key::{HashAlg, LineEnding, PrivateKey};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

#[path = "../common/mod.rs"]
mod common;
mod insider;

/// A folder that is removed at the end, with keys and a trust file in it.
struct Place(PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn private(seed: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
}

fn public(seed: u8) -> String {
    private(seed).public_key().to_openssh().expect("public key")
}

fn fingerprint(seed: u8) -> String {
    private(seed).fingerprint(HashAlg::Sha256).to_string()
}

const MAKER: u8 = 1;
const AUDITOR: u8 = 2;
const STRANGER: u8 = 3;

const RECORD: &str = r#"{"client":"a","op":"write","key":"k","value":1,"command_id":"w1","invoke":1,"return":2,"result":"ok"}"#;

const MATRIX: &str = include_str!("../data/small-matrix.toml");

impl Place {
    /// A small contract with one history.
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("quorate-signing-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let place = Self(std::env::temp_dir().join(name));
        fs::create_dir_all(place.0.join("evidence")).expect("scratch");
        let contract = include_str!("../data/gates/contract.toml").replace("\"replicated-log\"", "\"fenced-queue\"");
        fs::write(place.0.join("contract.toml"), contract).expect("contract");
        fs::write(place.0.join("matrix.toml"), MATRIX).expect("matrix");
        place.record(None);
        for (name, seed) in [("maker", MAKER), ("auditor", AUDITOR), ("stranger", STRANGER)] {
            put_key(&place.0.join(name), &private(seed).to_openssh(LineEnding::LF).expect("key"));
        }
        place.trust(&format!(
            "maker@example.org namespaces=\"quorate-release,quorate-lock\" {}\nauditor@example.org namespaces=\"quorate-audit\" {}\n",
            public(MAKER),
            public(AUDITOR)
        ));
        place
    }

    fn record(&self, lock: Option<&str>) {
        let lock = lock.map_or(String::new(), |l| format!(",\"lock\":\"{l}\""));
        let header = r#"{"quorate":"history/v1","test":"t1","origin":"client","clock":"monotonic","clock_id":"c","recorded_by":"test","synthetic":true"#;
        let text = format!("{header}{lock}}}\n{RECORD}\n{{\"quorate\":\"end\",\"records\":1}}\n");
        fs::write(self.0.join("evidence/history.jsonl"), text).expect("evidence");
    }

    fn trust(&self, text: &str) {
        fs::write(self.0.join("trust"), text).expect("trust");
    }

    fn package(&self) -> PathBuf {
        self.0.join("out/fixture-1")
    }

    /// Runs a verb; words that begin with `@` are paths below the place.
    fn run_in(&self, env: &Env, words: &[&str]) -> (u8, String) {
        let full = |word: &&str| match word.strip_prefix('@') {
            Some(path) => self.0.join(path).into_os_string(),
            None => OsString::from(word),
        };
        let args = std::iter::once(OsString::from("quorate")).chain(words.iter().map(full));
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = cli::run(args, env, &mut out, &mut err);
        (code, format!("{}{}", String::from_utf8_lossy(&out), String::from_utf8_lossy(&err)))
    }

    fn run(&self, words: &[&str]) -> (u8, String) {
        self.run_in(&Env { threads: 2, ..Env::default() }, words)
    }

    #[track_caller]
    fn ok(&self, wanted: u8, words: &[&str]) -> String {
        let (code, text) = self.run(words);
        assert_eq!(code, wanted, "{words:?}: {text}");
        text
    }

    /// A place with a signed package; its decision is inconclusive (2).
    fn signed() -> Self {
        let place = Self::new();
        place.ok(2, &["release", "@contract.toml", "--out", "@out", "--key", "@maker"]);
        place
    }

    fn verify(&self, more: &[&str]) -> (u8, Lines) {
        let words = [&["verify", "@out/fixture-1", "--allowed-signers", "@trust"], more].concat();
        let (code, text) = self.run(&words);
        (code, Lines(text))
    }

    fn attest(&self, part: &str) -> PathBuf {
        let folder = fs::read_dir(self.package().join("attest")).expect("attest");
        let mut found: Vec<PathBuf> = folder.flatten().map(|e| e.path()).collect();
        found.retain(|p| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with(part)));
        found.sort();
        found.into_iter().next().expect("an attestation")
    }
}

/// What verify printed.
#[derive(Debug)]
struct Lines(String);

impl Lines {
    /// A line and its particulars.
    fn line(&self, name: &str) -> String {
        let mut lines = self.0.lines().skip_while(|l| !l.starts_with(name));
        let first = lines.next().unwrap_or_else(|| panic!("no {name} in {}", self.0));
        std::iter::once(first).chain(lines.take_while(|l| l.starts_with(' '))).collect::<Vec<_>>().join("\n")
    }

    #[track_caller]
    fn says(&self, name: &str, state: &str, part: &str) {
        let line = self.line(name);
        let found = line[name.len()..].trim_start();
        assert!(found.starts_with(state), "{name} is not {state}: {}", self.0);
        assert!(line.contains(part), "{name} does not say {part:?}: {}", self.0);
    }
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).expect("text");
    assert!(text.contains(from), "{from} is not in {}", path.display());
    fs::write(path, text.replacen(from, to, 1)).expect("write");
}

fn tree(root: &Path) -> BTreeMap<String, Vec<u8>> {
    common::tree(root).into_iter().map(|(path, bytes)| (path.to_string_lossy().into_owned(), bytes)).collect()
}

/// Lists what lies in `data/` again, as an insider would who covers up an edit.
fn rebuild_manifests(package: &Path) {
    let list = |paths: &[String]| -> String {
        paths.iter().map(|p| format!("{}  {p}\n", sha256(&fs::read(package.join(p)).expect("file")))).collect()
    };
    let data: Vec<String> = tree(package).into_keys().filter(|p| p.starts_with("data/")).collect();
    let bytes: u64 = data.iter().map(|p| fs::metadata(package.join(p)).expect("file").len()).sum();
    let info = fs::read_to_string(package.join("bag-info.txt")).expect("info");
    let kept: String = info.lines().filter(|l| !l.starts_with("Payload-Oxum")).map(|l| format!("{l}\n")).collect();
    fs::write(package.join("bag-info.txt"), format!("{kept}Payload-Oxum: {bytes}.{}\n", data.len())).expect("write");
    fs::write(package.join("manifest-sha256.txt"), list(&data)).expect("write");
    let tags = ["bag-info.txt", "bagit.txt", "manifest-sha256.txt"].map(String::from);
    fs::write(package.join("tagmanifest-sha256.txt"), list(&tags)).expect("write");
}

/// What an insider with the maker's key does after an edit.
fn rebuild_and_sign(place: &Place) {
    rebuild_manifests(&place.package());
    fs::remove_dir_all(place.package().join("attest")).expect("remove");
    place.ok(0, &["sign", "@out/fixture-1", "--role", "release", "--key", "@maker"]);
}

#[test]
fn an_auditor_may_say_who_must_have_signed() {
    let place = Place::signed();
    place.trust(&format!(
        "maker@example.org namespaces=\"quorate-release\" {}\n*@team.example.org namespaces=\"quorate-release\" {}\n",
        public(MAKER),
        public(STRANGER)
    ));
    let (code, lines) = place.verify(&["--signer", "maker@example.org"]);
    assert_eq!(code, 2, "{lines:?}");
    lines.says("AUTHORISED", "ok", "maker@example.org may release");
    let (code, lines) = place.verify(&["--signer", "one@team.example.org"]);
    assert_eq!(code, 5, "{lines:?}");
    lines.says("AUTHORISED", "failed", "one@team.example.org has not signed the release; it is signed by maker@example.org");
    place.ok(0, &["sign", "@out/fixture-1", "--role", "release", "--key", "@stranger"]);
    let (code, lines) = place.verify(&["--signer", "one@team.example.org"]);
    assert_eq!(code, 2, "a pattern of the trust file takes the name: {lines:?}");
    for lonely in [["--signer", "maker@example.org"], ["--as-of", "2026-01-31"]] {
        let text = place.ok(64, &[&["verify", "@out/fixture-1"], &lonely[..]].concat());
        assert!(text.contains("--allowed-signers"), "{text}");
    }
}

#[test]
fn a_folder_of_evidence_that_is_not_there_is_named() {
    let place = Place::signed();
    let text = place.ok(64, &["verify", "@out/fixture-1", "--evidence", "@nosuch"]);
    assert!(text.contains("--evidence: there is no folder"), "{text}");
}

#[test]
fn a_signed_package_verifies_with_a_trust_file() {
    let place = Place::signed();
    let (code, lines) = place.verify(&[]);
    assert_eq!(code, 2, "the decision's own code: {lines:?}");
    lines.says("INTEGRITY", "ok", "");
    lines.says("AUTHENTIC", "ok", &fingerprint(MAKER));
    lines.says("AUTHORISED", "ok", "maker@example.org may release");
    lines.says("TIME", "ok", "the key has no term");
    lines.says("RECOMPUTED", "ok", "");
    lines.says("DECISION", "failed", "inconclusive");
    let without = Lines(place.ok(2, &["verify", "@out/fixture-1"]));
    without.says("AUTHENTIC", "not checked", "whose key that is was not checked");
    without.says("AUTHORISED", "not checked", "");
    place.ok(5, &["verify", "@out/fixture-1", "--require-signature"]);
    let json: serde_json::Value =
        serde_json::from_str(&place.ok(2, &["verify", "@out/fixture-1", "--allowed-signers", "@trust", "--json"])).unwrap();
    assert_eq!((&json["authentic"]["state"], &json["authorised"]["state"]), (&"ok".into(), &"ok".into()));
}

#[test]
fn authentic_is_not_accepted() {
    let place = Place::new();
    edit(&place.0.join("matrix.toml"), "\"a new leader\"", "\"tbd\"");
    place.ok(1, &["release", "@contract.toml", "--out", "@out", "--key", "@maker"]);
    let (code, lines) = place.verify(&[]);
    assert_eq!(code, 1, "{lines:?}");
    lines.says("AUTHENTIC", "ok", "");
    lines.says("DECISION", "failed", "reject");
}

#[test]
fn signatures_are_the_same_bytes_every_time() {
    let (a, b) = (Place::signed(), Place::signed());
    b.ok(2, &["release", "@contract.toml", "--out", "@out", "--key", "@maker", "--force", "--threads", "1"]);
    for place in [&a, &b] {
        place.ok(0, &["sign", "@out/fixture-1", "--role", "audit", "--opinion", "concur", "--key", "@auditor"]);
    }
    let (a, b) = (tree(&a.package()), tree(&b.package()));
    assert_eq!(a.keys().filter(|p| p.starts_with("attest/")).count(), 5);
    assert_eq!(a, b);
}

#[test]
fn statements_follow_from_the_decision() {
    let place = Place::signed();
    let bundle: serde_json::Value = serde_json::from_slice(&fs::read(place.attest("release.")).unwrap()).unwrap();
    let statement = statement(&place);
    let decision: serde_json::Value =
        serde_json::from_slice(&fs::read(place.package().join("data/decision.json")).unwrap()).unwrap();
    let predicate = &statement["predicate"];
    assert_eq!(predicate["result"], decision["decision"]);
    assert_eq!(predicate["contract"]["sha256"], decision["contract"]["sha256"]);
    assert_eq!(predicate["gates"].as_array().unwrap().len(), decision["gates"].as_array().unwrap().len());
    let names: Vec<&str> = statement["subject"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    for (name, subject) in names.iter().zip(statement["subject"].as_array().unwrap()) {
        assert_eq!(subject["digest"]["sha256"], sha256(&fs::read(place.package().join(name)).unwrap()), "{name}");
    }
    assert_eq!(names[0], "tagmanifest-sha256.txt");
    assert_eq!(names.len(), 5);
    for key in [&bundle["dsseEnvelope"]["signatures"][0]["keyid"], &bundle["verificationMaterial"]["publicKey"]["hint"]] {
        assert_eq!(*key, fingerprint(MAKER));
    }
}

fn statement(place: &Place) -> serde_json::Value {
    let bundle: serde_json::Value = serde_json::from_slice(&fs::read(place.attest("release.")).unwrap()).unwrap();
    let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
    serde_json::from_slice(&<base64ct::Base64 as base64ct::Encoding>::decode_vec(payload).unwrap()).unwrap()
}

#[test]
fn an_archive_is_verified_with_its_signatures() {
    let (place, digest) = locked();
    place.run(&["release", "@contract.toml", "--out", "@out", "--key", "@maker", "--archive"]);
    assert!(gate(&place).contains("1 lock"), "{digest}");
    let (folder, _) = place.verify(&[]);
    let (code, text) = place.run(&["verify", "@out/fixture-1.tar", "--allowed-signers", "@trust"]);
    assert_eq!(code, folder, "{text}");
    let lines = Lines(text);
    lines.says("AUTHENTIC", "ok", &fingerprint(MAKER));
    lines.says("RECOMPUTED", "ok", "");
    place.ok(64, &["sign", "@out/fixture-1.tar", "--role", "audit", "--opinion", "concur", "--key", "@auditor"]);
}

#[test]
fn withheld_evidence_is_stated_and_signed() {
    let place = Place::new();
    let state = |place: &Place| {
        let gates = statement(place)["predicate"]["gates"].as_array().unwrap().clone();
        gates.iter().find(|g| g["id"] == "integrity.artifacts").unwrap()["evidenceState"].clone()
    };
    place.ok(2, &["release", "@contract.toml", "--out", "@out", "--key", "@maker"]);
    assert_eq!(state(&place), "rehashed");
    let withhold = ["release", "@contract.toml", "--out", "@out", "--key", "@maker", "--withhold", "**", "--force"];
    place.ok(2, &withhold);
    assert_eq!(state(&place), "withheld");
    let (code, lines) = place.verify(&[]);
    assert_eq!(code, 2);
    lines.says("AUTHENTIC", "ok", "");
    lines.says("RECOMPUTED", "not checked", "");
    fs::remove_file(place.0.join("evidence/history.jsonl")).unwrap();
    place.ok(2, &["release", "@contract.toml", "--out", "@out", "--key", "@maker", "--force"]);
    assert_eq!(state(&place), "missing");
}

#[test]
fn stripped_and_unsigned_packages_never_look_verified() {
    let place = Place::signed();
    let whole = tree(&place.package().join("attest"));
    for name in whole.keys() {
        fs::remove_file(place.package().join("attest").join(name)).unwrap();
        let (code, lines) = place.verify(&[]);
        assert_eq!(code, 5, "without {name}: {lines:?}");
        lines.says("AUTHENTIC", "failed", "it is missing");
        fs::write(place.package().join("attest").join(name), &whole[name]).unwrap();
    }
    fs::remove_dir_all(place.package().join("attest")).unwrap();
    let (code, lines) = place.verify(&[]);
    assert_eq!(code, 5);
    lines.says("AUTHENTIC", "failed", "the package is unsigned, and a signature is required");
    lines.says("AUTHORISED", "not checked", "");
    let without = Lines(place.ok(2, &["verify", "@out/fixture-1"]));
    without.says("AUTHENTIC", "not checked", "the package is unsigned");
    place.ok(5, &["verify", "@out/fixture-1", "--require-signature"]);
}

#[test]
fn another_key_is_not_trusted() {
    let place = Place::signed();
    fs::remove_dir_all(place.package().join("attest")).unwrap();
    place.ok(0, &["sign", "@out/fixture-1", "--role", "release", "--key", "@stranger"]);
    let (code, lines) = place.verify(&[]);
    assert_eq!(code, 5);
    lines.says("AUTHENTIC", "failed", &format!("signed by {}, which the trust file does not name", fingerprint(STRANGER)));
    lines.says("AUTHORISED", "not checked", "");
    // Beside the maker's own signature, the stranger's is shown and counts for nothing.
    place.ok(0, &["sign", "@out/fixture-1", "--role", "release", "--key", "@maker"]);
    let (code, lines) = place.verify(&[]);
    assert_eq!(code, 2);
    lines.says("AUTHENTIC", "ok", "the trust file does not name this key; it counts for nothing");
}

#[test]
fn keys_out_of_their_term_are_caught() {
    let place = Place::signed();
    let term = |options: &str| place.trust(&format!("maker@example.org {options} {}\n", public(MAKER)));
    term("valid-before=\"20251231\"");
    let (code, lines) = place.verify(&["--as-of", "2026-06-01"]);
    assert_eq!(code, 5);
    lines.says("AUTHENTIC", "ok", "");
    lines.says("TIME", "failed", "it expired at 20251231, and you ask for 2026-06-01");
    let (code, lines) = place.verify(&["--as-of", "2025-06-01"]);
    assert_eq!(code, 2);
    lines.says("TIME", "ok", "valid at 2025-06-01, the day that the auditor names");
    let (code, lines) = place.verify(&[]);
    assert_eq!(code, 5, "no clock is asked");
    lines.says("TIME", "failed", "say for which day you ask with --as-of");
    term("valid-after=20270101");
    let (code, lines) = place.verify(&["--as-of", "20260601"]);
    assert_eq!(code, 5);
    lines.says("TIME", "failed", "valid only after 20270101");
    assert_eq!(place.verify(&["--as-of", "soon"]).0, 64);
}

#[test]
fn revoked_keys_are_caught() {
    let place = Place::signed();
    fs::write(place.0.join("gone"), format!("{}\n", public(MAKER))).unwrap();
    let (code, lines) = place.verify(&["--krl", "@gone"]);
    assert_eq!(code, 5);
    lines.says("AUTHENTIC", "failed", "the key of maker@example.org is revoked");
    fs::write(place.0.join("gone"), format!("{}\n", public(STRANGER))).unwrap();
    assert_eq!(place.verify(&["--krl", "@gone"]).0, 2);
    fs::write(place.0.join("gone"), b"SSHKRL\n\0\0\0\0\x09").unwrap();
    let (code, lines) = place.verify(&["--krl", "@gone"]);
    assert!(code == 64 && lines.0.contains("version 9"), "{lines:?}");
}

#[test]
fn revocation_lists_of_ssh_keygen_are_read() {
    let Some(()) = tool("ssh-keygen") else { return };
    let place = Place::signed();
    fs::write(place.0.join("maker.pub"), public(MAKER)).unwrap();
    fs::write(place.0.join("stranger.pub"), public(STRANGER)).unwrap();
    let spec = |kind: &str, key: &str| match kind {
        "hash" => format!("hash: {key}\n"),
        kind => format!(
            "{kind}: {}\n",
            fs::read_to_string(
                place.0.join(format!("{}.pub", if key.contains(&fingerprint(MAKER)) { "maker" } else { "stranger" }))
            )
            .unwrap()
            .trim()
        ),
    };
    for kind in ["key", "sha1", "sha256", "hash"] {
        for (seed, wanted) in [(MAKER, 5), (STRANGER, 2)] {
            fs::write(place.0.join("spec"), format!("serial: 7\n{}", spec(kind, &fingerprint(seed)))).unwrap();
            let made = Command::new("ssh-keygen")
                .args(["-q", "-k", "-f", "krl", "-s", "maker.pub", "spec"])
                .current_dir(&place.0)
                .output();
            let made = made.unwrap();
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            let (code, lines) = place.verify(&["--krl", "@krl"]);
            assert_eq!(code, wanted, "{kind} {seed}: {lines:?}");
        }
    }
}

#[test]
fn a_key_signs_in_its_own_role_only() {
    let place = Place::signed();
    place.trust(&format!("maker@example.org namespaces=\"quorate-audit\" {}\n", public(MAKER)));
    let (code, lines) = place.verify(&[]);
    assert_eq!(code, 5);
    lines.says("AUTHENTIC", "ok", "");
    lines.says("AUTHORISED", "failed", "line 1 of the trust file does not allow quorate-release");
    lines.says("TIME", "not checked", "");
    place.trust(&format!("maker@example.org namespaces=\"quorate-*\" {}\n", public(MAKER)));
    let sig = place.attest("tagmanifest");
    let tagmanifest = fs::read(place.package().join("tagmanifest-sha256.txt")).unwrap();
    let other = private(MAKER).sign("quorate-audit", HashAlg::Sha512, &tagmanifest).unwrap();
    fs::write(&sig, other.to_pem(LineEnding::LF).unwrap()).unwrap();
    let (code, lines) = place.verify(&[]);
    assert_eq!(code, 5);
    lines.says("AUTHENTIC", "failed", "its namespace is \"quorate-audit\" and must be \"quorate-release\"");
}

#[test]
fn ambiguous_bundles_are_caught() {
    let cases: [(&str, &str, &str); 6] = [
        ("\"signatures\":[", "\"signatures\":[{\"keyid\":\"x\",\"sig\":\"AAAA\"},", "it holds 2 signatures, and must hold one"),
        ("\"payload\":", "\"payload\":\"e30=\",\"payload\":", "a duplicate key at /dsseEnvelope/payload"),
        ("\"payload\":", "\"p\\u0061yload\":\"e30=\",\"payload\":", "a duplicate key at /dsseEnvelope/payload"),
        ("{\"dsseEnvelope\"", "{ \"dsseEnvelope\"", "not in canonical form"),
        ("\"payloadType\":\"application/vnd.in-toto+json\"", "\"payloadType\":\"text/plain\"", "/dsseEnvelope/payloadType is"),
        ("{\"dsseEnvelope\"", "{\"a\":1.5,\"dsseEnvelope\"", "a number that is not a plain integer at /a"),
    ];
    for (from, to, wanted) in cases {
        for name in ["release.", "vsa."] {
            let place = Place::signed();
            edit(&place.attest(name), from, to);
            let (code, lines) = place.verify(&[]);
            assert_eq!(code, 5, "{to}: {lines:?}");
            lines.says("AUTHENTIC", "failed", wanted);
        }
    }
}

#[test]
fn a_signature_for_another_package_is_caught() {
    let (place, other) = (Place::signed(), Place::new());
    edit(&other.0.join("matrix.toml"), "SIGKILL", "SIGTERM");
    other.ok(2, &["release", "@contract.toml", "--out", "@out", "--key", "@maker"]);
    for name in ["release.", "vsa."] {
        let (from, to) = (other.attest(name), place.attest(name));
        let kept = fs::read(&to).unwrap();
        fs::copy(from, &to).unwrap();
        let (code, lines) = place.verify(&[]);
        assert_eq!(code, 5);
        lines.says("AUTHENTIC", "failed", "it was signed for another package: root sha256:");
        fs::write(to, kept).unwrap();
    }
    fs::copy(other.attest("tagmanifest"), place.attest("tagmanifest")).unwrap();
    let (code, lines) = place.verify(&[]);
    assert_eq!(code, 5);
    lines.says("AUTHENTIC", "failed", "it is not a signature of these bytes");
}

#[test]
fn an_insider_who_edits_the_decision_is_caught_by_judging_again() {
    let place = Place::signed();
    edit(&place.package().join("data/decision.json"), "\"decision\":\"inconclusive\"", "\"decision\":\"accept\"");
    rebuild_and_sign(&place);
    let (code, lines) = place.verify(&[]);
    assert_eq!(code, 5);
    lines.says("INTEGRITY", "ok", "");
    lines.says("AUTHENTIC", "ok", "");
    lines.says("AUTHORISED", "ok", "");
    lines.says("RECOMPUTED", "failed", "data/decision.json");
    lines.says("DECISION", "failed", "its evidence does not bear that out");
}

const NONCE: &str = "00112233445566778899aabbccddeeff";

fn locked() -> (Place, String) {
    let place = Place::new();
    edit(&place.0.join("contract.toml"), "\"fenced-queue\"", "\"replicated-log\"");
    let words = ["lock", "@contract.toml", "--nonce", NONCE, "--seed", "load=42", "--key", "@maker", "--json"];
    let said: serde_json::Value = serde_json::from_str(&place.ok(0, &words)).unwrap();
    let digest = said["digest"].as_str().unwrap().to_string();
    assert_eq!(digest, format!("sha256:{}", sha256(&fs::read(place.0.join("locks/lock-0001.json")).unwrap())));
    place.record(Some(&digest));
    (place, digest)
}

fn gate(place: &Place) -> String {
    let decision: serde_json::Value =
        serde_json::from_slice(&fs::read(place.package().join("data/decision.json")).unwrap()).unwrap();
    let gates = decision["gates"].as_array().unwrap();
    let gate = gates.iter().find(|g| g["id"] == "contract.declared-before-run").unwrap();
    format!("{}: {}", gate["verdict"].as_str().unwrap(), gate["why"].as_str().unwrap())
}

#[test]
fn a_lock_before_the_run_is_shown_and_packaged() {
    let (place, digest) = locked();
    let (code, text) = place.run(&["release", "@contract.toml", "--out", "@out", "--key", "@maker"]);
    assert!(code == 1 || code == 2, "{text}");
    assert!(gate(&place).starts_with("pass: 1 file carries the digest of a lock of what is judged; 1 lock"), "{}", gate(&place));
    let files = tree(&place.package());
    assert!(files.contains_key("data/lock/lock-0001.json") && files.contains_key("data/lock/lock-0001.json.sig"));
    let page = String::from_utf8_lossy(&files["data/report/report.md"]).into_owned();
    let lock = page.lines().find(|l| l.contains("lock 1") && l.contains(&digest)).unwrap_or_default();
    assert!(lock.contains(&digest) && lock.contains("load = 42"), "{lock}");
    let (verified, lines) = place.verify(&[]);
    assert_eq!(verified, code, "{lines:?}");
    lines.says("AUTHENTIC", "ok", "data/lock/lock-0001.json: ");
    lines.says("RECOMPUTED", "ok", "");
    // The next lock says why, follows the first, and both are listed.
    place.ok(64, &["lock", "@contract.toml"]);
    place.ok(0, &["lock", "@contract.toml", "--reason", "the load was too low"]);
    place.run(&["release", "@contract.toml", "--out", "@out", "--force"]);
    assert!(gate(&place).starts_with("inconclusive: nothing was recorded under the newest lock, 2"), "{}", gate(&place));
    let page = fs::read_to_string(place.package().join("data/report/report.md")).unwrap();
    assert!(page.contains("locked again because: the load was too low"), "{page}");
    let decision: serde_json::Value =
        serde_json::from_slice(&fs::read(place.package().join("data/decision.json")).unwrap()).unwrap();
    assert_eq!((&decision["locks"][0]["files"], &decision["locks"][1]["files"]), (&1.into(), &0.into()));
}

#[test]
fn a_contract_changed_after_the_run_is_caught() {
    let (place, _) = locked();
    edit(&place.0.join("contract.toml"), "recovery  = \"3s\"", "recovery  = \"9s\"");
    place.ok(1, &["release", "@contract.toml", "--out", "@out"]);
    assert!(
        gate(&place).contains("fail: history.jsonl was recorded under lock 1, which holds another contract"),
        "{}",
        gate(&place)
    );
}

#[test]
fn a_lock_replaced_after_the_run_is_caught() {
    let (place, digest) = locked();
    place.run(&["release", "@contract.toml", "--out", "@out", "--key", "@maker"]);
    // An insider replaces the lock in the package, and lists and signs all again.
    let lock = place.package().join("data/lock/lock-0001.json");
    edit(&lock, NONCE, &NONCE.replace('0', "1"));
    let signature = private(MAKER).sign("quorate-lock", HashAlg::Sha512, &fs::read(&lock).unwrap()).unwrap();
    fs::write(place.package().join("data/lock/lock-0001.json.sig"), signature.to_pem(LineEnding::LF).unwrap()).unwrap();
    rebuild_and_sign(&place);
    let (code, lines) = place.verify(&[]);
    assert_eq!(code, 5);
    lines.says("AUTHENTIC", "ok", "");
    lines.says("RECOMPUTED", "failed", "data/decision.json");
    // The same before the release: the gate names the lock that is hidden.
    fs::remove_dir_all(place.0.join("locks")).unwrap();
    place.ok(0, &["lock", "@contract.toml", "--nonce", &NONCE.replace('0', "1")]);
    place.ok(1, &["release", "@contract.toml", "--out", "@out", "--force"]);
    assert_eq!(gate(&place), format!("fail: history.jsonl was recorded under lock {digest}, which is not disclosed"));
}

#[test]
fn a_damaged_lock_signature_is_caught() {
    let (place, _) = locked();
    place.run(&["release", "@contract.toml", "--out", "@out", "--key", "@maker"]);
    fs::copy(place.attest("tagmanifest"), place.package().join("data/lock/lock-0001.json.sig")).unwrap();
    rebuild_and_sign(&place);
    let (code, lines) = place.verify(&[]);
    assert_eq!(code, 5);
    lines.says("AUTHENTIC", "failed", "data/lock/lock-0001.json.sig: its namespace is");
}

#[test]
fn a_wrong_lock_signature_stops_the_release() {
    let (place, _) = locked();
    let path = place.0.join("locks/lock-0001.json.sig");
    let good = fs::read(&path).unwrap();
    let lock = fs::read(place.0.join("locks/lock-0001.json")).unwrap();
    let other = private(MAKER).sign("quorate-release", HashAlg::Sha512, &lock).unwrap();
    fs::write(&path, other.to_pem(LineEnding::LF).unwrap()).unwrap();
    let text = place.ok(3, &["release", "@contract.toml", "--out", "@out"]);
    assert!(text.contains("the lock signature `lock-0001.json.sig` is wrong: its namespace"), "{text}");
    fs::write(&path, &good).unwrap();
    // One past the chain is what an interrupted run leaves; further on, a lock is gone.
    fs::rename(&path, place.0.join("locks/lock-0003.json.sig")).unwrap();
    let text = place.ok(3, &["release", "@contract.toml", "--out", "@out"]);
    assert!(text.contains("`lock-0003.json.sig` signs a lock that is not there"), "{text}");
    assert!(!place.0.join("out").exists());
}

#[test]
fn locks_take_chance_from_the_system() {
    let digests: Vec<String> = (0..2)
        .map(|_| {
            let place = Place::new();
            place.ok(0, &["lock", "@contract.toml"]);
            sha256(&fs::read(place.0.join("locks/lock-0001.json")).unwrap())
        })
        .collect();
    assert_ne!(digests[0], digests[1]);
    let place = Place::new();
    place.ok(64, &["lock", "@contract.toml", "--nonce", "abc"]);
    place.ok(64, &["lock", "@contract.toml", "--seed", "x"]);
    assert!(!place.0.join("locks").exists(), "nothing half-written");
    fs::create_dir(place.0.join("locks")).unwrap();
    fs::write(place.0.join("locks/lock-0001.json"), "{}").unwrap();
    let text = place.ok(3, &["release", "@contract.toml", "--out", "@out"]);
    assert!(text.contains("lock `lock-0001.json`: `schema` is not a text"), "{text}");
    assert!(!place.0.join("out").exists());
}

#[test]
fn an_auditor_concurs_or_dissents() {
    let place = Place::signed();
    let audit = ["--require-role", "audit"];
    let (code, lines) = place.verify(&audit);
    assert_eq!(code, 5);
    lines.says("AUTHORISED", "failed", "no trusted auditor other than the maker has signed");
    place.ok(0, &["sign", "@out/fixture-1", "--role", "audit", "--opinion", "concur", "--key", "@stranger"]);
    assert_eq!(place.verify(&audit).0, 5, "a stranger's opinion counts for nothing");
    place.ok(0, &["sign", "@out/fixture-1", "--role", "audit", "--opinion", "concur", "--key", "@auditor"]);
    let (code, lines) = place.verify(&audit);
    assert_eq!(code, 2, "{lines:?}");
    lines.says("AUTHORISED", "ok", "auditor@example.org concurs");
    // Nothing that was said is changed: the same again is no fault, another opinion by the same key is refused.
    place.ok(0, &["sign", "@out/fixture-1", "--role", "audit", "--opinion", "concur", "--key", "@auditor"]);
    let before = tree(&place.package());
    let text = place.ok(64, &["sign", "@out/fixture-1", "--role", "audit", "--opinion", "dissent", "--key", "@auditor"]);
    assert!(text.contains("is there already"), "{text}");
    assert_eq!(tree(&place.package()), before);
}

#[test]
fn a_dissent_is_shown_and_fails_when_an_audit_is_asked_for() {
    let place = Place::signed();
    place.trust(&format!("maker@example.org {}\nauditor@example.org {}\n", public(MAKER), public(AUDITOR)));
    place.ok(0, &["sign", "@out/fixture-1", "--role", "audit", "--opinion", "concur", "--key", "@maker"]);
    let (code, lines) = place.verify(&["--require-role", "audit"]);
    assert_eq!(code, 5, "the maker does not audit: {lines:?}");
    place.ok(0, &["sign", "@out/fixture-1", "--role", "audit", "--opinion", "dissent", "--key", "@auditor"]);
    let (code, lines) = place.verify(&["--require-role", "audit"]);
    assert_eq!(code, 5);
    lines.says("AUTHORISED", "failed", "auditor@example.org may audit and dissents");
    let (code, lines) = place.verify(&[]);
    assert_eq!(code, 2);
    lines.says("AUTHORISED", "ok", "auditor@example.org dissents");
}

#[test]
fn an_audit_is_of_its_release_only() {
    let place = Place::signed();
    place.ok(0, &["sign", "@out/fixture-1", "--role", "audit", "--opinion", "concur", "--key", "@auditor"]);
    let audits: Vec<(String, Vec<u8>)> =
        tree(&place.package()).into_iter().filter(|(p, _)| p.starts_with("attest/audit.")).collect();
    edit(&place.0.join("matrix.toml"), "SIGKILL", "SIGTERM");
    place.ok(2, &["release", "@contract.toml", "--out", "@out", "--key", "@maker", "--force"]);
    for (path, bytes) in audits {
        fs::write(place.package().join(path), bytes).unwrap();
    }
    let (code, lines) = place.verify(&["--require-role", "audit"]);
    assert_eq!(code, 5);
    lines.says("AUTHENTIC", "failed", "it is about another attest/release.");
    let unsigned = Place::new();
    unsigned.ok(2, &["release", "@contract.toml", "--out", "@out"]);
    unsigned.ok(64, &["sign", "@out/fixture-1", "--role", "audit", "--opinion", "concur", "--key", "@auditor"]);
}

proptest::proptest! {
    /// What others wrote never makes a reader panic.
    #[test]
    fn readers_take_anything(bytes: Vec<u8>, text in "[a-z0-9@,=\"!* \\n-]{0,80}", cut in 0usize..600) {
        let _ = Revoked::parse(&bytes);
        let _ = Revoked::parse(&[b"SSHKRL\n\0\0\0\0\x01", &bytes[..]].concat());
        let _ = Signers::parse(&text);
        let _ = Signers::parse(&format!("{text} {}", public(MAKER)));
        let _ = Instant::parse(&text);
        let _ = Key::read(&bytes, None);
        let key = private(MAKER).to_openssh(LineEnding::LF).unwrap();
        let _ = Key::read(&key.as_bytes()[..cut.min(key.len())], Some("x"));
        let _ = lock_signer(b"lock", &bytes);
        let _ = quorate::package::read_lock("lock-0001.json", &bytes, false);
    }
}

/// The private half in every form in which it could slip out.
fn secrets(seed: u8) -> Vec<Vec<u8>> {
    let text = private(seed).to_openssh(LineEnding::LF).unwrap().to_string();
    let lines = text.lines().filter(|l| !l.starts_with("-----")).skip(1).map(|l| l.as_bytes().to_vec());
    let hex: String = [seed; 32].iter().map(|b| format!("{b:02x}")).collect();
    let base64 = <base64ct::Base64 as base64ct::Encoding>::encode_string(&[seed; 32]);
    lines.chain([vec![seed; 32], hex.into_bytes(), base64.into_bytes()]).collect()
}

fn leaks(seed: u8, bytes: &[u8]) -> bool {
    secrets(seed).iter().any(|secret| secret.len() > 8 && bytes.windows(secret.len()).any(|w| w == secret))
}

#[test]
fn private_bytes_never_come_out() {
    let place = Place::signed();
    assert!(leaks(MAKER, &fs::read(place.0.join("maker")).unwrap()), "the test can see a leak");
    for (path, bytes) in tree(&place.package()) {
        assert!(!leaks(MAKER, &bytes), "{path}");
    }
    let sign = ["sign", "@out/fixture-1", "--role", "audit", "--opinion", "concur", "--key", "@broken"];
    let text = fs::read_to_string(place.0.join("maker")).unwrap();
    let harmed: Vec<String> = vec![
        text[..text.len() / 2].to_string(),
        text.replace("-----END OPENSSH PRIVATE KEY-----", ""),
        text.replacen('A', "B", 9),
        text.replace("OPENSSH", "RSA"),
        text.replace('\n', ""),
        format!("{text}{text}"),
    ];
    for harmed in harmed {
        put_key(&place.0.join("broken"), &harmed);
        let said = place.ok(64, &sign);
        assert!(said.contains("is not a key to sign with") && !leaks(MAKER, said.as_bytes()), "{said}");
    }
    let key = Key::read(text.as_bytes(), None).unwrap();
    assert!(format!("{key:?}").starts_with("Key(SHA256:") && !leaks(MAKER, format!("{key:?}").as_bytes()));
    assert_eq!(format!("{:?}", Secret("hunter2".into())), "Secret");
    assert!(!place.0.join("out/fixture-1/attest/audit").exists());
}

#[cfg(unix)]
#[test]
fn keys_that_others_may_read_are_refused() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    fs::set_permissions(place.0.join("maker"), fs::Permissions::from_mode(0o644)).unwrap();
    let text = place.ok(64, &["release", "@contract.toml", "--out", "@out", "--key", "@maker"]);
    assert!(text.contains("others may read the key"), "{text}");
    assert!(!place.0.join("out").exists());
}

#[test]
fn encrypted_keys_are_opened_by_environment_or_person() {
    let place = Place::signed();
    let locked = private(AUDITOR).encrypt(&mut ssh_key::rand_core::OsRng, "correct horse").unwrap();
    put_key(&place.0.join("locked"), &locked.to_openssh(LineEnding::LF).unwrap());
    let sign = ["sign", "@out/fixture-1", "--role", "audit", "--opinion", "concur", "--key", "@locked"];
    let said = place.ok(64, &sign);
    assert!(said.contains("is encrypted, and no passphrase was given"), "{said}");
    let wrong = Env { passphrase: Some(Secret("battery staple".into())), ..Env::default() };
    let (code, said) = place.run_in(&wrong, &sign);
    assert!(code == 64 && said.contains("the passphrase does not open the key"), "{said}");
    assert!(!said.contains("battery") && !leaks(AUDITOR, said.as_bytes()));
    let asked = Env { ask: Some(|_| Ok("correct horse".into())), ..Env::default() };
    assert_eq!(place.run_in(&asked, &sign).0, 0);
    let by_person = tree(&place.package());
    fs::remove_file(place.attest("audit.")).unwrap();
    let given = Env { passphrase: Some(Secret("correct horse".into())), ..Env::default() };
    assert_eq!(place.run_in(&given, &sign).0, 0);
    assert_eq!(tree(&place.package()), by_person);
}

/// Whether a program is there; says so when not. Where CI says that nothing may be missing, that is a failure.
fn tool(name: &str) -> Option<()> {
    let found = Command::new("sh").args(["-c", &format!("command -v {name}")]).stdout(Stdio::null()).status();
    if found.is_ok_and(|s| s.success()) {
        return Some(());
    }
    assert!(std::env::var_os("QUORATE_NEED_TOOLS").is_none(), "{name} is not installed");
    eprintln!("skipped: {name} is not installed");
    None
}

#[cfg(unix)]
#[test]
fn a_key_in_the_agent_signs_the_same_bytes() {
    let (Some(()), Some(())) = (tool("ssh-agent"), tool("ssh-add")) else { return };
    struct Agent(std::process::Child);
    impl Drop for Agent {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
    let place = Place::signed();
    let socket = place.0.join("agent");
    let started = Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).spawn().unwrap();
    let _agent = Agent(started);
    for _ in 0..100 {
        if socket.exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    fs::write(place.0.join("maker.pub"), public(MAKER)).unwrap();
    fs::write(place.0.join("stranger.pub"), public(STRANGER)).unwrap();
    let added = Command::new("ssh-add").arg("-q").arg(place.0.join("maker")).env("SSH_AUTH_SOCK", &socket).status().unwrap();
    assert!(added.success());
    let by_file = tree(&place.package());
    let env = Env { ssh_auth_sock: Some(socket.to_string_lossy().into_owned()), ..Env::default() };
    let release = ["release", "@contract.toml", "--out", "@out", "--force", "--key"];
    let (code, text) = place.run_in(&env, &[&release[..], &["@maker.pub"]].concat());
    assert_eq!(code, 2, "{text}");
    assert_eq!(tree(&place.package()), by_file);
    let (code, text) = place.run_in(&env, &[&release[..], &["@stranger.pub"]].concat());
    assert!(code == 64 && text.contains("does not hold the key"), "{text}");
    let (code, text) = place.run_in(&Env::default(), &[&release[..], &["@maker.pub"]].concat());
    assert!(code == 64 && text.contains("SSH_AUTH_SOCK names no agent"), "{text}");
    assert_eq!(tree(&place.package()), by_file, "nothing was replaced");
}

#[test]
fn ssh_keygen_agrees() {
    let Some(()) = tool("ssh-keygen") else { return };
    let place = Place::signed();
    let tagmanifest = fs::File::open(place.package().join("tagmanifest-sha256.txt")).unwrap();
    let run = Command::new("ssh-keygen")
        .args(["-Y", "verify", "-n", "quorate-release", "-I", "maker@example.org", "-f"])
        .arg(place.0.join("trust"))
        .arg("-s")
        .arg(place.attest("tagmanifest"))
        .stdin(tagmanifest)
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    // And it makes the same bytes.
    let message = place.0.join("tagmanifest-sha256.txt");
    fs::copy(place.package().join("tagmanifest-sha256.txt"), &message).unwrap();
    let run = Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", "quorate-release", "-f"])
        .arg(place.0.join("maker"))
        .arg(&message)
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let theirs = fs::read(place.0.join("tagmanifest-sha256.txt.sig")).unwrap();
    assert_eq!(theirs, fs::read(place.attest("tagmanifest")).unwrap());
}

const DECISION: &str = concat!(
    r#"{"date":"2026-01-31","decision":"reject","release":{"service":"orders","version":"2.4.0"},"#,
    r#""schema":"quorate-decision/1","tool":{"name":"quorate","version":"0.1.0"}}"#
);

/// The smallest package there can be, signed by the maker and countersigned.
fn smallest(at: &Path) {
    let info = Info::of(&read_decision(DECISION.as_bytes()).unwrap());
    let files = [("decision.json", DECISION), ("evidence/a.jsonl", "{}\n")];
    let payload = files.map(|(path, text)| (path.to_string(), Payload::Bytes(text.as_bytes().to_vec())));
    let key = |seed| Key::read(private(seed).to_openssh(LineEnding::LF).unwrap().as_bytes(), None).unwrap();
    let mut bag = Bag::new(BTreeMap::from(payload), &info).unwrap();
    bag.sign(&key(MAKER)).unwrap();
    write(&bag, at, false).unwrap();
    let verified = open(at).unwrap();
    let digest = |name: &str| verified.files.get(name).map(|s| s.sha256.clone());
    let subject = Subject::new(&verified.root, digest, |p| fs::read(at.join(p)).ok()).unwrap();
    let releases = verified.attestations.iter().filter(|(p, _)| p.starts_with("attest/release."));
    let releases = releases.map(|(p, s)| (p.clone(), s.sha256.clone())).collect();
    add(at, &countersign(&subject, &releases, Opinion::Concur, &key(AUDITOR)).unwrap()).unwrap();
}

fn policy() -> Policy {
    let text = format!("maker {}\nauditor {}\n", public(MAKER), public(AUDITOR));
    let signers = Some(Signers::parse(&text).unwrap());
    Policy { signers, as_of: Instant::parse("2026-02-01"), audit: true, signature: true, ..Policy::default() }
}

/// Whether verifying by digests and signatures, without judging again, finds nothing wrong.
fn sound(at: &Path, policy: &Policy) -> bool {
    let Ok(verified) = open(at) else { return false };
    let files: &dyn Files = &Folder::new(at);
    let attested = check(files, &verified, policy);
    [attested.authentic, attested.authorised, attested.time].iter().all(|line| line.mark == Mark::Ok)
}

/// Every byte of a package, `attest/` included, is changed in turn: each change is caught.
#[test]
fn every_flipped_byte_is_caught() {
    let place = Place::new();
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let missed: Vec<String> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..workers)
            .map(|worker| {
                let at = place.0.join(format!("flip-{worker}/orders-2.4.0"));
                scope.spawn(move || {
                    smallest(&at);
                    let policy = policy();
                    assert!(sound(&at, &policy), "the package is sound before it is harmed");
                    let mut missed = Vec::new();
                    let mut count = 0;
                    for (path, bytes) in tree(&at) {
                        for i in 0..bytes.len() {
                            count += 1;
                            if count % workers != worker {
                                continue;
                            }
                            let mut harmed = bytes.clone();
                            harmed[i] ^= 1;
                            fs::write(at.join(&path), &harmed).unwrap();
                            if sound(&at, &policy) {
                                missed.push(format!("{path} byte {i}"));
                            }
                        }
                        fs::write(at.join(&path), &bytes).unwrap();
                    }
                    assert!(sound(&at, &policy) && count > 4000, "{count}");
                    missed
                })
            })
            .collect();
        handles.into_iter().flat_map(|h| h.join().unwrap()).collect()
    });
    assert!(missed.is_empty(), "{} missed: {missed:?}", missed.len());
}
