//! The quorum family: sizes that hold together, writes that a quorum held, and silence when there is none.
//!
//! In: the contract and the rows of tests. Out: judgements. Refuses to know how windows without a quorum are found.

use super::{Gate, Judge, ReleaseCx, TestCx};
use crate::contract::{Cluster, FaultModel};
use crate::evidence::kinds::{Operation, Role, Sample};
use crate::figure::quorum;
use crate::judge::quorum as judge;
use crate::verdict::{Figure, Finding, Judged, Judgement, SourceRef};
use crate::words::plural;
use std::collections::BTreeSet;

pub(super) const GATES: &[Gate] = &[
    Gate {
        id: "quorum.geometry",
        title: "the declared sizes of cluster and quorums hold together",
        proves: "Read and write quorums meet, the declared number of faulty members leaves a quorum, and no sample shows other voters than those declared.",
        blind: "It is arithmetic on declarations: whether the service keeps to these quorums is for the other gates.",
        needs: &[],
        safety: false,
        judge: Judge::Release(geometry),
    },
    Gate {
        id: "quorum.durable-acks",
        title: "every acknowledged write was on a quorum first",
        proves: "Every acknowledged write names at least a write quorum of declared members that held it durably before its answer.",
        blind: "It takes the record's word for who held the write and that it was on disk.",
        needs: &["history"],
        safety: false,
        judge: Judge::Test(durable_acks),
    },
    Gate {
        id: "quorum.loss-halts",
        title: "the service halts while a quorum is missing",
        proves: "While fewer than a quorum of members answered, writes and linearizable reads were attempted and none succeeded; writes were in flight in each \
                 such stretch, and none that was sent before it was acknowledged in it later than a write may take.",
        blind: "Reads that said that they were degraded are counted apart. A member counts as down only between two failed samples in a row, so the edges of an outage are not judged. A member that \
                the sampler cannot reach may still serve others, and one may come back unseen between two samples. A member whose samples \
                just stop is not taken as down.",
        needs: &["history", "members"],
        safety: true,
        judge: Judge::Test(loss_halts),
    },
];

/// Conditions on declared sizes, each with its figure, and the sentence for the first that is not met.
#[derive(Default)]
struct Conditions {
    judged: usize,
    broken: Vec<String>,
    figures: Vec<Figure>,
}

impl Conditions {
    fn check(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        self.judged += 1;
        if !holds {
            self.broken.push(otherwise());
        }
    }
}

fn geometry(cx: &ReleaseCx<'_>) -> Judged {
    let cluster = &cx.contract.cluster;
    let (n, w, r) = (cluster.size(), cluster.write_quorum(), cluster.read_quorum());
    let source = [cx.declared(cluster.span)];
    let mut all = Conditions::default();
    let byzantine = cluster.fault_model == FaultModel::Byzantine;
    if byzantine && cluster.tolerates.is_none() {
        let why = "the fault model is byzantine, but the contract does not say how many faulty members must be survived";
        return Ok(Judgement::inconclusive(why, 0).findings([Finding::new("tolerates-not-declared").source(source[0].clone())]));
    }
    all.figures.push(quorum::majority(n, &source).figure);
    for (name, size) in [("write", w), ("read", r)] {
        all.check(size >= 1 && size <= n, || format!("the {name} quorum of {size} does not lie from 1 to N = {n}"));
    }
    let writes = quorum::write_intersection(n, w, &source);
    all.check(writes.value, || format!("two write quorums of {w} need not meet: {}", writes.figure.substitution));
    let reads = quorum::read_write_intersection(n, r, w, &source);
    all.check(reads.value, || format!("a read quorum need not meet a write quorum: {}", reads.figure.substitution));
    all.figures.extend([writes.figure.clone(), reads.figure.clone()]);
    let k = if byzantine { byzantine_sizes(cluster, &source, &mut all) } else { crash_sizes(cluster, &source, &mut all) };
    let left = n.saturating_sub(k);
    for (name, size) in [("write", w), ("read", r)] {
        all.check(size <= left, || format!("with {k} faulty members {left} are left, fewer than the {name} quorum of {size}"));
    }
    let judgement = if let Some(first) = all.broken.first() {
        Judgement::fail(first.clone(), all.judged)
    } else if let Some((why, finding)) = other_voters(cx) {
        Judgement::inconclusive(why, all.judged).findings([finding])
    } else {
        let why = format!(
            "N = {n}, W = {w}, R = {r}: quorums meet, and {} {left}",
            plural(k, "faulty member leaves", "faulty members leave")
        );
        Judgement::pass(why, all.judged)
    };
    let broken = all.broken.iter().map(|why| Finding::new("sizes-disagree").with("why", why).source(source[0].clone()));
    Ok(all.figures.into_iter().fold(judgement.findings(broken), Judgement::figure))
}

