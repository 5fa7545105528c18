//! Diagnostics with their place in the text, for carets under the filter bar and on stderr.

use std::ops::Range;

/// A place in the query's text, in bytes.
pub type Span = Range<usize>;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The query does not run.
    Error,
    /// It runs, but may not mean what was meant.
    Warning,
}

/// Something to tell the author of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where.
    pub span: Span,
    /// How bad.
    pub severity: Severity,
    /// What is wrong, one sentence.
    pub message: String,
    /// What to type instead, when there is a guess.
    pub hint: Option<String>,
}
