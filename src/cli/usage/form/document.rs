//! A report as one JSON object.

use chrono::SecondsFormat;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::cli::usage::form::cells::{DAYS, before};
use crate::core::event::Outcome;
use crate::core::instant::Micros;
use crate::core::scalar::is_number;
use crate::core::usage::answer::{Answer, Bucket, Compared, Doings, Latency, Ranking, Row};
use crate::core::usage::calls::Call;
use crate::core::usage::kin::Kin;
use crate::core::usage::plan::Window;
use crate::core::usage::sequel::Followed;
use crate::core::usage::team::{Deed, Share, Shares};
use crate::core::usage::trouble::Trouble;
use crate::core::usage::{Report, Usage};

/// As programs read it; `begin` is the first instant of the log, where a time before is compared.
pub fn json(usage: &Usage, answer: &Answer, begin: Option<Micros>) -> String {
    if let Answer::Calls(ranking) = answer {
        return calls(usage, ranking);
    }
    let mut report = head(usage, begin);
    let name = if usage.report.is_by_period() {
        "buckets"
    } else {
        "rows"
    };
    report[name] = match answer {
        Answer::Totals(totals) => {
            let line = |(name, number): &(_, Option<_>)| {
                let now = number.map(|number: Compared| number.now);
                json!({"value": name, "now": now, "before": before(&(*name, *number))})
            };
            totals.lines().iter().map(line).collect()
        }
        Answer::Series(buckets) => buckets.iter().map(|one| bucket(usage, one)).collect(),
        Answer::Shares(all, _) => all.iter().map(|one| shares(usage, one)).collect(),
        Answer::Activity(done) => done.iter().map(|one| doings(usage, one)).collect(),
        Answer::Ranking(ranking) => {
            report["total"] = ranking.total.into();
            ranking.rows.iter().map(|one| row(usage, one)).collect()
        }
        Answer::Deeds(ranking) => {
            report["total"] = ranking.total.into();
            ranking.rows.iter().map(deed).collect()
        }
        Answer::Latency(ranking) => {
            report["total"] = ranking.total.into();
            ranking.rows.iter().map(latency).collect()
        }
        Answer::Kin(ranking) => {
            report["total"] = ranking.total.into();
            ranking.rows.iter().map(|one| kin(usage, one)).collect()
        }
        // Printed as they are, above.
        Answer::Calls(_) => Value::Null,
        Answer::Followed {
            ranking,
            sampled_since,
        } => sampled(&mut report, ranking, *sampled_since, followed),
        Answer::Troubles {
            ranking,
            sampled_since,
        } => sampled(&mut report, ranking, *sampled_since, |one| {
            trouble(usage, one)
        }),
        Answer::Week(week) => {
            let day = |(name, hours): (&&str, &[u64; 24])| json!({"day": name, "hours": hours});
            report["busiest"] = week.busiest.map_or(Value::Null, |busiest| {
                json!({
                    "since": busiest.since.to_string(),
                    "until": busiest.until.to_string(),
                    "events": busiest.events,
                })
            });
            DAYS.iter().zip(week.days.iter()).map(day).collect()
        }
    };
    format!("{report}\n")
}

/// What is reported, and of when.
fn head(usage: &Usage, begin: Option<Micros>) -> Value {
    let mut report = json!({
        "report": usage.report.name(),
        "since": usage.since.to_string(),
        "until": usage.until.to_string(),
        "tz": usage.tz.name(),
    });
    if usage.groups.is_some() {
        report["by"] = "group".into();
    }
    if usage.report.is_by_period() {
        report["period"] = usage.period.word().into();
    }
    if usage.compares() {
        report["before"] = usage.window(Window::Before).since.to_string().into();
        report["log_begins"] = begin.map(|begin| begin.to_string()).into();
    }
    report
}

fn bucket(usage: &Usage, bucket: &Bucket) -> Value {
    json!({"start": rfc3339(usage, bucket.start), "users": bucket.users, "events": bucket.events})
}

fn shares(usage: &Usage, shares: &Shares) -> Value {
    let mut value = bucket(usage, &shares.bucket);
    let share = |one: &Share| json!({"value": one.value, "users": one.users, "events": one.events});
    value["groups"] = shares.groups.iter().map(share).collect();
    value
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
        "failed": row.failed, "before": usage.compares().then_some(row.before),
    });
    if usage.report == Report::Errors {
        value["new"] = row.is_new.into();
    }
    value
}

fn deed(row: &Deed) -> Value {
    json!({"group": row.group, "value": row.value, "events": row.events, "users": row.users})
}

fn latency(row: &Latency) -> Value {
    json!({
        "value": row.value, "events": row.events, "p50_ms": rounded(row.p50),
        "p95_ms": rounded(row.p95), "p99_ms": rounded(row.p99),
    })
}

/// The rows of a report that is read from events, perhaps not from all.
fn sampled<R>(
    report: &mut Value,
    ranking: &Ranking<R>,
    since: Option<Micros>,
    row: impl FnMut(&R) -> Value,
) -> Value {
    report["total"] = ranking.total.into();
    report["sampled_since"] = since.map(|since| since.to_string()).into();
    ranking.rows.iter().map(row).collect()
}

fn trouble(usage: &Usage, row: &Trouble) -> Value {
    json!({
        "status": row.status, "frames": row.frames, "events": row.events,
        "users": usage.has_users().then_some(row.users), "before": row.before, "new": row.is_new,
        "first": row.first.map(|at| at.to_string()), "last": row.last.map(|at| at.to_string()),
    })
}

fn followed(row: &Followed) -> Value {
    json!({"value": row.value, "events": row.events, "followed": row.followed})
}

/// With inputs and outputs as the store has them: no number in them is touched.
fn calls(usage: &Usage, ranking: &Ranking<Call>) -> String {
    let raw = |json: &Option<String>| {
        json.clone()
            .and_then(|json| RawValue::from_string(json).ok())
    };
    let call = |call: &Call| Line {
        at: call.at.instant().map(|at| at.to_string()),
        id: call.id.clone(),
        actor: call.actor.clone(),
        action: call.action.clone(),
        outcome: call.outcome.map(Outcome::word),
        duration_ms: raw(&call.duration_ms.clone().filter(|ms| is_number(ms))),
        inputs: raw(&call.inputs),
        outputs: raw(&call.outputs),
    };
    let report = Calls {
        report: usage.report.name(),
        since: usage.since.to_string(),
        until: usage.until.to_string(),
        tz: usage.tz.name(),
        rows: ranking.rows.iter().map(call).collect(),
    };
    // Nothing in it can fail to be written.
    serde_json::to_string(&report).unwrap_or_default() + "\n"
}

/// [`calls`] as one object.
#[derive(Serialize)]
struct Calls {
    report: &'static str,
    since: String,
    until: String,
    tz: &'static str,
    rows: Vec<Line>,
}

/// One of them.
#[derive(Serialize)]
struct Line {
    at: Option<String>,
    id: String,
    actor: Option<String>,
    action: Option<String>,
    outcome: Option<&'static str>,
    duration_ms: Option<Box<RawValue>>,
    inputs: Option<Box<RawValue>>,
    outputs: Option<Box<RawValue>>,
}

fn kin(usage: &Usage, kin: &Kin) -> Value {
    let user = |(name, events): &(String, u64)| json!({"value": name, "events": events});
    let action = |(name, share): &(Option<String>, f64)| json!({"value": name, "share": rounded(Some(*share))});
    let members = if usage.groups.is_some() {
        "groups"
    } else {
        "users"
    };
    json!({
        "events": kin.events,
        members: kin.users.iter().map(user).collect::<Value>(),
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
