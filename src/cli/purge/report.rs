//! What a step of a purge prints at its end: the plan, the status, the receipt.

use serde::Serialize;
use serde_json::json;

use crate::cli::arguments::purge::Form;
use crate::cli::failure::{Failure, Kind};
use crate::cli::narrate;
use crate::cli::output;
use crate::core::number::grouped;
use crate::core::purge::journal::Tally;
use crate::core::purge::plan::{CountExactness, Plan};
use crate::core::sanitise::safe;
use crate::purge::confirm::rows as counted;
use crate::purge::dossier::Dossier;
use crate::purge::receipt::{Receipt, qualified, space};
use crate::purge::restore::RestoreReport;
use crate::purge::standing::Standing;

fn print(value: &impl Serialize) -> Result<(), Failure> {
    let line = serde_json::to_string(value)
        .map_err(|error| Failure::new(Kind::Failed, format!("cannot be printed: {error}")))?;
    output::print(&format!("{line}\n"))
}

/// What would go.
pub fn plan(plan: &Plan, form: Form) -> Result<(), Failure> {
    if form == Form::Json {
        return print(&json!({ "plan": plan }));
    }
    let survey = &plan.survey;
    let most = match survey.exactness {
        CountExactness::Exact => "",
        CountExactness::AtMost => "at most ",
    };
    let table = plan.relations.first().map(qualified).unwrap_or_default();
    let mut text = format!(
        "{most}{} rows of {table} are before {} and would go\n",
        grouped(survey.selected),
        plan.scope.cutoff
    );
    if !plan.scope.filter.is_empty() {
        text.push_str(&format!("only: {}\n", plan.scope.filter));
    }
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            text.push_str(&format!("{name}: {value}\n"));
        }
    };
    line("oldest going", survey.oldest.map(|at| at.to_string()));
    line("newest going", survey.newest.map(|at| at.to_string()));
    line("first row that stays", survey.first_kept.clone());
    for keep in &plan.scope.keep {
        line("kept", Some(keep.clone()));
    }
    for (hold, rows) in &survey.held {
        line("held", Some(format!("{} rows: {hold}", grouped(*rows))));
        if *rows == 0 {
            let why = "nothing is held by it; a value is meant whole unless it has a *";
            line("warning", Some(format!("{hold}: {why}")));
        }
    }
    for (kind, rows) in &survey.timeless {
        line("never go", Some(format!("{} rows: {kind}", grouped(*rows))));
    }
    for (name, rows) in &survey.related {
        line(
            "with them",
            Some(format!("{} rows of {name}", grouped(*rows))),
        );
    }
    line(
        "plain size",
        Some(format!("about {} MiB", survey.bytes >> 20)),
    );
    for month in &survey.months {
        let numbers = format!(
            "{} go, {} stay",
            grouped(month.going),
            grouped(month.staying)
        );
        line(&month.month, Some(numbers));
    }
    for warning in &plan.warnings {
        line("warning", Some(warning.clone()));
    }
    output::print(&text)
}

/// How far a purge has come.
pub fn status(dossier: &Dossier, standing: Option<&Standing>, form: Form) -> Result<(), Failure> {
    let tally = &dossier.ledger().tally;
    let phase = dossier.phase();
    if form == Form::Json {
        return print(&json!({
            "phase": phase.word(),
            "target": dossier.plan().target,
            "cutoff": dossier.plan().scope.cutoff.to_string(),
            "archived": dossier.archived(),
            "tally": tally,
            "plan": dossier.hash(),
            "root": dossier.manifest().map(|(root, _)| root),
            "standing": standing,
        }));
    }
    let mut text = format!(
        "{} of {}, events before {}\n{} rows archived\n",
        phase.word(),
        dossier.plan().target,
        dossier.plan().scope.cutoff,
        grouped(dossier.archived())
    );
    if tally.archived > 0 {
        text.push_str(&sums(tally));
    }
    if let Some(because) = dossier.attention() {
        text.push_str(&format!("attention: {}\n", safe(because)));
    }
    if let Some(standing) = standing {
        text.push_str(&found(standing));
    }
    let is_other = standing.is_some_and(|standing| !standing.differences.is_empty());
    let dir = dossier.directory().display();
    match phase.next() {
        Some(_) if is_other => {
            text.push_str(
                "next: a new plan, with another directory; this archive stays as it is\n",
            );
        }
        Some(next) => text.push_str(&format!("next: auditail purge {next} {dir}\n")),
        None => {}
    }
    output::print(&text)
}

