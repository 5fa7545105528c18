//! What two JSON records say differently: members and elements that are only in one of them, and
//! values that changed.
//!
//! Numbers are equal when they are the same decimal, as in queries. Elements of an array stand
//! against each other by their place, or by an id where every one of them has one. Knows nothing of
//! events, and draws nothing.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use crate::core::json::{FlatJson, Kind, NodeId};
use crate::core::scalar::compare_numbers;

/// Rows kept of one diff; what is more is counted only.
pub const MOST_ROWS: usize = 4_000;

/// Bytes kept of a value.
pub const LONGEST_VALUE: usize = 2_000;

/// Bytes kept of a key in a path.
const LONGEST_KEY: usize = 120;

/// Containers below this depth are compared as a whole.
const DEEPEST: usize = 64;

/// Members that tell the elements of an array apart, where all of them have one of their own.
const IDS: [&str; 5] = ["id", "_id", "uuid", "key", "name"];

/// What became of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is the same.
    Same,
    /// It is in the later record only.
    Added,
    /// It is in the earlier record only.
    Removed,
    /// It is another one.
    Changed,
    /// The elements of an array are the same, in another order.
    Moved,
}

/// A value of the two records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Where: `details.resources[id=7].name`; empty for the records themselves.
    pub path: String,
    /// What became of it.
    pub change: Change,
    /// JSON as it stands in the earlier record; cut where it is long.
    pub before: Option<String>,
    /// The same of the later record.
    pub after: Option<String>,
}

/// All that differs between two records, and what does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// In the order of the earlier record; what is only in the later one follows.
    pub rows: Vec<Row>,
    /// Differences, those without a row included.
    pub changes: u64,
    /// Differences without a row.
    pub cut: u64,
}

impl Diff {
    /// Compares two records.
    pub fn of(before: &FlatJson<'_>, after: &FlatJson<'_>) -> Self {
        let mut walk = Walk {
            before,
            after,
            diff: Self::default(),
            path: String::new(),
        };
        walk.pair(before.root(), after.root(), 0);
        walk.diff
    }
}

struct Walk<'d, 't> {
    before: &'d FlatJson<'t>,
    after: &'d FlatJson<'t>,
    diff: Diff,
    path: String,
}

/// What tells an element from the others of its array: texts and numbers are not the same.
type Id<'d> = (Kind, Cow<'d, str>);

impl Walk<'_, '_> {
    fn pair(&mut self, a: NodeId, b: NodeId, depth: usize) {
        let (before, after) = (self.before, self.after);
        let is_same = before.raw(a) == after.raw(b);
        let kinds = (before.kind(a), after.kind(b));
        let is_container = matches!(
            kinds,
            (Kind::Object, Kind::Object) | (Kind::Array, Kind::Array)
        );
        if is_same {
            return self.note(Change::Same, Some(a), Some(b));
        }
        if !is_container || depth >= DEEPEST {
            let change = if same(before, a, after, b) {
                Change::Same
            } else {
                Change::Changed
            };
            return self.note(change, Some(a), Some(b));
        }
        let (rows, changes) = (self.diff.rows.len(), self.diff.changes);
        match kinds.0 {
            Kind::Object => self.members(a, b, depth),
            _ => match (ids(before, a), ids(after, b)) {
                (Some((name, of_a)), Some((other, of_b))) if name == other => {
                    self.named_elements((a, b), name, &of_a, &of_b, depth);
                }
                _ => self.elements(a, b, depth),
            },
        }
        if self.diff.changes == changes {
            // They are spelled differently and mean the same.
            self.diff.rows.truncate(rows);
            self.note(Change::Same, Some(a), Some(b));
        }
    }

    fn members(&mut self, a: NodeId, b: NodeId, depth: usize) {
        let (before, after) = (self.before, self.after);
        let (of_a, of_b) = (members(before, a), members(after, b));
        let found: HashMap<&str, NodeId> = of_b.iter().map(|(k, v)| (&**k, *v)).collect();
        let known: HashSet<&str> = of_a.iter().map(|(key, _)| &**key).collect();
        for (key, node) in &of_a {
            let other = found.get(&**key).copied();
            self.below(Step::Key(key), |walk| match other {
                Some(other) => walk.pair(*node, other, depth + 1),
                None => walk.note(Change::Removed, Some(*node), None),
            });
        }
        for (key, node) in of_b.iter().filter(|(key, _)| !known.contains(&**key)) {
            self.below(Step::Key(key), |walk| {
                walk.note(Change::Added, None, Some(*node));
            });
        }
    }

    fn elements(&mut self, a: NodeId, b: NodeId, depth: usize) {
        let (before, after) = (self.before, self.after);
        let (mut of_a, mut of_b) = (before.children(a), after.children(b));
        for place in 0.. {
            let step = Step::Place(place);
            match (of_a.next(), of_b.next()) {
                (Some(a), Some(b)) => self.below(step, |walk| walk.pair(a, b, depth + 1)),
                (Some(a), None) => self.below(step, |walk| {
                    walk.note(Change::Removed, Some(a), None);
                }),
                (None, Some(b)) => self.below(step, |walk| {
                    walk.note(Change::Added, None, Some(b));
                }),
                (None, None) => return,
            }
        }
    }

