//! One JSON text as a flat vector of nodes: finding, folding and drawing are index arithmetic, and
//! the text itself is never copied or re-encoded.
//!
//! Does not judge the meaning of anything; see `path` for looking through arrays.

use std::borrow::Cow;
use std::cell::Cell;

use crate::core::json::nodes::Nodes;
use crate::core::scalar::Scalar;

pub mod nodes;
mod parser;

pub(super) use parser::plain_bytes;

/// Index of a node in its [`FlatJson`]; document order, root 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number
    Number,
    /// A string
    Text,
    /// `[…]`
    Array,
    /// `{…}`
    Object,
}

/// Why a text is not JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not JSON at byte {offset}: {expected}")]
pub struct JsonError {
    /// Where, in bytes.
    pub offset: usize,
    /// What was expected there.
    pub expected: &'static str,
}

/// A node as stored: 20 bytes, opaque outside so that the encoding can change.
///
/// The kind is not stored, the first byte of the value tells it; nor is the end of a key, which
/// stands right before the colon. A text below 4 GiB has fewer than 2³¹ nodes, so the top bits of
/// two indices are free for the escape flags.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    start: u32,
    end: u32,
    /// First byte inside the quotes of the key; [`NO_KEY`] without one.
    key: u32,
    /// Container, and [`ESCAPED`] when the key has escapes.
    parent: u32,
    /// First node after the subtree, and [`ESCAPED`] when the value is a string with escapes.
    next: u32,
}

const NO_KEY: u32 = u32::MAX;
const NO_PARENT: u32 = ESCAPED - 1;
const ESCAPED: u32 = 1 << 31;
/// One less than would let the number of nodes reach [`NO_PARENT`].
const LONGEST: usize = (u32::MAX - 8) as usize;

/// A parsed JSON text. `'t` is the text's lifetime; `FlatJson<'static>` owns it.
#[derive(Clone, Debug)]
pub struct FlatJson<'t> {
    text: Cow<'t, str>,
    nodes: Vec<Node>,
    /// Which beginnings the keys of the outermost object have; see [`Beginnings`].
    keys: Cell<Option<Beginnings>>,
}

/// A bit for what each key of an object begins with: profiles ask records for many keys that they
/// do not have.
#[derive(Clone, Copy, Debug)]
struct Beginnings(u64);

impl Beginnings {
    fn bit(first: u8, second: u8) -> u64 {
        1 << ((first.wrapping_mul(7) ^ second.wrapping_mul(13)) & 63)
    }
}

impl<'t> FlatJson<'t> {
    /// Parses one JSON value with nothing but white space around it. Iterative: nesting is limited
    /// by memory only. Texts of 4 GiB and more are refused.
    pub fn parse(text: impl Into<Cow<'t, str>>) -> Result<Self, JsonError> {
        Self::parse_into(text, Vec::new())
    }

    /// As [`FlatJson::parse`], reusing the allocation of a former one (see
    /// [`FlatJson::into_nodes`]); hot loops parse a row without allocating.
    pub fn parse_into(text: impl Into<Cow<'t, str>>, nodes: Vec<Node>) -> Result<Self, JsonError> {
        let text = text.into();
        let nodes = parser::parse(text.as_bytes(), nodes)?;
        Ok(Self {
            text,
            nodes,
            keys: Cell::default(),
        })
    }

    /// A text with the nodes its writer noted down; the text is not looked at.
    pub(super) fn written(text: &'t str, nodes: Nodes) -> Self {
        Self {
            text: Cow::Borrowed(text),
            nodes: nodes.all,
            keys: Cell::default(),
        }
    }

    /// Gives the nodes' allocation back for reuse.
    pub fn into_nodes(self) -> Vec<Node> {
        self.nodes
    }

    /// The same tree owning its text.
    pub fn into_owned(self) -> FlatJson<'static> {
        FlatJson {
            text: Cow::Owned(self.text.into_owned()),
            nodes: self.nodes,
            keys: self.keys,
        }
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The outermost value.
    pub fn root(&self) -> NodeId {
        NodeId(0)
    }

