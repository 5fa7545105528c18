//! `since:`, `until:`, `at:`, `older:` and `newer:`: times become bounds.

use super::{Resolver, choices};
use crate::core::instant::Micros;
use crate::core::query::expr::{Op, Spanned, Value, Word};
use crate::core::query::names::Meaning;
use crate::core::query::predicate::{Atom, Predicate};
use crate::core::query::time::{Period, length, period};

impl Resolver<'_> {
    pub(super) fn bound(&mut self, meaning: Meaning, value: &Spanned<Value>) -> Option<Predicate> {
        let Value::Compare(Op::Equals, word) = &value.value else {
            let hint = "write since:-24h until:today, or at:2026-08..2026-09";
            self.error(&value.span, "a bound is one time", hint);
            return None;
        };
        let period = self.period(word)?;
        Some(match meaning {
            Meaning::Until => between(None, Some(period.end)),
            _ => between(Some(period.start), None),
        })
    }

    pub(super) fn age(&mut self, meaning: Meaning, value: &Spanned<Value>) -> Option<Predicate> {
        let Value::Compare(Op::Equals, word) = &value.value else {
            self.error(
                &value.span,
                "an age is one length of time",
                "write older:30s",
            );
            return None;
        };
        let text = self.plain(word, "in a length of time")?;
        let micros = match length(text) {
            Ok(micros) => micros,
            Err(message) => {
                let hint = "a length is a number and a unit; for a date write until: or since:";
                self.error(&word.span, message, hint);
                return None;
            }
        };
        let then = self.moment.now.plus(-micros);
        Some(match meaning {
            Meaning::Older => between(None, Some(then)),
            _ => between(Some(then), None),
        })
    }

    pub(super) fn at(&mut self, value: &Spanned<Value>) -> Option<Predicate> {
        if let Some((op, items)) = choices(&value.value) {
            let periods: Vec<_> = items.iter().map(|item| self.period(item)).collect();
            let periods: Option<Vec<Period>> = periods.into_iter().collect();
            let held = periods?.into_iter().fold(Predicate::Never, |any, period| {
                any.or(between(Some(period.start), Some(period.after())))
            });
            return Some(match op {
                Op::NotEquals => held.negated(),
                _ => held,
            });
        }
        match &value.value {
            Value::Compare(op, word) => self.compared(*op, word),
            Value::Range(low, high) => self.times(low.as_ref(), high.as_ref()),
            Value::AnyOf(_) | Value::Missing => None,
        }
    }

    fn compared(&mut self, op: Op, word: &Spanned<Word>) -> Option<Predicate> {
        if op == Op::Contains {
            let hint = "write at:2026-08 for a month, at:2026-08-14 for a day";
            self.error(&word.span, "times have no text to look into", hint);
            return None;
        }
        let period = self.period(word)?;
        Some(match op {
            Op::Greater => between(Some(period.after()), None),
            Op::AtLeast => between(Some(period.start), None),
            Op::Less => between(None, Some(period.start)),
            _ => between(None, Some(period.after())),
        })
    }

    fn times(
        &mut self,
        low: Option<&Spanned<Word>>,
        high: Option<&Spanned<Word>>,
    ) -> Option<Predicate> {
        let [from, to] = [low, high].map(|word| word.map(|word| (word, self.period(word))));
        if let (Some((low, Some(from))), Some((high, Some(to)))) = (from, to)
            && from.start >= to.after()
        {
            self.backwards(&(low.span.start..high.span.end), low, high);
            return None;
        }
        let since = match from {
            Some((_, period)) => Some(period?.start),
            None => None,
        };
        let until = match to {
            Some((_, period)) => Some(period?.after()),
            None => None,
        };
        Some(between(since, until))
    }

    fn period(&mut self, word: &Spanned<Word>) -> Option<Period> {
        let Some(text) = word.value.text() else {
            let hint = "write 2026-08 for a whole month";
            self.error(&word.span, "a star has no meaning in a time", hint);
            return None;
        };
        match period(text, self.moment) {
            Ok(period) => Some(period),
            Err(message) => {
                let hint = "times: 2026-08-14, 2026-08-14T10:05:30Z, today, monday, -3h, 90d";
                self.error(&word.span, message, hint);
                None
            }
        }
    }
}

fn between(since: Option<Micros>, until: Option<Micros>) -> Predicate {
    Predicate::Atom(Atom::At { since, until })
}
