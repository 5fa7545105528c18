//! One word at a time: quotes, escapes and stars, up to whatever ends a word at its place.
//!
//! Does not know what a word is for; `parse` does.

use crate::core::query::diagnostic::{Diagnostic, Span};
use crate::core::query::expr::{Quoting, Word};

/// Where a word stands; the same character may end it at one place and be part of it at another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At the beginning of a term: a name before a colon, or a bare word.
    Head,
    /// Right after the colon: may turn out to be the low end of a range.
    Value,
    /// After `>`, `~` and their like.
    Operand,
    /// After the `..` of a range.
    RangeEnd,
    /// In a list.
    Item,
}

/// What ended a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The text is over, or white space follows.
    Gap,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `:`, after a name.
    Colon,
    /// `..`, after the low end of a range.
    Dots,
    /// `,`, after an item of a list.
    Comma,
}

/// A word, its place and what follows it.
#[derive(Clone, Debug)]
pub struct Scanned {
    /// The word; one empty piece when the span is empty.
    pub word: Word,
    /// Its place, quotes included.
    pub span: Span,
    /// What follows.
    pub stop: Stop,
}

/// Reads the word that begins at byte `start`.
pub fn scan(text: &str, start: usize, place: Place, diagnostics: &mut Vec<Diagnostic>) -> Scanned {
    let mut scan = Scan {
        text,
        at: start,
        pieces: vec![String::new()],
        quoting: Quoting::Bare,
    };
    let stop = scan.run(place, diagnostics);
    let quoting = if scan.pieces.len() > 1 {
        Quoting::Bare
    } else {
        scan.quoting
    };
    Scanned {
        word: Word {
            pieces: scan.pieces,
            quoting,
        },
        span: start..scan.at,
        stop,
    }
}

struct Scan<'t> {
    text: &'t str,
    at: usize,
    pieces: Vec<String>,
    quoting: Quoting,
}

impl Scan<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn push(&mut self, c: char) {
        if let Some(piece) = self.pieces.last_mut() {
            piece.push(c);
        }
    }

    fn run(&mut self, place: Place, diagnostics: &mut Vec<Diagnostic>) -> Stop {
        while let Some(c) = self.rest().chars().next() {
            match c {
                c if c.is_whitespace() => return Stop::Gap,
                '(' => return Stop::Open,
                ')' => return Stop::Close,
                ':' if place == Place::Head => return Stop::Colon,
                ',' if place == Place::Item => return Stop::Comma,
                '.' if place == Place::Value && self.rest().starts_with("..") => return Stop::Dots,
                '"' => {
                    self.quoted(diagnostics);
                    self.after_quote(place, diagnostics);
                    continue;
                }
                '\\' => {
                    self.escape(diagnostics);
                    continue;
                }
                '*' => self.pieces.push(String::new()),
                c => self.push(c),
            }
            self.at += c.len_utf8();
        }
        Stop::Gap
    }

    fn escape(&mut self, diagnostics: &mut Vec<Diagnostic>) {
        let from = self.at;
        self.at += 1;
        if let Some(c) = self.rest().chars().next() {
            self.push(c);
            self.at += c.len_utf8();
        } else {
            self.push('\\');
            diagnostics.push(
                Diagnostic::error(from..self.at, "nothing follows the backslash")
                    .hint(r"write \\ for a backslash itself"),
            );
        }
    }

    fn quoted(&mut self, diagnostics: &mut Vec<Diagnostic>) {
        self.quoting = Quoting::Quoted;
        let from = self.at;
        self.at += 1;
        while let Some(c) = self.rest().chars().next() {
            self.at += c.len_utf8();
            match c {
                '"' => return,
                '\\' => {
                    let escaped = self.rest().chars().next();
                    self.push(escaped.unwrap_or('\\'));
                    self.at += escaped.map_or(0, char::len_utf8);
                }
                c => self.push(c),
            }
        }
        diagnostics.push(
            Diagnostic::error(from..self.at, "this quote is never closed")
                .hint(r#"add a " at the end; a quote inside quotes is written \""#),
        );
    }

    /// `"a"*` and `"a".b` are meant; `user:"a"-action:b` most likely lacks a space.
    fn after_quote(&self, place: Place, diagnostics: &mut Vec<Diagnostic>) {
        let next = self.rest().chars().next();
        let part_of_name = place == Place::Head && matches!(next, Some(':' | '.'));
        let joined = next.is_some_and(|c| {
            !c.is_whitespace() && !part_of_name && !matches!(c, '(' | ')' | ',' | '*' | '.' | '"')
        });
        if joined {
            diagnostics.push(
                Diagnostic::warning(
                    self.at - 1..self.at,
                    "the text after this quote belongs to the same word",
                )
                .hint("put a space after the quote to begin a new term"),
            );
        }
    }
}
