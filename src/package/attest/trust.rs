//! The trust file: the `allowed_signers` format of OpenSSH (ssh-keygen(1), ALLOWED SIGNERS).
//!
//! In: its text. Out: [`Signers`], who may sign as what and when, or every fault with its line. Times without `Z` are taken as UTC, so that
//! a file means the same everywhere. Refuses to know clocks: the instant is handed in.

use super::Role;
use super::key::KeyId;
use ssh_key::{Algorithm, PublicKey};

/// An instant in seconds since 1970, and how it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instant {
    /// Seconds since 1970.
    pub seconds: u64,
    /// As it was written.
    pub text: String,
}

impl Instant {
    /// Reads `YYYY-MM-DD`, `YYYY-MM-DDThh:mm:ssZ`, or `YYYYMMDD[hhmm[ss]][Z]`, all in UTC.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text.strip_suffix('Z').unwrap_or(text);
        let digits = bare.bytes().all(|b| b.is_ascii_digit()) && bare.is_ascii();
        let full = match bare.len() {
            8 | 12 | 14 if digits => {
                let padded = format!("{bare:0<14}");
                let at = |i: usize| &padded[i..i + 2];
                format!("{}-{}-{}T{}:{}:{}Z", &padded[..4], at(4), at(6), at(8), at(10), at(12))
            }
            10 if bare == text => format!("{text}T00:00:00Z"),
            _ => text.to_string(),
        };
        let instant = humantime::parse_rfc3339(&full).ok()?;
        let seconds = instant.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs();
        Some(Self { seconds, text: text.to_string() })
    }
}

/// One line of a trust file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signer {
    /// The line, from 1.
    pub line: usize,
    /// Whom the key belongs to, as the file says.
    pub principals: String,
    /// Patterns of namespaces; `None` allows all.
    pub namespaces: Option<String>,
    /// Not before this instant.
    pub after: Option<Instant>,
    /// Not after this instant.
    pub before: Option<Instant>,
    key: KeyId,
}

impl Signer {
    /// Whether the key may sign in a role.
    pub fn allows(&self, role: Role) -> bool {
        self.namespaces.as_deref().is_none_or(|list| matches_list(list, role.namespace()))
    }

    /// Why the key is not valid at an instant; without an instant, a key with a term is not.
    pub fn untimely(&self, at: Option<&Instant>) -> Option<String> {
        let (after, before) = (self.after.as_ref(), self.before.as_ref());
        let Some(at) = at else {
            let bounded = after.or(before)?;
            let word = if after.is_some() { "after" } else { "before" };
            return Some(format!("it is valid only {word} {}; say for which day you ask with --as-of", bounded.text));
        };
        if let Some(bound) = after.filter(|b| at.seconds < b.seconds) {
            return Some(format!("it is valid only after {}, and you ask for {}", bound.text, at.text));
        }
        before.filter(|b| at.seconds > b.seconds).map(|b| format!("it expired at {}, and you ask for {}", b.text, at.text))
    }
}

/// Who may sign.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signers(Vec<Signer>);

impl Signers {
    /// Reads a trust file.
    ///
    /// # Errors
    /// One sentence a line that cannot be taken, or one when no line names an Ed25519 key.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let (mut signers, mut faults) = (Vec::new(), Vec::new());
        for (i, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match signer(line, i + 1) {
                Ok(signer) => signers.extend(signer),
                Err(why) => faults.push(format!("line {}: {why}", i + 1)),
            }
        }
        if signers.is_empty() && faults.is_empty() {
            faults.push("no line names an Ed25519 key".into());
        }
        if faults.is_empty() { Ok(Self(signers)) } else { Err(faults) }
    }

    /// The lines that name a key.
    pub(super) fn of<'s>(&'s self, key: &'s KeyId) -> impl Iterator<Item = &'s Signer> {
        self.0.iter().filter(move |s| s.key == *key)
    }
}

/// The words of a line; white space inside double quotes does not part them.
fn words(line: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                word.push(c);
            }
            c if c.is_whitespace() && !quoted => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => word.push(c),
        }
    }
    if quoted {
        return Err("a quote is not closed".into());
    }
    words.extend(Some(word).filter(|w| !w.is_empty()));
    Ok(words)
}

/// One line; `None` when its key is of a kind that is not used here.
fn signer(line: &str, number: usize) -> Result<Option<Signer>, String> {
    let words = words(line)?;
    let is_key = |w: &str| ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"].iter().any(|p| w.starts_with(p));
    let Some(principals) = words.first().map(|w| w.trim_matches('"').to_string()).filter(|p| !p.is_empty()) else {
        return Err("it names no principal".into());
    };
    let (options, at) = match words.get(1) {
        Some(word) if is_key(word) => ("", 1),
        Some(word) => (word.as_str(), 2),
        None => return Err("it is not `PRINCIPALS [OPTIONS] KEYTYPE KEY`".into()),
    };
    let (Some(kind), Some(key)) = (words.get(at).filter(|w| is_key(w)), words.get(at + 1)) else {
        return Err("it is not `PRINCIPALS [OPTIONS] KEYTYPE KEY`".into());
    };
    let mut signer = Signer {
        line: number,
        principals,
        namespaces: None,
        after: None,
        before: None,
        key: KeyId::of(&PublicKey::from(ssh_key::public::Ed25519PublicKey([0; 32]))),
    };
    for option in split(options) {
        take(option, &mut signer)?;
    }
    if kind != "ssh-ed25519" {
        return Ok(None);
    }
    let key = PublicKey::from_openssh(&format!("{kind} {key}")).map_err(|_| "its key cannot be read".to_string())?;
    if key.algorithm() != Algorithm::Ed25519 {
        return Err("its key is not of the type it names".into());
    }
    signer.key = KeyId::of(&key);
    Ok(Some(signer))
}

