//! Operations of unknown outcome by class: equal ones are one class, found by the value they bring or expect.

use super::{Act, Case, NONE};
use hashbrown::HashMap;

/// Where operations of unknown outcome are found by value.
#[derive(Default)]
pub(super) struct Classes {
    pub(super) of_op: Vec<u32>,
    pub(super) write: Vec<u32>,
    pub(super) cas_from: Vec<Vec<(u32, u32)>>,
    pub(super) cas_to: Vec<Vec<(u32, u32)>>,
    pub(super) acts: Vec<Act>,
}

impl Classes {
    pub(super) fn new(case: &Case) -> Classes {
        let values = case.values as usize;
        let mut ids: HashMap<Act, u32> = HashMap::new();
        let mut classes = Classes {
            of_op: vec![NONE; case.acts.len()],
            write: vec![NONE; values],
            cas_from: vec![Vec::new(); values],
            cas_to: vec![Vec::new(); values],
            acts: Vec::new(),
        };
        for (op, &act) in case.acts.iter().enumerate().filter(|&(op, _)| case.spans[op].unknown) {
            let next = classes.acts.len() as u32;
            let class = *ids.entry(act).or_insert(next);
            classes.of_op[op] = class;
            if class == next {
                classes.acts.push(act);
                match act {
                    Act::Write(value) => classes.write[value as usize] = class,
                    Act::Cas(from, to) => {
                        classes.cas_from[from as usize].push((class, to));
                        classes.cas_to[to as usize].push((class, from));
                    }
                    Act::Read(_) | Act::Not(_) => {}
                }
            }
        }
        classes
    }
}
