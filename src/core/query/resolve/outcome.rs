//! `outcome:` and `is:`: words become sets of outcomes.

use super::{Kind, Resolver, choices};
use crate::core::event::Outcome;
use crate::core::query::expr::{Op, Spanned, Value, Word};
use crate::core::query::predicate::{Atom, Predicate};
use crate::core::scalar::Scalar;
use crate::core::suggest::nearest;

/// The words after `is:` with the outcomes they stand for.
pub const IS: [(&str, &[Outcome]); 5] = [
    ("error", &[Outcome::Failed, Outcome::Denied]),
    ("ok", &[Outcome::Ok]),
    ("failed", &[Outcome::Failed]),
    ("denied", &[Outcome::Denied]),
    ("pending", &[Outcome::Pending]),
];

impl Resolver<'_> {
    pub(super) fn outcome(&mut self, value: &Spanned<Value>) -> Option<Predicate> {
        if let Value::Compare(Op::Contains, word) = &value.value {
            return self.outcomes_that_pass(Op::Contains, word).map(any_of);
        }
        let Some((op, items)) = choices(&value.value) else {
            let hint = "write outcome:(failed, denied), or is:error";
            self.error(&value.span, "outcomes have no order", hint);
            return None;
        };
        let mut set = Some(Vec::new());
        for item in items {
            let found = self.outcomes_that_pass(Op::Equals, item);
            set = set.zip(found).map(|(set, found)| [set, found].concat());
        }
        Some(signed(op, set?))
    }

    /// The outcomes whose word a text, glob or part matches; none is an error.
    fn outcomes_that_pass(&mut self, op: Op, word: &Spanned<Word>) -> Option<Vec<Outcome>> {
        let test = self.comparison(op, word, Kind::Any)?;
        let found: Vec<_> = Outcome::ALL
            .into_iter()
            .filter(|outcome| test.accepts(&Scalar::Text(outcome.word().into())))
            .collect();
        if found.is_empty() {
            self.unknown_word(word, "outcome");
            return None;
        }
        Some(found)
    }

    pub(super) fn is(&mut self, value: &Spanned<Value>) -> Option<Predicate> {
        let Some((op, items)) = choices(&value.value) else {
            self.error(&value.span, "`is` takes a word", "write is:error");
            return None;
        };
        let mut set = Some(Vec::new());
        for item in items {
            let stands_for = IS
                .into_iter()
                .find_map(|(word, set)| (item.value.text() == Some(word)).then_some(set));
            if stands_for.is_none() {
                self.unknown_word(item, "is");
            }
            set = set
                .zip(stands_for)
                .map(|(set, found)| [&set, found].concat());
        }
        Some(signed(op, set?))
    }

    fn unknown_word(&mut self, word: &Spanned<Word>, name: &str) {
        let typed = self.typed(&word.span).to_owned();
        let words = || IS.into_iter().map(|(word, _)| word);
        let near = match (name, nearest(&typed, words())) {
            (_, Some("error")) => Some("is:error".to_owned()),
            (name, Some(word)) => Some(format!("{name}:{word}")),
            (_, None) => None,
        };
        let hint = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "there are ok, failed, denied and pending, and is:error".to_owned(),
        };
        self.error(&word.span, format!("no outcome is called `{typed}`"), hint);
    }
}

fn signed(op: Op, set: Vec<Outcome>) -> Predicate {
    match op {
        Op::NotEquals => any_of(set).negated(),
        _ => any_of(set),
    }
}

fn any_of(mut set: Vec<Outcome>) -> Predicate {
    set.sort();
    set.dedup();
    Predicate::Atom(Atom::Outcome(set))
}
