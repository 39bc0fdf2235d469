//! Judges a package again and renders it again, and says where that differs from what is packaged.
//!
//! In: a verified package, and the withheld evidence that was handed in. Out: [`Recomputed`]. Where evidence is not there, each gate that may
//! rest on it is told apart and never called the same: a gate on one test, when the test binds a withheld file of a kind that the gate needs
//! (or of faults or history, which every pass needs) or when the judgement came out other; a gate on the release as a whole, always. Refuses to
//! know the command line.

use super::part::Part;
use super::{Plan, build, paths, plan};
use crate::contract::Matrix;
use crate::dossier::{Decision, GateChange, GateSummary, Summary, compare_gates, open_verdicts, pointers};
use crate::error::{Error, ErrorKind, Fault};
use crate::evidence::kinds::{Injection, Operation};
use crate::evidence::read::Files;
use crate::evidence::record::Record;
use crate::gate::{DECLARED, Judge, gate};
use crate::package::{Below, Difference, DifferenceKind, EvidenceState, Payload, Reference, Verified, compare, template_digests};
use crate::report::Templates;
use crate::source::Sources;
use crate::store::{Folder, MAX_TEXT, bytes, digest, text};
use crate::verdict::Verdict;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

/// The most places in decision.json that are told.
const MAX_PLACES: usize = 20;

/// A gate that could not be judged again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    /// Its id.
    pub gate: String,
    /// What the package says of it.
    pub verdict: Verdict,
    /// Whether the decision rests on it.
    pub counts: bool,
    /// The files that are not there.
    pub files: Vec<String>,
}

/// What judging again came to.
#[derive(Debug, Clone, Default)]
pub struct Recomputed {
    /// The version of the tool that made the package, when it is another: then pages are not compared, and of decision.json what it says.
    pub made_by: Option<String>,
    /// Files that are not the same, of those that were compared.
    pub files: Vec<Difference>,
    /// Templates that this version has with another text and the package does not hold, so that its pages cannot be made again.
    pub templates: Vec<String>,
    /// Gates that came out other.
    pub gates: Vec<GateChange>,
    /// Other places in decision.json that came out other.
    pub places: Vec<String>,
    /// Gates on evidence that is not there.
    pub unseen: Vec<Unseen>,
    /// What is known of each evidence file.
    pub evidence: BTreeMap<String, EvidenceState>,
    /// Gates that this version asks for and the version that made the package did not know.
    pub newer: Vec<String>,
    /// How many gates that were asked for came out the same.
    pub same: usize,
    /// How many figures they have.
    pub figures: usize,
}

impl Recomputed {
    /// Whether anything came out other.
    #[must_use]
    pub fn differs(&self) -> bool {
        !self.files.is_empty() || !self.gates.is_empty() || !self.places.is_empty()
    }

    /// Whether a decision can be believed: it does not say accept, or every gate that it rests on was judged again.
    #[must_use]
    pub fn stands(&self, decision: Decision) -> bool {
        !(decision == Decision::Accept && self.unseen.iter().any(|u| u.counts))
    }

    /// Whether some bytes are not there, so that not all was judged again.
    #[must_use]
    pub fn in_part(&self) -> bool {
        self.evidence.values().any(|state| *state == EvidenceState::Withheld)
    }
}

