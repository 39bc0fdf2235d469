//! The same input gives the same bytes: in two runs, in two folders, in two locales and time zones, on one thread and on two, archive and
//! signatures included.

mod common;

use common::{put_key, tree};
use ssh_key::private::Ed25519Keypair;
use ssh_key::{LineEnding, PrivateKey};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("identical").join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("scratch folder");
    dir
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// One run in a folder of its own, with its own environment and umask.
fn run(name: &str, contract: &str, env: &[(&str, &str)], threads: &str, umask: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let dir = scratch(name);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    copy(&root.join("contracts").join(contract), &dir.join("contracts").join(contract));
    copy(&root.join("evidence").join(contract), &dir.join("evidence").join(contract));
    let script = format!(
        "umask {umask}; exec \"$0\" release contracts/{contract}/contract.toml --quiet --archive --key maker --withhold '**/faults.jsonl*' --threads {threads}"
    );
    let maker = PrivateKey::from(Ed25519Keypair::from_seed(&[1; 32]));
    put_key(&dir.join("maker"), &maker.to_openssh(LineEnding::LF).expect("key"));
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_quorate")]).current_dir(&dir).env_remove("SOURCE_DATE_EPOCH");
    let output = command.envs(env.iter().copied()).output().expect("the binary runs");
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&output.stderr));
    tree(&dir.join("out"))
}

#[test]
fn nothing_around_the_input_reaches_the_bytes() {
    for contract in ["fenced-queue", "command-service"] {
        let one = run(&format!("a-{contract}"), contract, &[("LC_ALL", "C"), ("TZ", "UTC")], "1", "022");
        let elsewhere: &[(&str, &str)] =
            &[("LC_ALL", "tr_TR.UTF-8"), ("LANG", "de_DE.UTF-8"), ("TZ", "Pacific/Kiritimati"), ("HOME", "/nonexistent")];
        let two = run(&format!("another-and-longer/folder ü/{contract}"), contract, elsewhere, "2", "077");
        assert!(one.keys().any(|p| p.extension().is_some_and(|e| e == "tar")), "an archive is among them");
        assert!(one.keys().any(|p| p.ends_with("data/evidence-refs.json")));
        assert_eq!(
            one.keys().filter(|p| p.components().any(|c| c.as_os_str() == "attest")).count(),
            3,
            "signatures are among them"
        );
        assert_eq!(one.keys().collect::<Vec<_>>(), two.keys().collect::<Vec<_>>());
        for (path, bytes) in &one {
            assert!(two.get(path) == Some(bytes), "{contract}: {} differs", path.display());
        }
        let place = env!("CARGO_MANIFEST_DIR").as_bytes();
        let pages = one.iter().filter(|(path, _)| !path.components().any(|c| c.as_os_str() == "evidence"));
        for (path, bytes) in pages {
            assert!(!bytes.windows(place.len()).any(|w| w == place), "{}: names a folder of this machine", path.display());
        }
    }
}
