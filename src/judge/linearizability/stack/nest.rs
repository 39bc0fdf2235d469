//! Takes away elements that can be the lowest on a stack, one by one, in n log n altogether.
//!
//! Comes in: elements with cores, sorted by the return of their push. Goes out: `None` if all can be taken away, else the
//! elements of a stretch none of which can be the lowest. Ends of cores are laid out in order of time, ends of pushes after
//! those of pops at the same time; what counts is how many cores cover each gap between neighbours. Three trees over one
//! stretch: the covering of its gaps, the earliest push among elements not yet known to come early enough, and the latest
//! pop among those that do. A stretch only ever shrinks, so an element that comes early enough stays so: each element moves
//! from the second tree to the third once, and each gap opens once.

/// An element with its widened intervals.
#[derive(Clone, Copy, Debug)]
pub(super) struct Core {
    pub(super) push: (i64, i64),
    pub(super) pop: (i64, i64),
}

impl Core {
    /// When it is there at the latest.
    pub(super) fn from(&self) -> i64 {
        self.push.1.min(self.pop.1)
    }

    /// When it may be gone at the earliest.
    pub(super) fn until(&self) -> i64 {
        self.pop.0.max(self.push.0)
    }
}

/// One end of a core: its time and its element.
#[derive(Clone, Copy)]
struct End {
    time: i64,
    element: u32,
    opens: bool,
}

/// Takes away what can be taken away. The cores are sorted by `from`.
pub(super) fn nest(cores: &[Core]) -> Option<Vec<u32>> {
    let ends = layout(cores);
    let (mut start, mut depth, mut opened) = (0, 0usize, 0usize);
    for at in 0..ends.len() {
        if ends[at].opens {
            depth += 1;
            continue;
        }
        depth -= 1;
        if depth == 0 {
            let count = (at + 1 - start) / 2;
            // One alone can always be the lowest.
            if count > 1 {
                let mut stretch = Stretch::new(&cores[opened..opened + count], opened as u32, &ends[start..=at]);
                if let Some(stuck) = stretch.run() {
                    return Some(stuck);
                }
            }
            (start, opened) = (at + 1, opened + count);
        }
    }
    None
}

/// All ends in order of time; at one time those of pops come first, so that cores that only touch leave a gap.
fn layout(cores: &[Core]) -> Vec<End> {
    let mut closes: Vec<(i64, u32)> = cores.iter().enumerate().map(|(i, core)| (core.until(), i as u32)).collect();
    closes.sort_unstable();
    let mut ends = Vec::with_capacity(2 * cores.len());
    let mut next = 0;
    for (element, core) in cores.iter().enumerate() {
        while let Some(&(time, element)) = closes.get(next).filter(|close| close.0 <= core.from()) {
            ends.push(End { time, element, opens: false });
            next += 1;
        }
        ends.push(End { time: core.from(), element: element as u32, opens: true });
    }
    ends.extend(closes[next..].iter().map(|&(time, element)| End { time, element, opens: false }));
    ends
}

/// A run of ends whose gaps are all covered, and what is left of it.
struct Stretch<'a> {
    cores: &'a [Core],
    /// Number of the first core.
    offset: u32,
    ends: &'a [End],
    /// Opening ends before each end; place of both ends of each core.
    opened: Vec<u32>,
    places: Vec<(u32, u32)>,
    gone: Vec<bool>,
    cover: Cover,
    /// Invoke of the push of elements not known to come early enough.
    early: Lowest,
    /// Minus the return of the pop of those that do.
    late: Lowest,
}

impl<'a> Stretch<'a> {
    fn new(cores: &'a [Core], offset: u32, ends: &'a [End]) -> Stretch<'a> {
        let mut opened = Vec::with_capacity(ends.len() + 1);
        let mut places = vec![(0, 0); cores.len()];
        let (mut so_far, mut depth) = (0u32, 0i32);
        let mut covered = Vec::with_capacity(ends.len());
        for (at, end) in ends.iter().enumerate() {
            opened.push(so_far);
            let place = &mut places[(end.element - offset) as usize];
            if end.opens {
                (place.0, so_far, depth) = (at as u32, so_far + 1, depth + 1);
            } else {
                (place.1, depth) = (at as u32, depth - 1);
            }
            covered.push(depth);
        }
        // The gap behind the last end is no part of the stretch.
        covered.pop();
        opened.push(so_far);
        Stretch {
            early: Lowest::new(cores.iter().map(|core| core.push.0)),
            late: Lowest::new(cores.iter().map(|_| i64::MAX)),
            cover: Cover::new(&covered),
            gone: vec![false; cores.len()],
            cores,
            offset,
            ends,
            opened,
            places,
        }
    }

    /// Takes elements away until none is left, or returns the ones among which none can be the lowest.
    fn run(&mut self) -> Option<Vec<u32>> {
        let mut open = vec![(0, self.ends.len() - 1)];
        let mut holes = Vec::new();
        while let Some((first, last)) = open.pop() {
            let (from, until) = (self.ends[first].time, self.ends[last].time);
            let range = (self.opened[first] as usize, self.opened[last] as usize);
            while let Some(element) = self.early.find(range, from) {
                self.early.set(element, i64::MAX);
                self.late.set(element, -self.cores[element].pop.1);
            }
            let Some(lowest) = self.late.find(range, -until) else {
                let left = (range.0..range.1).filter(|&i| !self.gone[i]);
                return Some(left.map(|i| i as u32 + self.offset).collect());
            };
            self.late.set(lowest, i64::MAX);
            self.gone[lowest] = true;
            let (push, pop) = self.places[lowest];
            self.cover.uncover(push as usize, pop as usize, &mut holes);
            let mut start = first;
            for &hole in &holes {
                if start < hole {
                    open.push((start, hole));
                }
                start = hole + 1;
            }
            if start < last {
                open.push((start, last));
            }
            holes.clear();
        }
        None
    }
}