/// Judges a package again. Withheld evidence is taken from `handed` when it is there.
///
/// # Errors
/// [`ErrorKind::Package`] when the packaged contract, matrix, templates or evidence cannot be read; [`ErrorKind::Evidence`] when a file
/// that was handed in is not the one that the package names.
pub fn recompute(verified: &Verified, handed: Option<&Folder>, threads: usize) -> Result<Recomputed, (Error, Sources)> {
    let plain = |error: Error| (error, Sources::default());
    let (plan, templates) = packaged(verified)?;
    let given = given(&verified.references, handed).map_err(plain)?;
    let files = Supplied { packaged: verified.contents.below(&format!("data/{}", paths::EVIDENCE)), handed, given: &given };
    let built = build(&plan, &files, &templates, verified.facts.date.as_deref(), threads);
    let mut built = built.map_err(|error| (Error { kind: ErrorKind::Package, ..error }, plan.sources.clone()))?;
    built.refer(&verified.references.iter().map(|r| (r.path.clone(), r.reason)).collect());
    let again = built.files.get(paths::DECISION).cloned().unwrap_or_default();
    let both = Both::read(&verified.decision, &again).map_err(|why| plain(Error::plain(ErrorKind::Package, why)))?;
    let missing: BTreeSet<&str> = verified.references.iter().map(|r| r.path.as_str()).filter(|p| !given.contains(*p)).collect();
    let made_by = (verified.facts.tool_version != env!("CARGO_PKG_VERSION")).then(|| verified.facts.tool_version.clone());
    let mut payload = built.payload(&files);
    if !missing.is_empty() {
        payload.insert(paths::REFERENCES.into(), Payload::Bytes(Reference::render(&verified.references)));
    }
    let left_out = |difference: &Difference| {
        let loose = made_by.is_some() || !missing.is_empty();
        (loose && drawn(difference))
            || (made_by.is_some()
                && difference.kind == DifferenceKind::Differs
                && difference.path == format!("data/{}", paths::TOOL))
    };
    let mut out = Recomputed { evidence: states(&both.old, &missing), ..Recomputed::default() };
    out.files = compare(verified, &payload).into_iter().filter(|d| !left_out(d)).collect();
    out.made_by = made_by.clone();
    out.templates = other_templates(verified, &templates);
    if missing.is_empty() && made_by.is_none() && !out.files.iter().any(|d| d.path == "data/decision.json") {
        out.same = both.old.gates.iter().filter(|g| g.verdict != Verdict::NotApplicable).count();
        out.figures = both.old.gates.iter().map(figures).sum();
        return Ok(out);
    }
    both.gates(&plan.matrix, &missing, made_by.is_some(), &mut out);
    both.rest(&verified.references, &missing, made_by.is_some(), &mut out);
    Ok(out)
}

/// The packaged contract and matrix, bound, and the packaged templates.
fn packaged(verified: &Verified) -> Result<(Plan, Templates), (Error, Sources)> {
    let plain = |error: Error| (error, Sources::default());
    let data = verified.contents.below("data");
    let read = |path: &str| text(&data, path, ErrorKind::Package).map_err(plain);
    let (contract, matrix) = (read(paths::CONTRACT)?, read(paths::MATRIX)?);
    let mut plan = plan((paths::CONTRACT, &contract), (paths::MATRIX, &matrix))
        .map_err(|(error, sources)| (Error { kind: ErrorKind::Package, ..error }, sources))?;
    let prefix = format!("data/{}", paths::LOCK);
    let locks = verified.files.keys().filter_map(|p| p.strip_prefix(&prefix)?.strip_prefix('/')).map(str::to_string);
    let locked = plan.lock(&verified.contents.below(&prefix), locks);
    locked.map_err(|error| plain(Error { kind: ErrorKind::Package, ..error }))?;
    let mut templates = Templates::default();
    for name in Templates::names() {
        let path = format!("{}/{name}", paths::TEMPLATES);
        if verified.files.contains_key(&format!("data/{path}")) {
            templates.replace(name, &read(&path)?).map_err(plain)?;
        }
    }
    Ok((plan, templates))
}

/// Whether a difference is in what is drawn or worded: the decision, whose sense is compared, and the bytes of pages. Which plots there are may
/// differ too; nothing else may lie beside them.
fn drawn(difference: &Difference) -> bool {
    let path = difference.path.strip_prefix("data/").unwrap_or(&difference.path);
    let page = path.strip_prefix(paths::REPORT).and_then(|rest| rest.strip_prefix('/'));
    let plot = |page: &str| page.strip_prefix("charts/").is_some_and(|name| !name.contains('/') && name.ends_with(".svg"));
    match difference.kind {
        DifferenceKind::Differs => path == paths::DECISION || page.is_some(),
        DifferenceKind::Missing | DifferenceKind::Extra => page.is_some_and(plot),
    }
}