/// The number of crashed members to be survived, checked against f = ⌊(N−1)/2⌋.
fn crash_sizes(cluster: &Cluster, source: &[SourceRef], all: &mut Conditions) -> u64 {
    let f = quorum::crash_tolerance(cluster.size(), source);
    let k = cluster.tolerates.as_ref().map_or(f.value, |t| t.value);
    all.check(k <= f.value, || {
        format!("{k} faulty members are to be survived, but {} are the most: {}", f.value, f.figure.substitution)
    });
    all.figures.push(f.figure.clone());
    k
}

/// The number of lying members to be survived, checked against N ≥ 3k + 1 and quorums of ⌈(N + k + 1)/2⌉.
fn byzantine_sizes(cluster: &Cluster, source: &[SourceRef], all: &mut Conditions) -> u64 {
    let (n, k) = (cluster.size(), cluster.tolerates.as_ref().map_or(0, |t| t.value));
    let size = quorum::byzantine_size(n, k, source);
    all.check(size.value, || format!("{n} members cannot survive {k} that lie: {}", size.figure.substitution));
    let least = quorum::byzantine_quorum(n, k, source);
    for (name, quorum) in [("write", cluster.write_quorum()), ("read", cluster.read_quorum())] {
        let need = &least.figure.substitution;
        all.check(quorum >= least.value, || {
            format!("the {name} quorum of {quorum} is below {need} that {k} lying members ask for")
        });
    }
    all.figures.extend([size.figure.clone(), least.figure.clone()]);
    k
}

/// What samples say of voters that the contract does not: the first set of voters that a test shows differs from the declared one, or, where
/// samples name no voters, a sampled member that is not declared and is no learner. Later changes are for log.membership.
fn other_voters(cx: &ReleaseCx<'_>) -> Option<(String, Finding)> {
    let declared: BTreeSet<&str> = cx.contract.cluster.members.iter().map(String::as_str).collect();
    for test in cx.matrix.of_system() {
        let rows = match cx.evidence.rows::<Sample>(&test.id.value) {
            Ok(rows) => rows,
            Err(gap) if test.requires("members") => {
                return Some((gap.why, Finding { sources: gap.sources, ..Finding::new("gap") }));
            }
            Err(_) => continue,
        };
        let finding =
            |why: &str, id| Finding::new("other-voters").with("why", why).with("test", &test.id.value).source(rows.source(id));
        let first = rows.iter().filter_map(|(id, s)| Some((s.t_lo, id, s.voters?))).min();
        if let Some((_, id, voters)) = first {
            let shown: BTreeSet<&str> = cx.evidence.texts(voters).into_iter().collect();
            if shown != declared {
                let names: Vec<&str> = shown.into_iter().collect();
                let why =
                    format!("test {} begins with the voters {}, which are not those declared", test.id.value, names.join(", "));
                return Some((why.clone(), finding(&why, id)));
            }
            continue;
        }
        let stranger = rows.iter().find(|(_, s)| s.role != Some(Role::Learner) && !declared.contains(cx.evidence.text(s.member)));
        if let Some((id, s)) = stranger {
            let name = cx.evidence.text(s.member);
            let why = format!("test {} samples {name}, which the contract does not declare, so N is not shown", test.id.value);
            return Some((why.clone(), finding(&why, id)));
        }
    }
    None
}

fn durable_acks(cx: &TestCx<'_>) -> Judged {
    let (history, samples) = (cx.rows::<Operation>()?, cx.rows_if_bound::<Sample>()?);
    Ok(judge::durable_acks(cx.evidence(), cx.contract(), &history, samples.as_ref()))
}

fn loss_halts(cx: &TestCx<'_>) -> Judged {
    Ok(judge::loss_halts(cx.evidence(), cx.contract(), &cx.rows::<Operation>()?, &cx.rows::<Sample>()?))
}
