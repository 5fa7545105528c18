//! One JSON text as a flat vector of nodes: finding, folding and drawing are index arithmetic, and
//! the text itself is never copied or re-encoded.
//!
//! Does not judge the meaning of anything; see `path` for looking through arrays.

use std::borrow::Cow;

use crate::core::scalar::Scalar;

/// Index of a node in its [`FlatJson`]; document order, root 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// A node as stored. 16 to 20 bytes; kept private so that the encoding can change.
#[derive(Clone, Copy, Debug)]
pub struct Node {}

/// A parsed JSON text. `'t` is the text's lifetime; `FlatJson<'static>` owns it.
#[derive(Clone, Debug)]
pub struct FlatJson<'t> {
    text: Cow<'t, str>,
    nodes: Vec<Node>,
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
        todo!()
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

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// What the node is.
    pub fn kind(&self, node: NodeId) -> Kind {
        todo!()
    }

    /// The key under which an object holds the node, unescaped; `None` for elements and the root.
    pub fn key(&self, node: NodeId) -> Option<Cow<'_, str>> {
        todo!()
    }

    /// The value of a leaf; `None` for null and containers.
    pub fn scalar(&self, node: NodeId) -> Option<Scalar<'_>> {
        todo!()
    }

    /// The node's text as it stands in the document (strings with their quotes).
    pub fn raw(&self, node: NodeId) -> &str {
        todo!()
    }

    /// The container of the node; `None` for the root.
    pub fn parent(&self, node: NodeId) -> Option<NodeId> {
        todo!()
    }

    /// The first node after this one's subtree (may be one past the last node).
    pub fn end(&self, node: NodeId) -> NodeId {
        todo!()
    }

    /// Direct children in document order; none for leaves.
    pub fn children(&self, node: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        todo!();
        #[allow(unreachable_code)]
        std::iter::empty()
    }

    /// The member of an object with this key; the last one if a text has several, as jsonb does.
    /// `None` for anything but an object.
    pub fn get(&self, node: NodeId, key: &str) -> Option<NodeId> {
        todo!()
    }
}