    /// How many nodes there are; never 0.
    #[expect(
        clippy::len_without_is_empty,
        reason = "a JSON text always holds a value"
    )]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    fn node(&self, node: NodeId) -> Node {
        self.nodes[node.0 as usize]
    }

    /// What the node is.
    pub fn kind(&self, node: NodeId) -> Kind {
        match self.text.as_bytes()[self.node(node).start as usize] {
            b'{' => Kind::Object,
            b'[' => Kind::Array,
            b'"' => Kind::Text,
            b'n' => Kind::Null,
            b't' | b'f' => Kind::Bool,
            _ => Kind::Number,
        }
    }

    /// The key under which an object holds the node, unescaped; `None` for elements and the root.
    pub fn key(&self, node: NodeId) -> Option<Cow<'_, str>> {
        let raw = self.raw_key(self.node(node))?;
        Some(if self.node(node).parent & ESCAPED == 0 {
            Cow::Borrowed(raw)
        } else {
            Cow::Owned(unescape(raw))
        })
    }

    /// A key as it stands in the text, without its quotes.
    fn raw_key(&self, node: Node) -> Option<&str> {
        if node.key == NO_KEY {
            return None;
        }
        let before = &self.text.as_bytes()[..node.start as usize];
        // `"key" : value`: what lies between the key and the value is one colon and white space.
        let end = before.iter().rposition(|byte| *byte == b'"').unwrap_or(0);
        Some(&self.text[node.key as usize..end])
    }

    /// The value of a leaf; `None` for null and containers.
    pub fn scalar(&self, node: NodeId) -> Option<Scalar<'_>> {
        let raw = self.raw(node);
        Some(match self.kind(node) {
            Kind::Text => {
                let inside = &raw[1..raw.len() - 1];
                Scalar::Text(if self.node(node).next & ESCAPED == 0 {
                    Cow::Borrowed(inside)
                } else {
                    Cow::Owned(unescape(inside))
                })
            }
            Kind::Number => Scalar::Number(Cow::Borrowed(raw)),
            Kind::Bool => Scalar::Bool(raw == "true"),
            Kind::Null | Kind::Array | Kind::Object => return None,
        })
    }

    /// Where the value stands in the text, in bytes.
    pub fn span(&self, node: NodeId) -> std::ops::Range<usize> {
        let node = self.node(node);
        node.start as usize..node.end as usize
    }

    /// The node's text as it stands in the document (strings with their quotes).
    pub fn raw(&self, node: NodeId) -> &str {
        &self.text[self.span(node)]
    }

    /// The container of the node; `None` for the root.
    pub fn parent(&self, node: NodeId) -> Option<NodeId> {
        let parent = self.node(node).parent & !ESCAPED;
        (parent != NO_PARENT).then_some(NodeId(parent))
    }

    /// The first node after this one's subtree (may be one past the last node).
    pub fn end(&self, node: NodeId) -> NodeId {
        NodeId(self.node(node).next & !ESCAPED)
    }

    /// Direct children in document order; none for leaves.
    pub fn children(&self, node: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let end = self.end(node);
        let mut next = NodeId(node.0 + 1);
        std::iter::from_fn(move || {
            (next < end).then(|| {
                let child = next;
                next = self.end(child);
                child
            })
        })
    }

    /// The member of an object with this key; the last one if a text has several, as jsonb does.
    /// `None` for anything but an object.
    pub fn get(&self, node: NodeId, key: &str) -> Option<NodeId> {
        if self.kind(node) != Kind::Object {
            return None;
        }
        // By hand rather than through `children`: this is where an export spends its time.
        let bytes = self.text.as_bytes();
        if node == self.root() && !self.may_begin(key) {
            return None;
        }
        let nodes = &self.nodes[..self.end(node).0 as usize];
        let mut found = None;
        let mut next = node.0 + 1;
        while let Some(entry) = nodes.get(next as usize) {
            let child = next;
            next = entry.next & !ESCAPED;
            // The key's closing quote and its first byte first: hardly any other key has both.
            let from = entry.key as usize;
            let same = if entry.parent & ESCAPED != 0 {
                self.raw_key(*entry).is_some_and(|raw| unescape(raw) == key)
            } else {
                bytes.get(from + key.len()) == Some(&b'"')
                    && bytes.get(from) == key.as_bytes().first().or(Some(&b'"'))
                    && bytes.get(from..from + key.len()) == Some(key.as_bytes())
            };
            if same {
                found = Some(NodeId(child));
            }
        }
        found
    }
}

