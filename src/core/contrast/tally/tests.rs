//! Made-up events whose mix is known.

use super::*;
use crate::core::event::{Outcome, Values, sample};
use crate::core::instant::At;
use crate::core::scalar::Scalar;

/// Numbers that look like chance and are the same in every run.
struct Dice(u64);

impl Dice {
    fn of(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % sides
    }
}

fn event(user: &str, outcome: Outcome) -> Event {
    Event {
        outcome: Some(outcome),
        ..sample(At::Absent, &[(Field::Actor, user)], "{}")
    }
}

fn feed(tally: &mut Tally, side: Side, user: &str, record: &str, outcome: Outcome) {
    let event = event(user, outcome);
    let json = FlatJson::parse(record.to_owned()).expect("valid");
    tally.take(side, &event, &json);
}

fn tally() -> Tally {
    Tally::new(
        &crate::core::profile::load::named("clutch").expect("built in"),
        1.0,
    )
}

/// A rest of 40 stretches of 50 events, of eight users who come and go, and a part of 400.
fn compared(mut part: impl FnMut(&mut Dice) -> (String, String, Outcome)) -> Verdict {
    let mut dice = Dice(7);
    let mut tally = tally();
    for _ in 0..8 {
        for _ in 0..50 {
            let (user, record, outcome) = part(&mut dice);
            feed(&mut tally, Side::Here, &user, &record, outcome);
        }
        tally.close(Side::Here);
    }
    for _ in 0..40 {
        // Whoever is at work in this stretch does most of it.
        let busy = dice.of(8);
        for _ in 0..50 {
            let (user, record, outcome) = ordinary(&mut dice, busy);
            feed(&mut tally, Side::Rest, &user, &record, outcome);
        }
        tally.close(Side::Rest);
    }
    tally.verdict()
}

fn ordinary(dice: &mut Dice, busy: u64) -> (String, String, Outcome) {
    let user = if dice.of(3) == 0 { busy } else { dice.of(8) };
    let record = format!(
        r#"{{"id":{},"d":{{"cluster":"c{}","tags":["t{}","t{}"]}}}}"#,
        dice.of(1 << 30),
        dice.of(4),
        dice.of(5),
        dice.of(5)
    );
    let outcome = if dice.of(20) == 0 {
        Outcome::Failed
    } else {
        Outcome::Ok
    };
    (format!("u{user}"), record, outcome)
}

fn findings(verdict: Verdict) -> Vec<(String, String)> {
    let Verdict::Different(findings) = verdict else {
        panic!("{verdict:?}");
    };
    let name = |subject: &Subject| match subject {
        Subject::Outcome => "outcome".to_owned(),
        Subject::Field(field) => field.name().to_owned(),
        Subject::Own(own) => own.name.clone(),
        Subject::Path(path) => format!(".{path}"),
    };
    (findings.iter())
        .map(|finding| (name(&finding.subject), finding.value.text().to_owned()))
        .collect()
}

#[test]
fn more_of_the_same_is_no_difference() {
    let same = compared(|dice| {
        let busy = dice.of(8);
        ordinary(dice, busy)
    });
    assert_eq!(findings(same), []);
}

#[test]
fn a_user_a_path_and_failures_are_found_and_nothing_else() {
    let who = compared(|dice| {
        let busy = dice.of(8);
        let (user, record, outcome) = ordinary(dice, busy);
        let user = if dice.of(10) < 7 {
            "bot".to_owned()
        } else {
            user
        };
        (user, record, outcome)
    });
    assert_eq!(findings(who)[0], ("actor".to_owned(), "bot".to_owned()));
    let which = compared(|dice| {
        let busy = dice.of(8);
        let (user, record, outcome) = ordinary(dice, busy);
        (
            user,
            record
                .replace("\"c1\"", "\"c3\"")
                .replace("\"c2\"", "\"c3\""),
            outcome,
        )
    });
    assert_eq!(
        findings(which)[0],
        (".d.cluster".to_owned(), "c3".to_owned())
    );
    let failed = compared(|dice| {
        let busy = dice.of(8);
        let (user, record, outcome) = ordinary(dice, busy);
        let outcome = if dice.of(2) == 0 {
            Outcome::Denied
        } else {
            outcome
        };
        (user, record, outcome)
    });
    let found = findings(failed);
    assert!(found.iter().all(|(name, _)| name == "outcome"), "{found:?}");
    assert!(found.contains(&("outcome".to_owned(), "denied".to_owned())));
}

