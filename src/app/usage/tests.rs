//! What the tab asks, shows and leads to.

use crate::app::layout::{Regions, Sections};
use crate::app::rig::{Rig, event};
use crate::app::usage::{SECTIONS, State};
use crate::app::{Effect, Generation, Msg, Page};
use crate::core::usage::Report;
use crate::core::usage::answer::{Answer, Compared};
use crate::store::StoreError;

/// Alice pokes six times and fails twice, bob reads three times.
fn rig() -> Rig {
    let alice = (0..6).map(|n| event(n, n - 20, "alice", "Poke", if n < 2 { 7 } else { 0 }));
    let bob = (6..9).map(|n| event(n, n - 20, "bob", "Read", 0));
    Rig::new(alice.chain(bob).collect())
}

/// Says that these reports are on the screen.
fn see(rig: &mut Rig, numbers: impl IntoIterator<Item = usize>) {
    let mut sections = Sections::default();
    numbers
        .into_iter()
        .for_each(|number| sections.insert(number));
    let regions = Regions {
        sections,
        ..*rig.app.regions()
    };
    rig.tell(Msg::Laid(regions));
}

fn place(report: Report) -> usize {
    let found = SECTIONS.iter().position(|(one, ..)| *one == report);
    found.expect("on the tab")
}

fn all() -> std::ops::Range<usize> {
    0..SECTIONS.len()
}

#[test]
fn reports_on_the_screen_are_asked_and_no_others() {
    let mut rig = rig();
    rig.press("2");
    assert_eq!(rig.app.page, Page::Usage);
    see(&mut rig, [place(Report::Totals)]);
    for (number, section) in rig.app.usage.sections.iter().enumerate() {
        let is_whole = matches!(section.state, State::Whole);
        assert_eq!(is_whole, number == place(Report::Totals), "{number}");
    }
    let Some(Answer::Totals(totals)) = &rig.app.usage.sections[place(Report::Totals)].answer else {
        panic!("no totals");
    };
    assert_eq!(totals.events, Compared { now: 9, before: 0 });
    assert_eq!(totals.users, Some(Compared { now: 2, before: 0 }));
    assert_eq!(totals.new_users, Some(2));
    assert_eq!(totals.failed, Some(Compared { now: 2, before: 0 }));
    see(&mut rig, all());
    let open = |rig: &Rig| {
        let sections = rig.app.usage.sections.iter();
        sections
            .filter(|section| matches!(section.state, State::Asking))
            .count()
    };
    assert_eq!(open(&rig), 0);
}

#[test]
fn a_line_leads_to_its_events_and_back() {
    let mut rig = rig();
    rig.press("2");
    see(&mut rig, all());
    rig.app.usage.selected = (place(Report::Actions), 0);
    rig.press("enter");
    assert_eq!(
        (rig.app.page, rig.app.filter.text()),
        (Page::Events, "since:-90d action:Poke")
    );
    assert_eq!(rig.app.question.text, "since:-90d action:Poke");
    rig.press("2");
    see(&mut rig, all());
    let Some(Answer::Ranking(users)) = &rig.app.usage.sections[place(Report::TopUsers)].answer
    else {
        panic!("no users");
    };
    assert_eq!(users.rows.len(), 1, "the tab obeys the filter");
    rig.app.usage.selected = (place(Report::TopUsers), 0);
    rig.press("-");
    assert_eq!(
        (rig.app.page, rig.app.filter.text()),
        (Page::Usage, "since:-90d action:Poke -user:alice")
    );
    rig.press("esc");
    assert_eq!(rig.app.page, Page::Events);
}

#[test]
fn a_log_that_ended_long_ago_is_reported_to_its_end() {
    const YEAR: i64 = 365 * 24 * 3_600;
    let mut rig = Rig::new(vec![event(1, -YEAR, "alice", "Poke", 0)]);
    rig.press("2");
    see(&mut rig, [place(Report::Totals)]);
    let Some(Answer::Totals(totals)) = &rig.app.usage.sections[place(Report::Totals)].answer else {
        panic!("no totals");
    };
    assert_eq!(totals.events.now, 1);
}