    fn named_elements(
        &mut self,
        (a, b): (NodeId, NodeId),
        name: &str,
        of_a: &[(Id<'_>, NodeId)],
        of_b: &[(Id<'_>, NodeId)],
        depth: usize,
    ) {
        let found: HashMap<&Id<'_>, NodeId> = of_b.iter().map(|(id, node)| (id, *node)).collect();
        let known: HashSet<&Id<'_>> = of_a.iter().map(|(id, _)| id).collect();
        for (id, node) in of_a {
            let other = found.get(id).copied();
            self.below(Step::Named(name, &id.1), |walk| match other {
                Some(other) => walk.pair(*node, other, depth + 1),
                None => walk.note(Change::Removed, Some(*node), None),
            });
        }
        for (id, node) in of_b.iter().filter(|(id, _)| !known.contains(id)) {
            self.below(Step::Named(name, &id.1), |walk| {
                walk.note(Change::Added, None, Some(*node));
            });
        }
        let stayed = of_a
            .iter()
            .map(|(id, _)| id)
            .filter(|id| found.contains_key(id));
        let still = of_b
            .iter()
            .map(|(id, _)| id)
            .filter(|id| known.contains(id));
        if stayed.ne(still) {
            self.note(Change::Moved, Some(a), Some(b));
        }
    }

    fn below(&mut self, step: Step<'_>, work: impl FnOnce(&mut Self)) {
        let end = self.path.len();
        step.append(&mut self.path);
        work(self);
        self.path.truncate(end);
    }

    fn note(&mut self, change: Change, before: Option<NodeId>, after: Option<NodeId>) {
        let room = match change {
            // What is the same leaves room for what is not.
            Change::Same => MOST_ROWS / 2,
            _ => MOST_ROWS,
        };
        let is_full = self.diff.rows.len() >= room;
        if change != Change::Same {
            self.diff.changes += 1;
            self.diff.cut += u64::from(is_full);
        }
        if is_full {
            return;
        }
        let row = Row {
            path: self.path.clone(),
            change,
            before: before.map(|node| cut(self.before.raw(node), LONGEST_VALUE)),
            after: after.map(|node| cut(self.after.raw(node), LONGEST_VALUE)),
        };
        self.diff.rows.push(row);
    }
}

#[derive(Clone, Copy)]
enum Step<'s> {
    Key(&'s str),
    Place(usize),
    Named(&'s str, &'s str),
}

impl Step<'_> {
    fn append(self, path: &mut String) {
        match self {
            Self::Place(place) => *path += &format!("[{place}]"),
            Self::Named(name, id) => *path += &format!("[{name}={}]", cut(id, LONGEST_KEY)),
            Self::Key(key) => {
                if !path.is_empty() {
                    path.push('.');
                }
                let key = cut(key, LONGEST_KEY);
                let is_odd = key.is_empty() || key.contains(['.', '[', '"', ' ']);
                *path += &if is_odd { format!("{key:?}") } else { key };
            }
        }
    }
}

/// The beginning of a text, with a mark where something is missing.
fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(most)])
}

/// The members of an object in its order; of a key that stands there twice the last value, as jsonb
/// has it.
fn members<'d>(json: &'d FlatJson<'_>, object: NodeId) -> Vec<(Cow<'d, str>, NodeId)> {
    let mut all: Vec<(Cow<'d, str>, NodeId)> = Vec::new();
    let mut places: HashMap<Cow<'d, str>, usize> = HashMap::new();
    for child in json.children(object) {
        let key = json.key(child).unwrap_or_default();
        if let Some(place) = places.get(&key) {
            all[*place].1 = child;
        } else {
            places.insert(key.clone(), all.len());
            all.push((key, child));
        }
    }
    all
}

/// The elements of an array by the id that every one of them has for itself, and its name.
fn ids<'d>(json: &'d FlatJson<'_>, array: NodeId) -> Option<(&'static str, Vec<(Id<'d>, NodeId)>)> {
    json.children(array).next()?;
    IDS.into_iter().find_map(|name| {
        let mut seen = HashSet::new();
        let mut all = Vec::new();
        for element in json.children(array) {
            let id = id(json, json.get(element, name)?)?;
            if !seen.insert(id.clone()) {
                return None;
            }
            all.push((id, element));
        }
        Some((name, all))
    })
}

/// A text, or a number that has one spelling only.
fn id<'d>(json: &'d FlatJson<'_>, node: NodeId) -> Option<Id<'d>> {
    let kind = json.kind(node);
    let is_one = match kind {
        Kind::Text => true,
        Kind::Number => json.raw(node).bytes().all(|byte| byte.is_ascii_digit()),
        Kind::Null | Kind::Bool | Kind::Array | Kind::Object => false,
    };
    let text = json.scalar(node).filter(|_| is_one)?.into_text();
    Some((kind, text))
}

/// Whether two values mean the same. Goes as deep as they do without a stack of calls.
fn same(before: &FlatJson<'_>, a: NodeId, after: &FlatJson<'_>, b: NodeId) -> bool {
    let mut left = vec![(a, b)];
    while let Some((a, b)) = left.pop() {
        if before.raw(a) == after.raw(b) {
            continue;
        }
        match (before.kind(a), after.kind(b)) {
            (Kind::Number, Kind::Number) => {
                if compare_numbers(before.raw(a), after.raw(b)) != Some(Ordering::Equal) {
                    return false;
                }
            }
            (Kind::Text, Kind::Text) => {
                if before.scalar(a) != after.scalar(b) {
                    return false;
                }
            }
            (Kind::Array, Kind::Array) => {
                let (of_a, of_b) = (before.children(a), after.children(b));
                let (of_a, of_b): (Vec<_>, Vec<_>) = (of_a.collect(), of_b.collect());
                if of_a.len() != of_b.len() {
                    return false;
                }
                left.extend(of_a.into_iter().zip(of_b));
            }
            (Kind::Object, Kind::Object) => {
                let (of_a, of_b) = (members(before, a), members(after, b));
                let found: HashMap<_, _> = of_b.into_iter().collect();
                if of_a.len() != found.len() {
                    return false;
                }
                for (key, node) in of_a {
                    let Some(other) = found.get(&key) else {
                        return false;
                    };
                    left.push((node, *other));
                }
            }
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests;
