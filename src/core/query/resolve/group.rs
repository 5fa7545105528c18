//! `group:`: names of groups become their users.

use std::sync::Arc;

use super::{Kind, Resolver, choices};
use crate::core::event::Field;
use crate::core::group::Groups;
use crate::core::query::expr::{Op, Spanned, Value, Word};
use crate::core::query::predicate::{Atom, Predicate, Test};
use crate::core::scalar::Scalar;
use crate::core::suggest::nearest;
use crate::core::words::Words;

/// The events of these users.
pub(super) fn by_users(users: &Arc<Words>) -> Predicate {
    let test = Test::OneOf(Arc::clone(users));
    Predicate::Atom(Atom::Field(Field::Actor, test))
}

impl Resolver<'_> {
    pub(super) fn group(&mut self, value: &Spanned<Value>) -> Option<Predicate> {
        let groups = self.catalog.groups.clone()?;
        if self.catalog.lacks.contains(Field::Actor.name()) {
            let message = "this store's profile has no `actor`, so nobody is in a group";
            self.warn(&value.span, message, "no event has a value for it");
        }
        if let Value::Compare(Op::Contains, word) = &value.value {
            return self.users_of(&groups, Op::Contains, word);
        }
        let Some((op, items)) = choices(&value.value) else {
            self.error(
                &value.span,
                "groups have names, not an order",
                "write group:NAME",
            );
            return None;
        };
        let mut any = Some(Predicate::Never);
        for item in items {
            let found = self.users_of(&groups, Op::Equals, item);
            any = any.zip(found).map(|(any, found)| any.or(found));
        }
        Some(match op {
            Op::NotEquals => any?.negated(),
            _ => any?,
        })
    }

    /// The events of the users of all groups that a name, glob or part matches; none is an error.
    fn users_of(&mut self, groups: &Groups, op: Op, word: &Spanned<Word>) -> Option<Predicate> {
        let test = self.comparison(op, word, Kind::Any)?;
        let found = groups
            .iter()
            .filter(|(name, _)| test.accepts(&Scalar::Text((*name).into())))
            .map(|(_, users)| users)
            .collect::<Vec<_>>();
        match found.as_slice() {
            [] => {}
            [users] => return Some(by_users(users)),
            // One list is one condition for the store, however many groups it is of.
            several => {
                let users = several.iter().flat_map(|users| users.iter().cloned());
                return Some(by_users(&Arc::new(users.collect())));
            }
        }
        let typed = self.typed(&word.span).to_owned();
        let names = || groups.iter().map(|(name, _)| name);
        let hint = if let Some(near) = nearest(&typed, names()) {
            format!("did you mean `group:{}`?", super::quoted(near))
        } else {
            let some: Vec<&str> = names().take(10).collect();
            format!("there are {}", some.join(", "))
        };
        self.error(&word.span, format!("no group is called `{typed}`"), hint);
        None
    }
}
