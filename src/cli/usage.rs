//! `auditail usage`: reports on who and what a store is used by.

mod caveat;
mod form;
mod turns;

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::cli::arguments::{Common, Usage as Arguments, UsageFormat};
use crate::cli::failure::{Failure, Kind};
use crate::cli::narrate::{self, ProgressLine};
use crate::cli::output;
use crate::cli::session::Session;
use crate::cli::signals;
use crate::core::aggregate::Aggregate;
use crate::core::calendar::Period;
use crate::core::group::Groups;
use crate::core::instant::{At, Micros};
use crate::core::usage::answer::Answer;
use crate::core::usage::course::{Course, Question};
use crate::core::usage::plan::Slicing;
use crate::core::usage::settled::Settled;
use crate::core::usage::{Detail, RangeError, Report, Usage};
use crate::store::reading::{self, Heard, Hearing};
use crate::store::{AggregateItem, Progress, StoreError, TimeAccess};

/// Looked at without `--since`.
fn lately(report: Report) -> &'static str {
    match report {
        Report::Activity => "-7d",
        _ => "-90d",
    }
}

/// Counted in one without `--period`.
fn usual_period(report: Report) -> Period {
    match report {
        Report::Activity => Period::Day,
        _ => Period::Week,
    }
}

/// Runs the command.
pub async fn run(arguments: &Arguments, common: &Common) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    let work = async {
        let mut session = Session::open(&arguments.target, common, stop.clone()).await?;
        if arguments.by_group && !arguments.report.can_be_by_group() {
            return turns::run(&mut session, arguments, common).await;
        }
        let filter = arguments.filter.as_deref();
        let usage = usage(&mut session, arguments, filter, common).await?;
        let now = session.time("--until", "now").await?.start;
        let answer = answer(&session, usage.clone(), now, common).await?;
        let begin = begin(&session, &usage).await?;
        output::print(&match arguments.format {
            UsageFormat::Table => form::table(&usage, &answer, common),
            UsageFormat::Json => form::json(&usage, &answer, begin),
            UsageFormat::Csv => form::csv(&form::rows(&usage, &answer))?,
        })?;
        if usage.since > now {
            narrate::say("the range lies in the future");
        }
        caveat::tell(&session, &usage, &answer);
        caveat::tell_begin(&usage, begin);
        Ok(())
    };
    signals::heed(&stop, work).await
}

async fn answer(
    session: &Session,
    usage: Usage,
    now: Micros,
    common: &Common,
) -> Result<Answer, Failure> {
    if usage.report.is_read() {
        let mut progress = ProgressLine::new(output::charset(common));
        let mut tell = |heard| {
            if let Heard::Progress(step) = heard {
                progress.update(step);
            }
        };
        let read = reading::report(
            &*session.store,
            &usage,
            &session.stop,
            Hearing::Whole,
            &mut tell,
        )
        .await;
        progress.clear();
        return read.map_err(interrupted);
    }
    let slicing = match session.description.time {
        TimeAccess::Direct => Slicing::ByCalendar,
        TimeAccess::Scan => Slicing::Whole,
    };
    let mut course = Course::new(usage, now, slicing).map_err(too_long)?;
    ask(session, &mut course, common).await?;
    Ok(course.answer())
}

/// The first instant of the log, for reports that hold a range against the one before.
async fn begin(session: &Session, usage: &Usage) -> Result<Option<Micros>, Failure> {
    if !usage.compares() {
        return Ok(None);
    }
    match session.store.span(&session.stop).await {
        Ok(span) => Ok(span.map(|(first, _)| first)),
        Err(StoreError::Cancelled) => Err(interrupted(StoreError::Cancelled)),
        // The report is there; where the log begins is a word beside it.
        Err(error) => {
            narrate::say(&format!("where the log begins is not known: {error}"));
            Ok(None)
        }
    }
}

