//! Looks names, times and outcomes up: tree in, predicate or diagnostics out.
//!
//! Does not run anything and does not read the text again; the tree has it all.

mod group;
pub(super) mod lookup;
pub(super) mod outcome;
mod when;

use crate::core::instant::Micros;
use crate::core::query::catalog::Catalog;
use crate::core::query::complete::quoted;
use crate::core::query::diagnostic::{Diagnostic, Severity, Span};
use crate::core::query::expr::{Expr, Op, Parsed, Quoting, Spanned, Term, Value, Word};
use crate::core::query::names::{self, Meaning};
use crate::core::query::predicate::{Atom, Literal, Order, Predicate, Test};
use crate::core::query::time;
use crate::core::scalar::compare_numbers;
use lookup::Subject;

/// The moment and the zone a query is read in; frozen when it is submitted.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// What `-3h`, `today`, `older:` count from.
    pub now: Micros,
    /// The zone of times typed without one.
    pub tz: chrono_tz::Tz,
}

/// A query ready to run, with what there is to say about it.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// `None` when a diagnostic is an error.
    pub predicate: Option<Predicate>,
    /// Of parsing and of resolution, in order of their place.
    pub diagnostics: Vec<Diagnostic>,
}

/// Resolves a parsed query.
pub fn resolve(parsed: &Parsed, catalog: &Catalog, moment: Moment) -> Resolved {
    let mut resolver = Resolver {
        text: &parsed.text,
        catalog,
        moment,
        diagnostics: parsed.diagnostics.clone(),
    };
    let predicate = resolver.expr(&parsed.expr);
    if let Some(predicate) = &predicate {
        resolver.note_empty_window(predicate);
    }
    let mut diagnostics = resolver.diagnostics;
    diagnostics.sort_by_key(|diagnostic| diagnostic.span.start);
    let refused = diagnostics.iter().any(|d| d.severity == Severity::Error);
    Resolved {
        predicate: predicate.filter(|_| !refused),
        diagnostics,
    }
}

struct Resolver<'q> {
    text: &'q str,
    catalog: &'q Catalog,
    moment: Moment,
    diagnostics: Vec<Diagnostic>,
}

