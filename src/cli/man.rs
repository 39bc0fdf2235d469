//! `quorate man`: the manual page, of the command or of one verb.
//!
//! In: the arguments as clap knows them, and what is written here beside. Out: roff. Examples are parsed by a test.

use super::{Exit, Failure, Io};
use crate::error::{Error, ErrorKind, Fault, nearest};
use clap::CommandFactory;
use clap_mangen::Man;
use std::fmt::Write;
use std::io;

/// Arguments of `quorate man`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A verb, such as release; the whole command when left out
    verb: Option<String>,
}

/// A term and its words.
type Row = (&'static str, &'static str);

/// Codes that mean the same for every verb.
const ERRORS: [Row; 4] = [
    ("3", "the contract or the matrix is invalid"),
    ("4", "evidence is there and cannot be read"),
    ("64", "the command was used wrongly"),
    ("70", "reading or writing failed, or the tool itself did"),
];

const DECIDED: [Row; 3] = [
    ("0", "accept: every gate that was asked for passed, or is waived"),
    ("1", "reject: a gate failed"),
    ("2", "inconclusive: no gate failed, and something was not proven"),
];

const FILES: [Row; 5] = [
    ("contract.toml", "what is promised; docs/contract.md tells every key"),
    ("matrix.toml", "how it is tested and where the evidence lies, beside the contract; docs/matrix.md tells every key"),
    ("locks/", "what was declared before the run, beside the contract"),
    ("evidence/", "where the paths of the matrix begin, unless it says otherwise"),
    ("out/", "where packages are made, one folder a release"),
];

const ENVIRONMENT: [Row; 6] = [
    ("SOURCE_DATE_EPOCH", "seconds since 1970: the day that waivers are weighed on, unless the evidence is newer"),
    ("QUORATE_KEY_PASSPHRASE", "opens an encrypted key"),
    ("SSH_AUTH_SOCK", "where the agent listens that signs with a public key's other half"),
    ("NO_COLOR, CLICOLOR, CLICOLOR_FORCE", "whether output is coloured"),
    ("COLUMNS", "how wide the terminal is"),
    ("GITHUB_STEP_SUMMARY, GITHUB_OUTPUT", "files that are added to with --ci github"),
];

/// Of each verb, what it ends with when nothing went wrong, and examples with what they do; the first is of the command.
const PAGES: &[(&str, &[Row], &[Row])] = &[
    (
        "",
        &DECIDED,
        &[
            ("quorate init my-release", "write a contract, a matrix and a sample to start from"),
            ("quorate release my-release/contract.toml", "judge it and write the package"),
            ("quorate verify out/my-service-0.1.0", "check a package: its files, and its verdicts by judging again"),
        ],
    ),
    ("init", &[("0", "written")], &[("quorate init --profile fenced-queue my-release", "start from another kind of service")]),
    ("lock", &[("0", "locked")], &[("quorate lock contract.toml", "declare contract and matrix before a test runs")]),
    (
        "release",
        &DECIDED,
        &[
            ("quorate release contract.toml", "judge, and write the package below out/"),
            (
                "quorate release contract.toml --force --archive --emit junit=junit.xml",
                "as a build does: replace the package, archive it, write JUnit XML",
            ),
            ("quorate release contract.toml --key ~/.ssh/id_ed25519", "sign the package"),
        ],
    ),
    (
        "check",
        &[("0", "linearizable"), ("1", "not linearizable"), ("2", "undecided")],
        &[("quorate check history.edn", "guess format and model, and say what was guessed")],
    ),
    (
        "challenge",
        &[("0", "every mutant was caught"), ("1", "a mutant survived"), ("2", "a gate is untested")],
        &[("quorate challenge contract.toml", "can the gates fail at all?")],
    ),
    (
        "verify",
        &[DECIDED[0], DECIDED[1], DECIDED[2], ("5", "the package does not verify")],
        &[
            ("quorate verify out/my-service-0.1.0", "every digest again, the evidence judged again, bytes compared"),
            ("quorate verify package.tar --allowed-signers signers", "also who vouches for it"),
        ],
    ),
    (
        "sign",
        &[("0", "signed")],
        &[(
            "quorate sign out/my-service-0.1.0 --role audit --opinion concur --key ~/.ssh/id_ed25519",
            "give an opinion on a signed package",
        )],
    ),
    (
        "diff",
        &[("0", "nothing is worse"), ("1", "something is worse")],
        &[("quorate diff old new", "what is better, worse, newly excluded or waived")],
    ),
    ("gates", &[("0", "listed")], &[("quorate gates --profile fenced-queue", "what a profile asks for")]),
    ("explain", &[("0", "told")], &[("quorate explain log.no-loss", "what a gate proves, needs and cannot see")]),
    ("schema", &[("0", "printed")], &[("quorate schema contract", "the JSON Schema of contracts, for an editor")]),
    ("completions", &[("0", "printed")], &[("quorate completions bash", "completions for a shell")]),
    ("man", &[("0", "printed")], &[("quorate man release", "the page of a verb")]),
];

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<Exit, Failure> {
    let mut command = super::Args::command();
    command.build();
    let verbs: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_string()).collect();
    let chosen = match &args.verb {
        None => command,
        Some(verb) => command.find_subcommand(verb).cloned().ok_or_else(|| {
            let fault = Fault::new(format!("there is no verb `{verb}`"));
            let near = nearest(verb, verbs.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
            let help = near.unwrap_or_else(|| format!("verbs are {}", verbs.join(", ")));
            Error::one(ErrorKind::Usage, fault.help(help))
        })?,
    };
    let page = page(chosen, args.verb.as_deref().unwrap_or_default());
    io.print(&page.map_err(|e| Error::plain(ErrorKind::Internal, e.to_string()))?)?;
    Ok(Exit::Done)
}

