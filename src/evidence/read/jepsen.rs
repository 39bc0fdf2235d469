//! Jepsen's `history.edn` and its twin in JSON: a map for each event, on a line each, or in one vector or list.
//!
//! In: forms. Out: events. Porcupine's key-value lines, whose maps have a `:key`, are read too. Refuses to know which events belong together.

use super::edn::{Edn, Forms, Syntax, kept};
use super::events::{Event, Pairs, Step};
use super::fault::Problem;
use super::stream::Stream;

mod short;

/// Reads EDN.
pub fn edn(stream: &mut Stream<'_>, pairs: &mut Pairs<'_>) -> Result<(), Problem> {
    read(stream, pairs, Syntax::Edn)
}

/// Reads JSON: an array of objects, or an object a line.
pub fn json(stream: &mut Stream<'_>, pairs: &mut Pairs<'_>) -> Result<(), Problem> {
    read(stream, pairs, Syntax::Json)
}

fn read(stream: &mut Stream<'_>, pairs: &mut Pairs<'_>, syntax: Syntax) -> Result<(), Problem> {
    let mut forms = Forms::new(stream, syntax);
    loop {
        while let Some((line, event)) = forms.short(short::event)? {
            pairs.add(Event { line, ..event }).map_err(|problem| forms.shown(problem))?;
        }
        let Some((line, form)) = forms.next()? else { return Ok(()) };
        // The form is named by the line it begins on, not by the one it ends on.
        let event = event(form, line).map_err(|why| forms.shown(Problem::new(why, b"", None).on(u64::from(line) - 1)))?;
        pairs.add(event).map_err(|problem| forms.shown(problem))?;
    }
}

fn word(form: &Edn) -> Option<&str> {
    match form {
        Edn::Keyword(word) | Edn::Text(word) => Some(word),
        Edn::Symbol(word) => Some(word),
        _ => None,
    }
}

/// A key that stands twice in a map. Small maps, which are nearly all, are looked through without a list.
fn twice(items: &[Edn]) -> Option<&str> {
    let names = || items.iter().step_by(2).filter_map(word);
    if items.len() <= 32 {
        return names().enumerate().find_map(|(i, name)| names().take(i).find(|earlier| *earlier == name));
    }
    let mut sorted: Vec<&str> = names().collect();
    sorted.sort_unstable();
    sorted.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

/// The event that a form is.
fn event(form: Edn, line: u32) -> Result<Event, String> {
    let items = match form {
        Edn::Map(items) => items,
        Edn::Tagged(_, inner) => match *inner {
            Edn::Map(items) => items,
            _ => return Err("expected a map, one operation's event".into()),
        },
        _ => return Err("expected a map, one operation's event".into()),
    };
    if let Some(twice) = twice(&items) {
        return Err(format!("the key {:?} stands twice in one map", super::fault::cut(twice, 40)));
    }
    let mut event = Event { line, ..Event::BLANK };
    let mut step = None;
    let mut items = items.into_iter();
    while let (Some(name), Some(value)) = (items.next(), items.next()) {
        match word(&name).unwrap_or_default() {
            "process" => event.process = value,
            "type" => step = Some(word(&value).and_then(Step::of).ok_or("the :type is none of invoke, ok, fail, info")?),
            "f" => event.f = word(&value).map(kept),
            "key" => event.key = Some(value),
            "value" => (event.value, event.bare) = (value, false),
            "time" => match value {
                Edn::Int(t) if t.unsigned_abs() < 1 << 61 => event.time = Some(t),
                Edn::Nil => {}
                _ => return Err("the :time is no whole number of nanoseconds".into()),
            },
            "error" if value != Edn::Nil => event.error = Some(value),
            _ => {}
        }
    }
    event.step = step.ok_or("the map has no :type: it is no operation's event")?;
    Ok(event)
}

/// Whether a text begins as a history in EDN does.
pub fn edn_sign(text: &str) -> bool {
    let code = text.lines().map(|l| l.split(';').next().unwrap_or_default().trim()).find(|l| !l.is_empty());
    let code = code.unwrap_or_default().trim_start_matches(['[', '(', ' ', ',']);
    code.starts_with("{:") || code.starts_with("#jepsen")
}

/// Whether a text begins as a history in JSON does.
pub fn json_sign(text: &str) -> bool {
    let code = text.trim_start();
    let object = code.strip_prefix('[').unwrap_or(code).trim_start();
    // Blanks say nothing, so that an array printed over many lines is known too.
    let first: String = object[..object.find('}').unwrap_or(object.len())].split_whitespace().collect();
    let events = ["invoke", "ok", "info", "fail"].iter().any(|w| first.contains(&format!("\"type\":\"{w}\"")));
    first.starts_with("{\"") && events
}
