//! Reports of one line each value: its name, a bar, and its numbers in columns.

use ratatui::layout::Rect;

use crate::app::usage::{ROWS, Section, State, rows_of};
use crate::core::calendar::Period;
use crate::core::event::Outcome;
use crate::core::instant::Micros;
use crate::core::usage::answer::{Answer, Bucket, Doings, Latency, Row};
use crate::core::usage::calls::Call;
use crate::core::usage::kin::Kin;
use crate::core::usage::sequel::Followed;
use crate::core::usage::trouble::Trouble;
use crate::core::usage::{RECENT_DAYS, Report, Usage};
use crate::ui::NOTHING;
use crate::ui::number::short;
use crate::ui::pen::{Pen, width};
use crate::ui::theme::Role;

/// Columns of a number.
const NUMBER: u16 = 9;

/// Columns of a name at least; numbers make way for it.
const NAME: u16 = 14;

/// Microseconds of a day.
const DAY: i64 = 86_400 * Micros::SECOND;

/// A line.
pub struct Line {
    name: String,
    /// What its bar is as long as.
    size: u64,
    /// From the left; the most important first.
    numbers: Vec<(String, Role)>,
}

/// What the numbers of a report are, the most important first.
fn columns(usage: &Usage) -> Vec<String> {
    let mut columns: Vec<&str> = Vec::new();
    let (whole, recent) = (format!("{} d", days(usage)), format!("{RECENT_DAYS} d"));
    match usage.report {
        Report::Users | Report::Similar => columns.extend(["users", "events"]),
        Report::Latency => columns.extend(["p50 ms", "p95 ms", "p99 ms", "events"]),
        Report::Quiet => columns.push("before"),
        Report::Followed => columns.extend(["errors", "share", "events"]),
        Report::Activity => columns.extend(["events", "failed", "users"]),
        Report::Calls => columns.extend(["", "ms"]),
        Report::Traces => columns.extend(["failures", "", "users"]),
        report if report.ranked().is_some() => {
            // Two columns of events are told apart by how many days they are of.
            match usage.recent() {
                Some(_) => columns.extend([&*whole, &*recent]),
                None => columns.push("events"),
            }
            if report == Report::Errors {
                columns.push("");
            }
            if usage.counts_failures() {
                columns.push("failed");
            }
            if usage.shows_users() {
                columns.push("users");
            }
        }
        _ => {}
    }
    columns.into_iter().map(str::to_owned).collect()
}

/// The days of a range that is longer than its last days.
fn days(usage: &Usage) -> i64 {
    let length = usage.until.0.saturating_sub(usage.since.0);
    let nearest = length.saturating_add(DAY / 2) / DAY;
    nearest.max(RECENT_DAYS + 1)
}

/// How many columns of numbers fit.
fn fitting(columns: usize, line: Rect) -> usize {
    let room = line.width.saturating_sub(NAME + 2) / NUMBER;
    columns.min(usize::from(room))
}

/// Where the titles of the columns begin; at the right where there are none.
pub fn titled_from(line: Rect, section: &Section) -> u16 {
    let shown = match section.aims() {
        [] => 0,
        _ => fitting(columns(section.usage()).len(), line),
    };
    line.right()
        .saturating_sub(NUMBER * u16::try_from(shown).unwrap_or(0))
}

/// The titles of the columns, over them, where they do not meet what stands before `from`.
pub fn titles(pen: &mut Pen<'_>, line: Rect, from: u16, section: &Section) {
    if section.aims().is_empty() {
        return;
    }
    let columns = columns(section.usage());
    let shown = fitting(columns.len(), line);
    let numbers: Vec<(String, Role)> = columns
        .into_iter()
        .take(shown)
        .map(|title| (title, Role::Dim))
        .collect();
    let left = titled_from(line, section);
    if left >= from {
        put_numbers(pen, line, &numbers);
        let first = numbers.iter().enumerate().skip(1);
        for (column, _) in first.filter(|(_, (title, _))| title.len() + 2 < usize::from(NUMBER)) {
            let x = left + NUMBER * u16::try_from(column).unwrap_or(0);
            pen.put(x, line.y, 1, " ", Role::Rule);
        }
    }
}

/// Numbers at the right, each at the right of its column.
fn put_numbers(pen: &mut Pen<'_>, line: Rect, numbers: &[(String, Role)]) {
    let shown = fitting(numbers.len(), line);
    let mut x = line
        .right()
        .saturating_sub(NUMBER * u16::try_from(shown).unwrap_or(0));
    for (text, role) in numbers.iter().take(shown) {
        let cells = u16::try_from(width(text)).unwrap_or(NUMBER).min(NUMBER - 1);
        if cells > 0 {
            pen.put(x + NUMBER - cells - 1, line.y, 1, " ", Role::Text);
        }
        pen.put(x + NUMBER - cells, line.y, cells, text, *role);
        x += NUMBER;
    }
}

