//! Who belongs to what, so that parts of an answer add up: a user of two days is one user.
//!
//! Does not know who they are, nor what they belong to: hashes take the place of names, eight bytes
//! each. The chance that two of the most that are held collide is one in a billion.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use crate::core::aggregate::{Aggregate, Certainty, GroupValue};

/// Users of values remembered at most, all together: about 8 MB, also where each value has one.
const MOST: usize = 200_000;

/// Different users by value.
#[derive(Clone, Debug, Default)]
pub struct Crowd {
    hasher: RandomState,
    /// Of a value and a user each.
    pairs: HashSet<u64>,
    /// By value.
    users: HashMap<u64, u32>,
    memory: Memory,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Memory {
    #[default]
    Enough,
    /// There were too many; nothing is known any more.
    Exceeded,
}

impl Crowd {
    /// Adds groups by value and user.
    pub fn add(&mut self, part: &Aggregate) {
        if part.certainty != Certainty::Exact {
            self.give_up();
        }
        for group in &part.groups {
            if !self.is_whole() {
                return;
            }
            let [value, user @ GroupValue::Text(_)] = &*group.key else {
                continue;
            };
            if self.pairs.insert(self.hasher.hash_one((value, user))) {
                *self.users.entry(self.hasher.hash_one(value)).or_default() += 1;
            }
            if self.pairs.len() > MOST {
                self.give_up();
            }
        }
    }

    fn give_up(&mut self) {
        self.memory = Memory::Exceeded;
        self.pairs = HashSet::new();
        self.users = HashMap::new();
    }

    /// Whether everybody was remembered.
    pub fn is_whole(&self) -> bool {
        self.memory == Memory::Enough
    }

    /// How many users a value has.
    pub fn of(&self, value: &GroupValue) -> u64 {
        let users = self.users.get(&self.hasher.hash_one(value));
        users.copied().map_or(0, u64::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::aggregate::Group;

    fn part(users: std::ops::Range<usize>) -> Aggregate {
        let text = |text: String| GroupValue::Text(text.into());
        let group = |user: usize| Group {
            key: [text(format!("a{}", user % 2)), text(user.to_string())].into(),
            count: 3,
            events: 3,
        };
        Aggregate {
            groups: users.map(group).collect(),
            certainty: Certainty::Exact,
        }
    }

    #[test]
    fn a_user_of_two_days_is_one() {
        let mut crowd = Crowd::default();
        crowd.add(&part(0..10));
        crowd.add(&part(5..12));
        let of = |name: &str| crowd.of(&GroupValue::Text(name.into()));
        assert_eq!([of("a0"), of("a1"), of("none")], [6, 6, 0]);
        assert_eq!(crowd.of(&GroupValue::None), 0);
    }

    #[test]
    fn a_user_of_two_values_is_one_of_each() {
        let mut crowd = Crowd::default();
        let mut same = part(0..4);
        for group in &mut same.groups {
            let ann = GroupValue::Text("ann".into());
            group.key = [group.key[0].clone(), ann].into();
        }
        crowd.add(&same);
        let of = |name: &str| crowd.of(&GroupValue::Text(name.into()));
        assert_eq!([of("a0"), of("a1")], [1, 1]);
    }

    #[test]
    fn a_million_users_are_too_many() {
        let mut crowd = Crowd::default();
        for turn in 0..10 {
            crowd.add(&part(turn * 100_000..(turn + 1) * 100_000));
        }
        assert!(!crowd.is_whole() && crowd.users.is_empty());
    }
}