async fn usage(
    session: &mut Session,
    arguments: &Arguments,
    filter: Option<&str>,
    common: &Common,
) -> Result<Usage, Failure> {
    let predicate = session.predicate(filter).await?;
    let bounds = predicate.time_bounds();
    let now = session.time("--until", "now").await?.start;
    // A filter is never widened: where both say something, what both mean is counted.
    let until = match (&arguments.until, bounds.1) {
        (Some(text), bound) => {
            let asked = session.time("--until", text).await?.end;
            bound.map_or(asked, |bound| bound.min(asked))
        }
        (None, bound) => bound.unwrap_or(now),
    };
    let since = match (&arguments.since, bounds.0) {
        (Some(text), bound) => {
            let asked = session.time("--since", text).await?.start;
            bound.map_or(asked, |bound| bound.max(asked))
        }
        (None, Some(bound)) => bound,
        (None, None) => {
            session
                .time("--since", lately(arguments.report))
                .await?
                .start
        }
    };
    let profile = session.description.profile.clone();
    let mut usage = Usage::new(arguments.report, &profile, predicate);
    usage.since = since;
    usage.until = until.max(since);
    usage.tz = common.tz();
    // Nobody asked for an end that is now.
    let is_open = arguments.until.is_none() && bounds.1.is_none();
    if until < since && !is_open {
        return Err(Failure::usage(format!(
            "the range ends before it begins: from {} to {} {}",
            form::local(&usage, since),
            form::local(&usage, until),
            usage.tz
        )));
    }
    usage.period = arguments
        .period
        .unwrap_or_else(|| usual_period(arguments.report));
    usage.top = arguments.top;
    if arguments.by_group && arguments.report.can_be_by_group() {
        usage.groups = Some(groups(session).await?);
    }
    if arguments.brief {
        usage.detail = Detail::Brief;
    }
    Ok(usage)
}

/// The groups that users are told by.
async fn groups(session: &mut Session) -> Result<Arc<Groups>, Failure> {
    let groups = session.groups().await?;
    groups.ok_or_else(|| {
        Failure::usage("--by-group needs to know the groups")
            .hint("--groups FILE.csv names them, a line USER,GROUP each; or [groups] of a profile")
    })
}

fn too_long(error: RangeError) -> Failure {
    Failure::usage(error.to_string())
        .hint("narrow it with --since and --until, or take a longer --period")
}

/// One question after the other, until the report is whole.
async fn ask(session: &Session, course: &mut Course, common: &Common) -> Result<(), Failure> {
    let mut settled = Settled::default();
    let mut progress = ProgressLine::new(output::charset(common));
    while let Some(question) = course.next(&settled) {
        let fraction = course.fraction();
        let answer = match one(session, &question, fraction, &mut progress).await {
            // What was answered is not lost with the connection.
            Err(StoreError::Lost { .. }) => one(session, &question, fraction, &mut progress).await,
            answer => answer,
        };
        course.take(&question, answer.map_err(interrupted)?, &mut settled);
    }
    progress.clear();
    Ok(())
}

/// A server that went away is one that cannot be reached.
fn interrupted(error: StoreError) -> Failure {
    let is_lost = matches!(error, StoreError::Lost { .. });
    let mut failure = Failure::from(error);
    if is_lost {
        failure.kind = Kind::Connect;
    }
    failure
}

async fn one(
    session: &Session,
    question: &Question,
    fraction: f64,
    progress: &mut ProgressLine,
) -> Result<Aggregate, StoreError> {
    let (partial, mut parts) = mpsc::channel(1);
    let mut say = |looked_to: At| {
        progress.update(Progress {
            looked_to,
            fraction: Some(fraction),
        });
    };
    say(At::Instant(question.slice.until));
    let narrating = async {
        while let Some(AggregateItem::Partial(_, step)) = parts.recv().await {
            say(step.looked_to);
        }
    };
    let request = question.request.clone();
    let answer = session.store.aggregate(request, partial, &session.stop);
    tokio::join!(answer, narrating).0
}
