//! One file of events: read in order, paired, and what is known of it as a whole.
//!
//! In: a plan, the reader of its format, and bytes. Out: its rows and its state, or its first fault. Refuses to know what events say.

use super::Limits;
use super::cell::{Cell, Timing, typed};
use super::events::{Paired, Pairs};
use super::fault::Problem;
use super::file::{FileRead, unreadable};
use super::format::ReadEvents;
use super::frame::clocks;
use super::lines::Counts;
use super::plan::FilePlan;
use super::rows::constant;
use super::stream::Stream;
use super::unpack::Unpacked;
use crate::contract::{ClockKind, TimeUnit};
use crate::error::Fault;
use crate::evidence::State;
use crate::evidence::symbol::Symbols;
use std::borrow::Cow;
use std::io::Read;

/// Reads a file of events.
///
/// # Errors
/// The first fault of the file.
pub fn read_events<'r>(
    plan: &FilePlan<'_>,
    read: ReadEvents,
    reader: Box<dyn Read + Send + 'r>,
    limits: Limits,
    symbols: &mut Symbols,
) -> Result<FileRead, Fault> {
    let path = plan.path;
    let clocks = clocks(plan, None)?;
    let keyed = plan.outputs.iter().find_map(|o| o.binding.keyed);
    let mut stream = Stream::new(Unpacked::new(reader), limits.line);
    let mut pairs = Pairs::new(symbols, keyed);
    let done = read(&mut stream, &mut pairs);
    let paired = done.and_then(|()| pairs.finish()).map_err(|problem: Problem| match stream.broken() {
        Some(error) => unreadable(path, &error),
        None => problem.fault(path, 0),
    })?;
    let (sha256, bytes) = stream.digest().map_err(|e| unreadable(path, &e))?;
    let Paired { mut history, mut faults, order_only, notes } = paired;
    let records = (history.rows() + faults.rows()) as u64;
    let mut parts = Vec::new();
    for (i, ((output, recipe), (origin, mut clock))) in plan.outputs.iter().zip(&plan.recipes).zip(clocks).enumerate() {
        clock.unit = TimeUnit::Ns;
        if order_only {
            (clock.kind, clock.id) = (ClockKind::Monotonic, format!("order of lines in {path}"));
        }
        let table = if recipe.kind.name == "history" { &mut history } else { &mut faults };
        // Nearly always there is one binding: the last takes the rows as they are.
        let mut table = if i + 1 == plan.outputs.len() { std::mem::take(table) } else { table.clone() };
        for (field, text) in &output.constants {
            let cell = Cell::Plain(Cow::Borrowed(text));
            let refused = |why| Fault::at(output.binding.path.span, why, "a constant of this binding");
            let timing = Timing::new(clock.unit, clock.kind);
            let raw = typed(&cell, recipe.kind.fields[*field].ty, timing, symbols).map_err(refused)?;
            constant(&mut table, *field, raw);
        }
        parts.push((origin, clock, table));
    }
    let declared = plan.outputs.iter().any(|o| o.binding.whole.is_some());
    let state = match (records, declared) {
        (0, _) => State::Empty,
        (_, true) => State::Whole,
        (_, false) => State::Unproven("is not shown to be whole: declare `whole` for it".into()),
    };
    Ok(FileRead {
        sha256,
        bytes,
        records,
        untaken: 0,
        unmapped: Counts::default(),
        synthetic: false,
        lock: None,
        state,
        notes,
        parts,
    })
}
