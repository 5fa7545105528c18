//! One event's record as a tree: cursor, folding, search, and what can be copied from it.
//!
//! Does not fetch the record; it is told what became of the fetching.

use std::collections::{HashMap, HashSet};

use crate::app::command::{Direction, Fold, Part};
use crate::app::filter_bar::term::{self, Ask};
use crate::core::event::Event;
use crate::core::json::{FlatJson, JsonError, Kind, NodeId};
use crate::core::path::Path;

/// Trees larger than this begin folded below the first levels.
const UNFOLDED_NODES: usize = 400;

/// Lines shown above a match at least, so that it is seen in its place.
const CONTEXT: usize = 5;

/// What is known of the record.
#[derive(Clone, Debug)]
pub enum Body {
    /// It is being fetched.
    Loading,
    /// It is here.
    Tree(Tree),
    /// It is not JSON; why, and as much of the text as is shown.
    NotJson {
        /// What the parser says.
        why: String,
        /// The beginning of the text.
        head: String,
    },
    /// The store does not have it any more.
    Gone,
    /// It could not be fetched.
    Failed(String),
}

/// Whether long values are cut or wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrap {
    /// Cut, with a mark.
    Cut,
    /// Wrapped to as many lines as they need.
    Lines,
}

/// An open event.
#[derive(Clone, Debug)]
pub struct Inspector {
    /// The event as last seen.
    pub event: Event,
    /// Its record.
    pub body: Body,
    /// What to do with long values.
    pub wrap: Wrap,
}

/// A record as a tree that can be folded.
#[derive(Clone, Debug)]
pub struct Tree {
    json: FlatJson<'static>,
    folded: HashSet<NodeId>,
    cursor: NodeId,
    row: usize,
    /// A node taller than the pane, and how many of its lines are scrolled away.
    inside: (NodeId, usize),
}

/// A line of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeLine {
    /// The node on it.
    pub node: NodeId,
    /// How deep it stands; 0 for members of the record.
    pub depth: usize,
    /// Whether what is below it is hidden.
    pub folding: Folding,
}

/// Whether a node hides what is below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folding {
    /// There is nothing below it.
    Leaf,
    /// It shows what is below it.
    Unfolded,
    /// It hides what is below it.
    Folded,
}

/// Bytes shown of a record that is not JSON.
const NOT_JSON_HEAD: usize = 4_096;

impl Body {
    /// A record that is not JSON, with the beginning of its text.
    pub fn not_json(error: &JsonError, text: &str) -> Self {
        Self::NotJson {
            why: error.to_string(),
            head: text[..text.floor_char_boundary(NOT_JSON_HEAD)].to_owned(),
        }
    }
}

impl Inspector {
    /// Opens an event whose record is not here yet.
    pub fn new(event: Event, wrap: Wrap) -> Self {
        Self {
            event,
            body: Body::Loading,
            wrap,
        }
    }

    /// The tree, when it is here.
    pub fn tree(&self) -> Option<&Tree> {
        match &self.body {
            Body::Tree(tree) => Some(tree),
            _ => None,
        }
    }

    /// The tree, when it is here, to be changed.
    pub fn tree_mut(&mut self) -> Option<&mut Tree> {
        match &mut self.body {
            Body::Tree(tree) => Some(tree),
            _ => None,
        }
    }

    /// Takes the record. An event that changed keeps its folds and its cursor.
    pub fn fill(&mut self, mut tree: Tree) {
        if let Body::Tree(former) = &self.body {
            tree.take_over(former);
        }
        self.body = Body::Tree(tree);
    }
}

impl Tree {
    /// A tree with its cursor on the first line.
    pub fn new(json: FlatJson<'static>) -> Self {
        let mut tree = Self {
            folded: HashSet::new(),
            cursor: json.root(),
            row: 0,
            inside: (json.root(), 0),
            json,
        };
        tree.cursor = tree.first();
        if tree.json.len() > UNFOLDED_NODES {
            tree.show_levels(2);
        }
        tree
    }