#[test]
fn what_only_the_part_has_counts_from_the_beginning() {
    let odd = compared(|dice| {
        let busy = dice.of(8);
        let (user, record, outcome) = ordinary(dice, busy);
        (
            user,
            record.replace("\"id\"", "\"trace\":\"x\",\"id\""),
            outcome,
        )
    });
    let Verdict::Different(findings) = odd else {
        panic!("{odd:?}");
    };
    let shares: Vec<_> = (findings.iter())
        .map(|finding| (finding.here.fraction(), finding.rest.fraction()))
        .collect();
    // That all have it and that it is missing nowhere is one and the same.
    assert!(
        shares.contains(&(1.0, 0.0)) && shares.contains(&(0.0, 1.0)),
        "{findings:?}"
    );
    assert_eq!(findings.len(), 2, "{findings:?}");
}

#[test]
fn few_events_in_many_stretches_are_compared_all_the_same() {
    let mut dice = Dice(7);
    let mut tally = tally();
    for _ in 0..40 {
        feed(&mut tally, Side::Here, "u0", "{}", Outcome::Failed);
    }
    tally.close(Side::Here);
    for _ in 0..48 {
        let user = format!("u{}", dice.of(8));
        feed(&mut tally, Side::Rest, &user, "{}", Outcome::Failed);
        tally.close(Side::Rest);
    }
    assert_eq!(
        findings(tally.verdict())[0],
        ("actor".to_owned(), "u0".to_owned())
    );
}

#[test]
fn events_that_take_longer_than_nine_in_ten_elsewhere_are_told() {
    let mut tally = tally();
    let take = |tally: &mut Tally, side, milliseconds: u64| {
        let text = milliseconds.to_string();
        let event = Event {
            values: Values::of(&[(Field::Duration, Scalar::Number(text.into()))]),
            ..event("u", Outcome::Ok)
        };
        tally.take(side, &event, &FlatJson::parse("{}").expect("valid"));
    };
    for n in 0..100 {
        take(&mut tally, Side::Here, if n % 2 == 0 { 900 } else { 50 });
    }
    tally.close(Side::Here);
    for n in 1..=100 {
        take(&mut tally, Side::Rest, n);
    }
    tally.close(Side::Rest);
    let Verdict::Different(findings) = tally.verdict() else {
        panic!("enough events");
    };
    let long = &findings[0];
    assert_eq!(long.subject, Subject::Field(Field::Duration));
    let Value::AtLeast(limit) = &long.value else {
        panic!("{long:?}");
    };
    let limit: f64 = limit.parse().expect("a number");
    assert!((89.0..=91.0).contains(&limit), "{limit}");
    assert_eq!(long.here.events, 50);
    assert!((10..=12).contains(&long.rest.events), "{long:?}");
}

#[test]
fn a_smaller_share_of_more_events_is_no_difference() {
    let verdict = |rush: f64| {
        let mut tally = Tally { rush, ..tally() };
        for n in 0..400 {
            let user = if n % 20 == 0 { "bot" } else { "u" };
            feed(&mut tally, Side::Here, user, "{}", Outcome::Ok);
        }
        tally.close(Side::Here);
        for n in 0..400 {
            let user = if n % 3 == 0 { "bot" } else { "u" };
            feed(&mut tally, Side::Rest, user, "{}", Outcome::Ok);
        }
        tally.close(Side::Rest);
        findings(tally.verdict())
    };
    let bot = ("actor".to_owned(), "bot".to_owned());
    assert!(verdict(1.0).contains(&bot));
    assert!(!verdict(5.0).contains(&bot));
}

