//! The commands with which a reader makes a verdict again, typed in the folder of the package.
//!
//! In: a gate and the records that it rests on. Out: lines for a shell, every path from evidence quoted. Refuses to run anything.

use super::{Pair, Source};
use crate::dossier::Dossier;
use crate::report::text::{line, shell};
use crate::verdict::{Judgement, SourceRef};

/// What judges everything again and prints every reason.
const AGAIN: &str = "quorate release data/contract/contract.toml --evidence data/evidence --locks data/lock --out ../again";

fn command(label: &str, value: String) -> Pair {
    Pair { label: line(label), value, mono: true }
}

/// The commands of the package as a whole.
pub(super) fn package() -> Vec<Pair> {
    vec![
        command("Check every digest and judge all again", "quorate verify .".into()),
        command("Judge again and print the table and every reason", AGAIN.into()),
        command("What a gate asks, proves and cannot see", "quorate explain GATE".into()),
        command("The digest of the package", "sha256sum tagmanifest-sha256.txt".into()),
    ]
}

/// The commands of one gate: judge again, see the first record of each judgement (of three at most), its digest, what the gate asks.
pub(super) fn gate(dossier: &Dossier, id: &str, judgements: &[&Judgement]) -> Vec<Pair> {
    let mut out = vec![command("Judge again, from this package's evidence", AGAIN.into())];
    let first = |j: &&Judgement| {
        let found = j.findings.iter().flat_map(|f| &f.sources).chain(j.figures.iter().flat_map(|f| &f.sources));
        found.filter(|s| s.line.is_some()).find_map(|s| record(dossier, s))
    };
    for pair in judgements.iter().filter_map(first) {
        if out.len() < 4 && out.iter().all(|p| p.value != pair.value) {
            out.push(pair);
        }
    }
    out.push(command("What it asks, proves and cannot see", format!("quorate explain {id}")));
    out
}

/// The command that shows a record and the digest of its file.
fn record(dossier: &Dossier, source: &SourceRef) -> Option<Pair> {
    let number = source.line?;
    let own = [&dossier.contract, &dossier.matrix].into_iter().find(|f| *f.path == *source.path && *f.sha256 == *source.sha256);
    let path = match own {
        Some(file) => format!("data/{}", file.path),
        None => dossier.artifacts.iter().find(|a| *a.path == *source.path).map(|a| format!("data/evidence/{}", a.path))?,
    };
    let path = shell(&path)?;
    let show = match path.trim_end_matches('\'').rsplit('.').next() {
        Some("gz") => format!("zcat {path} | sed -n {number}p"),
        Some("zst") => format!("zstdcat {path} | sed -n {number}p"),
        _ => format!("sed -n {number}p {path}"),
    };
    Some(command(&format!("The record at {}", Source::of(source).place), format!("{show}; sha256sum {path}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_of_the_package_name_the_gate_and_the_folder() {
        assert_eq!(package().len(), 4);
        assert!(package().iter().all(|p| p.mono && !p.value.contains("PACKAGE")));
    }
}