#[test]
fn a_period_of_a_series_becomes_the_range() {
    let mut rig = rig();
    rig.press("2");
    see(&mut rig, all());
    rig.app.usage.selected = (place(Report::Users), 0);
    rig.press("enter");
    assert!(
        rig.app.filter.text().starts_with("since:"),
        "{}",
        rig.app.filter.text()
    );
    assert!(
        rig.app.filter.predicate().is_some(),
        "{}",
        rig.app.filter.text()
    );
}

#[test]
fn what_is_known_at_once_is_drawn() {
    let mut rig = rig();
    rig.press("f 'since:2999' enter");
    rig.press("2");
    rig.app.take_dirty();
    see(&mut rig, all());
    assert!(rig.app.take_dirty(), "nothing had to be asked");
    see(&mut rig, all());
    assert!(!rig.app.take_dirty(), "nothing has changed since");
}

#[test]
fn failures_lead_to_failures_and_periods_cannot_be_left_out() {
    let mut rig = rig();
    rig.press("2");
    see(&mut rig, all());
    rig.app.usage.selected = (place(Report::Users), 0);
    rig.press("-");
    assert_eq!((rig.app.page, rig.app.filter.text()), (Page::Usage, ""));
    rig.app.usage.selected = (place(Report::Errors), 0);
    rig.press("enter");
    assert!(
        rig.app.filter.text().ends_with(" is:error"),
        "{}",
        rig.app.filter.text()
    );
}

#[test]
fn cards_and_the_week_lead_somewhere() {
    let mut rig = rig();
    rig.press("2");
    see(&mut rig, all());
    let totals = place(Report::Totals);
    for (card, report) in [(1, Report::TopUsers), (2, Report::NewUsers)] {
        rig.app.usage.selected = (totals, card);
        rig.press("enter");
        assert_eq!(rig.app.usage.selected, (place(report), 0));
        assert_eq!((rig.app.page, rig.app.filter.text()), (Page::Usage, ""));
    }
    rig.app.usage.selected = (place(Report::Heatmap), 0);
    rig.press("enter");
    assert_eq!(
        rig.app.question.text,
        "since:2026-01-15T12:00:00.000000Z until:2026-01-15T12:04:05.000000Z"
    );
    rig.press("f ctrl-u enter");
    rig.press("2");
    see(&mut rig, all());
    rig.app.usage.selected = (totals, 3);
    rig.press("enter");
    assert_eq!(rig.app.question.text, "since:-90d is:error");
}

#[test]
fn what_is_read_from_events_leads_back_to_them() {
    let mut rig = rig();
    rig.press("2");
    see(&mut rig, all());
    let answer = |rig: &Rig, report| rig.app.usage.sections[place(report)].answer.clone();
    let Some(Answer::Calls(calls)) = answer(&rig, Report::Calls) else {
        panic!("no calls");
    };
    assert_eq!((calls.rows[0].id.as_str(), calls.total), ("8", 9));
    let Some(Answer::Followed { ranking, .. }) = answer(&rig, Report::Followed) else {
        panic!("nothing is followed");
    };
    assert_eq!((ranking.rows[0].events, ranking.rows[0].followed), (6, 1));
    for (report, line, filter) in [
        (
            Report::Calls,
            0,
            "since:2026-01-15T12:03:53.000000Z until:2026-01-15T12:03:53.000001Z id:\"8\"",
        ),
        (Report::Followed, 0, "since:-90d action:Poke"),
        (
            Report::Traces,
            0,
            "since:-90d (status:~PERMISSION_DENIED is:error)",
        ),
        (Report::Similar, 1, "since:-90d user:bob"),
        (
            Report::Activity,
            0,
            "since:2026-01-15T00:00:00.000000Z until:2026-01-15T12:04:05.000000Z",
        ),
    ] {
        rig.press("f ctrl-u enter");
        rig.press("2");
        see(&mut rig, all());
        rig.app.usage.selected = (place(report), line);
        rig.press("enter");
        assert_eq!(rig.app.question.text, filter, "{report:?}");
        assert!(!rig.app.timeline.is_empty(), "{filter}");
    }
}

