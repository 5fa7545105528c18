//! The demo's spikes and what "what is different" says of them, whatever the time of day it starts.

use crate::core::contrast::Verdict;
use crate::core::contrast::probe::{Bucket, Cost, Sides, Walk};
use crate::core::contrast::tally::Tally;
use crate::core::event::{Event, sample};
use crate::core::instant::Micros;
use crate::core::json::FlatJson;
use crate::core::profile::Profile;
use crate::core::profile::evaluate::evaluate;
use crate::core::profile::load;
use crate::demo::material::{Episode, Material};
use crate::demo::{DemoRow, History, Plan};

const MINUTE: i64 = 60 * Micros::SECOND;
const BAR: i64 = 15 * MINUTE;
const DAY: i64 = 96 * BAR;

/// A Friday.
const NOW: Micros = Micros(1_790_000_000_000_000);

/// Times of the day.
const TURNS: u64 = 6;

/// The day an episode is on.
fn day_of(episode: &Episode, now: Micros) -> i64 {
    let last = now.0.div_euclid(DAY) - episode.days_ago;
    last - (last + 3 - episode.weekday).rem_euclid(7)
}

/// What a store gives of a row.
fn read(profile: &Profile, row: &DemoRow) -> (Event, FlatJson<'static>) {
    let record = format!(
        r#"{{"occurred_at":"{}","details":{}}}"#,
        row.occurred_at, row.details
    );
    let json = FlatJson::parse(record).expect("valid");
    let evaluated = evaluate(profile, &json);
    let mut event = sample(evaluated.at, &[], "{}");
    event.outcome = evaluated.outcome;
    event.values = evaluated.values;
    (event, json)
}

/// What is different in an episode from the rest of its day, under a brush on the bars within it.
fn compared(profile: &Profile, rows: &[DemoRow], episode: &Episode, day: i64) -> Verdict {
    let [hour, minute] = episode.begins;
    let begin = day * DAY + (hour * 60 + minute) * MINUTE;
    let end = begin + episode.minutes * MINUTE;
    let since = (begin + BAR - 1).div_euclid(BAR) * BAR;
    let until = end.div_euclid(BAR) * BAR;
    let before = |at: i64| rows.partition_point(|row| row.occurred_at.0 < at);
    let bars: Vec<Bucket> = (0..DAY / BAR)
        .map(|bar| {
            let first = day * DAY + bar * BAR;
            Bucket {
                since: Micros(first),
                until: Micros(first + BAR),
                events: (before(first + BAR) - before(first)) as u64,
            }
        })
        .collect();
    let around = (Micros(since - BAR), Micros(until + BAR));
    let sides = Sides::new(&bars, (Micros(since), Micros(until)), around);
    let (here, rest) = sides.rates(NOW);
    let mut tally = Tally::new(profile, here / rest);
    for probe in sides.probes(Cost::Little) {
        let mut walk = Walk::new(&probe);
        let stretch = &rows[before(probe.since.0)..before(probe.until.0)];
        let most = usize::try_from(probe.most).expect("few");
        for row in stretch.iter().rev().take(most) {
            let (event, json) = read(profile, row);
            tally.pass(&mut walk, &event, &json);
        }
        tally.close(probe.side);
    }
    tally.verdict()
}

/// What must be said of an episode: who, what or where, where that is always the same.
fn causes(episode: &Episode) -> Vec<&str> {
    let who = episode.people.iter().filter(|_| episode.people.len() == 1);
    let what = episode.method.iter();
    let place = episode.cluster.iter().filter(|_| episode.method.is_none());
    who.chain(what).chain(place).map(String::as_str).collect()
}

#[test]
fn each_cause_is_named_at_any_time_of_the_day_and_of_a_busy_day_none() {
    let profile = load::named("clutch").expect("built in");
    for turn in 0..TURNS {
        let plan = Plan {
            seed: 7 + turn % 3,
            events: 100_000,
            now: NOW.plus(i64::try_from(turn).expect("few") * 187 * MINUTE),
        };
        let rows: Vec<DemoRow> = History::new(plan).collect();
        for episode in &Material::get().people.episodes {
            let day = day_of(episode, plan.now);
            let first = rows.partition_point(|row| row.occurred_at.0 < day * DAY);
            let last = rows.partition_point(|row| row.occurred_at.0 < (day + 1) * DAY);
            let verdict = compared(&profile, &rows[first..last], episode, day);
            let Verdict::Different(found) = &verdict else {
                panic!("{plan:?}: {verdict:?}");
            };
            let said: Vec<&str> = found.iter().map(|finding| finding.value.text()).collect();
            let causes = causes(episode);
            let named = causes.iter().all(|cause| said.contains(cause));
            assert!(named, "{plan:?}: {causes:?} of {said:?}");
            assert!(!causes.is_empty() || said.is_empty(), "{plan:?}: {said:?}");
        }
    }
}
