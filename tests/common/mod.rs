//! Pages of documentation whose commands are run by a test.
//!
//! In: the text of a page and a folder. Out: what its commands printed, held against what the page shows.
//!
//! A block that opens with three backticks and `sh` is run by bash. The words after `sh` name the tools that it needs; `exit=N` says that it ends with
//! that code. A block that opens with `text output` shows what the `sh` block before it printed, on both streams; a line `…` stands for any lines.
//! Digests are shown as `sha256:…`.

#![allow(dead_code, reason = "each test that takes part in this module uses a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One block of commands.
pub struct Block {
    /// The tools that it needs.
    pub needs: Vec<String>,
    /// What it must end with.
    pub exit: i32,
    /// The commands.
    pub script: String,
    /// What it is shown to print, and the lines of the page that show it.
    pub shown: Option<(String, std::ops::Range<usize>)>,
}

/// The blocks of a page that are run, in order.
pub fn blocks(page: &str) -> Vec<Block> {
    let lines: Vec<&str> = page.lines().collect();
    let mut blocks: Vec<Block> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let Some(info) = lines[at].strip_prefix("```") else {
            at += 1;
            continue;
        };
        let end = (at + 1..lines.len()).find(|&n| lines[n] == "```").expect("every block is closed");
        let body: String = lines[at + 1..end].iter().map(|line| format!("{line}\n")).collect();
        if info == "sh" || info.starts_with("sh ") {
            let (exits, needs): (Vec<&str>, Vec<&str>) = info.split_whitespace().skip(1).partition(|w| w.starts_with("exit="));
            let exit = exits.first().map_or(0, |word| word[5..].parse().expect("a code"));
            blocks.push(Block { needs: needs.into_iter().map(String::from).collect(), exit, script: body, shown: None });
        } else if info == "text output" {
            blocks.last_mut().expect("output follows commands").shown = Some((body, at + 1..end));
        }
        at = end + 1;
    }
    blocks
}

/// Whether a tool is there.
pub fn installed(tool: &str) -> bool {
    let test = match tool {
        "securesystemslib" => "python3 -c 'import securesystemslib, cryptography'".to_string(),
        tool => format!("command -v {tool}"),
    };
    Command::new("bash").args(["-c", &test]).output().is_ok_and(|out| out.status.success())
}

/// The first tool that a block needs and that is not there; a failure where `QUORATE_NEED_TOOLS` is in the environment, as in CI.
pub fn missing(block: &Block) -> Option<&str> {
    let tool = block.needs.iter().find(|t| !installed(t))?;
    assert!(std::env::var_os("QUORATE_NEED_TOOLS").is_none(), "{tool} is not installed");
    Some(tool)
}

/// Runs commands with `quorate` on the path; gives the exit code and what was printed on both streams.
pub fn bash(dir: &Path, script: &str, env: &[(&str, PathBuf)]) -> (i32, String) {
    let tool = Path::new(env!("CARGO_BIN_EXE_quorate")).parent().expect("a folder");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(tool.to_path_buf()).chain(std::env::split_paths(&path))).expect("a path");
    let script = format!("exec 2>&1\n{script}");
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", &script]).current_dir(dir).env("PATH", path).env("LC_ALL", "C.UTF-8");
    for name in [
        "SOURCE_DATE_EPOCH",
        "COLUMNS",
        "CLICOLOR_FORCE",
        "QUORATE_KEY_PASSPHRASE",
        "SSH_AUTH_SOCK",
        "GITHUB_STEP_SUMMARY",
        "GITHUB_OUTPUT",
    ] {
        command.env_remove(name);
    }
    let out = command.envs(env.iter().map(|(k, v)| (k, v))).output().expect("bash runs");
    (out.status.code().unwrap_or(-1), String::from_utf8_lossy(&out.stdout).into_owned())
}

/// The files below a folder, by path.
pub fn tree(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut out = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("folder").flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                out.insert(entry.path().strip_prefix(root).expect("below").to_path_buf(), fs::read(entry.path()).expect("file"));
            }
        }
    }
    out
}

/// Writes a private key that only its owner may read.
pub fn put_key(path: &Path, text: &str) {
    fs::write(path, text).expect("key");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("mode");
    }
}

/// An empty folder of one test.
pub fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("scratch folder");
    dir
}