#[test]
fn where_nobody_knows_what_varies_shares_must_be_further_apart() {
    let verdict = |stretches: u64| {
        let mut tally = tally();
        let mut side = |side, of_bot: u64| {
            for n in 0..900 {
                let user = if n % 100 < of_bot { "bot" } else { "u" };
                feed(&mut tally, side, user, "{}", Outcome::Ok);
            }
            tally.close(side);
        };
        side(Side::Here, 45);
        for _ in 0..stretches {
            side(Side::Rest, 30);
        }
        (tally.habits(), findings(tally.verdict()).len())
    };
    assert_eq!(verdict(2), (Habits::Unseen, 0));
    assert_eq!(verdict(12), (Habits::Seen, 2));
}

/// Shares of one user in stretches of a hundred events, the part's and the rest's.
fn told(rush: f64, here: &[(&str, u64)], rest: &[Vec<(&str, u64)>]) -> Vec<(String, String)> {
    let profile = crate::core::profile::load::named("clutch").expect("built in");
    let mut tally = Tally::new(&profile, rush);
    let mut stretch = |side, mix: &[(&str, u64)]| {
        for (user, events) in mix {
            for n in 0..*events {
                let record = if *user == "probe" { "{}" } else { r#"{"a":1}"# };
                let user = if *user == "u" {
                    format!("u{}", n % 9)
                } else {
                    (*user).to_owned()
                };
                feed(&mut tally, side, &user, record, Outcome::Ok);
            }
        }
        tally.close(side);
    };
    (0..8).for_each(|_| stretch(Side::Here, here));
    for mix in rest {
        stretch(Side::Rest, mix);
    }
    findings(tally.verdict())
}

#[test]
fn another_spike_elsewhere_makes_no_habit() {
    let mut rest = vec![vec![("u", 95), ("x", 5)]; 15];
    rest.push(vec![("u", 20), ("x", 80)]);
    let found = told(1.0, &[("u", 50), ("x", 50)], &rest);
    assert!(
        found.contains(&("actor".to_owned(), "x".to_owned())),
        "{found:?}"
    );
    // Twice is a habit.
    rest.push(vec![("u", 20), ("x", 80)]);
    let found = told(1.0, &[("u", 50), ("x", 50)], &rest);
    assert!(
        !found.contains(&("actor".to_owned(), "x".to_owned())),
        "{found:?}"
    );
}

#[test]
fn an_incident_elsewhere_takes_nothing_from_here() {
    let mut rest = vec![vec![("u", 95), ("x", 5)]; 7];
    rest.push(vec![("x", 100)]);
    assert_eq!(told(1.0, &[("u", 95), ("x", 5)], &rest), []);
}

#[test]
fn what_a_bot_at_its_own_pace_leaves_to_others_is_no_difference() {
    let rest = vec![vec![("u", 75), ("probe", 25)]; 16];
    let here = [("u", 95), ("probe", 5)];
    assert_eq!(told(5.0, &here, &rest), []);
    // Were it that the others do as much as ever, it is the bot that is away.
    assert!(!told(1.0, &here, &rest).is_empty());
}

#[test]
fn a_handful_of_events_is_not_compared() {
    let mut tally = tally();
    for _ in 0..3 {
        feed(&mut tally, Side::Here, "u", "{}", Outcome::Ok);
    }
    tally.close(Side::Here);
    for _ in 0..30 {
        feed(&mut tally, Side::Rest, "u", "{}", Outcome::Ok);
    }
    tally.close(Side::Rest);
    assert_eq!(tally.verdict(), Verdict::TooFew(3, 30));
}

#[test]
fn a_million_different_values_are_forgotten() {
    let mut tally = tally();
    for stretch in 0..20 {
        for number in 0..500 {
            let user = format!("{stretch}-{number}");
            feed(&mut tally, Side::Rest, &user, "{}", Outcome::Ok);
        }
        tally.close(Side::Rest);
    }
    let kept = &tally.subjects[&Subject::Field(Field::Actor)].values;
    assert!(kept.len() <= 2 * VALUES, "{}", kept.len());
}
