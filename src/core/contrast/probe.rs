//! Which events to read for a comparison: some of each part of the time, as many as it has a share
//! of all events.
//!
//! Stretches are of equally many events, not of equal length: an hour at night must not weigh as much
//! as one at noon.

use crate::core::instant::Micros;

/// Events read of each side at most.
pub const MOST: u64 = 3_000;

/// Stretches of the part.
const HERE: u64 = 12;

/// Stretches of the rest: enough to see how much shares vary by themselves.
const REST: u64 = 48;

/// Rows looked at for the rest where no index leads to a time: a guest does not ask for more.
const LOOKED_AT: u64 = 5_000_000;

/// On which side of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// In the part.
    Here,
    /// In the rest.
    Rest,
}

/// A stretch of time whose newest events are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Whose.
    pub side: Side,
    /// First instant.
    pub since: Micros,
    /// The instant after the last.
    pub until: Micros,
    /// Events at most.
    pub most: u64,
    /// Where stretches end that are read with it, in the order of time.
    pub cuts: Vec<Micros>,
}

/// The way through the events of a probe, newest first.
#[derive(Clone, Debug)]
pub struct Walk<'p> {
    /// Whose events.
    pub side: Side,
    cuts: &'p [Micros],
}

impl<'p> Walk<'p> {
    /// Nothing was read yet.
    pub fn new(probe: &'p Probe) -> Self {
        Self {
            side: probe.side,
            cuts: &probe.cuts,
        }
    }

    /// Whether with an event of this time another stretch begins.
    pub fn crosses(&mut self, at: Micros) -> bool {
        let left = self.cuts.partition_point(|cut| *cut <= at);
        let has_crossed = left < self.cuts.len();
        self.cuts = &self.cuts[..left];
        has_crossed
    }
}

/// A bucket of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// First instant.
    pub since: Micros,
    /// The instant after the last.
    pub until: Micros,
    /// Its events.
    pub events: u64,
}

/// How much it costs to go to a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// An index leads there.
    Little,
    /// All rows are looked at, each time; so many.
    AllRows(u64),
}

/// Stretches to read for a comparison of `[since, until)` with the rest of the buckets, which are in
/// the order of time; the part's come first.
pub fn probes(buckets: &[Bucket], since: Micros, until: Micros, cost: Cost) -> Vec<Probe> {
    let within = |bucket: &&Bucket| bucket.since < until && since < bucket.until;
    let here: Vec<Bucket> = (buckets.iter().filter(within))
        .map(|bucket| Bucket {
            since: bucket.since.max(since),
            until: bucket.until.min(until),
            ..*bucket
        })
        .collect();
    let before: Vec<Bucket> = (buckets.iter().copied())
        .filter(|bucket| bucket.until <= since)
        .collect();
    let after: Vec<Bucket> = (buckets.iter().copied())
        .filter(|bucket| bucket.since >= until)
        .collect();
    let (few, many) = match cost {
        Cost::Little => (HERE, REST),
        Cost::AllRows(rows) => (1, (LOOKED_AT / rows.max(1)).clamp(2, REST)),
    };
    let mut probes = stretches(Side::Here, &here, few, MOST);
    let (old, new) = (sum(&before), sum(&after));
    for (side, events) in [(&before, old), (&after, new)] {
        let share = |whole: u64| {
            u64::try_from(u128::from(whole) * u128::from(events) / u128::from((old + new).max(1)))
                .unwrap_or(whole)
        };
        let most = share(MOST).max(1);
        if cost != Cost::Little && events <= most {
            let parts = stretches(Side::Rest, side, share(REST).max(1), most);
            probes.extend(joined(parts));
        } else {
            probes.extend(stretches(Side::Rest, side, share(many).max(1), most));
        }
    }
    probes
}

/// Stretches next to each other as one that is read at once.
fn joined(mut parts: Vec<Probe>) -> Option<Probe> {
    let until = parts.last()?.until;
    let cuts = parts.iter().skip(1).map(|part| part.since).collect();
    Some(Probe {
        until,
        cuts,
        ..parts.swap_remove(0)
    })
}

fn sum(buckets: &[Bucket]) -> u64 {
    buckets.iter().map(|bucket| bucket.events).sum()
}

/// So many stretches of equally many events, of which `most` are read together.
fn stretches(side: Side, buckets: &[Bucket], count: u64, most: u64) -> Vec<Probe> {
    let all = sum(buckets);
    let (Some(first), Some(last)) = (buckets.first(), buckets.last()) else {
        return Vec::new();
    };
    if all == 0 {
        return Vec::new();
    }
    let count = count.min(all);
    let mut edges = vec![first.since];
    edges.extend((1..count).map(|step| place(buckets, u128::from(all) * u128::from(step), count)));
    edges.push(last.until);
    edges.dedup();
    // Where all fit, none is left out because stretches are not quite equal.
    let each = if all <= most {
        most
    } else {
        most.div_ceil(count)
    };
    let probe = |pair: &[Micros]| Probe {
        side,
        since: pair[0],
        until: pair[1],
        most: each,
        cuts: Vec::new(),
    };
    edges.windows(2).map(probe).collect()
}