    /// The record.
    pub fn json(&self) -> &FlatJson<'static> {
        &self.json
    }

    /// The node under the cursor.
    pub fn cursor(&self) -> NodeId {
        self.cursor
    }

    /// A record's own braces say nothing: its members are the first level. A record that is no
    /// container is a line itself.
    fn first(&self) -> NodeId {
        if self.json.len() > 1 {
            NodeId(1)
        } else {
            self.json.root()
        }
    }

    fn is_parent(&self, node: NodeId) -> bool {
        self.json.end(node).0 > node.0 + 1
    }

    fn folding(&self, node: NodeId) -> Folding {
        if !self.is_parent(node) {
            Folding::Leaf
        } else if self.folded.contains(&node) {
            Folding::Folded
        } else {
            Folding::Unfolded
        }
    }

    fn ancestors(&self, node: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        std::iter::successors(self.json.parent(node), |node| self.json.parent(*node))
    }

    fn depth(&self, node: NodeId) -> usize {
        self.ancestors(node).count().saturating_sub(1)
    }

    fn after(&self, node: NodeId) -> Option<NodeId> {
        let next = match self.folding(node) {
            Folding::Unfolded => NodeId(node.0 + 1),
            Folding::Folded | Folding::Leaf => self.json.end(node),
        };
        ((next.0 as usize) < self.json.len()).then_some(next)
    }

    fn before(&self, node: NodeId) -> Option<NodeId> {
        let previous = NodeId(node.0.checked_sub(1).filter(|at| *at >= self.first().0)?);
        // The outermost folded ancestor is the one that is drawn.
        let hidden = self.ancestors(previous).filter(|a| self.folded.contains(a));
        Some(hidden.last().unwrap_or(previous))
    }

    /// At most `height` lines around the cursor.
    pub fn view(&self, height: usize) -> Vec<TreeLine> {
        let mut top = self.cursor;
        let mut left = self.row.min(height.saturating_sub(1));
        while left > 0 {
            let Some(before) = self.before(top) else {
                break;
            };
            top = before;
            left -= 1;
        }
        std::iter::successors(Some(top), |node| self.after(*node))
            .take(height)
            .map(|node| TreeLine {
                node,
                depth: self.depth(node),
                folding: self.folding(node),
            })
            .collect()
    }

    /// Moves the cursor by visible lines in a pane of `height` lines.
    pub fn move_by(&mut self, delta: isize, height: usize) {
        for _ in 0..delta.unsigned_abs() {
            let next = if delta < 0 {
                self.before(self.cursor)
            } else {
                self.after(self.cursor)
            };
            let Some(next) = next else { break };
            self.cursor = next;
            self.row = if delta < 0 {
                self.row.saturating_sub(1)
            } else {
                (self.row + 1).min(height.saturating_sub(1))
            };
        }
    }

    /// Lines of the node under the cursor that are scrolled away, where it is taller than the pane.
    pub fn scrolled(&self) -> usize {
        let (node, lines) = self.inside;
        if node == self.cursor { lines } else { 0 }
    }

    /// Moves by lines where the node under the cursor has `below` more of them below the pane:
    /// first within the node, then to the next one.
    pub fn read_on(&mut self, delta: isize, height: usize, below: usize) {
        let scrolled = self.scrolled();
        let within = if delta < 0 { scrolled } else { below };
        if within == 0 {
            return self.move_by(delta, height);
        }
        let step = delta.unsigned_abs().min(within);
        let lines = if delta < 0 {
            scrolled - step
        } else {
            scrolled + step
        };
        self.inside = (self.cursor, lines);
    }

    /// Moves to the first line.
    pub fn move_first(&mut self) {
        self.cursor = self.first();
        self.row = 0;
    }

    /// Moves to the last line.
    pub fn move_last(&mut self, height: usize) {
        let last = u32::try_from(self.json.len().saturating_sub(1)).unwrap_or(u32::MAX);
        let hidden = self
            .ancestors(NodeId(last))
            .filter(|a| self.folded.contains(a));
        self.cursor = hidden.last().unwrap_or(NodeId(last)).max(self.first());
        self.row = height.saturating_sub(1);
    }

    /// Folds or unfolds.
    pub fn fold(&mut self, fold: Fold) {
        let at = self.cursor;
        match fold {
            Fold::Toggle => match self.folding(at) {
                Folding::Folded => drop(self.folded.remove(&at)),
                Folding::Unfolded => drop(self.folded.insert(at)),
                Folding::Leaf => {}
            },
            Fold::Collapse => {
                if self.folding(at) == Folding::Unfolded {
                    self.folded.insert(at);
                } else if let Some(parent) = self.json.parent(at).filter(|p| *p >= self.first()) {
                    self.go_to(parent);
                }
            }
            Fold::Expand => match self.folding(at) {
                Folding::Folded => drop(self.folded.remove(&at)),
                Folding::Unfolded => self.move_by(1, usize::MAX),
                Folding::Leaf => {}
            },
            Fold::CollapseDeep => {
                let below: Vec<_> = self.subtree(at).filter(|n| self.is_parent(*n)).collect();
                self.folded.extend(below);
            }
            Fold::ExpandDeep => {
                let end = self.json.end(at);
                self.folded.retain(|node| *node < at || *node >= end);
            }
            Fold::Level(levels) => self.show_levels(usize::from(levels)),
        }
    }

    fn subtree(&self, node: NodeId) -> impl Iterator<Item = NodeId> + use<> {
        (node.0..self.json.end(node).0).map(NodeId)
    }

    fn show_levels(&mut self, levels: usize) {
        let mut folded = HashSet::new();
        // Ends of the containers around a node: their number is its depth.
        let mut around: Vec<NodeId> = Vec::new();
        for node in self.subtree(self.json.root()) {
            while around.last().is_some_and(|end| *end <= node) {
                around.pop();
            }
            if self.is_parent(node) {
                if node >= self.first() && around.len() >= levels {
                    folded.insert(node);
                }
                around.push(self.json.end(node));
            }
        }
        self.folded = folded;
        let hidden = self
            .ancestors(self.cursor)
            .filter(|a| self.folded.contains(a));
        if let Some(visible) = hidden.last() {
            self.cursor = visible;
        }
    }

    fn go_to(&mut self, node: NodeId) {
        let opened: Vec<_> = self.ancestors(node).collect();
        for ancestor in opened {
            self.folded.remove(&ancestor);
        }
        self.cursor = node;
    }

    /// Goes to the next node whose key or value contains `needle`, whatever the case of ASCII
    /// letters, round the end. Gives whether there is one.
    pub fn search(&mut self, needle: &str, direction: Direction) -> bool {
        let count = u32::try_from(self.json.len()).unwrap_or(u32::MAX);
        let needle = needle.to_ascii_lowercase();
        let found = (1..=count)
            .map(|step| match direction {
                Direction::Forward => NodeId((self.cursor.0 + step) % count),
                Direction::Backward => NodeId((self.cursor.0 + count - step) % count),
            })
            .find(|node| *node >= self.first() && self.contains(*node, &needle));
        if let Some(node) = found {
            self.go_to(node);
            self.row = self.row.max(CONTEXT);
        }
        found.is_some()
    }

    fn contains(&self, node: NodeId, needle: &str) -> bool {
        let holds = |text: &str| text.to_ascii_lowercase().contains(needle);
        self.json.key(node).is_some_and(|key| holds(&key))
            || self
                .json
                .scalar(node)
                .is_some_and(|value| holds(value.text()))
    }

    /// The path of a node as queries name it; elements of arrays have the path of their array.
    pub fn path(&self, node: NodeId) -> Path {
        let mut steps: Vec<String> = std::iter::once(node)
            .chain(self.ancestors(node))
            .filter_map(|node| self.json.key(node))
            .map(std::borrow::Cow::into_owned)
            .collect();
        steps.reverse();
        Path::new(steps)
    }

    /// A filter term that holds for events with the value of a node; `None` for the whole record.
    pub fn term(&self, node: NodeId) -> Option<String> {
        let path = self.path(node);
        if path.steps().is_empty() {
            return None;
        }
        let ask = match (self.json.kind(node), self.json.scalar(node)) {
            (_, Some(value)) => Ask::Is(term::literal(&value)),
            (Kind::Null, None) => Ask::Missing,
            (_, None) => Ask::Present,
        };
        Some(term::payload(&path, &ask))
    }

    /// What copying a part of the node under the cursor puts on the clipboard.
    pub fn copy(&self, part: Part) -> Option<String> {
        let node = self.cursor;
        match part {
            Part::Path => Some(self.path(node).to_string()).filter(|path| !path.is_empty()),
            Part::Key => self.json.key(node).map(std::borrow::Cow::into_owned),
            Part::Json => Some(self.json.raw(node).to_owned()),
            Part::Value => Some(match self.json.scalar(node) {
                Some(value) => value.text().to_owned(),
                None => self.json.raw(node).to_owned(),
            }),
            Part::Term => self.term(node),
        }
    }

    /// Folds and cursor of a former tree, by place: keys and numbers of elements.
    fn take_over(&mut self, former: &Self) {
        self.folded.clear();
        // Both trees are walked side by side, so that the cost is that of one look at each node.
        let mut pairs = vec![(former.json.root(), self.json.root())];
        while let Some((before, now)) = pairs.pop() {
            if former.folded.contains(&before) && self.is_parent(now) {
                self.folded.insert(now);
            }
            if former.cursor == before {
                self.cursor = now.max(self.first());
            }
            if former.is_parent(before) && self.is_parent(now) {
                self.pair(former, (before, now), &mut pairs);
            }
        }
        self.row = former.row;
    }

    /// The children of two nodes that stand at the same place: by key, elements by their number.
    fn pair(
        &self,
        former: &Self,
        (before, now): (NodeId, NodeId),
        pairs: &mut Vec<(NodeId, NodeId)>,
    ) {
        let children = former.json.children(before);
        if self.json.kind(now) != Kind::Object {
            return pairs.extend(children.zip(self.json.children(now)));
        }
        let named = |node| self.json.key(node).map(|key| (key, node));
        let by_key: HashMap<_, _> = self.json.children(now).filter_map(named).collect();
        pairs.extend(children.filter_map(|child| {
            let same = by_key.get(&former.json.key(child)?)?;
            Some((child, *same))
        }));
    }
}

#[cfg(test)]
mod tests;
