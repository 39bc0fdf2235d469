//! The partition family: the five rows of the partition matrix, traffic on both sides, and the interleavings that were met.
//!
//! In: tests that declare a row of the matrix. Out: judgements. A row is judged on the tests that declare it; the targets of a fault on the
//! network are one side of its cut. Refuses to know how cuts and requests are weighed.

mod reads;

use super::fencing::stale_rejected;
use super::{Gate, Judge, ReleaseCx, TestCx};
use crate::evidence::Rows;
use crate::evidence::kinds::{Application, Attempt, Decision, Entry, Grant, Injection, Operation, Recovery, Sample};
use crate::evidence::record::Record;
use crate::evidence::symbol::Sym;
use crate::judge::log;
use crate::judge::partition::{
    self, Bound, Interleaving, Leader, Scene, count, election, isolated_followers, isolated_leader, kept_out, leader_before,
    reconciled,
};
use crate::judge::tally::{Flaw, Tally};
use crate::verdict::{Figure, Finding, Gap, Judged, Judgement, SourceRef, Verdict};
use crate::words::each;
use reads::p5;

/// Kinds without which no row of the matrix can be judged.
const SCENE: &[&str] = &["history", "faults"];

pub(super) const GATES: &[Gate] = &[
    Gate {
        id: "partition.p1",
        title: "P1: with two followers isolated, the majority goes on",
        proves: "While the followers were cut off, the majority side acknowledged writes without a pause longer than a recovery may take, each held by a \
                 write quorum of members that were not cut off, and the isolated side acknowledged none.",
        blind: "It takes the record's word for who held a write, and the targets of the fault for the sides. Writes that were under way when the cut began \
                or ended are not judged.",
        needs: &["history", "faults", "members"],
        safety: false,
        judge: Judge::Test(p1),
    },
    Gate {
        id: "partition.p2",
        title: "P2: an old leader that is isolated with one follower rejects writes",
        proves: "While they were cut off, clients of the old leader's side got errors and no acknowledgement, nothing that was sent there reached the \
                 protected resource through them, and a stale token was tried afterwards and rejected by the resource itself.",
        blind: "Requests whose record does not say which member was asked are on neither side. A resource that names holders other than members shows only \
                by epochs who was cut off.",
        needs: &["history", "faults", "members", "fencing"],
        safety: true,
        judge: Judge::Test(p2),
    },
    Gate {
        id: "partition.p3",
        title: "P3: the three-node side may elect, the two-node side writes nothing",
        proves: "A member of the majority led in a higher term where the old leader was cut off, the commit index did not fall, and the minority neither \
                 elected a leader nor acknowledged a write.",
        blind: "A leader that came and went between two samples is not seen.",
        needs: &["history", "faults", "members"],
        safety: true,
        judge: Judge::Test(p3),
    },
    Gate {
        id: "partition.p4",
        title: "P4: after the heal, uncommitted entries of the minority are gone",
        proves: "An isolated member had entries of its own and discarded them after the heal; none was acknowledged or stays, and no command of them was \
                 applied unless it was committed elsewhere, and then once a member.",
        blind: "It sees the discards that the logs record. A discarded command whose application nobody recorded is not seen.",
        needs: &["history", "faults", "log", "applied"],
        safety: false,
        judge: Judge::Test(p4),
    },
    Gate {
        id: "partition.p5",
        title: "P5: reads in a partition take the leader or quorum path, or are refused",
        proves: "Every linearizable read that was sent and answered while the cut stood says that the leader or a quorum served it, or that it is degraded, or \
                 was refused; none of the answered ones observed less than was complete before it; reads were tried on both sides.",
        blind: "It takes the answer's word for its path. Reads of eventual endpoints are for consistency.staleness.",
        needs: SCENE,
        safety: false,
        judge: Judge::Test(p5),
    },
    Gate {
        id: "partition.traffic",
        title: "both sides of each partition had operations in flight",
        proves: "While each cut stood, some operation was in flight at the minority and some at the majority.",
        blind: "Where attempts are not recorded, an operation counts for the member that answered it last. How much traffic there was is shown and not judged.",
        needs: SCENE,
        safety: false,
        judge: Judge::Test(traffic),
    },
    Gate {
        id: "partition.interleavings",
        title: "the interleavings that hide bugs were met often enough",
        proves: "Over all tests, faults struck with a write in flight, stale authority tried again after a fault, partitions healed over divergent entries, and \
                 members replayed from snapshots, each at least as often as the contract asks; no stale retry was let in.",
        blind: "It counts what the records show: a fault counts once for each interleaving. Interleavings of three and more events are not told apart.",
        needs: SCENE,
        safety: false,
        judge: Judge::Release(interleavings),
    },
];

