//! Diagnostics with their place in the text, for carets under the filter bar and on stderr.
//!
//! Does not know the language; parsing and resolution write the messages.

use std::fmt::Write;
use std::ops::Range;

use unicode_width::UnicodeWidthStr;

use crate::core::sanitise::safe;

/// A place in the query's text, in bytes; both ends lie between characters.
pub type Span = Range<usize>;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The query does not run.
    Error,
    /// It runs, but may not mean what was meant.
    Warning,
}

impl Severity {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
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

impl Diagnostic {
    /// Something that keeps the query from running.
    pub fn error(span: Span, message: impl Into<String>) -> Self {
        Self {
            span,
            severity: Severity::Error,
            message: message.into(),
            hint: None,
        }
    }

    /// Something that may not mean what was meant.
    pub fn warning(span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(span, message)
        }
    }

    /// The same with advice.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }
}

/// The text with each diagnostic's place marked under it, ready for a terminal: everything has
/// passed the sanitiser, carets stand under the characters as a terminal shows them.
pub fn render(text: &str, diagnostics: &[Diagnostic]) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        let (before, marked) = columns(text, &diagnostic.span);
        let word = diagnostic.severity.word();
        let carets = "^".repeat(marked.max(1));
        // Writing into a String cannot fail.
        let _ = writeln!(out, "{word}: {}", safe(&diagnostic.message));
        let _ = writeln!(out, "  {}", safe(text));
        // A width in a format string ends at 65,535.
        let _ = writeln!(out, "  {}{carets}", " ".repeat(before));
        if let Some(hint) = &diagnostic.hint {
            let _ = writeln!(out, "hint: {}", safe(hint));
        }
    }
    out
}

/// Terminal cells before a span and in it, with the text as [`render`] shows it.
pub fn columns(text: &str, span: &Span) -> (usize, usize) {
    let width = |part: Option<&str>| safe(part.unwrap_or_default()).width();
    (width(text.get(..span.start)), width(text.get(span.clone())))
}