/// The lines of a report.
pub fn lines(answer: &Answer, section: &Section) -> Vec<Line> {
    let usage = section.usage();
    match answer {
        Answer::Series(buckets) => {
            let buckets = buckets.iter().rev().take(ROWS);
            let line = |bucket: &Bucket| Line {
                name: period(usage, bucket.start),
                size: bucket.users.unwrap_or(bucket.events),
                numbers: counted(bucket, section).unwrap_or_else(|| {
                    vec![known(bucket.users, Role::Text), number(bucket.events)]
                }),
            };
            buckets.map(line).collect()
        }
        Answer::Ranking(ranking) => {
            let rows = ranking.rows.iter().take(ROWS);
            rows.map(|row| ranked(row, section)).collect()
        }
        Answer::Latency(ranking) => {
            let rows = ranking.rows.iter().take(ROWS);
            let line = |row: &Latency| Line {
                name: named(row.value.as_ref()),
                size: row.events,
                numbers: vec![
                    millis(row.p50),
                    millis(row.p95),
                    millis(row.p99),
                    number(row.events),
                ],
            };
            rows.map(line).collect()
        }
        Answer::Followed { ranking, .. } => ranking.rows.iter().take(ROWS).map(followed).collect(),
        Answer::Kin(ranking) => ranking.rows.iter().take(ROWS).map(kin).collect(),
        Answer::Activity(done) => {
            let newest = done.iter().rev().take(rows_of(usage.report));
            newest.map(|one| doings(section, one)).collect()
        }
        Answer::Calls(ranking) => {
            let rows = ranking.rows.iter().take(ROWS);
            rows.map(|row| call(usage, row)).collect()
        }
        Answer::Troubles { ranking, .. } => ranking.rows.iter().take(ROWS).map(trouble).collect(),
        Answer::Totals(_) | Answer::Week(_) | Answer::Shares(..) | Answer::Deeds(_) => Vec::new(),
    }
}

/// `timeout after # ms  at f (/a.js:#) < at g (/b.js:#)`
fn trouble(row: &Trouble) -> Line {
    let mut name = named(row.status.as_ref());
    if !row.frames.is_empty() {
        name.push_str("  ");
        name.push_str(&row.frames.join(" < "));
    }
    let word = if row.is_new == Some(true) { "new" } else { "" };
    Line {
        name,
        size: row.events,
        numbers: vec![
            known(Some(row.events), Role::Failed),
            (word.to_owned(), Role::Warning),
            known(Some(row.users), Role::Text),
        ],
    }
}

fn followed(row: &Followed) -> Line {
    #[expect(clippy::cast_precision_loss, reason = "a share with one digit")]
    let share = row.followed as f64 * 100.0 / row.events.max(1) as f64;
    Line {
        name: named(row.value.as_ref()),
        size: row.followed,
        numbers: vec![
            known(Some(row.followed), Role::Failed),
            (format!("{share:.1} %"), Role::Text),
            number(row.events),
        ],
    }
}

/// `read 90 %, write 10 %: ann, ben`
fn kin(kin: &Kin) -> Line {
    let most = kin.actions.iter().take(2);
    let habits: Vec<String> = most
        .map(|(name, share)| format!("{} {:.0} %", named(name.as_ref()), share * 100.0))
        .collect();
    let users = kin.users.iter().take(ROWS);
    let users: Vec<&str> = users.map(|(name, _)| name.as_str()).collect();
    Line {
        name: format!("{}: {}", habits.join(", "), users.join(", ")),
        size: kin.users.len() as u64,
        numbers: vec![number(kin.users.len() as u64), number(kin.events)],
    }
}

/// In place of numbers: a period without any may not have been counted yet.
fn counted(bucket: &Bucket, section: &Section) -> Option<Vec<(String, Role)>> {
    let is_open = bucket.events == 0 && !matches!(section.state, State::Whole);
    let unknown = || vec![("…".to_owned(), Role::Dim); columns(section.usage()).len()];
    is_open.then(unknown)
}

fn doings(section: &Section, done: &Doings) -> Line {
    let usage = section.usage();
    let most = done.actions.iter().take(3);
    let actions: Vec<String> = most
        .map(|(name, events)| format!("{} {}", named(name.as_ref()), short(*events)))
        .collect();
    // What comes last is not known to be nothing before the report is whole.
    let failed = match done.failed {
        Some(0) if !matches!(section.state, State::Whole) => ("…".to_owned(), Role::Dim),
        failed => known(failed, Role::Failed),
    };
    Line {
        name: format!(
            "{}  {}",
            period(usage, done.bucket.start),
            actions.join(", ")
        ),
        size: done.bucket.events,
        numbers: counted(&done.bucket, section).unwrap_or_else(|| {
            vec![
                number(done.bucket.events),
                failed,
                known(done.bucket.users, Role::Text),
            ]
        }),
    }
}