/// What every row of the matrix is judged on.
struct Stage<'a> {
    scene: Scene<'a>,
    faults: Rows<'a, Injection>,
    history: Rows<'a, Operation>,
}

/// The stage of a test that declares a row; `None` when it declares another.
fn stage<'a>(cx: &TestCx<'a>, row: Option<&str>) -> Result<Option<Stage<'a>>, Gap> {
    let declared = &cx.test.partition;
    if !row.map_or(!declared.is_empty(), |row| declared.iter().any(|p| p == row)) {
        return Ok(None);
    }
    let (faults, history) = (cx.rows::<Injection>()?, cx.rows::<Operation>()?);
    let attempts = cx.rows_if_bound::<Attempt>()?;
    let scene = Scene::new(cx.contract(), cx.evidence(), &cx.test.layer, &faults, &history, attempts.as_ref())?;
    Ok(Some(Stage { scene, faults, history }))
}

impl Stage<'_> {
    /// Who led before each cut, with the term.
    fn leaders(&self, samples: &Rows<'_, Sample>) -> Result<Vec<Option<Leader>>, Gap> {
        self.scene.cuts.iter().map(|cut| leader_before(cut, samples, &self.faults)).collect()
    }
}

fn other_row(row: &str) -> Judged {
    Ok(Judgement::not_exercised(format!("the test does not declare row {row} of the partition matrix"), 0))
}

fn number(id: &str, symbol: &str, formula: &str, value: usize, sources: Vec<SourceRef>) -> Figure {
    let value = value.to_string();
    let substitution = format!("{symbol} = {value}");
    Figure { id: id.into(), symbol: symbol.into(), formula: formula.into(), substitution, value, unit: String::new(), sources }
}

/// Takes in what another gate says: a failure is a fault here, anything short of a pass a doubt.
fn lean(tally: &mut Tally, judgement: &Judgement, idle_is_fine: bool) {
    let finding = judgement.findings.first().cloned().unwrap_or_else(|| Finding::new("see-other-gate"));
    let flaw = Flaw::new(6, judgement.why.clone(), finding);
    match judgement.verdict {
        Verdict::Pass => {}
        Verdict::Fail => tally.faults.push(flaw),
        Verdict::NotApplicable if idle_is_fine => {}
        Verdict::Inconclusive | Verdict::NotApplicable => tally.doubts.push(flaw),
    }
}

fn p1(cx: &TestCx<'_>) -> Judged {
    let Some(stage) = stage(cx, Some("P1"))? else { return other_row("P1") };
    let leaders: Vec<Option<Sym>> = stage.leaders(&cx.rows()?)?.into_iter().map(|l| l.map(|l| l.0)).collect();
    let pause = cx.contract().objectives.recovery.as_ref().map(|r| r.value);
    let (tally, acknowledged) = isolated_followers(&stage.scene, &stage.history, &leaders, pause);
    let quorum = cx.contract().cluster.write_quorum();
    let pass = format!(
        "with the followers cut off, {acknowledged} writes were acknowledged, each on at least {quorum} members that were not"
    );
    let figure = number("majority-writes", "N_ack", "writes sent and acknowledged while the cut stood", acknowledged, Vec::new());
    Ok(tally.conclude(pass, "nothing was judged").figure(figure))
}