/// How many cores cover each gap, with the least of each subtree; a gap that opened is out of the count for good.
struct Cover {
    size: usize,
    /// The least below a node including what was added at it, and what was added at it.
    nodes: Vec<(i32, i32)>,
}

const OUT: i32 = 1 << 30;

impl Cover {
    fn new(covered: &[i32]) -> Cover {
        let size = covered.len().next_power_of_two();
        let mut nodes = vec![(OUT, 0); 2 * size];
        for (node, &count) in nodes[size..].iter_mut().zip(covered) {
            node.0 = count;
        }
        for i in (1..size).rev() {
            nodes[i].0 = nodes[2 * i].0.min(nodes[2 * i + 1].0);
        }
        Cover { size, nodes }
    }

    /// Takes one core off the gaps from `first` up to `last`, and lists those that are open now, ascending.
    fn uncover(&mut self, first: usize, last: usize, holes: &mut Vec<usize>) {
        self.add(first, last, -1);
        while self.nodes[1].0 == 0 {
            let (mut node, mut above) = (1, 0);
            while node < self.size {
                above += self.nodes[node].1;
                node = 2 * node + usize::from(self.nodes[2 * node].0 + above != 0);
            }
            holes.push(node - self.size);
            self.add(node - self.size, node - self.size + 1, OUT);
        }
    }

    fn add(&mut self, first: usize, last: usize, amount: i32) {
        let (mut low, mut high) = (first + self.size, last + self.size);
        while low < high {
            if low & 1 == 1 {
                self.put(low, amount);
                low += 1;
            }
            if high & 1 == 1 {
                high -= 1;
                self.put(high, amount);
            }
            (low, high) = (low >> 1, high >> 1);
        }
        self.mend(first + self.size);
        self.mend(last + self.size - 1);
    }

    fn put(&mut self, node: usize, amount: i32) {
        self.nodes[node].0 += amount;
        self.nodes[node].1 += amount;
    }

    fn mend(&mut self, leaf: usize) {
        let mut node = leaf >> 1;
        while node > 0 {
            self.nodes[node].0 = self.nodes[2 * node].0.min(self.nodes[2 * node + 1].0) + self.nodes[node].1;
            node >>= 1;
        }
    }
}

/// The lowest of a range of numbers, some of which come and go; [`i64::MAX`] where there is none.
struct Lowest {
    size: usize,
    nodes: Vec<i64>,
}

impl Lowest {
    fn new(numbers: impl ExactSizeIterator<Item = i64>) -> Lowest {
        let size = numbers.len().next_power_of_two();
        let mut nodes = vec![i64::MAX; 2 * size];
        nodes[size..].iter_mut().zip(numbers).for_each(|(node, number)| *node = number);
        for i in (1..size).rev() {
            nodes[i] = nodes[2 * i].min(nodes[2 * i + 1]);
        }
        Lowest { size, nodes }
    }

    fn set(&mut self, at: usize, number: i64) {
        let mut node = at + self.size;
        self.nodes[node] = number;
        while node > 1 {
            node >>= 1;
            let lowest = self.nodes[2 * node].min(self.nodes[2 * node + 1]);
            if self.nodes[node] == lowest {
                return;
            }
            self.nodes[node] = lowest;
        }
    }

    /// One place in the range whose number is at most `limit`.
    fn find(&self, range: (usize, usize), limit: i64) -> Option<usize> {
        let (mut low, mut high) = (range.0 + self.size, range.1 + self.size);
        while low < high {
            if low & 1 == 1 {
                if self.nodes[low] <= limit {
                    return Some(self.descend(low, limit));
                }
                low += 1;
            }
            if high & 1 == 1 {
                high -= 1;
                if self.nodes[high] <= limit {
                    return Some(self.descend(high, limit));
                }
            }
            (low, high) = (low >> 1, high >> 1);
        }
        None
    }

    fn descend(&self, mut node: usize, limit: i64) -> usize {
        while node < self.size {
            node = 2 * node + usize::from(self.nodes[2 * node] > limit);
        }
        node - self.size
    }
}
