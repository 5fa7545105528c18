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

/// And no fewer, or nobody can tell.
const FEW: u64 = 8;

/// Events of a stretch of the rest at least, where there are enough.
const CROWD: u64 = 20;

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

/// What is compared: the buckets of a part of the time, and of the rest.
#[derive(Clone, Debug)]
pub struct Sides {
    here: Vec<Bucket>,
    before: Vec<Bucket>,
    after: Vec<Bucket>,
}

impl Sides {
    /// Compares `[part.0, part.1)` with the rest of the buckets, which are in the order of time.
    ///
    /// What has begun in the middle of a bar belongs to the part and lies outside it, and would pass
    /// for a habit of the rest: the bars beside the part, as far as `around`, are on neither side.
    /// They are of the rest only where there is not more of it without them.
    pub fn new(buckets: &[Bucket], part: (Micros, Micros), around: (Micros, Micros)) -> Self {
        let outside = |(since, until): (Micros, Micros)| {
            let old = buckets.iter().filter(move |bucket| bucket.until <= since);
            let new = buckets.iter().filter(move |bucket| bucket.since >= until);
            (
                old.copied().collect::<Vec<_>>(),
                new.copied().collect::<Vec<_>>(),
            )
        };
        let (near, far) = (outside(part), outside(around));
        let events = |both: &(Vec<_>, Vec<_>)| sum(&both.0) + sum(&both.1);
        let (before, after) = if 2 * events(&far) > events(&near) {
            far
        } else {
            near
        };
        let (since, until) = part;
        let within = |bucket: &&Bucket| bucket.since < until && since < bucket.until;
        let here = (buckets.iter().filter(within))
            .map(|bucket| Bucket {
                since: bucket.since.max(since),
                until: bucket.until.min(until),
                ..*bucket
            })
            .collect();
        Self {
            here,
            before,
            after,
        }
    }

    /// Events: of the part, of the rest.
    pub fn events(&self) -> (u64, u64) {
        (sum(&self.here), sum(&self.before) + sum(&self.after))
    }

    /// Events in a minute: of the part, of the rest. What is still to come is no time without events.
    #[expect(clippy::cast_precision_loss, reason = "rates are told with two digits")]
    pub fn rates(&self, now: Micros) -> (f64, f64) {
        let passed = |buckets: &[Bucket]| -> i64 {
            let lengths = buckets.iter().map(|bucket| {
                let until = bucket.until.min(now);
                until.0.saturating_sub(bucket.since.0).max(0)
            });
            lengths.sum()
        };
        let rate = |events: u64, length: i64| {
            events as f64 * (60 * Micros::SECOND) as f64 / length.max(1) as f64
        };
        let (here, rest) = self.events();
        (
            rate(here, passed(&self.here)),
            rate(rest, passed(&self.before) + passed(&self.after)),
        )
    }

    /// Stretches to read; the part's come first.
    pub fn probes(&self, cost: Cost) -> Vec<Probe> {
        let (old, new) = (sum(&self.before), sum(&self.after));
        let share = |whole: u64, events: u64| {
            u64::try_from(u128::from(whole) * u128::from(events) / u128::from((old + new).max(1)))
                .unwrap_or(whole)
        };
        // Of a handful of events the share says nothing; too few shares say nothing of habits.
        let habits = ((old + new) / CROWD).clamp(FEW, REST);
        let (few, many) = match cost {
            Cost::Little => (HERE, habits),
            Cost::AllRows(rows) => (1, (LOOKED_AT / rows.max(1)).clamp(2, habits)),
        };
        let mut probes = stretches(Side::Here, &self.here, few, MOST);
        for (side, events) in [(&self.before, old), (&self.after, new)] {
            let most = share(MOST, events).max(1);
            if cost != Cost::Little && events <= most {
                let parts = stretches(Side::Rest, side, share(habits, events).max(1), most);
                probes.extend(joined(parts));
            } else {
                probes.extend(stretches(
                    Side::Rest,
                    side,
                    share(many, events).max(1),
                    most,
                ));
            }
        }
        probes
    }
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

    fn sides(events: &[u64], since: i64, until: i64) -> Sides {
        let part = (Micros(since), Micros(until));
        Sides::new(&buckets(events), part, part)
    }

    #[test]
    fn the_bars_beside_the_part_are_on_neither_side_unless_little_else_is_left() {
        let part = (Micros(2_000), Micros(3_000));
        let around = (Micros(1_000), Micros(4_000));
        let many = Sides::new(&buckets(&[50, 4, 100, 5, 60]), part, around);
        assert_eq!(many.events(), (100, 110));
        let few = Sides::new(&buckets(&[3, 40, 100, 50, 6]), part, around);
        assert_eq!(few.events(), (100, 99));
        // Events in a microsecond; the last bucket is over at 5,000.
        let thousandth = |rate: f64| format!("{:.3}", rate / 60_000_000.0);
        assert_eq!(thousandth(few.rates(Micros(9_000)).0), "0.100");
        assert_eq!(thousandth(many.rates(Micros(4_500)).1), "0.073");
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
        let probes = sides(&[5, 7, 3], 1_000, 2_000).probes(Cost::Little);
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
            let found = sides(events, 9_000, 10_000).probes(cost);
            (found.into_iter())
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
            let found = sides(&events, since.0, until.0).probes(Cost::Little);
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
