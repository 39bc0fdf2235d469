//! EDN, and JSON as the same forms: one top-level form after the other, without recursion.
//!
//! In: a stream. Out: [`Edn`] forms with the line each begins on; the elements of a top-level vector or list come one by one, so that a history
//! in one vector is never held whole. Written after the specification at <https://github.com/edn-format/edn>: lists, vectors, maps, sets, tagged
//! elements, discards, comments, `N` and `M` numbers, characters; also Clojure's `::keywords`, `#:ns{…}` maps and records. Refuses to know what a
//! form means, forms that are nested too deep, and forms that are too long.

pub use super::form::{Edn, Syntax, kept};

use super::fault::Problem;
use super::stream::Stream;
use std::borrow::Cow;

/// The deepest nesting.
const DEPTH: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Vector,
    List,
    Set,
    Map,
    Tag,
    Discard,
}

struct Frame {
    open: Open,
    tag: Box<str>,
    items: Vec<Edn>,
    line: u32,
}

/// Reads forms.
pub struct Forms<'s, 'r> {
    stream: &'s mut Stream<'r>,
    syntax: Syntax,
    /// The top-level vector or list that is open: its close, and the line of its start.
    top: Option<(u8, u32)>,
    frames: Vec<Frame>,
    bytes: usize,
    token: Vec<u8>,
}

/// The bytes that end a word.
const DELIMITS: [bool; 256] = {
    let (mut table, ends, mut i) = ([false; 256], b" \t\n\r\x0b\x0c,;()[]{}\"", 0);
    while i < ends.len() {
        table[ends[i] as usize] = true;
        i += 1;
    }
    table
};

fn delimits(byte: u8) -> bool {
    DELIMITS[usize::from(byte)]
}

/// What one step gave.
enum Step {
    Value(Edn),
    Opened,
    End,
}

impl<'s, 'r> Forms<'s, 'r> {
    /// A reader of a stream.
    pub fn new(stream: &'s mut Stream<'r>, syntax: Syntax) -> Self {
        Self { stream, syntax, top: None, frames: Vec::new(), bytes: 0, token: Vec::new() }
    }

    /// A problem with the line shown that it is about, when that is the line reached.
    #[must_use]
    pub fn shown(&self, problem: Problem) -> Problem {
        self.stream.shown(problem)
    }

    /// The next form with its line; `None` at the end.
    ///
    /// # Errors
    /// Anything that is no form, and what the system said.
    pub fn next(&mut self) -> Result<Option<(u32, Edn)>, Problem> {
        self.bytes = 0;
        let mut begun = None;
        loop {
            self.blank()?;
            let line = self.stream.number();
            if self.frames.is_empty() {
                if self.top()? {
                    continue;
                }
                self.bytes = 0;
                begun = Some(line);
            }
            match self.step()? {
                Step::End => return Ok(None),
                Step::Opened => {}
                Step::Value(value) => {
                    if let Some(value) = self.attach(value)? {
                        return Ok(Some((begun.unwrap_or(line), value)));
                    }
                }
            }
        }
    }

    /// What `short` makes of the bytes at hand where a form of the top begins a line, with that line; `short` says how many bytes the form has.
    /// All is then as [`Forms::next`] would leave it. `None` leaves it to that.
    ///
    /// # Errors
    /// What the system said.
    pub fn short<T>(&mut self, short: impl Fn(&[u8]) -> Option<(T, usize)>) -> Result<Option<(u32, T)>, Problem> {
        if !self.frames.is_empty() || self.syntax != Syntax::Edn {
            return Ok(None);
        }
        self.blank()?;
        let Some((made, length)) = self.stream.line_start().and_then(short) else { return Ok(None) };
        if length > self.stream.limit {
            return Ok(None);
        }
        let line = self.stream.number();
        self.stream.skip(length);
        Ok(Some((line, made)))
    }

    fn take(&mut self) -> Result<Option<u8>, Problem> {
        self.took(1)?;
        self.stream.next()
    }

    /// Takes note of bytes that the stream has given at once.
    fn took(&mut self, bytes: usize) -> Result<(), Problem> {
        self.bytes += bytes;
        if self.bytes > self.stream.limit {
            let message = format!("one record is longer than {} bytes", self.stream.limit);
            return Err(self.stream.problem(message));
        }
        Ok(())
    }

