//! A report as rows of cells, the titles first: what its table and its CSV have in common.

use crate::cli::usage::form::local;
use crate::core::event::Field;
use crate::core::instant::Micros;
use crate::core::usage::answer::{Answer, Bucket, Compared, Doings, Latency, Row};
use crate::core::usage::calls::Call;
use crate::core::usage::kin::Kin;
use crate::core::usage::sequel::Followed;
use crate::core::usage::team::{Deed, Share, Shares};
use crate::core::usage::trouble::Trouble;
use crate::core::usage::{Detail, Report, Usage};

/// Monday first, as [`Answer::Week`] has its days.
pub const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// A cell of a table.
pub enum Cell {
    /// The store does not say.
    Absent,
    /// A count.
    Number(u64),
    /// Milliseconds, within 1 %.
    Millis(f64),
    /// A share in percent.
    Percent(f64),
    /// Anything else.
    Text(String),
}

impl From<Option<u64>> for Cell {
    fn from(number: Option<u64>) -> Self {
        number.map_or(Self::Absent, Self::Number)
    }
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Absent, Self::Text)
    }
}

impl From<Option<f64>> for Cell {
    fn from(millis: Option<f64>) -> Self {
        millis.map_or(Self::Absent, Self::Millis)
    }
}

/// A column: its title, and what a row has there.
type Column<'c, R> = (&'c str, Box<dyn Fn(&R) -> Cell + 'c>);

fn column<'c, R>(title: &'c str, cell: impl Fn(&R) -> Cell + 'c) -> Column<'c, R> {
    (title, Box::new(cell))
}

