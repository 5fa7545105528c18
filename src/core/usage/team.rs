//! Numbers by user, folded into numbers by group.
//!
//! Different users are counted as users, however many groups they are in; a user without a group
//! belongs to [`NO_GROUP`], an event without a user to nobody.

use crate::core::aggregate::sum::Sum;
use crate::core::aggregate::{Group, GroupValue, Key};
use crate::core::group::{Groups, NO_GROUP};
use crate::core::usage::Usage;
use crate::core::usage::answer::{Bucket, Ranking};
use crate::core::usage::course::Numbers;

/// A group in a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// The group; `None`: the events without a user.
    pub value: Option<String>,
    /// Different users of it.
    pub users: u64,
    /// Their events.
    pub events: u64,
}

/// A period by groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shares {
    /// When, how much, by how many.
    pub bucket: Bucket,
    /// Most events first; at most as many as were wanted.
    pub groups: Vec<Share>,
}

/// What a group did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// Who; `None`: the events without a user.
    pub group: Option<String>,
    /// The action, resource, service or failure; `None`: the events that have none.
    pub value: Option<String>,
    /// Different users of the group who did it.
    pub users: u64,
    /// Their events.
    pub events: u64,
}

/// What groups did, most events first, from events by user and value.
pub(super) fn deeds(usage: &Usage, groups: &Groups, by_user: &Sum) -> Ranking<Deed> {
    let (events, users) = by_user.by_group(groups, 0);
    let name = |value: &GroupValue| match value {
        GroupValue::Text(name) => Some(name.to_string()),
        GroupValue::Bucket(_) | GroupValue::None => None,
    };
    let deed = |(key, number): (&[GroupValue], u64)| {
        let [group, value] = key else { return None };
        Some(Deed {
            group: name(group),
            value: name(value),
            users: users.of(key),
            events: number,
        })
    };
    Ranking {
        rows: usage.shown(&events).into_iter().filter_map(deed).collect(),
        total: events.groups().len(),
        certainty: by_user.certainty(),
    }
}

/// The keys of the groups of the user at a place of a key.
fn keys(groups: &Groups, place: usize, key: &[GroupValue]) -> Vec<Vec<GroupValue>> {
    let Some(GroupValue::Text(user)) = key.get(place) else {
        return vec![key.to_vec()];
    };
    let with = |group: &str| {
        let mut key = key.to_vec();
        key[place] = GroupValue::Text(group.into());
        key
    };
    let keys: Vec<_> = groups.of(user).map(with).collect();
    if keys.is_empty() {
        vec![with(NO_GROUP)]
    } else {
        keys
    }
}

/// Counts by user as counts by group, largest first; a user of two groups counts in both.
pub fn fold(groups: &Groups, by_user: &[Group]) -> Vec<Group> {
    let mut sum = Sum::default();
    for group in by_user {
        for key in keys(groups, 0, &group.key) {
            sum.put(key, group.count);
        }
    }
    let mut folded: Vec<Group> = sum
        .groups()
        .map(|(key, count)| Group {
            key: key.into(),
            count,
            events: count,
        })
        .collect();
    folded.sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| a.key.cmp(&b.key)));
    folded
}

impl Sum {
    /// By the groups of the users at a place of the keys: the numbers, and how many users they are of.
    fn by_group(&self, groups: &Groups, place: usize) -> (Self, Self) {
        let (mut numbers, mut users) = (self.none(), self.none());
        for (key, number) in self.groups() {
            let is_user = matches!(key.get(place), Some(GroupValue::Text(_)));
            for key in keys(groups, place, key) {
                let key = Key::from(key);
                users.put(Key::clone(&key), u64::from(is_user));
                numbers.put(key, number);
            }
        }
        (numbers, users)
    }
}

impl Numbers {
    /// A ranking of users as one of their groups.
    pub(super) fn of_groups(&self, groups: &Groups) -> Self {
        let folded = |sum: &Sum| sum.by_group(groups, 0).0;
        let (events, users) = self.events.by_group(groups, 0);
        Self {
            events,
            users,
            recent: folded(&self.recent),
            failed: folded(&self.failed),
            before: folded(&self.before),
            actions: folded(&self.actions),
            ..Self::default()
        }
    }

    /// Only of the users that the range before did not see. Where not all of those were remembered,
    /// nobody is known to be one.
    pub(super) fn of_new_users(&self) -> Self {
        use crate::core::aggregate::Certainty;
        let is_known = self.before.certainty() == Certainty::Exact;
        let is_new = |key: &[GroupValue]| {
            is_known && matches!(key, [GroupValue::Text(_)]) && self.before.of(key) == 0
        };
        let new = |sum: &Sum| {
            let mut kept = sum.none();
            for (key, number) in sum.groups().filter(|(key, _)| is_new(key)) {
                kept.put(key, number);
            }
            kept
        };
        Self {
            events: new(&self.events),
            recent: new(&self.recent),
            failed: new(&self.failed),
            before: self.before.none(),
            ..Self::default()
        }
    }
}

/// The series by groups: `buckets` has the numbers of each period as a whole.
pub(super) fn shares(
    usage: &Usage,
    groups: &Groups,
    buckets: Vec<Bucket>,
    by_user: &Sum,
) -> Vec<Shares> {
    let (events, users) = by_user.by_group(groups, 1);
    let mut all: Vec<Vec<Share>> = vec![Vec::new(); buckets.len()];
    for (key, number) in usage.ranked(&events) {
        let [GroupValue::Bucket(bucket), group] = key else {
            continue;
        };
        if let Some(shares) = all.get_mut(*bucket).filter(|held| held.len() < usage.top) {
            shares.push(Share {
                value: match group {
                    GroupValue::Text(name) => Some(name.to_string()),
                    GroupValue::Bucket(_) | GroupValue::None => None,
                },
                users: users.of(key),
                events: number,
            });
        }
    }
    let shares = buckets.into_iter().zip(all);
    shares
        .map(|(bucket, groups)| Shares { bucket, groups })
        .collect()
}