fn p2(cx: &TestCx<'_>) -> Judged {
    let Some(stage) = stage(cx, Some("P2"))? else { return other_row("P2") };
    let leaders: Vec<Option<Sym>> = stage.leaders(&cx.rows()?)?.into_iter().map(|l| l.map(|l| l.0)).collect();
    let (mut tally, tried, told) = isolated_leader(&stage.scene, &leaders);
    let decisions = cx.rows::<Decision>()?;
    let (resource, refused) = kept_out(&stage.scene, &decisions, decisions.beside(&stage.faults)?);
    tally.judged += resource.judged;
    tally.faults.extend(resource.faults);
    tally.doubts.extend(resource.doubts);
    lean(&mut tally, &stale_rejected(cx)?, false);
    let pass = format!(
        "none of {tried} writes sent to the isolated leader's side was acknowledged ({told} refused or timed out), and the resource rejected {} stale attempts after the cut",
        refused.len()
    );
    let shown = refused.iter().take(5).cloned().collect();
    let figures = [
        number("minority-writes-tried", "N_tried", "writes sent to the minority while the cut stood", tried, Vec::new()),
        number("minority-writes-refused", "N_refused", "of them, refused or timed out at their clients", told, Vec::new()),
        number(
            "stale-tokens-rejected",
            "N_stale",
            "decisions after the cut with E_request < E_current, rejected",
            refused.len(),
            shown,
        ),
    ];
    Ok(figures.into_iter().fold(tally.conclude(pass, "nothing was judged"), Judgement::figure))
}

fn p3(cx: &TestCx<'_>) -> Judged {
    let Some(stage) = stage(cx, Some("P3"))? else { return other_row("P3") };
    let samples = cx.rows::<Sample>()?;
    let (mut tally, changes) = election(&stage.scene, &samples, &stage.leaders(&samples)?, samples.beside(&stage.faults)?);
    lean(&mut tally, &log::continuity(cx.evidence(), cx.contract(), &samples, Some(&stage.faults)), changes.is_empty());
    let told =
        changes.first().map_or("the majority kept its leader".into(), |(old, new)| format!("term {old} gave way to {new}"));
    let pass = format!("{told} on the majority side; the commit index did not fall and the minority wrote nothing");
    let figures = changes.iter().map(|(old, new)| Figure {
        id: "term-change".into(),
        symbol: "term".into(),
        formula: "term after the cut > term before it".into(),
        substitution: format!("{new} > {old}"),
        value: new.to_string(),
        unit: String::new(),
        sources: Vec::new(),
    });
    Ok(figures.fold(tally.conclude(pass, "nothing was judged"), Judgement::figure))
}

fn p4(cx: &TestCx<'_>) -> Judged {
    let Some(stage) = stage(cx, Some("P4"))? else { return other_row("P4") };
    let (log, applied) = (cx.rows::<Entry>()?, cx.rows::<Application>()?);
    let mut tally = reconciled(&stage.scene, &log, &applied);
    lean(&mut tally, &log::reconciliation(cx.evidence(), &stage.history, &log), false);
    let discarded = tally.judged;
    let pass =
        format!("{discarded} divergent entries were discarded after the heal; none was acknowledged, stays or was applied");
    let figure =
        number("entries-discarded", "N_discarded", "entries with a command that members discarded", discarded, Vec::new());
    Ok(tally.conclude(pass, "nothing was judged").figure(figure))
}

fn traffic(cx: &TestCx<'_>) -> Judged {
    let Some(stage) = stage(cx, None)? else {
        return Ok(Judgement::not_exercised("the test declares no row of the partition matrix", 0));
    };
    let (tally, counts) = partition::traffic(&stage.scene);
    let least = counts.iter().map(|(minority, majority)| *minority.min(majority)).min().unwrap_or(0);
    let pass =
        format!("both sides of {} had operations in flight; the quieter side had {least}", each(counts.len(), "cut", "cuts"));
    let figures = counts.iter().zip(&stage.scene.cuts).map(|((minority, majority), cut)| Figure {
        id: "operations-in-cut".into(),
        symbol: "N_minority, N_majority".into(),
        formula: "operations in flight at members of each side while the cut stood".into(),
        substitution: format!("fault {}: {minority} and {majority}", cx.evidence().text(cut.id)),
        value: (minority.min(majority)).to_string(),
        unit: String::new(),
        sources: vec![cut.source.clone()],
    });
    Ok(figures.fold(tally.conclude(pass, "nothing was judged"), Judgement::figure))
}

