//! Users who do the same things in the same proportions.
//!
//! The measure is simple enough to be checked by hand: a user is the list of how often they did each
//! action; two users are alike as far as their lists point the same way (the cosine between them: 1
//! for equal shares, 0 for nothing in common). The most active user founds a group; each next one joins
//! the group whose founder is most alike, when that is [`ALIKE`] or more, and founds one otherwise.
//!
//! Does not know who the users are, nor what becomes of the groups.

use std::collections::HashMap;

use crate::core::aggregate::GroupValue;
use crate::core::aggregate::sum::Sum;

/// From here on users are one group.
pub const ALIKE: f64 = 0.9;

/// The most active users, who are compared.
pub const MOST_USERS: usize = 1_000;

/// Users who are alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Kin {
    /// With their events, the most active first: the founder.
    pub users: Vec<(String, u64)>,
    /// Events of all of them.
    pub events: u64,
    /// What they do, most often first, with its share of their events; `None` is no action.
    pub actions: Vec<(Option<String>, f64)>,
}

/// How often a user did each action.
struct Habits<'s> {
    name: &'s str,
    events: u64,
    actions: HashMap<&'s GroupValue, f64>,
    /// Of the list, as a vector.
    length: f64,
}

/// The users of events by user and action in groups, those with the most users first; and how many
/// users there are in all.
pub fn groups(pairs: &Sum) -> (Vec<Kin>, usize) {
    let mut users = habits(pairs);
    let total = users.len();
    users.truncate(MOST_USERS);
    let mut founded: Vec<Vec<usize>> = Vec::new();
    for (place, user) in users.iter().enumerate() {
        let likeness = founded
            .iter()
            .enumerate()
            .map(|(group, members)| (group, user.likeness(&users[members[0]])));
        // The first of equals: the one with the more active founder.
        let best = likeness.fold(None, |best: Option<(usize, f64)>, next| match best {
            Some(best) if best.1 >= next.1 => Some(best),
            _ => Some(next),
        });
        match best.filter(|(_, likeness)| *likeness >= ALIKE) {
            Some((group, _)) => founded[group].push(place),
            None => founded.push(vec![place]),
        }
    }
    let mut kin: Vec<Kin> = founded
        .iter()
        .map(|members| kin(members.iter().map(|place| &users[*place])))
        .collect();
    kin.sort_by_key(|kin| std::cmp::Reverse((kin.users.len(), kin.events)));
    (kin, total)
}

/// The most active users first.
fn habits(pairs: &Sum) -> Vec<Habits<'_>> {
    let mut by_name: HashMap<&str, Habits<'_>> = HashMap::new();
    for (key, number) in pairs.groups() {
        let [GroupValue::Text(name), action] = key else {
            continue;
        };
        let user = by_name.entry(name).or_insert_with(|| Habits {
            name,
            events: 0,
            actions: HashMap::new(),
            length: 0.0,
        });
        user.events += number;
        *user.actions.entry(action).or_default() += number_of(number);
    }
    let mut users: Vec<Habits<'_>> = by_name.into_values().collect();
    for user in &mut users {
        let squares: f64 = user.actions.values().map(|number| number * number).sum();
        user.length = squares.sqrt();
    }
    users.sort_unstable_by(|a, b| b.events.cmp(&a.events).then_with(|| a.name.cmp(b.name)));
    users
}

#[expect(clippy::cast_precision_loss, reason = "shares need no more")]
fn number_of(events: u64) -> f64 {
    events as f64
}

impl Habits<'_> {
    fn likeness(&self, other: &Self) -> f64 {
        let both = self.actions.iter().filter_map(|(action, mine)| {
            let theirs = other.actions.get(action)?;
            Some(mine * theirs)
        });
        let product: f64 = both.sum();
        product / (self.length * other.length)
    }
}

fn kin<'h, 's: 'h>(members: impl Iterator<Item = &'h Habits<'s>>) -> Kin {
    let mut actions: HashMap<&GroupValue, f64> = HashMap::new();
    let mut kin = Kin {
        users: Vec::new(),
        events: 0,
        actions: Vec::new(),
    };
    for user in members {
        kin.users.push((user.name.to_owned(), user.events));
        kin.events += user.events;
        for (action, number) in &user.actions {
            *actions.entry(action).or_default() += number;
        }
    }
    let all: f64 = actions.values().sum();
    let mut actions: Vec<(&GroupValue, f64)> = actions.into_iter().collect();
    actions.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let share = |(action, number): (&GroupValue, f64)| match action {
        GroupValue::Text(name) => (Some(name.to_string()), number / all),
        GroupValue::Bucket(_) | GroupValue::None => (None, number / all),
    };
    kin.actions = actions.into_iter().map(share).collect();
    kin
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::aggregate::{Aggregate, Certainty, Group};

    fn pairs(pairs: &[(&str, &str, u64)]) -> Sum {
        let text = |text: &str| GroupValue::Text(text.into());
        let group = |(user, action, count): &(&str, &str, u64)| Group {
            key: [text(user), text(action)].into(),
            count: *count,
            events: *count,
        };
        let part = Aggregate {
            groups: pairs.iter().map(group).collect(),
            certainty: Certainty::Exact,
        };
        let mut sum = Sum::default();
        sum.add(&part, |group| (group.key.clone(), group.count));
        sum
    }

    #[test]
    fn users_with_the_same_shares_are_one_group_whatever_their_numbers() {
        let (found, total) = groups(&pairs(&[
            ("ann", "read", 900),
            ("ann", "write", 100),
            ("ben", "read", 9),
            ("ben", "write", 1),
            ("bot", "deploy", 500),
            // Between ann (0.78) and bot (0.71).
            ("eve", "read", 10),
            ("eve", "deploy", 10),
        ]));
        assert_eq!(total, 4);
        let names: Vec<Vec<&str>> = found
            .iter()
            .map(|kin| kin.users.iter().map(|(name, _)| name.as_str()).collect())
            .collect();
        assert_eq!(names, [vec!["ann", "ben"], vec!["bot"], vec!["eve"]]);
        assert_eq!(found[0].events, 1_010);
        assert_eq!(found[0].actions[0].0.as_deref(), Some("read"));
        assert!((found[0].actions[0].1 - 0.9).abs() < 1e-9);
    }

    #[test]
    fn nobody_is_in_no_group() {
        assert_eq!(groups(&Sum::default()), (Vec::new(), 0));
    }
}
