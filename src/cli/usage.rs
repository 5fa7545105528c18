//! `auditail usage`: reports on who and what a store is used by.

mod form;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::cli::arguments::{Common, Usage as Arguments, UsageFormat};
use crate::cli::failure::{Failure, Kind};
use crate::cli::narrate::{self, ProgressLine};
use crate::cli::output;
use crate::cli::session::Session;
use crate::cli::signals;
use crate::core::aggregate::{Aggregate, Certainty};
use crate::core::instant::At;
use crate::core::usage::answer::{Answer, Ranking};
use crate::core::usage::course::{Course, Question};
use crate::core::usage::plan::Slicing;
use crate::core::usage::settled::Settled;
use crate::core::usage::{RangeError, Report, Usage};
use crate::store::{AggregateItem, Progress, StoreError, TimeAccess};

/// Looked at without `--since`.
const LATELY: &str = "-90d";

/// Runs the command.
pub async fn run(arguments: &Arguments, common: &Common) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    let work = async {
        let mut session = Session::open(&arguments.target, common, stop.clone()).await?;
        let usage = usage(&mut session, arguments, common).await?;
        let now = session.time("--until", "now").await?.start;
        let slicing = match session.description.time {
            TimeAccess::Direct => Slicing::ByCalendar,
            TimeAccess::Scan => Slicing::Whole,
        };
        let mut course = Course::new(usage, now, slicing).map_err(too_long)?;
        ask(&session, &mut course, common).await?;
        let (usage, answer) = (course.usage(), course.answer());
        output::print(&match arguments.format {
            UsageFormat::Table => form::table(usage, &answer, common),
            UsageFormat::Json => form::json(usage, &answer),
            UsageFormat::Csv => form::csv(usage, &answer)?,
        })?;
        tell(usage, &answer);
        Ok(())
    };
    signals::heed(&stop, work).await
}

async fn usage(
    session: &mut Session,
    arguments: &Arguments,
    common: &Common,
) -> Result<Usage, Failure> {
    let predicate = session.predicate(arguments.filter.as_deref()).await?;
    let bounds = predicate.time_bounds();
    let now = session.time("--until", "now").await?.start;
    let until = match (&arguments.until, bounds.1) {
        (Some(text), _) => session.time("--until", text).await?.end,
        (None, bound) => bound.unwrap_or(now),
    };
    let since = match (&arguments.since, bounds.0) {
        (Some(text), _) => session.time("--since", text).await?.start,
        (None, Some(bound)) => bound,
        (None, None) => session.time("--since", LATELY).await?.start,
    };
    let profile = session.description.profile.clone();
    let mut usage = Usage::new(arguments.report, &profile, predicate);
    usage.since = since;
    usage.until = until.max(since);
    usage.tz = common.tz;
    usage.period = arguments.period;
    usage.top = arguments.top;
    Ok(usage)
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

/// What the numbers do not say.
fn tell(usage: &Usage, answer: &Answer) {
    match answer {
        Answer::Series(_) => tell_users(usage),
        Answer::Week(_) => {}
        Answer::Ranking(ranking) => {
            tell_users(usage);
            if !usage.has_outcomes() {
                narrate::say("this store does not say what failed: failures are not counted");
            }
            if usage.has_outcomes() || usage.report != Report::Errors {
                tell_ranking(ranking);
            }
        }
        Answer::Latency(_) if !usage.has_durations() => {
            narrate::say("this store does not say how long anything took");
        }
        Answer::Latency(ranking) => tell_ranking(ranking),
    }
}

fn tell_users(usage: &Usage) {
    if !usage.has_users() {
        narrate::say("this store does not say who acted: users are not counted");
    }
}

fn tell_ranking<R>(ranking: &Ranking<R>) {
    let shown = ranking.rows.len();
    if shown == 0 {
        narrate::say("no event matches");
    }
    if ranking.total > shown {
        narrate::say(&format!(
            "showing the {shown} most frequent of {}; --top N shows more",
            ranking.total
        ));
    }
    if let Certainty::AtLeast { error } = ranking.certainty {
        narrate::say(&format!(
            "there are too many different values to count each of them: the numbers are at most {error} too small"
        ));
    }
}