/// When, who, what, with which inputs and outputs.
fn call(usage: &Usage, call: &Call) -> Line {
    /// Of inputs and outputs, in characters: more is seen on no line.
    const MOST: usize = 120;
    let at = call.at.instant().and_then(Micros::to_utc);
    let at = at.map_or_else(
        || call.at.to_string(),
        |utc| {
            let local = utc.with_timezone(&usage.tz);
            local.format("%Y-%m-%d %H:%M:%S").to_string()
        },
    );
    let mut name = format!(
        "{at}  {} {}",
        named(call.actor.as_ref()),
        named(call.action.as_ref())
    );
    for (sign, json) in [(" ", &call.inputs), (" → ", &call.outputs)] {
        if let Some(json) = json {
            name.push_str(sign);
            name.extend(json.chars().take(MOST));
        }
    }
    let outcome = match call.outcome {
        Some(outcome @ (Outcome::Failed | Outcome::Denied)) => (outcome.word(), Role::Failed),
        Some(outcome) => (outcome.word(), Role::Text),
        None => ("—", Role::Unknown),
    };
    let length = call.duration_ms.as_deref().and_then(|ms| ms.parse().ok());
    Line {
        name,
        size: 0,
        numbers: vec![(outcome.0.to_owned(), outcome.1), millis(length)],
    }
}

fn ranked(row: &Row, section: &Section) -> Line {
    let usage = section.usage();
    let is_whole = matches!(section.state, State::Whole);
    // What comes last of a report is not known to be nothing before it is whole.
    let late = |value: Option<u64>, role| match value {
        Some(0) if !is_whole => ("…".to_owned(), Role::Dim),
        value => known(value, role),
    };
    let mut numbers = Vec::new();
    if usage.report == Report::Quiet {
        numbers.push(number(row.before));
    } else {
        numbers.push(number(row.events));
        if usage.recent().is_some() {
            numbers.push(known(row.recent, Role::Text));
        }
        if usage.report == Report::Errors {
            let is_new = is_whole && row.is_new == Some(true);
            let word = if is_new { "new" } else { "" };
            numbers.push((word.to_owned(), Role::Warning));
        }
        if usage.counts_failures() {
            numbers.push(late(row.failed, Role::Failed));
        }
        if usage.shows_users() {
            numbers.push(late(row.users, Role::Text));
        }
    }
    let size = match usage.report {
        Report::Quiet => row.before,
        _ => row.events,
    };
    Line {
        name: named(row.value.as_ref()),
        size,
        numbers,
    }
}

fn named(value: Option<&String>) -> String {
    value.map_or_else(|| NOTHING.to_owned(), Clone::clone)
}

fn number(number: u64) -> (String, Role) {
    (short(number), Role::Text)
}

fn known(value: Option<u64>, role: Role) -> (String, Role) {
    match value {
        Some(0) => ("·".to_owned(), Role::Dim),
        Some(value) => (short(value), role),
        None => ("—".to_owned(), Role::Unknown),
    }
}

fn millis(value: Option<f64>) -> (String, Role) {
    match value {
        Some(value) if value < 10.0 => (format!("{value:.1}"), Role::Text),
        Some(value) => (format!("{value:.0}"), Role::Text),
        None => ("—".to_owned(), Role::Unknown),
    }
}

/// The name of a period on the calendar of the report.
fn period(usage: &Usage, at: Micros) -> String {
    let form = match usage.period {
        Period::Month => "%Y-%m",
        Period::Day | Period::Week => "%a %Y-%m-%d",
    };
    at.to_utc().map_or_else(
        || at.to_string(),
        |utc| utc.with_timezone(&usage.tz).format(form).to_string(),
    )
}

/// Draws lines with bars as long as their sizes.
pub fn draw(pen: &mut Pen<'_>, areas: &[Option<Rect>], lines: &[Line]) {
    let most = lines.iter().map(|line| line.size).max().unwrap_or(0).max(1);
    let longest = lines
        .iter()
        .map(|line| width(&line.name))
        .max()
        .unwrap_or(0);
    for (area, line) in areas.iter().zip(lines) {
        let Some(area) = area else { continue };
        let numbers = NUMBER * u16::try_from(fitting(line.numbers.len(), *area)).unwrap_or(0);
        let room = area.width.saturating_sub(numbers + 3);
        let name = u16::try_from(longest).unwrap_or(u16::MAX).min(room);
        pen.put(area.x + 2, area.y, name, &line.name, Role::Text);
        let at = (area.x + 3 + name, area.y);
        pen.bar(at, (room - name).saturating_sub(1), (line.size, most));
        put_numbers(pen, *area, &line.numbers);
    }
}
