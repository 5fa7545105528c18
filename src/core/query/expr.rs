//! The tree of a query as typed: names and times are not looked up yet, every part knows its span.

mod print;

use crate::core::query::diagnostic::{Diagnostic, Span};

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place, in bytes.
    pub span: Span,
}

/// A query as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// The empty query: every event.
    All,
    /// All of them.
    And(Vec<Expr>),
    /// Any of them.
    Or(Vec<Expr>),
    /// Not it.
    Not(Box<Expr>),
    /// `name:value`
    Term(Term),
    /// A bare word or phrase.
    Word(Spanned<Word>),
    /// Something is missing here; a diagnostic says what.
    Hole(Span),
}

/// `name:value`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// What stands before the colon, as typed (quotes and all).
    pub name: Spanned<String>,
    /// What stands after it.
    pub value: Spanned<Value>,
}

/// What stands after the colon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `v`, `!=v`, `>v` …
    Compare(Op, Spanned<Word>),
    /// `a..b`, `a..`, `..b`; inclusive.
    Range(Option<Spanned<Word>>, Option<Spanned<Word>>),
    /// `(a, b)`: any of them.
    AnyOf(Vec<Spanned<Word>>),
    /// Nothing yet (`user:`).
    Missing,
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// No operator: equals, or a glob.
    Equals,
    /// `!=`
    NotEquals,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `~`: contains.
    Contains,
}

impl Op {
    /// The operators that are written, longer ones before their beginnings, with what they mean.
    pub const WRITTEN: [(Self, &'static str, &'static str); 6] = [
        (Self::NotEquals, "!=", "is not"),
        (Self::AtLeast, ">=", "at least"),
        (Self::AtMost, "<=", "at most"),
        (Self::Greater, ">", "more than"),
        (Self::Less, "<", "less than"),
        (Self::Contains, "~", "contains, in either case"),
    ];

    /// How it is written; equality is not.
    pub fn sign(self) -> &'static str {
        Self::WRITTEN
            .iter()
            .find(|(op, ..)| *op == self)
            .map_or("", |(_, sign, _)| sign)
    }
}

/// One word or quoted text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The pieces between unescaped, unquoted `*`, quotes and escapes resolved; one piece when
    /// there is no star.
    pub pieces: Vec<String>,
    /// Whether any of it was quoted; a word with a star counts as bare.
    pub quoting: Quoting,
}

impl Word {
    /// The text of a word without a star; `None` for a glob.
    pub fn text(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [text] => Some(text),
            _ => None,
        }
    }
}

/// Whether a word was quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quoting {
    /// `7`: may be a number.
    Bare,
    /// `"7"`: text only.
    Quoted,
}

/// A query's text, taken apart. Parsing never fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The text itself; every span is a place in it.
    pub text: String,
    /// The tree; parts that could not be read are [`Expr::Hole`]s.
    pub expr: Expr,
    /// What is wrong with the text.
    pub diagnostics: Vec<Diagnostic>,
}