fn filled<R>(columns: &[Column<'_, R>], rows: &[R]) -> Vec<Vec<Cell>> {
    let titles = columns
        .iter()
        .map(|(title, _)| Cell::Text((*title).to_owned()));
    let row = |row: &R| columns.iter().map(|(_, cell)| cell(row)).collect();
    std::iter::once(titles.collect())
        .chain(rows.iter().map(row))
        .collect()
}

/// The rows of a report.
pub fn cells(usage: &Usage, answer: &Answer) -> Vec<Vec<Cell>> {
    let start = |bucket: &Bucket| Cell::Text(local(usage, bucket.start).into_owned());
    match answer {
        Answer::Totals(totals) => filled(
            &[
                column("value", |(name, _): &Line| Cell::Text((*name).to_owned())),
                column("now", |(_, number): &Line| number.map(|one| one.now).into()),
                column("before", |line: &Line| before(line).into()),
            ],
            &totals.lines(),
        ),
        Answer::Series(buckets) => filled(
            &[
                column(usage.period.word(), start),
                column("users", |bucket: &Bucket| bucket.users.into()),
                column("events", |bucket: &Bucket| Cell::Number(bucket.events)),
            ],
            buckets,
        ),
        Answer::Shares(all, _) => of_shares(usage, all),
        Answer::Activity(done) => filled(
            &[
                column(usage.period.word(), |done: &Doings| start(&done.bucket)),
                column("users", |done: &Doings| done.bucket.users.into()),
                column("events", |done: &Doings| Cell::Number(done.bucket.events)),
                column("failed", |done: &Doings| done.failed.into()),
                column("actions", |done: &Doings| actions(&done.actions)),
            ],
            done,
        ),
        Answer::Ranking(ranking) => filled(&of_ranking(usage), &ranking.rows),
        Answer::Deeds(ranking) => filled(&of_deeds(usage), &ranking.rows),
        Answer::Latency(ranking) => filled(
            &[
                column("action", |row: &Latency| row.value.clone().into()),
                column("events", |row: &Latency| Cell::Number(row.events)),
                column("p50 ms", |row: &Latency| row.p50.into()),
                column("p95 ms", |row: &Latency| row.p95.into()),
                column("p99 ms", |row: &Latency| row.p99.into()),
            ],
            &ranking.rows,
        ),
        Answer::Kin(ranking) => of_kin(usage, &ranking.rows),
        Answer::Calls(ranking) => filled(&of_calls(usage), &ranking.rows),
        Answer::Followed { ranking, .. } => filled(&of_followed(), &ranking.rows),
        Answer::Troubles { ranking, .. } => filled(&of_troubles(usage), &ranking.rows),
        Answer::Week(week) => of_week(&week.days),
    }
}

fn of_kin(usage: &Usage, all: &[Kin]) -> Vec<Vec<Cell>> {
    let members = match &usage.groups {
        Some(_) => "groups",
        None => "users",
    };
    let columns = [
        column(members, |kin: &Kin| Cell::Number(kin.users.len() as u64)),
        column("events", |kin: &Kin| Cell::Number(kin.events)),
        column("who", who),
        column("what they do", |kin: &Kin| habits(kin)),
    ];
    filled(&columns, all)
}

/// A row for each group of each period.
fn of_shares(usage: &Usage, all: &[Shares]) -> Vec<Vec<Cell>> {
    type Line<'s> = (&'s Bucket, &'s Share);
    let lines: Vec<Line<'_>> = all
        .iter()
        .flat_map(|one| one.groups.iter().map(|share| (&one.bucket, share)))
        .collect();
    let start = |(bucket, _): &Line<'_>| Cell::Text(local(usage, bucket.start).into_owned());
    filled(
        &[
            column(usage.period.word(), start),
            column("group", |(_, share): &Line<'_>| share.value.clone().into()),
            column("users", |(_, share): &Line<'_>| Cell::Number(share.users)),
            column("events", |(_, share): &Line<'_>| Cell::Number(share.events)),
        ],
        &lines,
    )
}

fn of_calls(usage: &Usage) -> Vec<Column<'_, Call>> {
    let at = |call: &Call| match call.at.instant().and_then(Micros::to_utc) {
        Some(utc) => {
            let local = utc.with_timezone(&usage.tz);
            Cell::Text(local.format("%Y-%m-%d %H:%M:%S%.3f").to_string())
        }
        None => Cell::Text(call.at.to_string()),
    };
    let outcome = |call: &Call| call.outcome.map(|outcome| outcome.word().to_owned()).into();
    vec![
        column("at", at),
        column("id", |call: &Call| Cell::Text(call.id.clone())),
        column("actor", |call: &Call| call.actor.clone().into()),
        column("action", |call: &Call| call.action.clone().into()),
        column("outcome", outcome),
        column("ms", |call: &Call| call.duration_ms.clone().into()),
        column("inputs", |call: &Call| call.inputs.clone().into()),
        column("outputs", |call: &Call| call.outputs.clone().into()),
    ]
}

fn of_followed() -> [Column<'static, Followed>; 4] {
    [
        column("action", |row: &Followed| row.value.clone().into()),
        column("events", |row: &Followed| Cell::Number(row.events)),
        column("then errors", |row: &Followed| Cell::Number(row.followed)),
        column("share %", share),
    ]
}

fn of_troubles(usage: &Usage) -> Vec<Column<'_, Trouble>> {
    let at = |at: Option<Micros>| Cell::from(at.map(|at| local(usage, at).into_owned()));
    let word = |row: &Trouble| match row.is_new {
        Some(true) => Cell::Text("new".to_owned()),
        Some(false) => Cell::Text("known".to_owned()),
        None => Cell::Absent,
    };
    let has_users = usage.has_users();
    let frames = |row: &Trouble| {
        (!row.frames.is_empty())
            .then(|| row.frames.join(" < "))
            .into()
    };
    vec![
        column("status", |row: &Trouble| row.status.clone().into()),
        column("events", |row: &Trouble| Cell::Number(row.events)),
        column("users", move |row: &Trouble| {
            has_users.then_some(row.users).into()
        }),
        column("before", |row: &Trouble| Cell::Number(row.before)),
        column("new", word),
        column("first", move |row: &Trouble| at(row.first)),
        column("last", move |row: &Trouble| at(row.last)),
        column("where", frames),
    ]
}

fn share(row: &Followed) -> Cell {
    #[expect(clippy::cast_precision_loss, reason = "a share with one digit")]
    let share = row.followed as f64 * 100.0 / row.events.max(1) as f64;
    Cell::Percent(share)
}

fn of_week(week: &[[u64; 24]; 7]) -> Vec<Vec<Cell>> {
    type Day = (&'static str, [u64; 24]);
    let hours: Vec<String> = (0..24).map(|hour| format!("{hour:02}")).collect();
    let name = column("day", |(name, _): &Day| Cell::Text((*name).to_owned()));
    let hour = hours
        .iter()
        .enumerate()
        .map(|(hour, title)| column(title, move |(_, hours): &Day| Cell::Number(hours[hour])));
    let columns: Vec<_> = std::iter::once(name).chain(hour).collect();
    let days: Vec<Day> = DAYS.into_iter().zip(*week).collect();
    filled(&columns, &days)
}

/// A number of the range as a whole, with its name.
type Line = (&'static str, Option<Compared>);

/// What the range before had of it; that nobody was new there says nothing.
pub fn before((name, number): &Line) -> Option<u64> {
    let number = number.filter(|_| *name != "new users");
    number.map(|number| number.before)
}

fn of_ranking(usage: &Usage) -> Vec<Column<'static, Row>> {
    let title = match usage.report.ranked() {
        Some(Field::Actor) if usage.groups.is_some() => "group",
        Some(Field::Actor) => "user",
        Some(field) => field.name(),
        None => "value",
    };
    let before = || column("before", |row: &Row| Cell::Number(row.before));
    let mut columns = vec![column(title, |row: &Row| row.value.clone().into())];
    if usage.report == Report::Quiet {
        columns.push(before());
        return columns;
    }
    columns.push(column("events", |row: &Row| Cell::Number(row.events)));
    if usage.recent().is_some() {
        columns.push(column("last 14 d", |row: &Row| row.recent.into()));
    }
    let is_full = usage.detail == Detail::Full;
    if is_full && (usage.report.ranked() != Some(Field::Actor) || usage.groups.is_some()) {
        columns.push(column("users", |row: &Row| row.users.into()));
    }
    // What is new was not there before.
    if is_full && usage.report != Report::NewUsers {
        columns.push(before());
    }
    if !is_full {
        return columns;
    }
    if usage.report == Report::Errors {
        columns.push(column("known", |row: &Row| match row.is_new {
            Some(true) => Cell::Text("new".to_owned()),
            Some(false) => Cell::Text("known".to_owned()),
            None => Cell::Absent,
        }));
    } else {
        columns.push(column("failed", |row: &Row| row.failed.into()));
    }
    columns
}

fn of_deeds(usage: &Usage) -> [Column<'static, Deed>; 4] {
    let title = usage.report.ranked().map_or("value", Field::name);
    [
        column("group", |row: &Deed| row.group.clone().into()),
        column(title, |row: &Deed| row.value.clone().into()),
        column("events", |row: &Deed| Cell::Number(row.events)),
        column("users", |row: &Deed| Cell::Number(row.users)),
    ]
}

/// `read 12, write 3`
fn actions(actions: &[(Option<String>, u64)]) -> Cell {
    let action = |(name, events): &(Option<String>, u64)| {
        format!("{} {events}", name.as_deref().unwrap_or("(none)"))
    };
    Cell::Text(actions.iter().map(action).collect::<Vec<_>>().join(", "))
}

fn who(kin: &Kin) -> Cell {
    let names: Vec<&str> = kin.users.iter().map(|(name, _)| name.as_str()).collect();
    Cell::Text(names.join(", "))
}

/// `read 90 %, write 10 %`
fn habits(kin: &Kin) -> Cell {
    let action = |(name, share): &(Option<String>, f64)| {
        format!(
            "{} {:.0} %",
            name.as_deref().unwrap_or("(none)"),
            share * 100.0
        )
    };
    let most = kin.actions.iter().take(3).map(action);
    Cell::Text(most.collect::<Vec<_>>().join(", "))
}