/// The templates that made the pages, by tool.json, and are not those that are rendered now.
fn other_templates(verified: &Verified, templates: &Templates) -> Vec<String> {
    let tool = bytes(&verified.contents, &format!("data/{}", paths::TOOL), MAX_TEXT).ok().flatten().unwrap_or_default();
    let named = template_digests(&tool);
    let other = |(name, digest): (String, String)| named.get(&name).is_some_and(|was| *was != digest).then_some(name);
    templates.digests().into_iter().filter_map(other).collect()
}

/// The withheld files that were handed in.
fn given(references: &[Reference], handed: Option<&Folder>) -> Result<BTreeSet<String>, Error> {
    let Some(folder) = handed else { return Ok(BTreeSet::new()) };
    let (mut given, mut faults) = (BTreeSet::new(), Vec::new());
    for reference in references {
        let path = &reference.path;
        match digest(folder, path) {
            Ok(None) => {}
            Ok(Some((sha256, _))) if sha256 == reference.sha256 => {
                given.insert(path.clone());
            }
            Ok(Some((sha256, _))) => faults.push(Fault::new(format!(
                "evidence `{path}` that was handed in is not the file that was judged: it is sha256 {sha256}, the package names {}",
                reference.sha256
            ))),
            Err(error) => faults.push(Fault::new(format!("evidence `{path}` that was handed in cannot be read: {error}"))),
        }
    }
    if faults.is_empty() { Ok(given) } else { Err(Error { kind: ErrorKind::Evidence, faults }) }
}

/// Packaged evidence, and of what is withheld the files that were handed in.
struct Supplied<'s> {
    packaged: Below<'s>,
    handed: Option<&'s Folder>,
    given: &'s BTreeSet<String>,
}

impl Files for Supplied<'_> {
    fn open(&self, path: &str) -> io::Result<Option<Box<dyn Read + Send>>> {
        match self.handed {
            Some(folder) if self.given.contains(path) => folder.open(path),
            _ => self.packaged.open(path),
        }
    }
}

fn states(decision: &Summary, missing: &BTreeSet<&str>) -> BTreeMap<String, EvidenceState> {
    let state = |path: &str, sha256: &str| {
        if missing.contains(path) {
            EvidenceState::Withheld
        } else if sha256.is_empty() {
            EvidenceState::Missing
        } else {
            EvidenceState::Rehashed
        }
    };
    let known = decision.artifacts.iter().map(|a| (a.path.clone(), state(&a.path, &a.sha256)));
    missing.iter().map(|path| ((*path).to_string(), EvidenceState::Withheld)).chain(known).collect()
}

fn figures(gate: &GateSummary) -> usize {
    gate.tests.iter().map(|t| t.figures.len()).sum()
}

/// The packaged decision and the one that was made again.
struct Both {
    old: Summary,
    new: Summary,
    old_value: Value,
    new_value: Value,
}

impl Both {
    fn read(old: &[u8], new: &[u8]) -> Result<Self, String> {
        let value = |bytes: &[u8]| serde_json::from_slice(bytes).map_err(|e| e.to_string());
        Ok(Self { old: Summary::read(old)?, new: Summary::read(new)?, old_value: value(old)?, new_value: value(new)? })
    }

