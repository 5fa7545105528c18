//! Answers about stretches of time that do not overlap, added up.
//!
//! Does not know which numbers may be added: counts may, different values may not.

use std::collections::HashMap;

use crate::core::aggregate::{Aggregate, Certainty, Group, GroupValue, Key, MOST_GROUPS};

/// Groups and their numbers so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    groups: HashMap<Key, u64>,
    /// What the parts may lack, and what was forgotten here.
    error: u64,
    /// As many groups were held at once before some were forgotten.
    most: usize,
}

impl Sum {
    /// Adds the groups of one more part, each with the key and the number that `entry` makes of it.
    pub fn add(&mut self, part: &Aggregate, entry: impl Fn(&Group) -> (Key, u64)) {
        self.add_some(&part.groups, part.certainty, entry);
    }

    /// The same of some groups of a part, as sure as this.
    pub fn add_some<'g>(
        &mut self,
        groups: impl IntoIterator<Item = &'g Group>,
        certainty: Certainty,
        entry: impl Fn(&Group) -> (Key, u64),
    ) {
        if let Certainty::AtLeast { error } = certainty {
            self.error += error;
        }
        for group in groups {
            let (key, number) = entry(group);
            *self.groups.entry(key).or_default() += number;
        }
        if self.groups.len() > MOST_GROUPS {
            self.forget_small();
        }
    }

    /// Adds to one group.
    pub fn put(&mut self, key: impl Into<Key>, number: u64) {
        *self.groups.entry(key.into()).or_default() += number;
    }

    /// One without groups that lacks what this one lacks.
    #[must_use]
    pub fn none(&self) -> Self {
        Self {
            groups: HashMap::new(),
            error: self.error,
            most: 0,
        }
    }

    /// As the accumulator of one answer does it.
    fn forget_small(&mut self) {
        self.most = self.most.max(self.groups.len());
        let mut numbers: Vec<u64> = self.groups.values().copied().collect();
        let half = numbers.len() / 2;
        let (_, median, _) = numbers.select_nth_unstable(half);
        let median = *median;
        self.error += median;
        self.groups.retain(|_, number| *number > median);
        self.groups.shrink_to(MOST_GROUPS);
    }

    /// There are as many different groups, or more where [`Sum::certainty`] says so.
    pub fn different(&self) -> usize {
        self.most.max(self.groups.len())
    }

    /// A key as it is held here, or a new one.
    pub fn key(&self, key: &[GroupValue]) -> Key {
        let held = self.groups.get_key_value(key);
        held.map_or_else(|| key.into(), |(held, _)| Key::clone(held))
    }

    /// The number of a group; none is zero.
    pub fn of(&self, key: &[GroupValue]) -> u64 {
        self.groups.get(key).copied().unwrap_or(0)
    }

    /// Every group.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = (&[GroupValue], u64)> {
        self.groups.iter().map(|(key, number)| (&**key, *number))
    }

    /// How sure the numbers are.
    pub fn certainty(&self) -> Certainty {
        match self.error {
            0 => Certainty::Exact,
            error => Certainty::AtLeast { error },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(range: std::ops::Range<usize>, count: u64) -> Aggregate {
        let group = |n: usize| Group {
            key: [GroupValue::Text(n.to_string().into())].into(),
            count,
            events: count,
        };
        Aggregate {
            groups: range.map(group).collect(),
            certainty: Certainty::Exact,
        }
    }

    fn whole(group: &Group) -> (Key, u64) {
        (group.key.clone(), group.count)
    }

    #[test]
    fn parts_add_up() {
        let mut sum = Sum::default();
        sum.add(&part(0..3, 2), whole);
        sum.add(&part(1..2, 5), whole);
        let key = |n: usize| [GroupValue::Text(n.to_string().into())];
        assert_eq!([0, 1, 2, 3].map(|n| sum.of(&key(n))), [2, 7, 2, 0]);
        assert_eq!((sum.groups().len(), sum.certainty()), (3, Certainty::Exact));
    }

    #[test]
    fn a_million_values_stay_within_bounds_and_say_how_far_off_they_are() {
        let mut sum = Sum::default();
        for turn in 0..20 {
            sum.add(&part(turn * 50_000..(turn + 1) * 50_000, 1), whole);
            sum.add(&part(0..1, 100), whole);
        }
        assert!(sum.groups().len() <= MOST_GROUPS);
        let Certainty::AtLeast { error } = sum.certainty() else {
            panic!("values were forgotten");
        };
        let often = sum.of(&[GroupValue::Text("0".into())]);
        assert!(
            often <= 2_001 && often + error >= 2_001,
            "{often} + {error}"
        );
    }
}
