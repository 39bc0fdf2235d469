//! The shape of `matrix.toml`: every key, its type and what it means. `quorate schema matrix` is made from this file.

use super::choices::{ClockKind, Generator, NilRead, Origin, Subject, TimeUnit};
use super::decode::{Pairs, wire};
use super::leaf::{Count, Id, Scalar, Span as Dur, Text};
use super::mapping::FieldWire;
use crate::source::At;

wire! {
    /// How the promises are tested, and where the evidence lies.
    struct MatrixWire {
        /// The version of this format: "quorate-matrix/1".
        schema: At<Text>,
        /// The contract's file, beside this one.
        contract: At<Text>,
        /// The folder of the evidence, relative to this file.
        evidence_root: At<Text>,
        /// How far clocks may be apart: without it, times on different clocks are never compared.
        skew: Vec<SkewWire>,
        /// Files that every test has that requires their kind and binds none of its own; `{test}` stands for the test's id.
        evidence: Vec<EvidenceWire>,
        /// One run each.
        test: Vec<TestWire>,
    }
}

wire! {
    /// One run.
    struct TestWire {
        /// Its id; also the name in evidence headers.
        id: At<Id>,
        /// system or baseline: what is tested; system when left out. A baseline is an unprotected subject that shows what the faults do: gates
        /// compare it (scenarios.baseline) and judge nothing else on it, and it covers nothing.
        subject: Option<At<Subject>>,
        /// Which of the ten plan items it covers.
        plan: Vec<At<Id>>,
        /// What is done to the cluster; "none" for a run without faults.
        fault: At<Text>,
        /// How it is done.
        method: At<Text>,
        /// The failure model: crash, send-omission, receive-omission, timing, value, state-transition, arbitrary or none.
        model: At<Id>,
        /// The layer: process, network, dns, balancer, mesh, disk, clock or none.
        layer: At<Id>,
        /// Which of the contract's fault assumptions it tests.
        covers: Vec<At<Text>>,
        /// What must be seen.
        expected: At<Text>,
        /// The evidence kinds without which the test proves nothing.
        requires: Vec<At<Id>>,
        /// Which rows of the partition matrix it runs, P1 to P5; the faults' targets are one side of each partition, all other members the other.
        partition: Vec<At<Id>>,
        /// How many faults are injected; the records must show as many.
        injections: Option<At<Count>>,
        /// open or closed: how the load generator behaves when answers are slow.
        generator: Option<At<Generator>>,
        /// The files.
        evidence: Vec<EvidenceWire>,
    }
}

wire! {
    /// One file read as one kind of record. A file may be bound several times.
    struct EvidenceWire {
        /// The kind of record: history, faults, members, ….
        kind: At<Id>,
        /// The file, below the evidence root.
        path: At<Text>,
        /// jsonl, csv, jepsen-edn, jepsen-json, jepsen-log or etcd-robustness; told from the file's ending when left out.
        format: Option<At<Id>>,
        /// Who wrote it. Native files say so in their header.
        origin: Option<At<Origin>>,
        /// The clock of its times. Native files say so in their header.
        clock: Option<ClockWire>,
        /// The endpoint whose operations it holds, when the records do not say.
        endpoint: Option<At<Id>>,
        /// Values that are the same in all records: field name and value.
        constants: Pairs<At<Scalar>>,
        /// Only records whose fields have these values.
        when: Pairs<At<Scalar>>,
        /// No records whose fields have these values.
        unless: Pairs<At<Scalar>>,
        /// An array in each record whose elements are the records wanted; a record without it counts as its own element.
        each: Option<At<Text>>,
        /// Joins a start and a stop record into one.
        pair: Option<PairWire>,
        /// How it is known that the file is whole.
        whole: Option<WholeWire>,
        /// The field of the first line that holds the digest of the lock, `sha256:…`; dots lead into nested objects. Native files have it in
        /// their header.
        lock: Option<At<Text>>,
        /// Our field names on the left, theirs on the right. Left out for native files.
        fields: Pairs<FieldWire>,
        /// In Jepsen formats: whether values are pairs of key and value; told from the values when left out.
        keyed: Option<At<bool>>,
        /// The data model of a history.
        model: Option<ModelWire>,
    }
}

wire! {
    /// The clock of a file's times.
    struct ClockWire {
        /// monotonic or wall.
        kind: At<ClockKind>,
        /// Which clock; times on different clocks are compared only within a declared skew.
        id: At<Id>,
        /// ns, us, ms or s; ns when left out.
        unit: Option<At<TimeUnit>>,
    }
}

wire! {
    /// A bound on how far two clocks of one kind are apart.
    struct SkewWire {
        /// The ids of the two clocks.
        between: Vec<At<Id>>,
        /// The most that they differ at any instant of the runs.
        bound: At<Dur>,
        /// How the bound is known, such as the greatest error that a clock daemon reported.
        basis: At<Text>,
    }
}

wire! {
    /// Joins a start and a stop record into one.
    struct PairWire {
        /// The field that both share.
        by: At<Text>,
        /// What a start record has.
        start: Pairs<At<Scalar>>,
        /// What a stop record has.
        stop: Pairs<At<Scalar>>,
    }
}

wire! {
    /// How it is known that a file is whole and belongs to this test.
    struct WholeWire {
        /// What the first line has; it is no record.
        first: Pairs<At<Scalar>>,
        /// What the last line has; it is no record.
        last: Pairs<At<Scalar>>,
        /// The field of the last line that counts the lines between.
        count: Option<At<Text>>,
        /// Instead of marks: the records reach the end of the run to within this time.
        covers_run_within: Option<At<Dur>>,
    }
}

wire! {
    /// The data model of a history.
    struct ModelWire {
        /// register or cas-register.
        name: At<Id>,
        /// The value of every key before the first write; nil when left out.
        initial: Option<At<Scalar>>,
        /// What a read that found nothing says: absent (default) or any.
        nil_read: Option<At<NilRead>>,
    }
}
