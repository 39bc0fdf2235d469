//! A release that is killed, or runs out of disk: the old package or none, never a part of one, and the next run goes through.
//!
//! `QUORATE_KILLS` sets how many kills there are (`.ci/run` asks for 200), `QUORATE_SEED` their seed.

#![cfg(unix)]
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test that skips a part says so, and how many kills hit; a kill comes at a time"
)]
mod common;

use common::put_key;
use quorate::package::open;
use ssh_key::private::Ed25519Keypair;
use ssh_key::{LineEnding, PrivateKey};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const HEADER: &str = r#"{"quorate":"history/v1","test":"t1","origin":"client","clock":"monotonic","clock_id":"c","recorded_by":"test","synthetic":true}"#;
const PACKAGE: &str = "out/fixture-1";
const ARCHIVE: &str = "out/fixture-1.tar";

/// A project with one history of so many records.
fn project(name: &str, records: u64) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("crash").join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(dir.join("evidence")).expect("scratch folder");
    let contract = include_str!("data/gates/contract.toml").replace("\"replicated-log\"", "\"fenced-queue\"");
    fs::write(dir.join("contract.toml"), contract).expect("written");
    let matrix = include_str!("data/small-matrix.toml");
    fs::write(dir.join("matrix.toml"), matrix).expect("written");
    history(&dir, records);
    let maker = PrivateKey::from(Ed25519Keypair::from_seed(&[1; 32]));
    put_key(&dir.join("maker"), &maker.to_openssh(LineEnding::LF).expect("key"));
    dir
}

fn history(dir: &Path, records: u64) {
    let mut text = format!("{HEADER}\n");
    for i in 0..records {
        let (at, end) = (10 * i + 1, 10 * i + 2);
        text.push_str(&format!(
            r#"{{"client":"a","op":"write","key":"k","value":{i},"command_id":"w{i}","invoke":{at},"return":{end},"result":"ok"}}"#
        ));
        text.push('\n');
    }
    text.push_str(&format!("{{\"quorate\":\"end\",\"records\":{records}}}\n"));
    fs::write(dir.join("evidence/history.jsonl"), text).expect("written");
}

