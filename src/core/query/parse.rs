//! Recursive descent over words; never fails, leaves holes and diagnostics.
//!
//! Does not know which names exist; `resolve` looks them up.

pub(super) mod scan;
mod value;

use crate::core::query::diagnostic::{Diagnostic, Span};
use crate::core::query::expr::{Expr, Parsed, Spanned, Term};
use scan::{Place, Scanned, Stop, scan};

/// Brackets and signs nested deeper than this are refused; nobody types them, and every later
/// stage may recurse without fear.
const DEEPEST: usize = 64;

/// Takes a query apart. Total: any text gives a tree.
pub fn parse(text: &str) -> Parsed {
    let (parsed, _) = Parser::new(text).run();
    parsed
}

/// What stands at the very end of a text, for completion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Focus {
    /// What kind of word.
    pub place: Option<Place>,
    /// The name before the colon, as typed.
    pub name: Option<String>,
    /// Where the word begins; the length of the text when it has not begun.
    pub start: usize,
}

/// What is being typed at the end of a text. A `place` of `None`: an item of a list is over, a
/// comma or the closing bracket is due.
pub(super) fn focus(text: &str) -> Focus {
    let (_, focus) = Parser::new(text).run();
    focus.unwrap_or(Focus {
        place: Some(Place::Head),
        name: None,
        start: text.len(),
    })
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    diagnostics: Vec<Diagnostic>,
    focus: Option<Focus>,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
            diagnostics: Vec::new(),
            focus: None,
        }
    }

    fn run(mut self) -> (Parsed, Option<Focus>) {
        let mut parts = Vec::new();
        loop {
            parts.extend(self.or());
            if self.rest().is_empty() {
                break;
            }
            self.diagnostics.push(
                Diagnostic::error(self.at..self.at + 1, "there is no bracket to close here")
                    .hint(r#"quote it ("…)") to look for a bracket"#),
            );
            self.at += 1;
        }
        let expr = one_or(parts, Expr::And).unwrap_or(Expr::All);
        self.diagnostics.sort_by_key(|d| d.span.start);
        let parsed = Parsed {
            text: self.text.to_owned(),
            expr,
            diagnostics: self.diagnostics,
        };
        (parsed, self.focus)
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn error(&mut self, span: Span, message: impl Into<String>, hint: &str) {
        self.diagnostics
            .push(Diagnostic::error(span, message).hint(hint));
    }

    /// A hole of no length here, and why.
    fn hole(&mut self, span: Span, message: String, hint: &str) -> Expr {
        self.error(span, message, hint);
        Expr::Hole(self.at..self.at)
    }

    /// Whether an operator word stands here, as a word of its own.
    fn sees(&self, keyword: &str) -> bool {
        self.rest().strip_prefix(keyword).is_some_and(|after| {
            after
                .chars()
                .next()
                .is_none_or(|c| c.is_whitespace() || matches!(c, '(' | ')'))
        })
    }

    fn eat(&mut self, keyword: &str) -> Option<Span> {
        self.skip_space();
        self.sees(keyword).then(|| {
            let from = self.at;
            self.at += keyword.len();
            from..self.at
        })
    }

    /// Whether nothing can be read here: the end, a closing bracket or a binary operator.
    fn at_end_of_operand(&mut self) -> bool {
        self.skip_space();
        self.rest().is_empty()
            || self.rest().starts_with(')')
            || self.sees("OR")
            || self.sees("AND")
    }

    fn or(&mut self) -> Option<Expr> {
        let mut parts: Vec<Expr> = self.and().into_iter().collect();
        while let Some(span) = self.eat("OR") {
            if parts.is_empty() {
                parts.push(self.dangling(span.clone(), "before `OR`"));
            }
            let next = match self.and() {
                Some(next) => next,
                None => self.dangling(span, "after `OR`"),
            };
            parts.push(next);
        }
        one_or(parts, Expr::Or)
    }

    fn and(&mut self) -> Option<Expr> {
        let mut parts = Vec::new();
        loop {
            if let Some(span) = self.eat("AND") {
                if parts.is_empty() {
                    parts.push(self.dangling(span.clone(), "before `AND`"));
                }
                if self.at_end_of_operand() {
                    parts.push(self.dangling(span, "after `AND`"));
                }
            } else if self.at_end_of_operand() {
                return one_or(parts, Expr::And);
            } else {
                parts.push(self.unary());
            }
        }
    }

    fn dangling(&mut self, span: Span, place: &str) -> Expr {
        let word = self.text[span.clone()].to_owned();
        self.hole(
            span,
            format!("nothing stands {place}"),
            &format!("add a term, or quote it (\"{word}\") to look for the word"),
        )
    }

    fn unary(&mut self) -> Expr {
        if self.depth == DEEPEST {
            let span = self.at..self.text.len();
            self.at = self.text.len();
            let message = format!("signs and brackets are nested deeper than {DEEPEST}");
            return self.hole(span, message, "write the query with fewer levels");
        }
        self.depth += 1;
        let expr = if let Some(span) = self.eat("NOT") {
            if self.at_end_of_operand() {
                Expr::Not(Box::new(self.dangling(span, "after `NOT`")))
            } else {
                Expr::Not(Box::new(self.unary()))
            }
        } else if self.rest().starts_with('-') {
            self.minus()
        } else if self.rest().starts_with('(') {
            self.group()
        } else {
            self.term()
        };
        self.depth -= 1;
        expr
    }

    fn minus(&mut self) -> Expr {
        let span = self.at..self.at + 1;
        self.at += 1;
        let next = self.rest().chars().next();
        if next.is_none_or(|c| c.is_whitespace() || c == ')') {
            let hint = "put it right before a term (`-user:bob`), or quote it (\"-\")";
            let hole = self.hole(span, "nothing stands after `-`".to_owned(), hint);
            return Expr::Not(Box::new(hole));
        }
        if next == Some('-') {
            let to = self.at
                + self
                    .rest()
                    .find(char::is_whitespace)
                    .unwrap_or(self.rest().len());
            let typed = &self.text[span.start..to];
            self.diagnostics.push(
                Diagnostic::warning(span.start..self.at + 1, "two minus signs cancel each other")
                    .hint(format!(
                        "quote it (\"{}\") to look for the text",
                        typed.replace('"', "")
                    )),
            );
        }
        if self.sees("OR") || self.sees("AND") {
            return Expr::Not(Box::new(self.dangling(span, "after `-`")));
        }
        Expr::Not(Box::new(self.unary()))
    }

    fn group(&mut self) -> Expr {
        let open = self.at..self.at + 1;
        self.at += 1;
        let inner = self.or();
        let closed = self.rest().starts_with(')');
        if closed {
            self.at += 1;
        } else {
            self.error(open.clone(), "this bracket is never closed", "add a `)`");
        }
        match inner {
            Some(expr) => expr,
            None if closed => self.hole(
                open.start..self.at,
                "nothing stands between the brackets".to_owned(),
                "add a term, or quote them to look for brackets",
            ),
            None => Expr::Hole(self.at..self.at),
        }
    }

    /// Reads a word and remembers it, in case it is the last thing in the text.
    fn word(&mut self, place: Place, name: Option<&Spanned<String>>) -> Scanned {
        let start = self.at;
        let scanned = scan(self.text, start, place, &mut self.diagnostics);
        self.at = scanned.span.end;
        if self.at == self.text.len() {
            self.focus = Some(Focus {
                place: Some(place),
                name: name.map(|name| name.value.clone()),
                start,
            });
        }
        if scanned.stop == Stop::Open && !scanned.span.is_empty() {
            let typed = &self.text[scanned.span.clone()];
            let hint = format!("put a space between them, or quote the bracket (`{typed}\"(\"`)");
            let message = "this bracket touches the word before it";
            self.error(self.at..self.at + 1, message, &hint);
        }
        scanned
    }

    fn term(&mut self) -> Expr {
        let head = self.word(Place::Head, None);
        if head.stop != Stop::Colon {
            self.lower_case_operator(&head);
            return Expr::Word(Spanned {
                value: head.word,
                span: head.span,
            });
        }
        let name = Spanned {
            value: self.text[head.span.clone()].to_owned(),
            span: head.span,
        };
        self.at += 1;
        if name.value.is_empty() {
            self.error(
                self.at - 1..self.at,
                "no name stands before the colon",
                "quote the text to look for it as it is",
            );
        }
        let from = self.at;
        let value = self.value(&name);
        Expr::Term(Term {
            name,
            value: Spanned {
                value,
                span: from..self.at,
            },
        })
    }

    fn lower_case_operator(&mut self, head: &Scanned) {
        let typed = &self.text[head.span.clone()];
        if matches!(typed, "or" | "and" | "not") {
            let upper = typed.to_uppercase();
            self.diagnostics.push(
                Diagnostic::warning(
                    head.span.clone(),
                    format!("`{typed}` is looked for as text"),
                )
                .hint(format!("operators are upper case: {upper}")),
            );
        }
    }
}

fn one_or(mut parts: Vec<Expr>, join: impl FnOnce(Vec<Expr>) -> Expr) -> Option<Expr> {
    match parts.len() {
        0 => None,
        1 => parts.pop(),
        _ => Some(join(parts)),
    }
}
