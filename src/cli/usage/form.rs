//! The forms of a report: a table for people, JSON and CSV for programs.

use std::borrow::Cow;

use chrono::SecondsFormat;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr as _;

use crate::cli::arguments::Common;
use crate::cli::failure::Failure;
use crate::cli::output::{self, Destination};
use crate::core::instant::Micros;
use crate::core::number::grouped;
use crate::core::sanitise::safe;
use crate::core::usage::answer::{Answer, Bucket, Latency, Row};
use crate::core::usage::{Report, Usage};
use crate::export::csv as csv_export;
use crate::export::table::clip;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Values wider than this are cut in a table.
const WIDEST: usize = 60;

/// As people read it.
pub fn table(usage: &Usage, answer: &Answer, common: &Common) -> String {
    let look = output::look(Destination::stdout().medium(), common);
    let cells: Vec<Vec<String>> = cells(usage, answer)
        .into_iter()
        .map(|row| {
            let shown = row.into_iter().map(|cell| match cell {
                Cell::Absent => look.charset.absent().to_owned(),
                Cell::Number(number) => grouped(number),
                Cell::Millis(millis) => digits(millis),
                Cell::Text(text) => clip(&safe(&text), WIDEST, look.charset),
            });
            shown.collect()
        })
        .collect();
    let widths: Vec<usize> = (0..cells.first().map_or(0, Vec::len))
        .map(|column| {
            let width = |row: &Vec<String>| row.get(column).map_or(0, |cell| cell.width());
            cells.iter().map(width).max().unwrap_or_default()
        })
        .collect();
    let mut text = format!(
        "{} {} to {} {}\n",
        usage.report.name(),
        local(usage, usage.since),
        local(usage, usage.until),
        usage.tz
    );
    for row in &cells {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let space = " ".repeat(width - cell.width());
            // What a row is about stands at the left, numbers at the right of their column.
            line.push_str(&if column == 0 {
                format!("{cell}{space}")
            } else {
                format!("  {space}{cell}")
            });
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// As spreadsheets read it.
pub fn csv(usage: &Usage, answer: &Answer) -> Result<String, Failure> {
    let rows: Vec<Vec<String>> = cells(usage, answer)
        .into_iter()
        .map(|row| {
            let fields = row.into_iter().map(|cell| match cell {
                Cell::Absent => String::new(),
                Cell::Number(number) => number.to_string(),
                Cell::Millis(millis) => digits(millis),
                Cell::Text(text) => text,
            });
            fields.collect()
        })
        .collect();
    let medium = Destination::stdout().medium();
    let bytes = csv_export::table(&rows, medium)
        .map_err(|error| Failure::output("standard output", &error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// As programs read it.
pub fn json(usage: &Usage, answer: &Answer) -> String {
    let mut report = json!({
        "report": usage.report.name(),
        "since": usage.since.to_string(),
        "until": usage.until.to_string(),
        "tz": usage.tz.name(),
    });
    let (name, list): (&str, Value) = match answer {
        Answer::Series(buckets) => {
            report["period"] = usage.period.word().into();
            let bucket = |bucket: &Bucket| json!({"start": rfc3339(usage, bucket.start), "users": bucket.users, "events": bucket.events});
            ("buckets", buckets.iter().map(bucket).collect())
        }
        Answer::Ranking(ranking) => {
            let row = |row: &Row| json!({"value": row.value, "events": row.events, "last_14d": row.recent, "users": row.users, "failed": row.failed, "before": row.before});
            ("rows", ranking.rows.iter().map(row).collect())
        }
        Answer::Latency(ranking) => {
            let row = |row: &Latency| json!({"value": row.value, "events": row.events, "p50_ms": rounded(row.p50), "p95_ms": rounded(row.p95), "p99_ms": rounded(row.p99)});
            ("rows", ranking.rows.iter().map(row).collect())
        }
        Answer::Week(week) => {
            let day = |(name, hours): (&&str, &[u64; 24])| json!({"day": name, "hours": hours});
            ("rows", DAYS.iter().zip(week.iter()).map(day).collect())
        }
    };
    report[name] = list;
    format!("{report}\n")
}

/// A cell of a table.
enum Cell {
    Absent,
    Number(u64),
    Millis(f64),
    Text(String),
}

/// As many digits as are sure, and one more.
fn digits(millis: f64) -> String {
    let decimals = match millis {
        1000.0.. => 0,
        100.0.. => 1,
        10.0.. => 2,
        _ => 3,
    };
    format!("{millis:.decimals$}")
}

/// Four digits: the bins are no finer.
fn rounded(millis: Option<f64>) -> Option<f64> {
    format!("{:.3e}", millis?).parse().ok()
}

impl From<Option<u64>> for Cell {
    fn from(number: Option<u64>) -> Self {
        number.map_or(Self::Absent, Self::Number)
    }
}

fn titles(names: &[&str]) -> Vec<Cell> {
    names
        .iter()
        .map(|name| Cell::Text((*name).to_owned()))
        .collect()
}

fn cells(usage: &Usage, answer: &Answer) -> Vec<Vec<Cell>> {
    match answer {
        Answer::Series(buckets) => {
            let row = |bucket: &Bucket| {
                let start = Cell::Text(local(usage, bucket.start).into_owned());
                vec![start, bucket.users.into(), Cell::Number(bucket.events)]
            };
            let head = titles(&[usage.period.word(), "users", "events"]);
            std::iter::once(head)
                .chain(buckets.iter().map(row))
                .collect()
        }
        Answer::Ranking(ranking) => ranked(usage, &ranking.rows),
        Answer::Latency(ranking) => {
            let millis = |millis: Option<f64>| millis.map_or(Cell::Absent, Cell::Millis);
            let row = |row: &Latency| {
                vec![
                    row.value.clone().map_or(Cell::Absent, Cell::Text),
                    Cell::Number(row.events),
                    millis(row.p50),
                    millis(row.p95),
                    millis(row.p99),
                ]
            };
            let head = titles(&["action", "events", "p50 ms", "p95 ms", "p99 ms"]);
            std::iter::once(head)
                .chain(ranking.rows.iter().map(row))
                .collect()
        }
        Answer::Week(week) => {
            let hours = (0..24).map(|hour| Cell::Text(format!("{hour:02}")));
            let head = titles(&[""]).into_iter().chain(hours).collect();
            let day = |(name, hours): (&&str, &[u64; 24])| {
                let name = Cell::Text((*name).to_owned());
                std::iter::once(name)
                    .chain(hours.map(Cell::Number))
                    .collect()
            };
            std::iter::once(head)
                .chain(DAYS.iter().zip(week.iter()).map(day))
                .collect()
        }
    }
}

fn ranked(usage: &Usage, rows: &[Row]) -> Vec<Vec<Cell>> {
    let is_of_errors = usage.report == Report::Errors;
    let is_long = usage.recent().is_some();
    let row = |row: &Row| {
        let mut cells = vec![
            row.value.clone().map_or(Cell::Absent, Cell::Text),
            Cell::Number(row.events),
        ];
        if is_long {
            cells.push(row.recent.into());
        }
        cells.extend([row.users.into(), Cell::Number(row.before)]);
        if !is_of_errors {
            cells.push(row.failed.into());
        }
        cells
    };
    let name = match usage.report {
        Report::Actions => "action",
        Report::Resources => "resource",
        _ => "status",
    };
    let mut head = titles(&[name, "events"]);
    if is_long {
        head.extend(titles(&["last 14 d"]));
    }
    head.extend(titles(&["users", "before"]));
    if !is_of_errors {
        head.extend(titles(&["failed"]));
    }
    std::iter::once(head).chain(rows.iter().map(row)).collect()
}

/// A moment on the clocks of the report's zone; the beginning of a day is its date alone.
fn local(usage: &Usage, at: Micros) -> Cow<'static, str> {
    let Some(utc) = at.to_utc() else {
        return Cow::Owned(at.to_string());
    };
    let text = utc
        .with_timezone(&usage.tz)
        .format("%Y-%m-%d %H:%M")
        .to_string();
    match text.strip_suffix(" 00:00") {
        Some(date) => Cow::Owned(date.to_owned()),
        None => Cow::Owned(text),
    }
}

fn rfc3339(usage: &Usage, at: Micros) -> String {
    at.to_utc().map_or_else(
        || at.to_string(),
        |utc| {
            let local = utc.with_timezone(&usage.tz);
            local.to_rfc3339_opts(SecondsFormat::Secs, true)
        },
    )
}