/// The interleavings with their names and what the contract asks of each.
fn wanted(cx: &ReleaseCx<'_>) -> Option<[(Interleaving, &'static str, u64); 4]> {
    let i = cx.contract.interleavings.as_ref()?;
    Some([
        (Interleaving::WriteInFlight, "write in flight", i.write_in_flight),
        (Interleaving::StaleRetry, "stale retry", i.stale_retry),
        (Interleaving::DivergentHeal, "divergent heal", i.divergent_heal),
        (Interleaving::SnapshotReplay, "snapshot replay", i.snapshot_replay),
    ])
}

/// What one test met; `None` when it binds no faults or no history.
fn met(cx: &TestCx<'_>) -> Result<Option<partition::Met>, Gap> {
    let test = &cx.test.id.value;
    // Faults first: what was asked for is noted, and a history without faults is not looked at.
    if !SCENE.iter().rev().all(|kind| cx.evidence().binds(test, kind)) {
        return Ok(None);
    }
    let (faults, history) = (cx.rows::<Injection>()?, cx.rows::<Operation>()?);
    let attempts = cx.rows_if_bound::<Attempt>()?;
    let scene = Scene::new(cx.contract(), cx.evidence(), &cx.test.layer, &faults, &history, attempts.as_ref())?;
    cx.rows_if_bound::<Grant>()?;
    let bound = Bound {
        faults: &faults,
        decisions: cx.rows_if_bound()?,
        log: cx.rows_if_bound()?,
        recoveries: cx.rows_if_bound::<Recovery>()?,
    };
    count(cx.evidence(), &scene, &bound).map(Some)
}

fn interleavings(cx: &ReleaseCx<'_>) -> Judged {
    let Some(wanted) = wanted(cx) else {
        return Ok(Judgement::inconclusive(
            "the contract does not say how often each interleaving must have been met ([interleavings])",
            0,
        ));
    };
    let mut all = partition::Met::default();
    let mut tests = 0;
    for test in cx.matrix.of_system() {
        if let Some(found) = met(&TestCx { release: *cx, test })? {
            tests += 1;
            all.list.extend(found.list.into_iter().map(|(i, name, source)| (i, format!("{}: {name}", test.id.value), source)));
            all.wrong.extend(found.wrong);
        }
    }
    if tests == 0 {
        return Err(Gap::new(format!("no test binds {} and {}", Injection::KIND.name, Operation::KIND.name)));
    }
    let mut tally = Tally { judged: all.list.len(), faults: all.wrong, doubts: Vec::new() };
    let mut figures = Vec::new();
    for (which, name, least) in wanted {
        let here: Vec<_> = all.list.iter().filter(|m| m.0 == which).collect();
        let places: Vec<&str> = here.iter().map(|m| m.1.as_str()).collect();
        if (here.len() as u64) < least {
            let why = format!("interleaving \"{name}\" was met {} times, below the {least} that the contract asks", here.len());
            let short = least - here.len() as u64;
            let finding = Finding::new("interleaving-too-rare").with("interleaving", name).with("met", here.len());
            tally.doubts.push(Flaw::new(i64::try_from(short).unwrap_or(i64::MAX), why, finding));
        }
        let sources = here.iter().take(5).map(|m| m.2.clone()).collect();
        let substitution = format!("{} ≥ {least} ({})", here.len(), places.join("; "));
        figures.push(Figure {
            substitution,
            ..number(&name.replace(' ', "-"), "n", "times met ≥ least number declared", here.len(), sources)
        });
    }
    let told: Vec<String> = wanted.iter().zip(&figures).map(|((_, name, _), f)| format!("{name} {}", f.value)).collect();
    let pass = format!("interleavings met over {tests} tests: {}", told.join(", "));
    Ok(figures.into_iter().fold(tally.conclude(pass, "no interleaving was met"), Judgement::figure))
}
