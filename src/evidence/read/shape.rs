//! The shape of a record: which of its cells are wanted, and where they go.
//!
//! In: paths such as `key`, `meta.id` and the elements of an array. Out: numbered slots. Refuses to know formats.

use super::cell::Cell;
use std::collections::BTreeMap;

/// What is wanted of a key.
#[derive(Debug, Clone, Copy, Default)]
pub struct Want {
    /// The value goes here.
    pub slot: Option<usize>,
    /// The value is an object of which keys are wanted: this node.
    pub node: Option<usize>,
    /// The value is an array whose elements are wanted: this group.
    pub each: Option<usize>,
}

/// Keys of one object.
#[derive(Debug, Clone, Default)]
pub struct Node {
    /// The path to it, with a dot at its end; empty for the record itself.
    pub prefix: String,
    /// What is wanted of its keys.
    pub keys: BTreeMap<String, Want>,
}

/// An array whose elements are wanted.
#[derive(Debug, Clone, Default)]
pub struct Group {
    /// The path to it.
    pub path: String,
    /// The node of an element.
    pub node: usize,
    /// Slots of one element.
    pub slots: usize,
}

/// Which cells of a record are wanted.
#[derive(Debug, Clone)]
pub struct Shape {
    /// All objects; the first is the record.
    pub nodes: Vec<Node>,
    /// Slots of the record.
    pub slots: usize,
    /// Arrays.
    pub groups: Vec<Group>,
}

impl Default for Shape {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], slots: 0, groups: Vec::new() }
    }
}

impl Shape {
    /// The slot of a path in the record.
    pub fn outer(&mut self, path: &str) -> usize {
        let next = self.slots;
        let slot = *self.want(0, path).slot.get_or_insert(next);
        self.slots = self.slots.max(slot + 1);
        slot
    }

    /// A path that is known, though nobody wants it.
    pub fn known(&mut self, path: &str) {
        self.want(0, path);
    }

    /// The slot of a column, whose name may hold dots.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        let (mut node, mut rest) = (0, name);
        while let Some((head, tail)) = rest.split_once('.') {
            node = self.nodes[node].keys.get(head)?.node?;
            rest = tail;
        }
        self.nodes[node].keys.get(rest)?.slot
    }

    /// The slot of a second name for a path.
    pub fn alias(&mut self, path: &str, slot: usize) {
        self.want(0, path).slot.get_or_insert(slot);
    }

    /// The group of an array's elements.
    pub fn each(&mut self, path: &str) -> usize {
        if let Some(i) = self.groups.iter().position(|g| g.path == path) {
            return i;
        }
        let group = self.groups.len();
        let node = self.nodes.len();
        self.nodes.push(Node { prefix: format!("{path}."), keys: BTreeMap::new() });
        self.groups.push(Group { path: path.into(), node, slots: 0 });
        self.want(0, path).each = Some(group);
        group
    }

    /// The slot of a path in an element of a group.
    pub fn inner(&mut self, group: usize, path: &str) -> usize {
        let (node, next) = (self.groups[group].node, self.groups[group].slots);
        let slot = *self.want(node, path).slot.get_or_insert(next);
        self.groups[group].slots = next.max(slot + 1);
        slot
    }

    fn want(&mut self, node: usize, path: &str) -> &mut Want {
        let mut node = node;
        let mut rest = path;
        while let Some((head, tail)) = rest.split_once('.') {
            let prefix = format!("{}{head}.", self.nodes[node].prefix);
            let new = self.nodes.len();
            let found = *self.nodes[node].keys.entry(head.into()).or_default().node.get_or_insert(new);
            if found == new {
                self.nodes.push(Node { prefix, keys: BTreeMap::new() });
            }
            (node, rest) = (found, tail);
        }
        self.nodes[node].keys.entry(rest.into()).or_default()
    }
}

/// The elements of one array of a record.
#[derive(Debug, Default)]
pub struct Elements<'a> {
    /// Whether the array is there.
    pub there: bool,
    /// How many elements it has.
    pub count: usize,
    /// The cells, element by element.
    pub cells: Vec<Cell<'a>>,
}

/// The wanted cells of a record.
#[derive(Debug, Default)]
pub struct Cells<'a> {
    /// By slot.
    pub outer: Vec<Cell<'a>>,
    /// By group.
    pub groups: Vec<Elements<'a>>,
}

impl Cells<'_> {
    /// Empty cells of a shape.
    #[must_use]
    pub fn new(shape: &Shape) -> Self {
        let mut cells = Self::default();
        cells.outer.resize_with(shape.slots, Cell::default);
        cells.groups.resize_with(shape.groups.len(), Elements::default);
        cells
    }

    /// Forgets the last record.
    #[inline]
    pub fn clear(&mut self) {
        for cell in &mut self.outer {
            if !matches!(cell, Cell::Missing) {
                *cell = Cell::Missing;
            }
        }
        for group in &mut self.groups {
            group.there = false;
            group.count = 0;
            group.cells.clear();
        }
    }
}
