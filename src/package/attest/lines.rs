//! What signatures are worth by a trust file, and the three lines that say so.
//!
//! In: signatures that are right, faults, and a [`Policy`]. Out: AUTHENTIC, AUTHORISED and TIME. A signature by a key that is not known, revoked,
//! not allowed or out of its term is shown and counts for nothing. Refuses to know clocks and files.

use super::super::verification::{Line, Mark};
use super::super::verify::Verified;
use super::Role;
use super::key::KeyId;
use super::krl::Revoked;
use super::sign::Opinion;
use super::trust::{Instant, Signers, matches_list};
use ssh_key::PublicKey;

/// What a package is checked by.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Who may sign; without, nobody is trusted.
    pub signers: Option<Signers>,
    /// Keys that are revoked.
    pub revoked: Revoked,
    /// For which instant the auditor asks.
    pub as_of: Option<Instant>,
    /// By whom the release must be signed: a principal of the trust file; by anybody whom it allows when left out.
    pub signer: Option<String>,
    /// Whether an audit by another key than the release's must concur.
    pub audit: bool,
    /// Whether a package without a checked signature fails. A trust file implies it.
    pub signature: bool,
}

/// What was found out about the signatures of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attested {
    /// Whether a key that is trusted signed it.
    pub authentic: Line,
    /// Whether the signer may release, and whether an auditor that is asked for concurs.
    pub authorised: Line,
    /// Whether the keys were in their terms.
    pub time: Line,
}

/// One signer in one role, whose signatures are right.
pub(super) struct Signed {
    pub role: Role,
    /// What was signed: the release, a lock's path, or an opinion.
    pub what: String,
    pub opinion: Option<Opinion>,
    pub key: PublicKey,
    pub id: KeyId,
}

/// How far a signer is trusted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Unknown,
    Revoked(String),
    /// By whose word, and why.
    NotAllowed(String, String),
    Untimely(String, String),
    Good(String),
}

impl Standing {
    /// By which line of the trust file.
    fn who(&self) -> Option<&str> {
        match self {
            Self::Unknown => None,
            Self::Revoked(who) | Self::NotAllowed(who, _) | Self::Untimely(who, _) | Self::Good(who) => Some(who),
        }
    }
}

/// The three lines of a package with these faults and signatures.
pub(super) fn attested(faults: &[String], signed: Vec<Signed>, verified: &Verified, policy: &Policy) -> Attested {
    let judged = signed.into_iter().map(|s| {
        let standing = standing(&s, policy);
        (s, standing)
    });
    lines(faults, &judged.collect::<Vec<_>>(), verified, policy)
}

/// The best that any line of the trust file says of a signer.
fn standing(signed: &Signed, policy: &Policy) -> Standing {
    let Some(signers) = &policy.signers else { return Standing::Unknown };
    let each = signers.of(&signed.id).map(|line| {
        let who = line.principals.clone();
        if policy.revoked.has(&signed.key) {
            Standing::Revoked(who)
        } else if !line.allows(signed.role) {
            let why = format!("line {} of the trust file does not allow {}", line.line, signed.role.namespace());
            Standing::NotAllowed(who, why)
        } else if let Some(why) = line.untimely(policy.as_of.as_ref()) {
            Standing::Untimely(who, why)
        } else {
            Standing::Good(who)
        }
    });
    each.max().unwrap_or(Standing::Unknown)
}

fn lines(faults: &[String], standings: &[(Signed, Standing)], verified: &Verified, policy: &Policy) -> Attested {
    let releases: Vec<&(Signed, Standing)> = standings.iter().filter(|(s, _)| s.role == Role::Release).collect();
    let best = releases.iter().map(|(_, standing)| standing).max();
    let details: Vec<String> = standings.iter().map(|(s, standing)| describe(s, standing, policy)).collect();
    let authentic = authentic(faults, &releases, best, verified, policy).details(faults.iter().cloned()).details(details);
    if authentic.mark != Mark::Ok {
        let nobody =
            || Line::new(Mark::NotChecked, "no signer is trusted, so there is nobody whose right or term could be checked");
        return Attested { authentic, authorised: nobody(), time: claimed(verified, policy, nobody()) };
    }
    let (authorised, time) = (authorised(best, &releases, standings, policy), timely(best, verified, policy));
    Attested { authentic, authorised, time }
}