    /// Skips blanks and comments.
    fn blank(&mut self) -> Result<(), Problem> {
        while let Some(byte) = self.stream.peek()? {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' | b',' | 0x0b | 0x0c => {
                    self.stream.next()?;
                }
                b':' if self.syntax == Syntax::Json => {
                    self.stream.next()?;
                }
                b';' if self.syntax == Syntax::Edn => while self.stream.next()?.is_some_and(|b| b != b'\n') {},
                _ => break,
            }
        }
        Ok(())
    }

    /// Opens or closes a top-level vector or list.
    fn top(&mut self) -> Result<bool, Problem> {
        let byte = self.stream.peek()?;
        match (byte, self.top) {
            (Some(open @ (b'[' | b'(')), None) if open == b'[' || self.syntax == Syntax::Edn => {
                self.top = Some((if open == b'[' { b']' } else { b')' }, self.stream.number()));
            }
            (Some(close), Some((wanted, _))) if close == wanted => self.top = None,
            (None, Some((_, line))) => {
                let message = format!("the file ends inside of what was opened on line {line}: it is cut short");
                return Err(self.stream.problem(message));
            }
            _ => return Ok(false),
        }
        self.stream.next()?;
        Ok(true)
    }

    fn open(&mut self, open: Open, tag: Box<str>) -> Result<Step, Problem> {
        if self.frames.len() >= DEPTH {
            return Err(self.stream.problem(format!("nested more than {DEPTH} deep")));
        }
        self.frames.push(Frame { open, tag, items: Vec::new(), line: self.stream.number() });
        Ok(Step::Opened)
    }

    fn step(&mut self) -> Result<Step, Problem> {
        let Some(byte) = self.stream.peek()? else {
            return match self.frames.first() {
                None => Ok(Step::End),
                Some(frame) => {
                    let message = format!("the file ends inside of what was opened on line {}: it is cut short", frame.line);
                    Err(self.stream.problem(message))
                }
            };
        };
        let edn = self.syntax == Syntax::Edn;
        match byte {
            b'[' | b'{' => {
                self.take()?;
                self.open(if byte == b'[' { Open::Vector } else { Open::Map }, "".into())
            }
            b'(' if edn => {
                self.take()?;
                self.open(Open::List, "".into())
            }
            b']' | b'}' | b')' => {
                self.take()?;
                self.close(byte)
            }
            b'"' => Ok(Step::Value(Edn::Text(self.string()?))),
            b'#' if edn => self.dispatch(),
            b'\\' if edn => {
                self.take()?;
                let first = self.take()?;
                let mut text = self.named()?.to_string();
                if let Some(first) = first.filter(u8::is_ascii) {
                    text.insert(0, char::from(first));
                }
                Ok(Step::Value(Edn::Char(text.into())))
            }
            _ => self.atom(),
        }
    }

    /// After `#`.
    fn dispatch(&mut self) -> Result<Step, Problem> {
        self.take()?;
        match self.stream.peek()? {
            Some(b'{') => {
                self.take()?;
                self.open(Open::Set, "".into())
            }
            Some(b'_') => {
                self.take()?;
                self.open(Open::Discard, "".into())
            }
            Some(b'#') => {
                let word = self.named()?;
                Ok(Step::Value(Edn::Number(format!("#{word}").into())))
            }
            Some(b) if b == b':' || b.is_ascii_alphabetic() => {
                let tag = self.named()?;
                self.open(Open::Tag, tag)
            }
            _ => Err(self.stream.problem("`#` is followed by no tag, set or discard")),
        }
    }

    fn close(&mut self, byte: u8) -> Result<Step, Problem> {
        let Some(frame) = self.frames.pop() else {
            return Err(self.stream.problem(format!("`{}` closes nothing", char::from(byte))));
        };
        let wanted = match frame.open {
            Open::Vector => b']',
            Open::List => b')',
            Open::Set | Open::Map => b'}',
            Open::Tag | Open::Discard => 0,
        };
        if wanted != byte {
            let message = format!("`{}` closes what was opened otherwise on line {}", char::from(byte), frame.line);
            return Err(self.stream.problem(message));
        }
        if frame.open == Open::Map && frame.items.len() % 2 == 1 {
            return Err(self.stream.problem("a map with a key without a value"));
        }
        Ok(Step::Value(match frame.open {
            Open::Vector => Edn::Vector(frame.items),
            Open::List => Edn::List(frame.items),
            Open::Set => Edn::Set(frame.items),
            _ => Edn::Map(frame.items),
        }))
    }

    /// Puts a value into the form that is open; gives it back when there is none.
    fn attach(&mut self, value: Edn) -> Result<Option<Edn>, Problem> {
        let mut value = value;
        while let Some(frame) = self.frames.last_mut() {
            match frame.open {
                Open::Discard => {
                    self.frames.pop();
                    return Ok(None);
                }
                Open::Tag => {
                    let tag = std::mem::take(&mut frame.tag);
                    self.frames.pop();
                    value = Edn::Tagged(tag, Box::new(value));
                }
                _ => {
                    frame.items.push(value);
                    return Ok(None);
                }
            }
        }
        Ok(Some(value))
    }

    /// The bytes up to a delimiter, in `token`.
    fn word(&mut self) -> Result<(), Problem> {
        self.token.clear();
        let json = self.syntax == Syntax::Json;
        while let taken @ 1.. = self.stream.run(|byte| delimits(byte) || (byte == b':' && json), &mut self.token)? {
            self.took(taken)?;
        }
        Ok(())
    }

    /// The bytes of `token` as a text.
    fn text(&self) -> Result<&str, Problem> {
        match std::str::from_utf8(&self.token) {
            Ok(word) if memchr::memchr(0, word.as_bytes()).is_some() => Err(self.stream.problem("a NUL byte in a text file")),
            Ok(word) => Ok(word),
            Err(_) => Err(self.stream.problem("not UTF-8 text")),
        }
    }

    /// The same as a text.
    fn named(&mut self) -> Result<Box<str>, Problem> {
        self.word()?;
        Ok(self.text()?.into())
    }

    fn string(&mut self) -> Result<Cow<'static, str>, Problem> {
        let line = self.stream.number();
        self.take()?;
        let mut out = std::mem::take(&mut self.token);
        out.clear();
        loop {
            let taken = self.stream.run(|byte| matches!(byte, b'"' | b'\\' | b'\n' | 0), &mut out)?;
            self.took(taken)?;
            match self.take()? {
                None => {
                    return Err(self.stream.problem(format!("the file ends inside of the string that begins on line {line}")));
                }
                Some(b'"') => break,
                Some(0) => return Err(self.stream.problem("a NUL byte in a text file")),
                Some(b'\\') => {
                    let c = self.escape()?;
                    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Some(byte) => out.push(byte),
            }
        }
        let text = match std::str::from_utf8(&out) {
            Ok(text) => kept(text),
            Err(_) => return Err(self.stream.problem("not UTF-8 text")),
        };
        self.token = out;
        Ok(text)
    }

    fn escape(&mut self) -> Result<char, Problem> {
        Ok(match self.take()? {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b @ (b'"' | b'\\' | b'/')) => char::from(b),
            Some(b'u') => {
                let high = self.hex()?;
                let code = if (0xd800..0xdc00).contains(&high) {
                    let low = if self.take()? == Some(b'\\') && self.take()? == Some(b'u') { self.hex()? } else { 0 };
                    if (0xdc00..0xe000).contains(&low) { 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00) } else { 0xd800 }
                } else {
                    high
                };
                char::from_u32(code).ok_or_else(|| self.stream.problem("half of a character in a string"))?
            }
            _ => return Err(self.stream.problem("an escape in a string that is none")),
        })
    }

    fn hex(&mut self) -> Result<u32, Problem> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.take()?.and_then(|b| char::from(b).to_digit(16));
            code = code * 16 + digit.ok_or_else(|| self.stream.problem("an escape in a string that is none"))?;
        }
        Ok(code)
    }

    /// A number, keyword or symbol.
    fn atom(&mut self) -> Result<Step, Problem> {
        self.word()?;
        let word = self.text()?;
        let mut chars = word.chars();
        let first = chars.next().unwrap_or(' ');
        let second = chars.next().unwrap_or(' ');
        let numeric = first.is_ascii_digit() || (matches!(first, '-' | '+') && second.is_ascii_digit());
        let value = match word {
            "" => return Err(self.stream.problem("a byte that begins no form")),
            _ if first == '\u{feff}' => {
                let help = "write UTF-8 without one; the first three bytes are EF BB BF";
                return Err(self.stream.problem("the file starts with a byte order mark").help(help));
            }
            "nil" if self.syntax == Syntax::Edn => Edn::Nil,
            "null" if self.syntax == Syntax::Json => Edn::Nil,
            "true" => Edn::Bool(true),
            "false" => Edn::Bool(false),
            _ if numeric => number(word),
            _ if self.syntax == Syntax::Json => return Err(self.stream.problem(format!("`{word}` is no JSON"))),
            _ if first == ':' && word.len() > 1 => Edn::Keyword(kept(&word[1..])),
            _ if first.is_alphabetic() || "*+!-_?$%&=<>./".contains(first) => Edn::Symbol(word.into()),
            _ => return Err(self.stream.problem(format!("`{}` is no form", super::fault::cut(word, 40)))),
        };
        Ok(Step::Value(value))
    }
}

fn number(word: &str) -> Edn {
    let digits = word.strip_suffix('N').unwrap_or(word);
    let whole = digits.trim_start_matches(['-', '+']).bytes().all(|b| b.is_ascii_digit());
    // 18446744073709551616 and 18446744073709551616N are one number.
    digits.parse().map_or_else(|_| Edn::Number(if whole { digits } else { word }.into()), Edn::Int)
}

#[cfg(test)]
mod tests;