/// What a store has of an archive.
fn found(standing: &Standing) -> String {
    let mut text = format!(
        "{} of {} archived rows are in the store\n",
        grouped(standing.there),
        grouped(standing.archived)
    );
    for difference in &standing.differences {
        text.push_str(&format!("not as planned: {}\n", safe(difference)));
    }
    if standing.unsettled > 0 {
        text.push_str(&format!(
            "in a batch whose end nobody noted: {}\n",
            counted(standing.unsettled)
        ));
    }
    for (ids, what) in [
        (&standing.back, "went and are back"),
        (&standing.missing, "gone, and not by this purge"),
    ] {
        if let Some(first) = ids.first() {
            let (rows, first) = (counted(ids.len() as u64), safe(first));
            let others = match ids.len() {
                1 => "",
                _ => " and others; -o json names them",
            };
            text.push_str(&format!("{what}: {rows} ({first}{others})\n"));
        }
    }
    text
}

/// What is told before somebody confirms.
pub fn before_confirmation(dossier: &Dossier) {
    let plan = dossier.plan();
    let root = dossier.manifest().map(|(root, _)| root).unwrap_or_default();
    narrate::say(&format!(
        "{} rows before {} are in {} (root {root}), read back and verified",
        grouped(dossier.archived()),
        plan.scope.cutoff,
        dossier.directory().display()
    ));
    narrate::say(
        "rows that have changed since the backup stay; deleted rows come back only by auditail restore",
    );
    narrate::say(space(plan.encoding));
}

/// What deleting would do.
pub fn statements(dossier: &Dossier, form: Form) -> Result<(), Failure> {
    let plan = dossier.plan();
    let relations = plan.relations.iter().rev();
    let statements: Vec<String> = relations
        .map(|relation| {
            format!(
                "DELETE FROM {} by {} and row version, at most 20,000 rows a transaction, \
                 compared with the archive before COMMIT",
                qualified(relation),
                relation.key.join(", ")
            )
        })
        .collect();
    if form == Form::Json {
        return print(&json!({ "rows": dossier.archived(), "statements": statements }));
    }
    output::print(&format!(
        "{} rows would be deleted\n{}\n",
        grouped(dossier.archived()),
        statements.join("\n")
    ))
}

/// What was done.
pub fn receipt(receipt: &Receipt, form: Form) -> Result<(), Failure> {
    if form == Form::Json {
        return print(&json!({ "receipt": receipt }));
    }
    let mut text = sums(&receipt.tally);
    if let Some(anchor) = &receipt.anchor {
        let (id, hash) = (safe(&anchor.id), safe(&anchor.hash));
        text.push_str(&format!("the chain goes on after {id}, hash {hash}\n"));
    }
    text.push_str(&format!("root {}\n{}\n", receipt.root, receipt.space));
    output::print(&text)
}

/// What came back.
pub fn restored(report: &RestoreReport, form: Form) -> Result<(), Failure> {
    if form == Form::Json {
        return print(&json!({ "restored": report }));
    }
    let mut text = format!(
        "{} rows put back, {} were there already, of {} archived\n",
        grouped(report.inserted),
        grouped(report.equal),
        grouped(report.archived)
    );
    for key in &report.conflicts {
        text.push_str(&format!("other contents, left alone: {key}\n"));
    }
    for key in &report.altered {
        text.push_str(&format!("reads back altered: {key}\n"));
    }
    output::print(&text)
}

fn sums(tally: &Tally) -> String {
    let mut text = format!("{} rows deleted\n", grouped(tally.deleted));
    let related: u64 = tally.related.iter().sum();
    for (rows, what) in [
        (related, "related rows deleted with them"),
        (tally.gone, "were gone already"),
        (tally.changed, "stay: changed since the backup"),
        (tally.locked, "stay: locked by somebody"),
        (tally.held, "stay: held"),
        (tally.refused, "stay: the server kept them"),
    ] {
        if rows > 0 {
            text.push_str(&format!("{} {what}\n", grouped(rows)));
        }
    }
    text
}