fn release(dir: &Path, options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
    command
        .args(["release", "contract.toml", "--quiet", "--key", "maker"])
        .args(options)
        .current_dir(dir)
        .env_remove("SOURCE_DATE_EPOCH");
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Runs to the end; the release itself is inconclusive.
fn made(dir: &Path, options: &[&str]) {
    let status = release(dir, options).status().expect("the binary runs");
    assert_eq!(status.code(), Some(2), "{options:?}");
}

/// The root of a package or archive, if there is one; it must be whole.
fn root(path: &Path) -> Option<String> {
    path.exists().then(|| open(path).unwrap_or_else(|e| panic!("{} is not whole: {e}", path.display())).root)
}

fn entries(dir: &Path) -> BTreeSet<String> {
    let list = fs::read_dir(dir.join("out")).map(|d| d.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect());
    list.unwrap_or_default()
}

/// Numbers from a seed (xorshift64*).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) % n.max(1)
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

/// Kills after a time; `true` when it was still running.
fn kill_after(mut child: Child, time: Duration) -> bool {
    sleep(time);
    let running = child.try_wait().expect("waited").is_none();
    child.kill().expect("killed");
    child.wait().expect("waited");
    running
}

#[test]
fn a_kill_at_any_instant_leaves_the_old_package_or_none() {
    let (kills, seed) = (number("QUORATE_KILLS", 24), number("QUORATE_SEED", 20_240_229));
    let dir = project("kill", 800);
    let options: &[&str] = &["--archive", "--force"];
    // Two states of the evidence, hence two roots.
    let mut roots = Vec::new();
    for records in [800, 801] {
        history(&dir, records);
        made(&dir, options);
        roots.push(root(&dir.join(PACKAGE)).expect("made"));
    }
    let started = Instant::now();
    made(&dir, options);
    let mut length = started.elapsed().as_micros() as u64;
    let mut dice = Dice(seed.max(1));
    let (mut hit, mut left_over) = (0, 0);
    for kill in 0..kills {
        let force = dice.below(2) == 1;
        let _ = fs::remove_dir_all(dir.join("out"));
        let old = kill % 3 != 0 && force;
        if old {
            history(&dir, 800);
            made(&dir, &["--archive"]);
        }
        history(&dir, 801);
        let flags: &[&str] = if force { options } else { &["--archive"] };
        // Writing takes the last part of a run; two kills of three are aimed there.
        let from = if dice.below(3) == 0 { 0 } else { length / 2 };
        let time = Duration::from_micros(from + dice.below(length + length / 10 - from));
        let child = release(&dir, flags).spawn().expect("started");
        let running = kill_after(child, time);
        hit += u64::from(running);
        // How long a run takes depends on what else the machine does: the aim follows it.
        length = if running { length * 11 / 10 } else { length * 3 / 4 }.max(1000);
        let case = format!("kill {kill} of seed {seed} after {time:?}, force {force}, old {old}");
        let (package, archive) = (root(&dir.join(PACKAGE)), root(&dir.join(ARCHIVE)));
        assert!(package.as_ref().is_none_or(|r| roots.contains(r)), "{case}");
        assert!(old || package.as_ref() != Some(&roots[0]), "{case}");
        assert!(archive.is_none() || archive == package, "{case}: an archive beside another folder");
        let whole = ["fixture-1", "fixture-1.tar"];
        left_over += u64::from(entries(&dir).iter().any(|e| !whole.contains(&e.as_str())));
        // What was moved aside comes back: with an old package, there is always one after the next run looked.
        let again = release(&dir, &["--archive"]).status().expect("runs").code();
        let there = root(&dir.join(PACKAGE)).unwrap_or_else(|| panic!("{case}: nothing there after exit {again:?}"));
        assert_eq!(again, if package.is_some() || old { Some(64) } else { Some(2) }, "{case}");
        assert!(package.is_none_or(|before| before == there), "{case}");
        made(&dir, options);
        assert_eq!(
            (root(&dir.join(PACKAGE)), root(&dir.join(ARCHIVE))),
            (Some(roots[1].clone()), Some(roots[1].clone())),
            "{case}"
        );
        assert_eq!(entries(&dir), whole.map(String::from).into(), "{case}: something is left beside the package");
    }
    println!("{kills} kills, {hit} of them while it ran, {left_over} left something for the next run to clear");
    assert!(3 * hit >= kills, "only {hit} of {kills} kills came while it ran");
}

/// Runs under a limit on the size of files, which the kernel answers like a full disk.
fn limited(dir: &Path, options: &str, kib: u64, ignored: bool) -> std::process::Output {
    let trap = if ignored { "trap '' XFSZ; " } else { "" };
    let blocks = 2 * kib;
    let script = format!("{trap}ulimit -c 0; ulimit -f {blocks} && exec \"$0\" release contract.toml --quiet {options}");
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_quorate")]).current_dir(dir).env_remove("SOURCE_DATE_EPOCH");
    command.output().expect("sh runs")
}

#[test]
fn a_full_disk_is_a_clear_error_and_leaves_nothing_half_written() {
    let dir = project("full", 20_000);
    let size = fs::metadata(dir.join("evidence/history.jsonl")).expect("written").len();
    assert!(size > 1 << 20, "{size}");
    let failed = |options: &str, kib: u64| {
        let output = limited(&dir, options, kib, true);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(70), "{said}");
        assert!(said.contains("cannot write") && said.contains("File too large"), "{said}");
        said
    };
    failed("", 600);
    assert_eq!(entries(&dir), BTreeSet::new(), "nothing is left");
    made(&dir, &["--archive"]);
    let before = root(&dir.join(PACKAGE));
    history(&dir, 20_001);
    assert!(failed("--force", 600).contains("history.jsonl"));
    // Every file of the package has room, and the archive has not.
    assert!(failed("--force --archive", size.div_ceil(1024) + 2).contains("fixture-1.tar"));
    // A signal that nobody catches ends the run like a kill.
    assert_eq!(limited(&dir, "--force", 600, false).status.code(), None);
    assert_eq!((root(&dir.join(PACKAGE)), root(&dir.join(ARCHIVE))), (before.clone(), before.clone()));
    made(&dir, &["--archive", "--force"]);
    assert_ne!(root(&dir.join(PACKAGE)), before);
    assert_eq!(entries(&dir), ["fixture-1", "fixture-1.tar"].map(String::from).into());
}

#[test]
fn a_small_file_system_that_is_full_is_named() {
    let dir = project("tmpfs", 20_000);
    let script = "mkdir -p out && mount -t tmpfs -o size=1m quorate out && \"$0\" release contract.toml --archive; code=$?; ls -A out; exit $code";
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, env!("CARGO_BIN_EXE_quorate")]).current_dir(&dir);
    let probe = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", "mkdir -p out && mount -t tmpfs -o size=1m quorate out"])
        .current_dir(&dir)
        .output();
    if !probe.is_ok_and(|p| p.status.success()) {
        eprintln!("skipped: no file system can be mounted here");
        return;
    }
    let output = command.output().expect("runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(70), "{said}");
    assert!(said.contains("No space left"), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "nothing is left");
}
