//! Renders a template with escaping on: values are escaped for HTML or for Markdown, whichever the template is.
//!
//! In: templates and a view. Out: a text. Refuses to know what is shown.

use super::templates::Templates;
use super::text;
use super::view::View;
use crate::error::{Error, ErrorKind};
use minijinja::value::{Value, ValueKind};
use minijinja::{AutoEscape, Environment, Output, State, UndefinedBehavior};

const MARKDOWN: AutoEscape = AutoEscape::Custom("markdown");

/// One page: `name` is `report.html` or `report.md`; `policy` and `css` are put in as they are.
///
/// # Errors
/// When a template does not parse, names something that does not exist, or includes one that is not there.
pub fn page(templates: &Templates, name: &str, view: &View, policy: &str) -> Result<String, Error> {
    if templates.overrides().next().is_none() {
        return rendered(templates, name, view, policy);
    }
    let lost = || Error::plain(ErrorKind::Internal, format!("template {name} could not be rendered: no thread for it"));
    std::thread::scope(|scope| {
        let thread =
            std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || rendered(templates, name, view, policy));
        thread.map_err(|_| lost())?.join().map_err(|_| lost())?
    })
}

/// The stack on which templates that are not built in are read and rendered: the engine descends once for each operator of an expression, and a text
/// of [`super::templates::MOST`] bytes can hold so many of them. It is taken from the system as it is used.
const STACK: usize = 1 << 30;

fn rendered(templates: &Templates, name: &str, view: &View, policy: &str) -> Result<String, Error> {
    let kind = if templates.overrides().next().is_none() { ErrorKind::Internal } else { ErrorKind::Usage };
    let fault = |e: minijinja::Error| templates.fault(kind, &e);
    let mut env = Environment::new();
    env.set_trim_blocks(true);
    env.set_lstrip_blocks(true);
    env.set_keep_trailing_newline(true);
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|name| if name.ends_with(".md") { MARKDOWN } else { AutoEscape::Html });
    env.set_formatter(formatter);
    env.add_filter("code", |text: String| Value::from_safe_string(text::code(&text)));
    // A few bytes of template can ask these for gigabytes.
    ["indent", "format", "center"].into_iter().for_each(|filter| env.remove_filter(filter));
    env.add_filter("replace", replaced);
    for (name, text) in templates.pages() {
        env.add_template(name, text).map_err(fault)?;
    }
    let context =
        minijinja::context! { v => view, css => Value::from_safe_string(templates.css().to_string()), policy => policy };
    env.set_fuel(Some(FUEL));
    let mut text = Capped(Vec::new());
    let template = env.get_template(name).map_err(fault)?;
    template.render_captured_to(context, &mut text).map_err(fault)?;
    String::from_utf8(text.0).map_err(|_| Error::plain(kind, format!("template {name} gives no UTF-8")))
}

/// The most steps that a template may take, and the most bytes that it may give: templates may come from a package of others.
const FUEL: u64 = 50_000_000;
const MAX_BYTES: usize = 64 << 20;

/// The filter `replace`, whose result may not grow past what a page may have.
fn replaced(text: &str, from: &str, to: &str) -> Result<String, minijinja::Error> {
    let grown = text.matches(from).count().saturating_mul(to.len()).saturating_add(text.len());
    if grown > MAX_BYTES {
        return Err(minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, "what `replace` gives grows past 64 MiB"));
    }
    Ok(text.replace(from, to))
}

/// A page that ends where it grows too long.
struct Capped(Vec<u8>);

impl std::io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_BYTES {
            return Err(std::io::Error::other("the page grows past 64 MiB"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn formatter(out: &mut Output<'_>, state: &State<'_, '_>, value: &Value) -> Result<(), minijinja::Error> {
    let written = match (value.kind(), state.auto_escape()) {
        (ValueKind::None, _) => Ok(()),
        _ if value.is_safe() => out.write_str(&value.to_string()),
        (ValueKind::Bool | ValueKind::Number, _) => out.write_str(&value.to_string()),
        (_, AutoEscape::Html) => out.write_str(&text::html(&value.to_string())),
        _ => out.write_str(&text::markdown(&value.to_string())),
    };
    written.map_err(minijinja::Error::from)
}