/// The instant before which `wanted / of` events lie, were they even within their bucket.
fn place(buckets: &[Bucket], wanted: u128, of: u64) -> Micros {
    let mut left = wanted;
    for bucket in buckets {
        let events = u128::from(bucket.events) * u128::from(of);
        if left < events {
            let length = bucket.until.0.abs_diff(bucket.since.0);
            let within = u128::from(length) * left / events;
            return bucket.since.plus(i64::try_from(within).unwrap_or(i64::MAX));
        }
        left -= events;
    }
    buckets.last().map_or(Micros(0), |bucket| bucket.until)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn buckets(events: &[u64]) -> Vec<Bucket> {
        let bucket = |(number, events): (usize, &u64)| {
            let since = Micros(i64::try_from(number).expect("few") * 1_000);
            Bucket {
                since,
                until: since.plus(1_000),
                events: *events,
            }
        };
        events.iter().enumerate().map(bucket).collect()
    }

    #[test]
    fn stretches_have_equally_many_events() {
        let probes = stretches(Side::Here, &buckets(&[10, 0, 30]), 4, 20);
        let edges: Vec<i64> = probes.iter().map(|probe| probe.since.0).collect();
        assert_eq!(edges, [0, 2_000, 2_333, 2_666]);
        assert!(probes.iter().all(|probe| probe.most == 5));
        assert_eq!(probes[3].until, Micros(3_000));
    }

    #[test]
    fn where_all_fit_all_are_read() {
        let probes = probes(
            &buckets(&[5, 7, 3]),
            Micros(1_000),
            Micros(2_000),
            Cost::Little,
        );
        assert!(probes.iter().all(|probe| probe.most >= 3));
        let here: Vec<_> = (probes.iter())
            .filter(|probe| probe.side == Side::Here)
            .collect();
        assert_eq!(
            (here[0].since, here[6].until),
            (Micros(1_000), Micros(2_000))
        );
    }

    #[test]
    fn where_each_question_looks_at_all_rows_few_are_asked() {
        let rest = |events: &[u64], rows| {
            let cost = Cost::AllRows(rows);
            let found = probes(&buckets(events), Micros(9_000), Micros(10_000), cost);
            found
                .into_iter()
                .filter(|probe| probe.side == Side::Rest)
                .collect::<Vec<_>>()
        };
        // All of the rest at once, and all the same it can be told what varies in it.
        let small = rest(&[200; 10], 2_000);
        assert_eq!(small.len(), 1);
        assert_eq!((small[0].since, small[0].until), (Micros(0), Micros(9_000)));
        assert_eq!(small[0].cuts.len(), 47);
        assert!(small[0].most >= 1_800);
        // More events than are read: stretch by stretch, for as long as that is no burden.
        for (rows, stretches) in [(20_000, 48), (500_000, 10), (1 << 40, 2)] {
            assert_eq!(rest(&[2_000; 10], rows).len(), stretches, "{rows}");
        }
    }

    #[test]
    fn each_cut_is_crossed_once() {
        let probe = Probe {
            side: Side::Rest,
            since: Micros(0),
            until: Micros(50),
            most: 9,
            cuts: vec![Micros(10), Micros(20), Micros(30)],
        };
        let mut walk = Walk::new(&probe);
        let crossed = [40, 30, 29, 20, 5, 0].map(|at| walk.crosses(Micros(at)));
        assert_eq!(crossed, [false, false, true, false, true, false]);
    }

    proptest! {
        #[test]
        fn probes_are_apart_on_their_side_and_few(
            events in prop::collection::vec(0_u64..100_000, 1..40),
            from in 0_i64..40_000,
            length in 1_i64..40_000,
        ) {
            let (since, until) = (Micros(from), Micros(from + length));
            let found = probes(&buckets(&events), since, until, Cost::Little);
            let mut ordered = found.clone();
            ordered.sort_by_key(|probe| probe.since);
            prop_assert!(ordered.windows(2).all(|pair| pair[0].until <= pair[1].since));
            for probe in &found {
                let inside = probe.since >= since && probe.until <= until;
                let outside = probe.until <= since || probe.since >= until;
                prop_assert!(probe.since < probe.until);
                match probe.side {
                    Side::Here => prop_assert!(inside),
                    Side::Rest => prop_assert!(outside),
                }
            }
            prop_assert!(u64::try_from(found.len()).expect("few") <= HERE + REST + 2);
        }
    }
}