fn authentic(
    faults: &[String],
    releases: &[&(Signed, Standing)],
    best: Option<&Standing>,
    verified: &Verified,
    policy: &Policy,
) -> Line {
    let failed = |why: &str| Line::new(Mark::Failed, why);
    if !faults.is_empty() {
        return failed("the signatures are damaged or of something else");
    }
    let needed = policy.signature || policy.signers.is_some();
    let keys: Vec<String> = releases.iter().map(|(s, _)| s.id.to_string()).collect();
    match best {
        None if verified.attestations.is_empty() && needed => failed("the package is unsigned, and a signature is required"),
        None if needed => failed("no release signature is there, and one is required"),
        None => Line::new(Mark::NotChecked, "the package is unsigned"),
        Some(Standing::Unknown) if policy.signers.is_none() && policy.signature => {
            failed("a signature is required, and without --allowed-signers nobody is trusted to make one")
        }
        Some(Standing::Unknown) if policy.signers.is_none() => Line::new(
            Mark::NotChecked,
            format!("signed by {}; whose key that is was not checked: --allowed-signers says whom to trust", keys.join(", ")),
        ),
        Some(Standing::Unknown) => failed(&format!("signed by {}, which the trust file does not name", keys.join(", "))),
        Some(Standing::Revoked(who)) => failed(&format!("the key of {who} is revoked")),
        Some(_) => {
            let good = releases.iter().find(|(_, s)| Some(s) == best);
            Line::new(Mark::Ok, format!("the release is signed by {}", good.map_or_else(String::new, |(s, _)| s.id.to_string())))
        }
    }
}

fn describe(signed: &Signed, standing: &Standing, policy: &Policy) -> String {
    let state = match standing {
        Standing::Unknown if policy.signers.is_none() => "no trust file".to_string(),
        Standing::Unknown => "the trust file does not name this key; it counts for nothing".into(),
        Standing::Revoked(who) => format!("{who}: the key is revoked; it counts for nothing"),
        Standing::NotAllowed(who, why) | Standing::Untimely(who, why) => format!("{who}: {why}"),
        Standing::Good(who) => who.clone(),
    };
    format!("{}: {}: {state}", signed.what, signed.id)
}

/// Whether the release's signer may release, and whether the auditors that are asked for concur. Only opinions of trusted auditors count,
/// and none of a key that also signed the release, or of somebody whose other key did.
fn authorised(
    best: Option<&Standing>,
    releases: &[&(Signed, Standing)],
    standings: &[(Signed, Standing)],
    policy: &Policy,
) -> Line {
    let who = match best {
        Some(Standing::Good(who) | Standing::Untimely(who, _)) => who,
        Some(Standing::NotAllowed(who, why)) => return Line::new(Mark::Failed, format!("{who}: {why}")),
        _ => return Line::new(Mark::NotChecked, "no signer is trusted"),
    };
    if let Some(signer) = policy.signer.as_deref() {
        let trusted = |standing: &Standing| match standing {
            Standing::Good(who) | Standing::Untimely(who, _) => matches_list(who, signer),
            _ => false,
        };
        if !releases.iter().any(|(_, standing)| trusted(standing)) {
            return Line::new(Mark::Failed, format!("{signer} has not signed the release; it is signed by {who}"));
        }
    }
    let keys: Vec<&KeyId> = releases.iter().map(|(s, _)| &s.id).collect();
    let makers: Vec<&str> = releases.iter().filter_map(|(_, standing)| standing.who()).flat_map(|who| who.split(',')).collect();
    let maker = |who: &str| who.split(',').any(|one| makers.contains(&one));
    let opinions: Vec<(&str, Opinion)> = standings
        .iter()
        .filter(|(s, _)| s.role == Role::Audit && !keys.contains(&&s.id))
        .filter_map(|(s, standing)| if let Standing::Good(who) = standing { Some((who.as_str(), s.opinion?)) } else { None })
        .filter(|(who, _)| !maker(who))
        .collect();
    let said: Vec<String> = opinions.iter().map(|(who, o)| format!("audit: {who}: {}", o.word())).collect();
    let dissent = opinions.iter().find(|(_, o)| *o == Opinion::Dissent);
    let line = match dissent {
        Some((auditor, _)) if policy.audit => Line::new(Mark::Failed, format!("{auditor} may audit and dissents")),
        _ if policy.audit && opinions.is_empty() => {
            Line::new(Mark::Failed, format!("{who} may release, but no trusted auditor other than the maker has signed"))
        }
        Some((auditor, _)) => Line::new(Mark::Ok, format!("{who} may release; {auditor} dissents")),
        None if opinions.is_empty() => Line::new(Mark::Ok, format!("{who} may release")),
        None => Line::new(Mark::Ok, format!("{who} may release; {} concurs", opinions[0].0)),
    };
    line.details(said)
}

fn timely(best: Option<&Standing>, verified: &Verified, policy: &Policy) -> Line {
    match best {
        Some(Standing::Untimely(who, why)) => Line::new(Mark::Failed, format!("the key of {who}: {why}")),
        Some(Standing::Good(_)) => {
            let line = match &policy.as_of {
                Some(at) => Line::new(Mark::Ok, format!("the key was valid at {}, the day that the auditor names", at.text)),
                None => Line::new(Mark::Ok, "the key has no term"),
            };
            claimed(verified, policy, line)
        }
        _ => claimed(verified, policy, Line::new(Mark::NotChecked, "the signer may not release, so its term was not asked for")),
    }
}

/// Adds what the package itself says of its day.
fn claimed(verified: &Verified, policy: &Policy, line: Line) -> Line {
    let date = match &verified.facts.date {
        Some(date) => format!("the package itself says {date}"),
        None => "the package names no date".to_string(),
    };
    let vouched = if policy.signers.is_some() { "" } else { "; nothing else vouches for it" };
    line.details([format!("{date}{vouched}")])
}