/// Options, parted by commas outside of quotes.
fn split(options: &str) -> Vec<&str> {
    let mut quoted = false;
    let parts = options.split(|c: char| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    parts.filter(|p| !p.is_empty()).collect()
}

fn take(option: &str, signer: &mut Signer) -> Result<(), String> {
    let (name, value) = option.split_once('=').map_or((option, None), |(n, v)| (n, Some(v)));
    let value = value.map(|v| v.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(v));
    let instant = |value: &str| {
        Instant::parse(value)
            .filter(|_| !value.contains('-'))
            .ok_or_else(|| format!("{value:?} is no time such as 20260131 or 202601311200Z"))
    };
    match (name.to_ascii_lowercase().as_str(), value) {
        ("namespaces", Some(list)) if signer.namespaces.is_none() && !list.is_empty() => {
            signer.namespaces = Some(list.to_string())
        }
        ("valid-after", Some(at)) if signer.after.is_none() => signer.after = Some(instant(at)?),
        ("valid-before", Some(at)) if signer.before.is_none() => signer.before = Some(instant(at)?),
        ("namespaces" | "valid-after" | "valid-before", _) => return Err(format!("option {name} is empty or stands twice")),
        ("cert-authority", None) => return Err("certificates are not understood: name the signing key itself".into()),
        _ => return Err(format!("unknown option {name:?}; known: namespaces, valid-after, valid-before")),
    }
    Ok(())
}

/// Whether a list of patterns takes a name: one must match, and none with `!` may.
pub(super) fn matches_list(list: &str, name: &str) -> bool {
    let mut found = false;
    for pattern in list.split(',') {
        match pattern.strip_prefix('!') {
            Some(pattern) if matches(pattern.as_bytes(), name.as_bytes()) => return false,
            Some(_) => {}
            None => found |= matches(pattern.as_bytes(), name.as_bytes()),
        }
    }
    found
}

/// Whether a pattern with `*` and `?` takes a name.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&c) if c == b'?' || c == name[n] => (p, n) = (p + 1, n + 1),
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    (p, n) = (at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

    fn why(line: &str) -> String {
        Signers::parse(line).unwrap_err().join("; ")
    }

    #[test]
    fn lines_are_read_as_openssh_reads_them() {
        let text = format!(
            "# who\n\nalice@x.example,bob {KEY} comment here\n\"carol d\" namespaces=\"quorate-release,quorate-a*\",valid-after=\"20260101\",valid-before=20261231235959Z {KEY}\nold ssh-rsa AAAA\n"
        );
        let signers = Signers::parse(&text).unwrap();
        assert_eq!(signers.0.len(), 2);
        assert!(Role::ALL.iter().all(|r| signers.0[0].allows(*r)));
        let carol = &signers.0[1];
        assert_eq!((carol.principals.as_str(), carol.line), ("carol d", 4));
        assert!(carol.allows(Role::Release) && carol.allows(Role::Audit) && !carol.allows(Role::Lock));
        let at = |t: &str| Instant::parse(t).unwrap();
        assert!(carol.untimely(None).unwrap().contains("--as-of"));
        assert!(carol.untimely(Some(&at("2025-12-31"))).unwrap().contains("only after 20260101"));
        assert_eq!(carol.untimely(Some(&at("2026-06-01"))), None);
        assert_eq!(carol.untimely(Some(&at("2026-12-31T23:59:59Z"))), None);
        assert!(carol.untimely(Some(&at("2027-01-01"))).unwrap().contains("it expired at 20261231235959Z"));
        assert_eq!(signers.0[0].untimely(None), None);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert!(why(&format!("a cert-authority {KEY}")).contains("certificates"));
        assert!(why(&format!("a verify-required {KEY}")).contains("unknown option"));
        assert!(why(&format!("a valid-before=\"soon\" {KEY}")).contains("\"soon\" is no time"));
        assert!(why(&format!("a valid-before=20260231 {KEY}")).contains("is no time"));
        assert!(why(&format!("a namespaces=\"x\",namespaces=\"y\" {KEY}")).contains("twice"));
        assert!(why("a ssh-ed25519 AAAA").contains("cannot be read"));
        assert!(why("a").contains("PRINCIPALS"));
        assert!(why("\"a ssh-ed25519").contains("quote"));
        assert!(why("# nothing").contains("no line names"));
        assert!(why("x ssh-rsa AAAA").contains("no line names"));
        assert_eq!(why(&format!("a\nb {KEY}\nc")).matches("line ").count(), 2);
    }

    #[test]
    fn patterns_match_as_in_openssh() {
        for (list, name, want) in [
            ("*", "x", true),
            ("quorate-*", "quorate-audit", true),
            ("quorate-*,!quorate-audit", "quorate-audit", false),
            ("!quorate-audit", "quorate-release", false),
            ("q?orate-*e", "quorate-release", true),
            ("quorate-release", "quorate-release2", false),
            ("", "x", false),
            ("a*b*c", "aXbXbc", true),
        ] {
            assert_eq!(matches_list(list, name), want, "{list} {name}");
        }
    }
}
