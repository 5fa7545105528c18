//! Paths into a record: the first step is a column (or a top-level key of a document), the rest are
//! JSON keys. Arrays are looked through, one level per step.

use std::fmt;

use crate::core::json::{FlatJson, Kind, NodeId};

/// Nodes of one record that [`Path::each`] looks at; a record of 20 MB teaches no more than its head.
pub const MOST_NODES: usize = 10_000;

/// Deeper paths are nothing one would ask for.
pub const DEEPEST: usize = 16;

/// A path such as `details.status.code`. Steps are keys; a numeric step is the key of that name,
/// never an array index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Vec<Box<str>>);

/// Why a text is not a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// No step at all, or nothing between two dots.
    #[error("a path step is empty")]
    EmptyStep,
    /// A quote without its partner.
    #[error("a quoted path step has no closing quote")]
    OpenQuote,
}

impl Path {
    /// A path of these steps, in order.
    pub fn new<S: Into<Box<str>>>(steps: impl IntoIterator<Item = S>) -> Self {
        Self(steps.into_iter().map(Into::into).collect())
    }

    /// Reads `a.b."odd key"`; inside quotes `\"` and `\\` are the characters themselves. A leading
    /// dot is allowed and changes nothing.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let mut steps = Vec::new();
        let mut rest = text.strip_prefix('.').unwrap_or(text);
        loop {
            let (step, after) = if let Some(quoted) = rest.strip_prefix('"') {
                quoted_step(quoted)?
            } else {
                let end = rest.find('.').unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            };
            if step.is_empty() && !rest.starts_with('"') {
                return Err(PathError::EmptyStep);
            }
            steps.push(step.into_boxed_str());
            match after.strip_prefix('.') {
                Some(next) => rest = next,
                None if after.is_empty() => return Ok(Self(steps)),
                None => return Err(PathError::EmptyStep),
            }
        }
    }

    /// The steps, outermost first; never empty.
    pub fn steps(&self) -> &[Box<str>] {
        &self.0
    }

    /// The first step: the column.
    pub fn column(&self) -> &str {
        self.0.first().map_or("", |step| step)
    }

    /// The steps below the column.
    pub fn within(&self) -> &[Box<str>] {
        self.0.get(1..).unwrap_or_default()
    }

    /// The nodes this path reaches: before each step, and once at the end, an array stands for its
    /// elements, one level deep. Nested arrays and containers are among the results; JSON null is
    /// not.
    pub fn nodes(&self, json: &FlatJson<'_>) -> Vec<NodeId> {
        let mut reached = Vec::new();
        self.reaches(json, &mut |node| {
            reached.push(node);
            false
        });
        reached
    }

    /// The same below a node that the first `skipped` steps lead to.
    pub fn nodes_below(&self, skipped: usize, json: &FlatJson<'_>, node: NodeId) -> Vec<NodeId> {
        let mut reached = Vec::new();
        let steps = self.0.get(skipped..).unwrap_or_default();
        reaches(json, node, steps, &mut |node| {
            reached.push(node);
            false
        });
        reached
    }

    /// Visits the nodes of a record that a path leads to, with its steps, in the order of the record:
    /// arrays count as their elements, arrays in arrays lead nowhere, null is not there. Looks at
    /// [`MOST_NODES`] nodes and [`DEEPEST`] steps at most.
    pub fn each(record: &FlatJson<'_>, visit: &mut dyn FnMut(&[Box<str>], NodeId)) {
        // Ends of the open subtrees, with the steps that lead into each.
        let mut open: Vec<(NodeId, usize)> = Vec::new();
        let mut steps: Vec<Box<str>> = Vec::new();
        let mut next = NodeId(1);
        let last = record.len().min(MOST_NODES);
        while (next.0 as usize) < last {
            let node = next;
            while let Some((_, depth)) = open.pop_if(|(end, _)| *end <= node) {
                steps.truncate(depth);
            }
            let kind = record.kind(node);
            let key = record.key(node);
            let nested = key.is_none() && kind == Kind::Array;
            let depth = steps.len();
            if nested || depth == DEEPEST {
                next = record.end(node);
                continue;
            }
            if let Some(key) = key {
                steps.push(key.into());
            }
            open.push((record.end(node), depth));
            next = NodeId(node.0 + 1);
            if kind != Kind::Null && !steps.is_empty() {
                visit(&steps, node);
            }
        }
    }

    /// Whether one of [`Path::nodes`] is accepted; stops at the first and allocates nothing.
    pub fn reaches(&self, json: &FlatJson<'_>, accept: &mut dyn FnMut(NodeId) -> bool) -> bool {
        reaches(json, json.root(), &self.0, accept)
    }
}

/// Loops through objects and recurses only where an array forks the way.
fn reaches(
    json: &FlatJson<'_>,
    mut node: NodeId,
    mut steps: &[Box<str>],
    accept: &mut dyn FnMut(NodeId) -> bool,
) -> bool {
    loop {
        if json.kind(node) == Kind::Array {
            return json.children(node).any(|element| match steps {
                [] => json.kind(element) != Kind::Null && accept(element),
                [step, rest @ ..] => json
                    .get(element, step)
                    .is_some_and(|member| reaches(json, member, rest, accept)),
            });
        }
        let [step, rest @ ..] = steps else {
            return json.kind(node) != Kind::Null && accept(node);
        };
        let Some(member) = json.get(node, step) else {
            return false;
        };
        (node, steps) = (member, rest);
    }
}

fn quoted_step(text: &str) -> Result<(String, &str), PathError> {
    let mut step = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((step, &text[at + 1..])),
            '\\' => step.push(chars.next().ok_or(PathError::OpenQuote)?.1),
            c => step.push(c),
        }
    }
    Err(PathError::OpenQuote)
}

/// The spelling the query language reads back: steps that are not plain names are quoted.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(".")?;
            }
            let plain = !step.is_empty()
                && step
                    .chars()
                    .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '@' | '$' | '/'));
            if plain {
                f.write_str(step)?;
            } else {
                write!(f, "\"{}\"", step.replace('\\', "\\\\").replace('"', "\\\""))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_print_as_they_parse() {
        for text in [
            "a",
            "details.status.code",
            r#"meta."user-email x".y"#,
            r#"a."""#,
            r#"a."q\"\\""#,
        ] {
            let path = Path::parse(text).expect(text);
            assert_eq!(Path::parse(&path.to_string()).as_ref(), Ok(&path), "{text}");
        }
        assert_eq!(Path::parse("a..b"), Err(PathError::EmptyStep));
        assert_eq!(Path::parse(r#"a."b"#), Err(PathError::OpenQuote));
        assert_eq!(Path::parse(r#""a"b"#), Err(PathError::EmptyStep));
    }

    #[test]
    fn arrays_are_looked_through_one_level_per_step() {
        let text = r#"{"a":[{"b":[1,[2],null]},[{"b":3}],{"b":4}]}"#;
        let json = FlatJson::parse(text).expect("valid");
        let path = Path::parse("a.b").expect("path");
        let seen: Vec<_> = path
            .nodes(&json)
            .into_iter()
            .map(|node| json.raw(node))
            .collect();
        assert_eq!(seen, ["1", "[2]", "4"]);
    }
}
