//! What is copied from the screen opens the same screen again.

use std::process::Command as Process;

use chrono_tz::Tz;
use clap::Parser as _;
use proptest::prelude::*;

use super::*;
use crate::app::usage::By;
use crate::app::view::anchor::Anchor;
use crate::app::view::{Tab, line};
use crate::cli::arguments::{Cli, Command, spare_filters};
use crate::core::calendar::Period;

/// The words of a line, as a shell takes it apart.
fn shell(line: &str) -> Vec<String> {
    let script = format!("set -- {line}; for word; do printf '%s\\0' \"$word\"; done");
    let output = Process::new("sh").args(["-c", &script]).output();
    let text = String::from_utf8(output.expect("a shell").stdout).expect("text");
    let words = text.split_terminator('\0');
    words.map(str::to_owned).collect()
}

/// What a command line opens.
fn opened(line: &str) -> Opening {
    let cli = Cli::try_parse_from(spare_filters(shell(line).into_iter().map(Into::into)));
    let cli = cli.unwrap_or_else(|error| panic!("{line}: {error}"));
    let (first, words) = match (&cli.command, &cli.target) {
        (Some(Command::Demo(demo)), _) => (&demo.first, crate::cli::demo::words(demo)),
        (_, Some(target)) => (&cli.first, words(target, &cli.common)),
        _ => panic!("{line}: nothing to open"),
    };
    opening(first, words, &Files::default(), &cli.common).expect(line)
}

fn texts() -> impl Strategy<Value = String> {
    r#"[a-z0-9 :'"$`\\*()é-]{0,16}"#.prop_map(|text| text.trim().to_owned())
}

fn views() -> impl Strategy<Value = View> {
    let zones = || prop::sample::select(vec![Tz::UTC, Tz::Asia__Kolkata, Tz::Europe__Berlin]);
    let tab = prop::sample::select(Tab::ALL.map(|(tab, _)| tab).to_vec());
    let period = prop::sample::select(Period::ALL.map(|(period, _)| period).to_vec());
    let by = prop::sample::select(By::ALL.map(|(by, _)| by).to_vec());
    let event = texts().prop_map(|text| Anchor::from(text.as_str()));
    let event = prop::option::of(event);
    let columns = prop::collection::vec(r#"[a-z.]{1,4}(\."[a-z,' $]{1,4}")?"#, 0..4);
    (
        texts(),
        columns,
        event,
        tab,
        prop::option::of(period),
        by,
        zones(),
        zones(),
    )
        .prop_map(|(filter, columns, event, tab, period, by, tz, zone)| View {
            filter,
            columns,
            event,
            tab,
            period,
            by,
            tz: Some(tz),
            zone: Some(zone).filter(|zone| *zone != tz),
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn what_is_copied_opens_the_same(view in views(), name in "[a-z' $]{1,8}", table in prop::option::of("[a-z.\"']{1,8}")) {
        let target = format!("/srv/{name}x.db");
        let mut words = vec![target];
        words.extend(table.into_iter().flat_map(|table| ["--table".to_owned(), table]));
        if view.by == By::Groups {
            words.extend(["--groups", "/srv/groups.csv"].map(str::to_owned));
        }
        let again = opened(&line::spell(&words, &view));
        prop_assert_eq!(&again.words, &words);
        prop_assert_eq!(again.view, view);
    }
}

/// What looks like an option is none.
#[test]
fn a_filter_that_begins_with_a_sign_is_copied_as_one() {
    for filter in ["-o", "--", "-user:bob", "-h"] {
        let view = View {
            filter: filter.to_owned(),
            columns: vec!["-x".to_owned()],
            tz: Some(Tz::UTC),
            ..View::default()
        };
        let again = opened(&line::spell(&["/srv/x.db".to_owned()], &view));
        assert_eq!(again.view.filter, filter);
        assert_eq!(again.view.columns, view.columns);
    }
}

#[test]
fn the_demo_is_opened_again_too() {
    let words: Vec<String> = opened("auditail demo --events 3000 --seed 7 --rate 0.5").words;
    let view = View {
        filter: "-action:Describe*".to_owned(),
        tz: Some(Tz::UTC),
        ..View::default()
    };
    let line = line::spell(&words, &view);
    assert!(
        line.starts_with(
            "auditail demo --system clutch --events 3000 --seed 7 --rate 0.5 --filter='-action"
        ),
        "{line}"
    );
    let again = opened(&line);
    assert_eq!((again.words, again.view), (words, view));
}

#[test]
fn no_password_is_copied() {
    let opening = opened("auditail 'postgres://u:secret@h/db?password=secret' --table audit");
    assert_eq!(opening.words, ["postgres://u@h/db", "--table", "audit"]);
}