/// `None` stands for "an error has been told"; the rest of the query is still looked at, so that
/// all mistakes show at once.
impl Resolver<'_> {
    fn error(&mut self, span: &Span, message: impl Into<String>, hint: impl Into<String>) {
        self.diagnostics
            .push(Diagnostic::error(span.clone(), message).hint(hint));
    }

    fn warn(&mut self, span: &Span, message: impl Into<String>, hint: impl Into<String>) {
        self.diagnostics
            .push(Diagnostic::warning(span.clone(), message).hint(hint));
    }

    fn typed(&self, span: &Span) -> &str {
        self.text.get(span.clone()).unwrap_or_default()
    }

    fn expr(&mut self, expr: &Expr) -> Option<Predicate> {
        match expr {
            Expr::All => Some(Predicate::All),
            Expr::And(parts) => self.joined(parts, Predicate::All, Predicate::and),
            Expr::Or(parts) => self.joined(parts, Predicate::Never, Predicate::or),
            Expr::Not(part) => Some(self.expr(part)?.negated()),
            Expr::Term(term) => self.term(term),
            Expr::Word(word) => Some(self.word(word)),
            Expr::Hole(_) => None,
        }
    }

    fn joined(
        &mut self,
        parts: &[Expr],
        neutral: Predicate,
        join: fn(Predicate, Predicate) -> Predicate,
    ) -> Option<Predicate> {
        let all: Vec<_> = parts.iter().map(|part| self.expr(part)).collect();
        let all: Option<Vec<Predicate>> = all.into_iter().collect();
        Some(all?.into_iter().fold(neutral, join))
    }

    fn word(&mut self, word: &Spanned<Word>) -> Predicate {
        self.note_term_without_colon(word);
        Predicate::Atom(Atom::Anywhere(match word.value.text() {
            Some(text) => {
                if text.is_empty() {
                    let hint = "type what to look for between the quotes";
                    self.warn(&word.span, "every event contains nothing", hint);
                }
                Test::Contains(text.to_owned())
            }
            None => Test::Glob(word.value.pieces.clone()),
        }))
    }

    /// `user=alice` looks for that very text; most likely a term was meant.
    fn note_term_without_colon(&mut self, word: &Spanned<Word>) {
        if word.value.quoting == Quoting::Quoted {
            return;
        }
        let typed = self.typed(&word.span);
        let Some(at) = typed.find(['=', '<', '>', '~', '!']) else {
            return;
        };
        let (name, value) = typed.split_at(at);
        if !self.knows(name) {
            return;
        }
        let value = value.trim_start_matches("==");
        let value = value.strip_prefix('=').unwrap_or(value);
        let hint = format!("put a colon after the name: {name}:{value}");
        let message = format!("`{typed}` is looked for as text");
        self.warn(&word.span, message, hint);
    }

    fn note_empty_window(&mut self, predicate: &Predicate) {
        let (since, until) = predicate.time_bounds();
        if let (Some(since), Some(until)) = (since, until)
            && since >= until
        {
            let message = format!("no instant is at or after {since} and before {until}");
            self.warn(
                &(0..self.text.len()),
                message,
                "check `since`, `until` and `at`",
            );
        }
    }

    fn term(&mut self, term: &Term) -> Option<Predicate> {
        let subject = self.lookup(&term.name, Some(&term.value));
        if term.value.value == Value::Missing {
            return None;
        }
        match subject? {
            Subject::Own(own) => {
                self.tests(&|test| Atom::Own(own.clone(), test), &term.value, Kind::Any)
            }
            Subject::Path(path) => {
                self.note_container(&path, term);
                self.tests(
                    &|test| Atom::Path(path.clone(), test),
                    &term.value,
                    Kind::Any,
                )
            }
            Subject::Known(name) => self.known(name, term),
        }
    }

    fn known(&mut self, name: &names::Name, term: &Term) -> Option<Predicate> {
        if self.catalog.lacks.contains(name.name) {
            let message = format!("this store's profile has no `{}`", name.name);
            let hint = "no event has a value for it; a leading dot names a key of the payload";
            self.warn(&term.name.span, message, hint);
        }
        let value = &term.value;
        match name.meaning {
            Meaning::Field(field) => {
                let kind = match field {
                    crate::core::event::Field::Duration => Kind::Milliseconds,
                    _ => Kind::Any,
                };
                self.tests(&|test| Atom::Field(field, test), value, kind)
            }
            Meaning::Id => self.tests(&Atom::Id, value, Kind::Id),
            Meaning::Outcome => self.outcome(value),
            Meaning::Is => self.is(value),
            Meaning::At => self.at(value),
            Meaning::Since | Meaning::Until => self.bound(name.meaning, value),
            Meaning::Older | Meaning::Newer => self.age(name.meaning, value),
            Meaning::Has => self.presence(name, value),
            Meaning::Missing => self.presence(name, value).map(Predicate::negated),
            Meaning::Store => self.store(value),
            Meaning::Group => self.group(value),
        }
    }

    /// The terms of a subject that has values.
    fn tests(
        &mut self,
        atom: &dyn Fn(Test) -> Atom,
        value: &Spanned<Value>,
        kind: Kind,
    ) -> Option<Predicate> {
        let of = |test| Predicate::Atom(atom(test));
        match &value.value {
            Value::Compare(op, word) => {
                let test = self.comparison(*op, word, kind)?;
                Some(match op {
                    Op::NotEquals => of(test).negated(),
                    _ => of(test),
                })
            }
            Value::Range(low, high) => Some(of(self.range(low.as_ref(), high.as_ref(), kind)?)),
            Value::AnyOf(items) => {
                let tests: Vec<_> = items
                    .iter()
                    .map(|item| self.comparison(Op::Equals, item, kind))
                    .collect();
                let tests: Option<Vec<Test>> = tests.into_iter().collect();
                Some(
                    tests?
                        .into_iter()
                        .map(of)
                        .fold(Predicate::Never, Predicate::or),
                )
            }
            Value::Missing => None,
        }
    }

    fn comparison(&mut self, op: Op, word: &Spanned<Word>, kind: Kind) -> Option<Test> {
        let order = match op {
            Op::Equals | Op::NotEquals => {
                return Some(if word.value.text().is_some() {
                    Test::Equals(self.literal(word, kind)?)
                } else {
                    Test::Glob(word.value.pieces.clone())
                });
            }
            Op::Contains => {
                self.plain(word, "in text to be contained")?;
                return Some(Test::Contains(word.value.pieces.concat()));
            }
            Op::Greater => Order::Greater,
            Op::AtLeast => Order::AtLeast,
            Op::Less => Order::Less,
            Op::AtMost => Order::AtMost,
        };
        self.note_order_of_ids(word, kind);
        Some(Test::Compare(order, self.literal(word, kind)?))
    }

    fn range(
        &mut self,
        low: Option<&Spanned<Word>>,
        high: Option<&Spanned<Word>>,
        kind: Kind,
    ) -> Option<Test> {
        for end in [low, high].into_iter().flatten() {
            self.note_order_of_ids(end, kind);
        }
        let ends = [low, high].map(|end| end.map(|word| (word, self.literal(word, kind))));
        match ends {
            [Some((low, least)), Some((high, most))] => {
                let (least, most) = (least?, most?);
                let span = low.span.start..high.span.end;
                let backwards = match (least.number(), most.number()) {
                    (Some(a), Some(b)) => {
                        compare_numbers(a, b).is_some_and(std::cmp::Ordering::is_gt)
                    }
                    (None, None) => least.text() > most.text(),
                    _ => {
                        let hint = "quote both ends to compare them as text";
                        self.error(
                            &span,
                            "one end of this range is a number, the other text",
                            hint,
                        );
                        return None;
                    }
                };
                if backwards {
                    self.backwards(&span, low, high);
                    return None;
                }
                Some(Test::Range(least, most))
            }
            [Some((_, least)), None] => Some(Test::Compare(Order::AtLeast, least?)),
            [None, Some((_, most))] => Some(Test::Compare(Order::AtMost, most?)),
            [None, None] => None,
        }
    }

    fn backwards(&mut self, span: &Span, low: &Spanned<Word>, high: &Spanned<Word>) {
        let hint = format!(
            "swap its ends: {}..{}",
            self.typed(&high.span),
            self.typed(&low.span)
        );
        self.error(span, "this range ends before it begins", hint);
    }

    /// A value where a star has no meaning.
    fn plain<'w>(&mut self, word: &'w Spanned<Word>, place: &str) -> Option<&'w str> {
        let text = word.value.text();
        if text.is_none() {
            let message = format!("a star has no meaning {place}");
            self.error(
                &word.span,
                message,
                r"write \* for a star itself, or leave it out",
            );
        }
        text
    }

    fn literal(&mut self, word: &Spanned<Word>, kind: Kind) -> Option<Literal> {
        let text = self.plain(word, "in a comparison")?.to_owned();
        Some(match (word.value.quoting, kind) {
            (Quoting::Quoted, _) | (_, Kind::Id) => Literal::Text(text),
            (Quoting::Bare, Kind::Any) => Literal::Bare(text),
            (Quoting::Bare, Kind::Milliseconds) => Literal::Bare(milliseconds(text)),
        })
    }

    fn note_order_of_ids(&mut self, word: &Spanned<Word>, kind: Kind) {
        let is_number = word
            .value
            .text()
            .is_some_and(crate::core::scalar::is_number);
        if kind == Kind::Id && is_number {
            let hint = "`at:` orders events by time";
            self.warn(&word.span, "ids are text, so 10 comes before 9", hint);
        }
    }

    fn store(&mut self, value: &Spanned<Value>) -> Option<Predicate> {
        let name = crate::core::scalar::Scalar::Text(self.catalog.store.as_str().into());
        let holds = |test: &Test| test.accepts(&name);
        let matched = match &value.value {
            Value::Compare(Op::NotEquals, word) => {
                !holds(&self.comparison(Op::Equals, word, Kind::Any)?)
            }
            Value::Compare(op @ (Op::Equals | Op::Contains), word) => {
                holds(&self.comparison(*op, word, Kind::Any)?)
            }
            Value::AnyOf(items) => {
                let mut any = false;
                for item in items {
                    any |= holds(&self.comparison(Op::Equals, item, Kind::Any)?);
                }
                any
            }
            Value::Compare(..) | Value::Range(..) | Value::Missing => {
                let hint = format!("this one is store:{}", self.catalog.store);
                self.error(&value.span, "stores have names, not an order", hint);
                return None;
            }
        };
        Some(if matched {
            Predicate::All
        } else {
            Predicate::Never
        })
    }
}

