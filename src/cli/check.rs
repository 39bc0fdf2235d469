//! `quorate check`: one history judged without a contract.

use super::{Exit, Failure, Io};
use crate::check::{self, Answer, Ask};
use crate::contract::NilRead;
use crate::dossier::Decision;
use crate::error::{Error, ErrorKind, Fault, visible};
use crate::evidence::read::Files;
use crate::report::check::{page, terminal};
use crate::store::{Folder, split, what};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// Arguments of `quorate check`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The files, which together are one history
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Their format; guessed when clear: jepsen-edn, jepsen-json, jepsen-log, etcd-robustness, jsonl, csv
    #[arg(long, value_name = "NAME")]
    format: Option<String>,
    /// Their model; guessed when clear: cas-register, register, mutex, queue, set, stack, counter, log, kv
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// The value of each register before the first write
    #[arg(long, value_name = "VALUE", default_value = "nil", allow_hyphen_values = true)]
    initial: String,
    /// What a read that found nothing says: absent or any
    #[arg(long, value_name = "WHAT", default_value = "absent", value_parser = nil_read)]
    nil_read: NilRead,
    /// Values are pairs of key and value (`--keyed=no`: they are not); told from the values when left out
    #[arg(long, value_name = "yes|no", num_args = 0..=1, require_equals = true, default_missing_value = "yes", value_parser = yes)]
    keyed: Option<bool>,
    /// By how much each recorded time may be wrong, such as 5ms
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration)]
    skew: Duration,
    /// Give up after this time; what is not judged by then is undecided
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<Duration>,
    /// How many threads may be used; all when left out
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Print all facts as JSON
    #[arg(long)]
    json: bool,
    /// Also write a page with the counterexample
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

fn nil_read(text: &str) -> Result<NilRead, String> {
    NilRead::of(text).ok_or_else(|| format!("one of {}", NilRead::WORDS.join(", ")))
}

fn yes(text: &str) -> Result<bool, String> {
    match text {
        "yes" | "true" => Ok(true),
        "no" | "false" => Ok(false),
        _ => Err("yes or no".into()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let found = humantime::parse_duration(text).map_err(|e| e.to_string())?;
    if found.as_secs() > 1 << 30 { Err("too long".into()) } else { Ok(found) }
}

/// The files that the user named.
struct Named;

impl Files for Named {
    fn open(&self, path: &str) -> std::io::Result<Option<Box<dyn Read + Send>>> {
        // What a user names may be a link: Jepsen's `store/latest`, and whole trees of build tools.
        let real = match std::fs::canonicalize(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                // A pipe behind a link of the system, as /dev/stdin is, has no name.
                let Ok(found) = std::fs::metadata(path) else { return Ok(None) };
                return Err(std::io::Error::other(format!("it is {}, not a regular file", what(&found))));
            }
            real => real?,
        };
        let Some((folder, name)) = split(&real) else {
            return Err(std::io::Error::other("it does not name a file"));
        };
        folder.open(name)
    }
}

/// Runs `work` with a flag that is set after a time; gives also whether it was.
fn timed<T>(timeout: Option<Duration>, work: impl FnOnce(&AtomicBool) -> T) -> (T, bool) {
    let stop = AtomicBool::new(false);
    let Some(timeout) = timeout else { return (work(&stop), false) };
    let result = std::thread::scope(|scope| {
        let (done, waiting) = channel::<()>();
        let flag = &stop;
        scope.spawn(move || {
            if waiting.recv_timeout(timeout) == Err(RecvTimeoutError::Timeout) {
                flag.store(true, Ordering::Relaxed);
            }
        });
        let result = work(&stop);
        drop(done);
        result
    });
    (result, stop.load(Ordering::Relaxed))
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<Exit, Failure> {
    if args.files.iter().any(|file| file == "-") {
        let message = "standard input is not read: a check looks at its files twice; write it to a file first";
        return Err(Error::plain(ErrorKind::Usage, message).into());
    }
    if let Some(page) = &args.html {
        super::write::spare(page, "--html", &args.files)?;
    }
    if let Some(file) = args.files.iter().find(|file| Path::new(file).is_dir()) {
        let fault = Fault::new(format!("`{file}` is a folder: name the files of one history"));
        let names = Folder::new(file).names().unwrap_or_default();
        let paths: Vec<String> = names.iter().take(5).map(|name| Path::new(file).join(name).display().to_string()).collect();
        let help = if paths.is_empty() { "it is empty".to_string() } else { format!("in it are {}", paths.join(", ")) };
        return Err(Error::one(ErrorKind::Usage, fault.help(visible(&help))).into());
    }
    let ask = Ask {
        files: args.files.clone(),
        format: args.format.clone(),
        model: args.model.clone(),
        initial: Some(args.initial.clone()),
        nil_read: args.nil_read,
        keyed: args.keyed,
        skew_ns: i64::try_from(args.skew.as_nanos()).unwrap_or(i64::MAX / 8),
        threads: args.threads.unwrap_or(io.env.threads).clamp(1, 256),
    };
    let (judged, fired) = timed(args.timeout, |stop| {
        let loaded = check::read(&ask, &Named)?;
        check::judge(&ask, &loaded, stop)
    });
    let mut checked = judged?;
    if let Some(timeout) = args.timeout.filter(|_| fired && checked.answer == Answer::Undecided) {
        checked.note(vec![format!("given up after {}, as `--timeout` says", humantime::format_duration(timeout))]);
    }
    if let Some(path) = &args.html {
        super::write::whole(path, page(&checked).as_bytes())?;
    }
    if args.json {
        let json = serde_json::to_value(&checked).and_then(|v| serde_json::to_string(&v));
        let json = json.map_err(|e| Error::plain(ErrorKind::Internal, format!("cannot write JSON: {e}")))?;
        io.print(&format!("{json}\n"))?;
    } else {
        io.print(&terminal(&checked, io.env.columns))?;
    }
    Ok(Exit::Decided(match checked.answer {
        Answer::Linearizable => Decision::Accept,
        Answer::NotLinearizable => Decision::Reject,
        Answer::Undecided => Decision::Inconclusive,
    }))
}
