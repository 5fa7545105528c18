//! The nodes of a JSON text, noted down by whoever passes over it: the parser, or a writer that knows
//! what it has just written.

use super::{ESCAPED, NO_KEY, NO_PARENT, Node};

/// Whether a string or a key has escapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escapes {
    /// Its bytes are what it says.
    None,
    /// It must be unescaped.
    Some,
}

impl Escapes {
    fn flag(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Some => ESCAPED,
        }
    }
}

/// Nodes in document order. Offsets are bytes from the beginning of the text, which is shorter than
/// 4 GiB; calls follow the text from left to right.
#[derive(Debug)]
pub struct Nodes {
    pub(super) all: Vec<Node>,
    /// The container that is open.
    pub(super) open: u32,
    /// Key of the value that comes next.
    key: u32,
    /// [`ESCAPED`] when that key has escapes.
    key_flag: u32,
}

/// Every text is shorter than [`super::LONGEST`], which is checked where texts come in.
#[expect(
    clippy::cast_possible_truncation,
    reason = "offsets are at most LONGEST"
)]
fn offset(at: usize) -> u32 {
    at as u32
}

impl Nodes {
    /// No nodes yet; `nodes` is cleared and its allocation used.
    pub fn reusing(mut nodes: Vec<Node>) -> Self {
        nodes.clear();
        Self {
            all: nodes,
            open: NO_PARENT,
            key: NO_KEY,
            key_flag: 0,
        }
    }

    /// The next value has a key, whose first byte inside the quotes is at `at`.
    pub fn key(&mut self, at: usize, escapes: Escapes) {
        self.key = offset(at);
        self.key_flag = escapes.flag();
    }

    /// A value without others in it.
    pub fn leaf(&mut self, start: usize, end: usize, escapes: Escapes) {
        let next = offset(self.all.len() + 1) | escapes.flag();
        self.push(start, end, next);
    }

    /// An object or an array begins.
    pub fn open(&mut self, start: usize) {
        let container = offset(self.all.len());
        self.push(start, start + 1, 0);
        self.open = container;
    }

    /// The innermost open object or array has ended before `end`.
    pub fn close(&mut self, end: usize) {
        let next = offset(self.all.len());
        let container = &mut self.all[self.open as usize];
        container.end = offset(end);
        container.next = next;
        self.open = container.parent & !ESCAPED;
    }

    /// Gives the allocation back for reuse.
    pub fn into_vec(self) -> Vec<Node> {
        self.all
    }

    fn push(&mut self, start: usize, end: usize, next: u32) {
        self.all.push(Node {
            start: offset(start),
            end: offset(end),
            key: self.key,
            parent: self.open | self.key_flag,
            next,
        });
        self.key = NO_KEY;
        self.key_flag = 0;
    }
}