#[test]
fn a_page_on_nothing_is_skipped() {
    let mut rig = rig();
    rig.press("2");
    // Three of them fit, the last one in part.
    let mut seen = vec![0, 1, 2];
    let mut shown: Vec<usize> = seen.clone();
    while shown.last() != Some(&(SECTIONS.len() - 1)) {
        see(&mut rig, seen.clone());
        rig.press("pgdn");
        let selected = rig.app.usage.selected.0;
        seen = (selected.saturating_sub(2)..=selected).collect();
        shown.extend(&seen);
    }
    assert!(
        (0..SECTIONS.len()).all(|number| shown.contains(&number)),
        "{shown:?}"
    );
    assert!(shown.len() <= 3 * SECTIONS.len(), "{shown:?}");
    see(&mut rig, seen);
    rig.press("pgup");
    assert_eq!(rig.app.usage.selected, (SECTIONS.len() - 3, 0));
}

#[test]
fn every_report_can_be_gone_to() {
    let mut rig = rig();
    rig.press("2");
    rig.press("tab tab tab");
    // Nothing of it has been asked yet.
    assert_eq!(rig.app.usage.selected, (place(Report::Actions), 0));
    rig.press("enter");
    assert_eq!(rig.app.page, Page::Usage);
    see(&mut rig, all());
    rig.press("j");
    assert_eq!(rig.app.usage.selected, (place(Report::Actions), 1));
    rig.press("j");
    assert_eq!(rig.app.usage.selected, (place(Report::TopUsers), 0));
    rig.press("backtab");
    assert_eq!(rig.app.usage.selected, (place(Report::Actions), 0));
    rig.press("G");
    assert_eq!(rig.app.usage.selected.0, SECTIONS.len() - 1);
    rig.press("g g");
    assert_eq!(rig.app.usage.selected, (0, 0));
}

#[test]
fn a_lost_connection_is_tried_once_and_a_failure_stops_one_report() {
    let mut rig = rig();
    rig.silent = true;
    rig.press("2");
    let number = place(Report::Totals);
    see(&mut rig, [number]);
    let lost = || StoreError::Lost {
        name: "x".to_owned(),
        message: "gone".to_owned(),
    };
    for is_over in [false, true] {
        let asked = rig.app.usage.asked;
        let answer = crate::app::Answer::UsageEnd(Err(lost()));
        let effects = rig.app.update(Msg::Answer(asked, answer));
        let again = effects
            .iter()
            .any(|effect| matches!(effect, Effect::Usage(..)));
        assert_eq!(again, !is_over);
        let state = &rig.app.usage.sections[number].state;
        assert_eq!(matches!(state, State::Failed(_)), is_over);
    }
}

#[test]
fn what_is_read_fills_in() {
    let mut rig = rig();
    rig.silent = true;
    rig.press("2");
    let number = place(Report::Followed);
    see(&mut rig, [number]);
    let usage = rig.app.usage.sections[number].usage().clone();
    let asked = rig.app.usage.asked;
    let known = || crate::app::Answer::UsageSoFar(Box::new(rig_answer(&usage)));
    let _ = rig.app.update(Msg::Answer(Generation::default(), known()));
    assert!(rig.app.usage.sections[number].answer.is_none());
    let _ = rig.app.update(Msg::Answer(asked, known()));
    let section = &rig.app.usage.sections[number];
    assert!(matches!(section.answer, Some(Answer::Followed { .. })));
    assert!(matches!(section.state, State::Asking) && rig.app.usage.is_asking());
}

fn rig_answer(usage: &crate::core::usage::Usage) -> Answer {
    Answer::followed(usage, &crate::core::usage::sequel::Sequels::default())
}

