//! Merging: chunks joined in the order of the file.
//!
//! In: chunks with symbols of their own. Out: tables with the symbols of all evidence. Refuses to know where chunks came from.

use super::rows::{Chunk, Recipe, Rows, has_symbols};
use crate::evidence::symbol::{Sym, Symbols, Syms, Val};
use crate::evidence::table::{ABSENT, Column, FieldType, Table};

/// The numbers of a chunk's texts and lists among those of all evidence.
struct Numbers {
    texts: Vec<Sym>,
    lists: Vec<Syms>,
    same: bool,
}

impl Numbers {
    fn narrow(&self, ty: FieldType, cell: u32) -> u32 {
        let i = cell as usize;
        match ty {
            _ if cell == u32::MAX => cell,
            FieldType::Text => self.texts.get(i).map_or(u32::MAX, |s| s.0),
            FieldType::List => self.lists.get(i).map_or(u32::MAX, |s| s.0),
            _ => cell,
        }
    }

    fn wide(&self, ty: FieldType, cell: i64) -> i64 {
        let text = if ty == FieldType::Value { Val(cell).as_text() } else { None };
        text.and_then(|t| self.texts.get(t.0 as usize)).map_or(cell, |s| Val::text(*s).0)
    }
}

/// Adds a chunk that starts after `before` lines.
pub fn merge(into: &mut [Rows], chunk: &Chunk, recipes: &[Recipe], before: u64, symbols: &mut Symbols) {
    let (texts, lists) = symbols.absorb(&chunk.symbols);
    let same =
        texts.iter().enumerate().all(|(i, s)| s.0 as usize == i) && lists.iter().enumerate().all(|(i, s)| s.0 as usize == i);
    let numbers = Numbers { texts, lists, same };
    let before = u32::try_from(before + 1).unwrap_or(u32::MAX);
    for ((into, rows), recipe) in into.iter_mut().zip(&chunk.rows).zip(recipes) {
        append(&mut into.table, &rows.table, recipe, before, &numbers);
        append(&mut into.stops, &rows.stops, recipe, before, &numbers);
        into.joins.extend(rows.joins.iter().map(|(by, stop)| (numbers.narrow(FieldType::Text, *by), *stop)));
    }
}

fn append(into: &mut Table, rows: &Table, recipe: &Recipe, before: u32, numbers: &Numbers) {
    let old = into.rows();
    for ((column, new), field) in into.columns.iter_mut().zip(&rows.columns).zip(recipe.kind.fields) {
        extend(column, new, field.ty, old, rows.rows(), numbers);
    }
    into.lines.extend(rows.lines.iter().map(|l| l.saturating_add(before)));
}

fn extend(into: &mut Column, new: &Column, ty: FieldType, old: usize, count: usize, numbers: &Numbers) {
    let keep = numbers.same || !has_symbols(ty);
    if matches!(into, Column::Absent) && !matches!(new, Column::Absent) {
        *into = match new {
            Column::Wide(_) => Column::Wide(vec![ABSENT; old]),
            Column::Narrow(_) => Column::Narrow(vec![u32::MAX; old]),
            Column::Byte(_) => Column::Byte(vec![u8::MAX; old]),
            Column::Absent | Column::Const(_) => Column::Absent,
        };
    }
    match (into, new) {
        (Column::Wide(cells), Column::Wide(new)) if keep => cells.extend_from_slice(new),
        (Column::Wide(cells), Column::Wide(new)) => cells.extend(new.iter().map(|c| numbers.wide(ty, *c))),
        (Column::Narrow(cells), Column::Narrow(new)) if keep => cells.extend_from_slice(new),
        (Column::Narrow(cells), Column::Narrow(new)) => cells.extend(new.iter().map(|c| numbers.narrow(ty, *c))),
        (Column::Byte(cells), Column::Byte(new)) => cells.extend_from_slice(new),
        (into, Column::Absent) => into.finish(old + count),
        _ => {}
    }
}