impl FlatJson<'_> {
    /// Whether a key of the outermost object begins as this one does.
    fn may_begin(&self, key: &str) -> bool {
        let beginnings = self.keys.get().unwrap_or_else(|| self.beginnings());
        self.keys.set(Some(beginnings));
        // Behind a key of one byte is its quote.
        match *key.as_bytes() {
            [] => true,
            [only] => beginnings.0 & Beginnings::bit(only, b'"') != 0,
            [first, second, ..] => beginnings.0 & Beginnings::bit(first, second) != 0,
        }
    }

    fn beginnings(&self) -> Beginnings {
        let bytes = self.text.as_bytes();
        let mut beginnings = Beginnings(0);
        let mut next = 1;
        while let Some(entry) = self.nodes.get(next as usize) {
            next = entry.next & !ESCAPED;
            let key = entry.key as usize;
            let (first, second) = (bytes.get(key), bytes.get(key + 1));
            beginnings.0 |= match (first, second) {
                // An escape may stand for any byte.
                (Some(first), Some(second)) if entry.parent & ESCAPED == 0 => {
                    Beginnings::bit(*first, *second)
                }
                _ => u64::MAX,
            };
        }
        beginnings
    }
}

/// Whether a text is one JSON value.
pub fn is_json(text: &str) -> bool {
    check(text, &mut Vec::new())
}

/// As [`is_json`], with an allocation to use again.
pub(super) fn check(text: &str, nodes: &mut Vec<Node>) -> bool {
    match parser::parse(text.as_bytes(), std::mem::take(nodes)) {
        Ok(parsed) => {
            *nodes = parsed;
            true
        }
        Err(_) => false,
    }
}

