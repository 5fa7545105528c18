//! A report that no table of groups can hold, once for each group: the report of its users' events.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::app::filter_bar::term;
use crate::cli::arguments::{Common, Usage as Arguments, UsageFormat};
use crate::cli::failure::Failure;
use crate::cli::narrate;
use crate::cli::output;
use crate::cli::session::Session;
use crate::cli::usage::{answer, begin, caveat, form, groups, usage};
use crate::core::group::NO_GROUP;
use crate::core::instant::Micros;
use crate::core::sanitise::safe;
use crate::core::usage::Usage;
use crate::core::usage::answer::Answer;

/// Groups at most: each is a report of its own, and a guest does not ask for thousands.
const MOST: usize = 50;

/// A group and its report.
struct Turn {
    group: String,
    usage: Usage,
    answer: Answer,
    begin: Option<Micros>,
}

/// Runs the report for one group after the other, by their names; who is in none comes last.
pub async fn run(
    session: &mut Session,
    arguments: &Arguments,
    common: &Common,
) -> Result<(), Failure> {
    let known = groups(session).await?;
    let mut names: Vec<String> = known.iter().map(|(name, _)| name.to_owned()).collect();
    if names.len() > MOST {
        let report = arguments.report.name();
        return Err(Failure::usage(format!(
            "there are {} groups, and {report} is a report for each of {MOST} at most",
            names.len()
        ))
        .hint(format!(
            "auditail usage TARGET {report} group:NAME reports one group"
        )));
    }
    names.sort_unstable();
    let own = arguments.filter.as_deref().unwrap_or_default().trim();
    // A mistake is told in the words that were typed.
    usage(session, arguments, Some(own), common).await?;
    let now = session.time("--until", "now").await?.start;
    let mut turns = Vec::new();
    for group in names.into_iter().map(Some).chain([None]) {
        let of_group = match &group {
            Some(name) => term::found_by("group", Some(name)),
            None => "(has:user missing:group)".to_owned(),
        };
        let filter = match own {
            "" => of_group,
            own => format!("({own}) {of_group}"),
        };
        let usage = usage(session, arguments, Some(&filter), common).await?;
        let answer = answer(session, usage.clone(), now, common).await?;
        let begin = begin(session, &usage).await?;
        turns.push(Turn {
            group: group.unwrap_or_else(|| NO_GROUP.to_owned()),
            usage,
            answer,
            begin,
        });
    }
    output::print(&match arguments.format {
        UsageFormat::Table => table(&turns, common),
        UsageFormat::Json => document(&turns, arguments),
        UsageFormat::Csv => csv(&turns)?,
    })?;
    for turn in &turns {
        narrate::say(&format!("{}:", turn.group));
        caveat::tell(session, &turn.usage, &turn.answer);
        caveat::tell_begin(&turn.usage, turn.begin);
    }
    if known.overlap() {
        narrate::say("a user of several groups counts in each of them");
    }
    Ok(())
}

fn table(turns: &[Turn], common: &Common) -> String {
    let mut text = String::new();
    for (place, turn) in turns.iter().enumerate() {
        let gap = if place > 0 { "\n" } else { "" };
        let report = form::table(&turn.usage, &turn.answer, common);
        // Writing to a String cannot fail.
        let _ = write!(text, "{gap}{} · {report}", safe(&turn.group));
    }
    text
}

/// `{"report":…, "by":"group", "groups":[{"group":…, and what the report is of one}]}`
fn document(turns: &[Turn], arguments: &Arguments) -> String {
    let groups: Vec<Value> = turns
        .iter()
        .map(|turn| {
            let report = form::json(&turn.usage, &turn.answer, turn.begin);
            let mut one = json!({"group": turn.group});
            if let (Some(one), Ok(Value::Object(report))) =
                (one.as_object_mut(), serde_json::from_str(&report))
            {
                one.extend(report);
            }
            one
        })
        .collect();
    let whole = json!({"report": arguments.report.name(), "by": "group", "groups": groups});
    format!("{whole}\n")
}

fn csv(turns: &[Turn]) -> Result<String, Failure> {
    let mut all: Vec<Vec<String>> = Vec::new();
    for turn in turns {
        let mut rows = form::rows(&turn.usage, &turn.answer).into_iter();
        let titles = rows.next().unwrap_or_default();
        if all.is_empty() {
            all.push(["group".to_owned()].into_iter().chain(titles).collect());
        }
        let of_group = |row: Vec<String>| [turn.group.clone()].into_iter().chain(row).collect();
        all.extend(rows.map(of_group));
    }
    form::csv(&all)
}