/// Text with what chance or another wording of the report decides left out: digests, fingerprints, and how many bytes a package has.
pub fn masked(text: &str) -> String {
    let text: String = text.lines().map(|line| format!("{}\n", digits(line))).collect();
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.to_ascii_lowercase().find("sha256:") {
        let (before, found) = rest.split_at(at + 7);
        let digit: fn(char) -> bool = if before.ends_with("SHA256:") {
            |c| c.is_ascii_alphanumeric() || "+/=".contains(c)
        } else {
            |c| c.is_ascii_hexdigit()
        };
        let digest = found.find(|c| !digit(c)).unwrap_or(found.len());
        out.push_str(before);
        out.push_str(if digest >= 16 { "…" } else { &found[..digest] });
        rest = &found[digest..];
        rest = if digest >= 16 { rest.strip_prefix('…').unwrap_or(rest) } else { rest };
    }
    out.push_str(rest);
    out.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Words of 64 hex digits, and numbers of bytes, left out.
fn digits(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let told = |i: usize| {
        let digest = words[i].len() == 64 && words[i].bytes().all(|b| b.is_ascii_hexdigit());
        let size = words.get(i + 1).is_some_and(|next| next.starts_with("bytes"));
        if digest || size { "…" } else { words[i] }
    };
    (0..words.len()).map(told).collect::<Vec<_>>().join(" ")
}

/// Whether a text is as shown, where a line `…` stands for any lines.
pub fn as_shown(shown: &str, printed: &str) -> bool {
    let mut rest: &str = printed;
    let parts: Vec<String> = format!("\n{shown}").split("\n…\n").map(|part| format!("{part}\n")).collect();
    let last = parts.len() - 1;
    let parts = parts.iter().enumerate().map(|(i, part)| if i == 0 { &part[1..] } else { part.as_str() });
    for (i, part) in parts.map(|part| part.trim_matches('\n')).enumerate() {
        let found = if i == 0 { rest.starts_with(part).then_some(0) } else { rest.find(part) };
        let Some(at) = found else { return false };
        rest = &rest[at + part.len()..];
        if i == last && !part.is_empty() && !rest.trim().is_empty() {
            return false;
        }
    }
    true
}

/// Runs a page of `docs/` in a folder and compares what it shows; `QUORATE_DOCS=write` writes what was printed into the page instead.
/// Gives how many blocks ran: none, with a word of why, when a tool is missing.
pub fn run_page(name: &str, dir: &Path, env: &[(&str, PathBuf)], edit: impl Fn(&str) -> String) -> usize {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let page = fs::read_to_string(&file).expect("the page");
    let blocks = blocks(&page);
    if let Some(tool) = blocks.iter().find_map(missing) {
        let _ = writeln!(std::io::stderr(), "skipped, {tool} is not installed: {name}");
        return 0;
    }
    let write = std::env::var("QUORATE_DOCS").is_ok_and(|v| v == "write");
    let mut lines: Vec<String> = page.lines().map(String::from).collect();
    let mut outputs = Vec::new();
    for block in &blocks {
        let (code, printed) = bash(dir, &edit(&block.script), env);
        assert_eq!(code, block.exit, "{name}:\n{}\n{printed}", block.script);
        let Some((shown, range)) = &block.shown else { continue };
        let printed = masked(&printed);
        if shown.lines().any(|line| line == "…") {
            assert!(
                as_shown(shown, &printed),
                "{name} shows another output of\n{}\nshown:\n{shown}\nprinted:\n{printed}",
                block.script
            );
            continue;
        }
        assert!(
            write || *shown == printed,
            "{name} shows another output of\n{}\nshown:\n{shown}\nprinted:\n{printed}",
            block.script
        );
        outputs.push((range.clone(), printed));
    }
    if write {
        for (range, printed) in outputs.into_iter().rev() {
            lines.splice(range, printed.lines().map(String::from));
        }
        fs::write(&file, format!("{}\n", lines.join("\n"))).expect("written");
    }
    blocks.len()
}

/// Makes the starter of a replicated log in `dir` prove too little: one test with two kinds of evidence, and no plan to go back.
pub fn starve(dir: &Path) {
    let matrix = fs::read_to_string(dir.join("matrix.toml")).expect("matrix");
    let (head, rest) = matrix.split_once("\n[[test]]\n").expect("tests");
    let (tests, evidence) = rest.split_once("\n[[evidence]]\n").expect("evidence");
    let test = tests.split("[[test]]\n").find(|t| t.contains("\"leader-crash\"\n")).expect("the test");
    let test: String =
        test.lines().filter(|l| !l.starts_with(['#']) && !l.starts_with("requires")).map(|l| format!("{l}\n")).collect();
    let text = format!("{head}\n[[test]]\n{test}requires = [\"history\", \"faults\"]\n\n[[evidence]]\n{evidence}");
    fs::write(dir.join("matrix.toml"), text).expect("written");
    let contract = fs::read_to_string(dir.join("contract.toml")).expect("contract");
    let (before, after) = contract.split_once("\n[rollback]\n").expect("a rollback");
    let (_, after) = after.split_once("\n\n").expect("more");
    fs::write(dir.join("contract.toml"), format!("{before}\n{after}")).expect("written");
}
