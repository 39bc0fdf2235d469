//! Jepsen's `history.txt` and the operations in `jepsen.log`: `process :type :f value`, with tabs between.
//!
//! In: lines. Out: events, in the order of the lines. Lines of a log that hold no operation are left out and counted. Refuses to know which
//! events belong together.

use super::edn::{Edn, Forms, Syntax, kept};
use super::events::{Event, Pairs, Step};
use super::fault::Problem;
use super::stream::Stream;
use super::unpack::Unpacked;
use std::io::Cursor;

/// Reads lines.
pub fn read(stream: &mut Stream<'_>, pairs: &mut Pairs<'_>) -> Result<(), Problem> {
    let (mut line, mut skipped) = (String::new(), 0_u64);
    loop {
        let number = stream.number();
        let Some(ended) = stream.line(&mut line)? else { break };
        match event(&line, number) {
            Ok(Some(event)) => pairs.add(event).map_err(|p| if p.excerpt.is_empty() { p.of(line.as_bytes()) } else { p })?,
            Ok(None) => skipped += u64::from(!line.trim().is_empty()),
            Err(why) => {
                let cut = if ended { "" } else { "the last line is cut short: " };
                return Err(Problem::new(format!("{cut}{why}"), line.as_bytes(), None).on(u64::from(number) - 1));
            }
        }
    }
    if skipped > 0 {
        pairs.notes.push(format!("{skipped} lines hold no operation"));
    }
    Ok(())
}

fn is_step(word: &str) -> bool {
    word.strip_prefix(':').is_some_and(|w| Step::of(w).is_some())
}

/// The event on a line: the word before `:invoke`, `:ok`, `:fail` or `:info` is the process, the one after it the operation.
fn event(line: &str, number: u32) -> Result<Option<Event>, String> {
    let words: Vec<&str> = line.split_ascii_whitespace().take(40).collect();
    let Some(at) = words.iter().position(|w| is_step(w)) else { return Ok(None) };
    let step = Step::of(&words[at][1..]).ok_or("no step")?;
    let process = at.checked_sub(1).map(|i| words[i]).ok_or("no process stands before the step")?;
    let process = match (process.parse::<i64>(), process.strip_prefix(':')) {
        (Ok(n), _) => Edn::Int(n),
        (_, Some(name)) => Edn::Keyword(kept(name)),
        _ => return Err(format!("`{}` is no process", super::fault::cut(process, 40))),
    };
    let f = words.get(at + 1).and_then(|w| w.strip_prefix(':')).ok_or("no operation stands after the step")?;
    let end = words[at + 1].as_ptr().addr() - line.as_ptr().addr() + words[at + 1].len();
    let client = matches!(process, Edn::Int(_));
    let value = if client { value(&line[end..], step)? } else { Edn::Text(kept(line[end..].trim())) };
    let bare = line[end..].trim().is_empty();
    Ok(Some(Event { line: number, process, step, f: Some(kept(f)), key: None, value, bare, time: None, error: None }))
}

/// The value that follows; an error may follow it in turn.
fn value(rest: &str, step: Step) -> Result<Edn, String> {
    let column = rest.trim_start_matches(['\t', ' ']).split('\t').next().unwrap_or_default();
    if column.trim().is_empty() {
        return Ok(Edn::Nil);
    }
    let boxed = format!("({column})");
    let mut stream = Stream::new(Unpacked::new(Box::new(Cursor::new(boxed.into_bytes()))), rest.len() + 8);
    let mut forms = Forms::new(&mut stream, Syntax::Edn);
    match forms.next() {
        Ok(form) => Ok(form.map_or(Edn::Nil, |f| f.1)),
        Err(_) if matches!(step, Step::Info | Step::Fail) => Ok(Edn::Nil),
        Err(problem) => Err(format!("the value cannot be read: {}", problem.message)),
    }
}

/// Whether a text begins as a log of operations does.
pub fn sign(text: &str) -> bool {
    let log = |line: &str| {
        let words: Vec<&str> = line.split_ascii_whitespace().take(40).collect();
        let step = words.iter().position(|w| is_step(w));
        step.is_some_and(|at| {
            at > 0 && !line.starts_with(['{', '[', '(']) && words.get(at + 1).is_some_and(|w| w.starts_with(':'))
        })
    };
    text.lines().any(log) && !text.trim_start().starts_with(['{', '[', '(', ';'])
}
