//! A report as one JSON object.

use chrono::SecondsFormat;
use serde_json::{Value, json};

use crate::cli::usage::form::cells::DAYS;
use crate::core::instant::Micros;
use crate::core::usage::answer::{Answer, Bucket, Doings, Latency, Row};
use crate::core::usage::kin::Kin;
use crate::core::usage::plan::Window;
use crate::core::usage::{Report, Usage};

/// As programs read it.
pub fn json(usage: &Usage, answer: &Answer) -> String {
    let mut report = json!({
        "report": usage.report.name(),
        "since": usage.since.to_string(),
        "until": usage.until.to_string(),
        "tz": usage.tz.name(),
    });
    if usage.report.is_by_period() {
        report["period"] = usage.period.word().into();
    }
    if usage.report.ranked().is_some() && usage.report != Report::Latency {
        report["before"] = usage.window(Window::Before).since.to_string().into();
    }
    let name = if usage.report.is_by_period() {
        "buckets"
    } else {
        "rows"
    };
    report[name] = match answer {
        Answer::Series(buckets) => buckets.iter().map(|one| bucket(usage, one)).collect(),
        Answer::Activity(done) => done.iter().map(|one| doings(usage, one)).collect(),
        Answer::Ranking(ranking) => {
            report["total"] = ranking.total.into();
            ranking.rows.iter().map(|one| row(usage, one)).collect()
        }
        Answer::Latency(ranking) => {
            report["total"] = ranking.total.into();
            ranking.rows.iter().map(latency).collect()
        }
        Answer::Kin(ranking) => {
            report["total"] = ranking.total.into();
            ranking.rows.iter().map(kin).collect()
        }
        Answer::Week(week) => {
            let day = |(name, hours): (&&str, &[u64; 24])| json!({"day": name, "hours": hours});
            DAYS.iter().zip(week.iter()).map(day).collect()
        }
    };
    format!("{report}\n")
}

fn bucket(usage: &Usage, bucket: &Bucket) -> Value {
    json!({"start": rfc3339(usage, bucket.start), "users": bucket.users, "events": bucket.events})
}

fn doings(usage: &Usage, done: &Doings) -> Value {
    let mut value = bucket(usage, &done.bucket);
    value["failed"] = done.failed.into();
    let action = |(name, events): &(Option<String>, u64)| json!({"value": name, "events": events});
    value["actions"] = done.actions.iter().map(action).collect();
    value
}

fn row(usage: &Usage, row: &Row) -> Value {
    let mut value = json!({
        "value": row.value, "events": row.events, "last_14d": row.recent, "users": row.users,
        "failed": row.failed, "before": row.before,
    });
    if usage.report == Report::Errors {
        value["new"] = row.is_new.into();
    }
    value
}

fn latency(row: &Latency) -> Value {
    json!({
        "value": row.value, "events": row.events, "p50_ms": rounded(row.p50),
        "p95_ms": rounded(row.p95), "p99_ms": rounded(row.p99),
    })
}

fn kin(kin: &Kin) -> Value {
    let user = |(name, events): &(String, u64)| json!({"value": name, "events": events});
    let action = |(name, share): &(Option<String>, f64)| json!({"value": name, "share": rounded(Some(*share))});
    json!({
        "events": kin.events,
        "users": kin.users.iter().map(user).collect::<Value>(),
        "actions": kin.actions.iter().map(action).collect::<Value>(),
    })
}

/// Four digits: bins are no finer.
fn rounded(number: Option<f64>) -> Option<f64> {
    format!("{:.3e}", number?).parse().ok()
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