#[test]
fn a_store_may_tell_the_groups_itself() {
    let groups = |table: &[u8]| {
        let groups = crate::core::group::Groups::parse(table, "groups.csv");
        std::sync::Arc::new(groups.expect("a table"))
    };
    for (given, expected) in [(None, "own"), (Some(groups(b"alice,given\n")), "given")] {
        let mut settings = crate::app::rig::settings();
        settings.groups = given;
        settings.opening.view.by = crate::app::usage::By::Groups;
        settings.opening.view.filter = format!("group:{expected}");
        let own = Some(groups(b"alice,own\n"));
        let mut rig = Rig::grouped(crate::app::App::new(settings), rig().events, own);
        assert_eq!(rig.app.filter.diagnostics(), [], "{expected}");
        rig.press("2");
        see(&mut rig, all());
        let Some(Answer::Ranking(found)) = &rig.app.usage.sections[place(Report::TopUsers)].answer
        else {
            panic!("no ranking");
        };
        assert_eq!(found.rows[0].value.as_deref(), Some(expected));
    }
    // Without any they are told one by one, whatever a view remembers.
    let mut settings = crate::app::rig::settings();
    settings.opening.view.by = crate::app::usage::By::Groups;
    let rig = Rig::of(crate::app::App::new(settings), rig().events);
    assert_eq!(rig.app.usage.by, crate::app::usage::By::Users);
}

#[test]
fn stopping_is_heeded_until_somebody_asks_again() {
    let mut rig = rig();
    rig.silent = true;
    rig.press("2");
    see(&mut rig, all());
    assert!(rig.app.usage.is_asking());
    rig.press("ctrl-c");
    assert!(!rig.app.usage.is_asking() && rig.app.usage.is_stopped());
    see(&mut rig, all());
    assert!(!rig.app.usage.is_asking());
    rig.silent = false;
    rig.press("f5");
    see(&mut rig, all());
    assert!(matches!(rig.app.usage.sections[0].state, State::Whole));
}

#[test]
fn users_are_told_by_their_groups_and_lead_to_their_events() {
    let mut settings = crate::app::rig::settings();
    let table = b"alice,ops\nalice,on call\n";
    let groups = crate::core::group::Groups::parse(table, "groups.csv").expect("a table");
    settings.groups = Some(std::sync::Arc::new(groups));
    let mut rig = Rig::of(crate::app::App::new(settings), rig().events);
    rig.press("2 o");
    see(&mut rig, all());
    let Some(Answer::Ranking(groups)) = &rig.app.usage.sections[place(Report::TopUsers)].answer
    else {
        panic!("no ranking");
    };
    let rows: Vec<_> = groups
        .rows
        .iter()
        .map(|row| (row.value.as_deref(), row.events, row.users))
        .collect();
    assert_eq!(
        rows,
        [
            (Some("on call"), 6, Some(1)),
            (Some("ops"), 6, Some(1)),
            (Some("(no group)"), 3, Some(1)),
        ]
    );
    for (line, term, events) in [
        (0, "group:\"on call\"", 6),
        (2, "(has:user missing:group)", 3),
    ] {
        rig.app.usage.selected = (place(Report::TopUsers), line);
        rig.press("enter");
        assert!(
            rig.app.filter.text().ends_with(term),
            "{}",
            rig.app.filter.text()
        );
        assert_eq!(rig.app.timeline.len(), events);
        rig.press("x 2");
        see(&mut rig, all());
    }
    rig.app.usage.selected = (place(Report::TopUsers), 2);
    rig.press("-");
    assert_eq!(rig.app.filter.text(), "-(has:user missing:group)");
    assert_eq!(rig.app.question.count, Some(crate::store::Count::Exact(6)));
    // Without a table there is nothing to tell them by.
    let mut rig = self::rig();
    rig.press("2 o");
    let last = rig.app.notices.all().last().expect("a notice");
    assert!(last.text.contains("--groups FILE.csv"), "{}", last.text);
}