/// The page of the command, or of a verb.
fn page(command: clap::Command, verb: &str) -> io::Result<String> {
    let tool = format!("quorate {}", env!("CARGO_PKG_VERSION"));
    let title = if verb.is_empty() { "quorate".to_string() } else { format!("quorate-{verb}") };
    let command = if verb.is_empty() { command } else { command.name(&*String::leak(title.clone())) };
    let nested = command.has_subcommands();
    let man = Man::new(command).title(title).source(tool).manual("quorate");
    let mut out = Vec::new();
    man.render_title(&mut out)?;
    man.render_name_section(&mut out)?;
    man.render_synopsis_section(&mut out)?;
    man.render_description_section(&mut out)?;
    man.render_options_section(&mut out)?;
    if nested {
        man.render_subcommands_section(&mut out)?;
    }
    let mut text = String::from_utf8_lossy(&out).into_owned();
    let (codes, examples) = PAGES.iter().find(|p| p.0 == verb).map(|p| (p.1, p.2)).unwrap_or_default();
    section(&mut text, "EXIT STATUS", codes.iter().chain(&ERRORS));
    section(&mut text, "EXAMPLES", examples);
    section(&mut text, "FILES", &FILES);
    section(&mut text, "ENVIRONMENT", &ENVIRONMENT);
    text.push_str(".SH \"SEE ALSO\"\n");
    let see = if nested {
        "quorate man VERB prints the page of a verb; quorate explain GATE tells of a gate."
    } else {
        "quorate(1), printed by quorate man."
    };
    let _ = writeln!(text, "{}", roff(see));
    Ok(text)
}

fn section<'r>(out: &mut String, title: &str, rows: impl IntoIterator<Item = &'r Row>) {
    let _ = writeln!(out, ".SH \"{title}\"");
    for (term, words) in rows {
        let _ = writeln!(out, ".TP\n\\fB{}\\fR\n{}", roff(term), roff(words));
    }
}

/// Text as a line of roff, in which nothing is a request.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace('~', "\\(ti");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn every_verb_has_a_page_and_its_examples_can_be_typed() {
        let mut command = super::super::Args::command();
        command.build();
        let verbs = command.get_subcommands().map(|c| c.get_name().to_string()).filter(|verb| verb != "help");
        for verb in verbs.chain([String::new()]) {
            let (_, codes, examples) = PAGES.iter().find(|p| p.0 == verb).unwrap_or_else(|| panic!("no words on {verb}"));
            assert!(!codes.is_empty() && !examples.is_empty(), "{verb}");
            for (example, _) in *examples {
                let words = example.split(' ');
                assert!(example.contains(&verb) && super::super::Args::try_parse_from(words).is_ok(), "{example}");
            }
            let chosen = command.find_subcommand(&verb).cloned().unwrap_or_else(|| command.clone());
            let page = page(chosen, &verb).expect("roff");
            let head = page.lines().find(|l| l.starts_with(".TH")).expect("a title");
            assert!(head.contains(env!("CARGO_PKG_VERSION")), "{head}");
            for title in ["EXIT STATUS", "EXAMPLES", "FILES", "ENVIRONMENT", "SEE ALSO"] {
                assert_eq!(page.matches(&format!(".SH \"{title}\"")).count(), 1, "{verb}: {title}");
            }
            assert!(page.contains("\\fB64\\fR") && !page.contains("Exit codes:"), "{verb}");
        }
    }
}