/// What the values of a subject are, where it changes how literals are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Anything.
    Any,
    /// Text, even when it looks like a number.
    Id,
    /// Numbers; `1.5s` is 1500.
    Milliseconds,
}

/// A length of time in milliseconds; anything else stays as it is.
fn milliseconds(text: String) -> String {
    let Some(at) = text.find(|c: char| c.is_ascii_lowercase()) else {
        return text;
    };
    let (number, unit) = text.split_at(at);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let places = u32::try_from(fraction.len()).unwrap_or(u32::MAX);
    let one_unit = unit.bytes().all(|byte| byte.is_ascii_lowercase());
    let micros = match time::length(&format!("1{unit}")) {
        Ok(micros) if one_unit && places <= 12 => format!("{whole}{fraction}")
            .parse()
            .ok()
            .and_then(|digits: i64| digits.checked_mul(micros)),
        // Several units, such as 1m30s.
        _ if fraction.is_empty() => time::length(&text).ok(),
        _ => None,
    };
    micros.map_or(text, |micros| decimal(micros, 3 + places))
}

/// `digits` with the decimal point `places` from the right.
fn decimal(digits: i64, places: u32) -> String {
    let places = places as usize;
    let sign = if digits < 0 { "-" } else { "" };
    let padded = format!("{:0>width$}", digits.unsigned_abs(), width = places + 1);
    let (whole, fraction) = padded.split_at(padded.len() - places);
    match fraction.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        fraction => format!("{sign}{whole}.{fraction}"),
    }
}

/// The words of a value that may be one or a list; `None` for an operator or a range.
fn choices(value: &Value) -> Option<(Op, &[Spanned<Word>])> {
    match value {
        Value::Compare(op @ (Op::Equals | Op::NotEquals), word) => {
            Some((*op, std::slice::from_ref(word)))
        }
        Value::AnyOf(items) => Some((Op::Equals, items)),
        Value::Compare(..) | Value::Range(..) | Value::Missing => None,
    }
}