    /// Sorts the gates into those that are the same, those that are not, and those that cannot be told.
    fn gates(&self, matrix: &Matrix, missing: &BTreeSet<&str>, other: bool, out: &mut Recomputed) {
        let changes: BTreeMap<String, GateChange> =
            compare_gates(&self.old, &self.new).into_iter().map(|c| (c.gate.clone(), c)).collect();
        // Another version has other gates, and so other figures where a gate counts gates.
        let counts_gates = |id: &str| gate(id).is_some_and(|g| matches!(g.judge, Judge::Outcomes(_)));
        let told = |c: &&GateChange| !other || c.from != c.to || (!c.values.is_empty() && !counts_gates(&c.gate));
        for (i, old) in self.old.gates.iter().enumerate() {
            let change = changes.get(&old.id).filter(told);
            let new = self.new.gates.iter().find(|g| g.id == old.id);
            let value = |v: &Value| v.pointer("/gates").and_then(Value::as_array).cloned().unwrap_or_default();
            let same_bytes =
                || value(&self.old_value).get(i) == value(&self.new_value).iter().find(|g| g["id"] == old.id.as_str());
            // What is asked for and what is waived is declared, and so must be the same whoever judges.
            // One gate is also asked for when evidence names a lock, which withheld evidence does not show.
            let asked =
                |new: &GateSummary| new.required == old.required || (!missing.is_empty() && old.required && old.id == DECLARED);
            let declared = new.is_some_and(|new| asked(new) && new.waived == old.waived);
            let same = change.is_none() && if other { declared } else { same_bytes() };
            let files = unseen(old, new, same, matrix, missing);
            match files {
                // Neither what the decision rests on nor a waiver needs evidence to be told.
                Some(files) if new.is_some_and(|new| asked(new) && (new.waived || !old.waived)) => {
                    let counts = old.required && !old.waived;
                    out.unseen.push(Unseen { gate: old.id.clone(), verdict: old.verdict, counts, files });
                }
                _ if same => {
                    out.same += usize::from(old.verdict != Verdict::NotApplicable);
                    out.figures += figures(old);
                }
                _ => out.gates.extend(change.cloned().or_else(|| Some(silent(old)))),
            }
        }
        // A gate that the other version did not know is told by the decision that follows, and is no lie of the package.
        let known = |id: &str| self.old.gates.iter().any(|g| g.id == id);
        out.gates.extend(changes.into_values().filter(|c| !other && !known(&c.gate)));
        if other {
            out.newer = self.new.gates.iter().filter(|g| g.required && !known(&g.id)).map(|g| g.id.clone()).collect();
        }
    }

    /// The decision that follows from the gates that were judged again and, for the others, from what the package says.
    fn again(&self, unseen: &[Unseen]) -> Decision {
        let believed = |id: &str| unseen.iter().find(|u| u.gate == id).map(|u| (u.counts, u.verdict));
        open_verdicts(self.new.gates.iter().map(|g| believed(&g.id).unwrap_or((g.required && !g.waived, g.verdict))))
    }

    /// What else decision.json says.
    fn rest(&self, references: &[Reference], missing: &BTreeSet<&str>, other: bool, out: &mut Recomputed) {
        let follows = self.old.follows();
        if follows != self.old.decision {
            out.places.push(format!(
                "/decision: it says {}, and {} follows from its gates",
                self.old.decision.word(),
                follows.word()
            ));
        }
        let again = self.again(&out.unseen);
        if again != self.old.decision {
            let seen = if out.unseen.is_empty() { "" } else { ", even when gates that were not judged again are believed" };
            out.places.push(format!(
                "/decision: it says {}, judged again it is {}{seen}",
                self.old.decision.word(),
                again.word()
            ));
        }
        self.artifacts(references, missing, other, out);
        let skip = |place: &str| {
            let part = Part::of(place);
            (part.top == "gates" && !out.gates.is_empty())
                || (!missing.is_empty() && part.rests_on_records(&self.unseen_criteria(&out.unseen)))
                || (other && !part.means_the_same(self.old_value.pointer(place).is_some()))
        };
        // All places are walked: what is left out must not crowd out what is not.
        let places = pointers(&self.old_value, &self.new_value, usize::MAX);
        let kept: Vec<String> = places.into_iter().filter(|p| !skip(p)).take(MAX_PLACES).collect();
        out.places.extend(kept);
    }

    /// The criteria, by their place in the list, that rest on a gate that was not judged again.
    fn unseen_criteria(&self, unseen: &[Unseen]) -> BTreeSet<String> {
        let gates = |criterion: &Value| -> Vec<String> {
            let list = criterion.get("gates").and_then(Value::as_array).into_iter().flatten();
            list.filter_map(|gate| gate.get(0)?.as_str().map(str::to_string)).collect()
        };
        let criteria = self.new_value.get("criteria").and_then(Value::as_array).into_iter().flatten().enumerate();
        let rests = |criterion: &Value| gates(criterion).iter().any(|g| unseen.iter().any(|u| u.gate == *g));
        criteria.filter(|(_, criterion)| rests(criterion)).map(|(i, _)| i.to_string()).collect()
    }

