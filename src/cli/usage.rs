//! `auditail usage`: reports on who and what a store is used by.

mod form;

use tokio_util::sync::CancellationToken;

use crate::cli::arguments::{Common, Usage as Arguments, UsageFormat};
use crate::cli::failure::Failure;
use crate::cli::narrate;
use crate::cli::output;
use crate::cli::session::Session;
use crate::cli::signals;
use crate::core::aggregate::{Aggregate, AggregateRequest, Certainty};
use crate::core::usage::{Answer, RangeError, Report, Usage};
use crate::store::StoreError;

/// Looked at without `--since`.
const LATELY: &str = "-90d";

/// Runs the command.
pub async fn run(arguments: &Arguments, common: &Common) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    let work = async {
        let mut session = Session::open(&arguments.target, common, stop.clone()).await?;
        let usage = usage(&mut session, arguments, common).await?;
        let first = ask(&session, usage.first().map_err(too_long)?, common).await?;
        let second = ask(&session, usage.second(&first), common).await?;
        let answer = usage.answer(&first, &second).map_err(too_long)?;
        output::print(&match arguments.format {
            UsageFormat::Table => form::table(&usage, &answer, common),
            UsageFormat::Json => form::json(&usage, &answer),
            UsageFormat::Csv => form::csv(&usage, &answer)?,
        })?;
        tell(&usage, &answer);
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

/// One answer after the other.
async fn ask(
    session: &Session,
    requests: Vec<AggregateRequest>,
    common: &Common,
) -> Result<Vec<Aggregate>, StoreError> {
    let mut answers = Vec::with_capacity(requests.len());
    for request in requests {
        answers.push(session.aggregate(request, common).await?);
    }
    Ok(answers)
}

/// What the numbers do not say.
fn tell(usage: &Usage, answer: &Answer) {
    if !usage.has_users() {
        narrate::say("this store does not say who acted: users are not counted");
    }
    let Answer::Ranking {
        rows,
        has_more,
        certainty,
    } = answer
    else {
        return;
    };
    if !usage.has_outcomes() {
        narrate::say("this store does not say what failed: failures are not counted");
    }
    if rows.is_empty() && (usage.has_outcomes() || usage.report != Report::Errors) {
        narrate::say("no event matches");
    }
    if *has_more {
        let shown = rows.len();
        narrate::say(&format!(
            "showing the {shown} most frequent; --top N shows more"
        ));
    }
    if let Certainty::AtLeast { error } = certainty {
        narrate::say(&format!(
            "there are too many different values to count each of them: the numbers are at most {error} too small"
        ));
    }
}