/// The text behind a JSON string's inside; the parser has checked every escape.
fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let escape = &rest[at + 1..];
        let mut used = 1;
        text.push(match escape.as_bytes().first() {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'u') => {
                let (c, length) = parser::code_point(escape.as_bytes());
                used = length;
                c.unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            Some(byte) => char::from(*byte),
            None => char::REPLACEMENT_CHARACTER,
        });
        rest = escape.get(used..).unwrap_or_default();
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// The same document as `serde_json` sees it.
    fn value(json: &FlatJson<'_>, node: NodeId) -> Value {
        match json.kind(node) {
            Kind::Null => Value::Null,
            Kind::Bool | Kind::Number => serde_json::from_str(json.raw(node)).expect("a leaf"),
            Kind::Text => Value::from(json.scalar(node).expect("text").text()),
            Kind::Array => json
                .children(node)
                .map(|child| value(json, child))
                .collect(),
            Kind::Object => json
                .children(node)
                .map(|child| {
                    let key = json.key(child).expect("members have keys").into_owned();
                    (key, value(json, child))
                })
                .collect(),
        }
    }

    fn agrees(text: &str) {
        let theirs = serde_json::from_str::<Value>(text);
        let ours = FlatJson::parse(text);
        match (theirs, ours) {
            (Ok(theirs), Ok(ours)) => {
                assert_eq!(value(&ours, ours.root()), theirs, "{text}");
                for index in 0..u32::try_from(ours.len()).expect("small") {
                    let node = NodeId(index);
                    let inside = ours
                        .children(node)
                        .all(|child| ours.parent(child) == Some(node));
                    assert!(inside, "{text}");
                    if let Value::Object(members) = value(&ours, node) {
                        for (key, member) in &members {
                            let found = ours.get(node, key).expect("present");
                            assert_eq!(&value(&ours, found), member, "{key} of {text}");
                        }
                    }
                }
            }
            (Err(_), Err(_)) => {}
            // No float or char holds it, but the text does.
            (Err(_), Ok(_)) if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() => {}
            (theirs, ours) => panic!("{text:?}: serde_json {theirs:?}, ours {ours:?}"),
        }
    }

    fn documents() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[a-c\"\\\\\u{0}-\u{1f}é😀]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec(("[a-c\"\\\\é]{0,3}", inner), 0..6)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn reads_what_serde_json_reads(document in documents()) {
            agrees(&document.to_string());
            agrees(&serde_json::to_string_pretty(&document).expect("prints"));
        }

        #[test]
        fn refuses_what_serde_json_refuses(
            document in documents(),
            cut in any::<prop::sample::Index>(),
            insert in "[\\[\\]{},:\"\\\\/ubntf0-9eE.+\\- \n\u{1}]{0,6}",
        ) {
            let text = document.to_string();
            let at = text.floor_char_boundary(cut.index(text.len() + 1));
            agrees(&text[..at]);
            agrees(&format!("{}{insert}{}", &text[..at], &text[at..]));
        }

        #[test]
        fn tokens_in_any_order_agree(
            tokens in prop::collection::vec(prop::sample::select(vec![
                "{", "}", "[", "]", ",", ":", "\"a\"", "\"\\u0061\"", "1", "-0.5e+7", "01", "1.",
                "true", "nul", "null", " ", "\"\\ud83d\\ude00\"", "\"\\ud83d\"", "\"\\udc00\"",
                "\"\\ud83d\\u0061\"", "\"\\x\"", "1e400", "\"a",
            ]), 0..9),
        ) {
            agrees(&tokens.concat());
        }
    }

    #[test]
    fn nesting_is_limited_by_memory_only() {
        let depth = 100_000;
        let text = "[{\"a\":".repeat(depth) + "null" + &"}]".repeat(depth);
        let json = FlatJson::parse(text).expect("valid");
        assert_eq!(json.len(), depth * 2 + 1);
        let innermost = NodeId(u32::try_from(depth * 2).expect("small"));
        assert_eq!(json.kind(innermost), Kind::Null);
        assert_eq!(json.end(json.root()).0, innermost.0 + 1);
        assert!(FlatJson::parse("[".repeat(depth)).is_err());
    }

    #[test]
    fn strings_are_borrowed_unless_they_have_escapes() {
        let json = FlatJson::parse(r#"{"plain":"abc","esc\"aped":"a\nb"}"#).expect("valid");
        let plain = json.get(json.root(), "plain").expect("present");
        assert!(matches!(
            json.scalar(plain),
            Some(Scalar::Text(Cow::Borrowed("abc")))
        ));
        assert!(matches!(json.key(plain), Some(Cow::Borrowed("plain"))));
        let escaped = json.get(json.root(), "esc\"aped").expect("present");
        assert_eq!(json.scalar(escaped).expect("text").text(), "a\nb");
        assert_eq!(json.raw(escaped), r#""a\nb""#);
        assert_eq!(json.get(json.root(), r#"esc\"aped"#), None);
    }

    #[test]
    fn the_last_duplicate_wins_and_errors_name_the_place() {
        let json = FlatJson::parse(r#"{"a":1,"a":{"a":3},"b":2}"#).expect("valid");
        let last = json.get(json.root(), "a").expect("present");
        assert_eq!(json.raw(last), r#"{"a":3}"#);
        assert_eq!(
            FlatJson::parse("[1,]").expect_err("invalid"),
            JsonError {
                offset: 3,
                expected: "a value"
            }
        );
    }

    #[test]
    fn nodes_stay_small() {
        assert_eq!(size_of::<Node>(), 20);
    }
}