    /// The evidence files are those that the decision names.
    fn artifacts(&self, references: &[Reference], missing: &BTreeSet<&str>, other: bool, out: &mut Recomputed) {
        let named: BTreeMap<&str, (&str, u64)> =
            self.old.artifacts.iter().map(|a| (a.path.as_str(), (a.sha256.as_str(), a.bytes))).collect();
        let whole = |value: &'_ Value| -> BTreeMap<String, Value> {
            let list = value.get("artifacts").and_then(Value::as_array).into_iter().flatten();
            list.filter_map(|a| Some((a.get("path")?.as_str()?.to_string(), a.clone()))).collect()
        };
        let (was, now) = (whole(&self.old_value), whole(&self.new_value));
        // Another version may tell more of a file, and in other words.
        let part = |file: Option<&Value>, key: &str| file.and_then(|f| f.get(key)).cloned();
        let told = |path: &str| match (was.get(path), now.get(path)) {
            (was, now) if !other => was != now,
            (was, now) => ["synthetic", "lock", "state", "records", "tests"].iter().any(|key| part(was, key) != part(now, key)),
        };
        for again in self.new.artifacts.iter().filter(|a| !missing.contains(a.path.as_str())) {
            if named.get(again.path.as_str()) != Some(&(again.sha256.as_str(), again.bytes)) {
                out.places.push(format!("/artifacts: {} is not the file that was judged", again.path));
            } else if told(&again.path) {
                out.places.push(format!("/artifacts: what is said of {} is not what reading it again gives", again.path));
            }
        }
        for reference in references.iter().filter(|r| missing.contains(r.path.as_str())) {
            if named.get(reference.path.as_str()) != Some(&(reference.sha256.as_str(), reference.bytes)) {
                out.places.push(format!("/artifacts: {} is referred to by another digest or length", reference.path));
            }
        }
        for path in named.keys().filter(|path| !self.new.artifacts.iter().any(|a| a.path == **path)) {
            out.places.push(format!("/artifacts: no test binds {path}"));
        }
    }
}

/// A gate in which something else than a verdict or a number differs: its words, or whether it is asked for.
fn silent(gate: &GateSummary) -> GateChange {
    let word = Some(gate.verdict.word().to_string());
    let (from, to) = (word.clone(), word);
    GateChange { gate: gate.id.clone(), from, to, trend: crate::dossier::Trend::Changed, reasons: Vec::new(), values: Vec::new() }
}

/// The files for which a gate cannot be judged again; `None` when it can.
fn unseen(
    old: &GateSummary,
    new: Option<&GateSummary>,
    same: bool,
    matrix: &Matrix,
    missing: &BTreeSet<&str>,
) -> Option<Vec<String>> {
    let new = new.filter(|_| !missing.is_empty())?;
    let known = gate(&old.id)?;
    if new.tests.is_empty() && old.tests.is_empty() {
        return None;
    }
    let Judge::Test(_) = known.judge else {
        return Some(missing.iter().map(|p| (*p).to_string()).collect());
    };
    let bound = |test: &str, any_kind: bool| -> Vec<String> {
        let always = [Injection::KIND.name, Operation::KIND.name];
        let needed = |kind: &str| any_kind || known.needs.contains(&kind) || always.contains(&kind);
        let test = matrix.tests.iter().find(|t| t.id.value == test);
        let bindings = test.map_or(&[][..], |t| &t.evidence[..]);
        let hit = bindings.iter().filter(|b| missing.contains(b.path.value.as_str()) && needed(&b.kind.value));
        hit.map(|b| b.path.value.clone()).collect()
    };
    let names: BTreeSet<&str> = old.tests.iter().chain(&new.tests).map(|t| t.test.as_str()).collect();
    let mut files: BTreeSet<String> = names.iter().flat_map(|test| bound(test, false)).collect();
    if files.is_empty() && !same {
        let of = |list: &GateSummary, name: &str| list.tests.iter().find(|t| t.test == name).cloned();
        let differing: Vec<&str> = names.iter().copied().filter(|n| of(old, n) != of(new, n)).collect();
        let explained: Vec<Vec<String>> = differing.iter().map(|test| bound(test, true)).collect();
        if !explained.is_empty() && explained.iter().all(|f| !f.is_empty()) {
            files.extend(explained.into_iter().flatten());
        }
    }
    (!files.is_empty()).then(|| files.into_iter().collect())
}
