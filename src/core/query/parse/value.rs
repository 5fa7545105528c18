//! What stands after a colon: an operator and its operand, a range, a list.

use super::scan::{Place, Scanned, Stop};
use super::{Focus, Parser};
use crate::core::query::expr::{Op, Quoting, Spanned, Value, Word};

impl Parser<'_> {
    pub(super) fn value(&mut self, name: &Spanned<String>) -> Value {
        if self.rest().starts_with('(') {
            return self.list(name);
        }
        let written = Op::WRITTEN
            .into_iter()
            .find(|(_, sign, _)| self.rest().starts_with(sign));
        if let Some((op, sign, _)) = written {
            self.at += sign.len();
            let operand = self.word(Place::Operand, Some(name));
            return match present(operand) {
                Some(word) => Value::Compare(op, word),
                None => self.missing(name, sign),
            };
        }
        let low = self.word(Place::Value, Some(name));
        if low.stop == Stop::Dots {
            return self.range(name, present(low));
        }
        match present(low) {
            Some(word) => Value::Compare(Op::Equals, word),
            None => self.missing(name, ""),
        }
    }

    fn missing(&mut self, name: &Spanned<String>, sign: &str) -> Value {
        let typed = format!("{}:{sign}", name.value);
        let message = format!("no value follows `{typed}`");
        let hint = if self.rest().trim_start().is_empty() {
            "type the value".to_owned()
        } else {
            format!(
                "write it right after the {}, without a space",
                if sign.is_empty() { "colon" } else { "sign" }
            )
        };
        self.error(name.span.start..self.at, message, &hint);
        Value::Missing
    }

    fn range(&mut self, name: &Spanned<String>, low: Option<Spanned<Word>>) -> Value {
        let dots = self.at..self.at + 2;
        self.at += 2;
        let high = self.word(Place::RangeEnd, Some(name));
        if self.text[high.span.clone()].contains("..") && high.word.quoting == Quoting::Bare {
            self.error(
                high.span.clone(),
                "a range has two ends",
                "quote an end that contains `..`",
            );
        }
        let high = present(high);
        if low.is_none() && high.is_none() {
            self.error(
                dots,
                "this range has no end on either side",
                "write `a..b`, `a..` or `..b`; quote the dots to look for them",
            );
            return Value::Missing;
        }
        Value::Range(low, high)
    }

    fn list(&mut self, name: &Spanned<String>) -> Value {
        let open = self.at..self.at + 1;
        self.at += 1;
        let mut items = Vec::new();
        let mut commas_missing = 0;
        loop {
            self.skip_space();
            let item = self.item(name, items.is_empty());
            items.extend(item);
            self.skip_space();
            let Some(next) = self.rest().chars().next().filter(|next| *next != '(') else {
                self.gap_in_list();
                self.error(open.clone(), "this list is never closed", "add a `)`");
                break;
            };
            match next {
                ')' => {
                    self.at += 1;
                    break;
                }
                ',' => self.at += 1,
                _ => {
                    if commas_missing == 0 {
                        let span = self.at..self.at + next.len_utf8();
                        self.error(span, "a comma is missing here", "write `(a, b)`");
                    }
                    commas_missing += 1;
                }
            }
        }
        if items.is_empty() {
            self.error(open.start..self.at, "this list is empty", "write `(a, b)`");
            return Value::Missing;
        }
        Value::AnyOf(items)
    }

    fn item(&mut self, name: &Spanned<String>, is_first: bool) -> Option<Spanned<Word>> {
        let scanned = self.word(Place::Item, Some(name));
        let raw = &self.text[scanned.span.clone()];
        let next = self.rest().chars().next();
        let missing = match next {
            Some(',') => raw.is_empty(),
            Some(')') => raw.is_empty() && !is_first,
            _ => false,
        };
        if missing {
            let message = "an item is missing in this list";
            self.error(self.at..self.at + 1, message, "write `(a, b)`");
        }
        let bare = scanned.word.quoting == Quoting::Bare;
        let sign = Op::WRITTEN
            .into_iter()
            .any(|(_, sign, _)| raw.starts_with(sign));
        if bare && (sign || raw.contains("..")) {
            let what = if sign { "an operator" } else { "a range" };
            self.error(
                scanned.span.clone(),
                format!("{what} cannot stand in a list"),
                "join terms with OR instead, or quote the item",
            );
        }
        present(scanned)
    }

    /// An item is over and nothing follows it yet.
    fn gap_in_list(&mut self) {
        if self.rest().is_empty() && self.focus.is_none() {
            self.focus = Some(Focus {
                place: None,
                name: None,
                start: self.at,
            });
        }
    }
}

fn present(scanned: Scanned) -> Option<Spanned<Word>> {
    (!scanned.span.is_empty()).then_some(Spanned {
        value: scanned.word,
        span: scanned.span,
    })
}
