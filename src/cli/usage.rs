//! `auditail usage`: reports on who and what a store is used by.

mod form;

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::cli::arguments::{Common, Usage as Arguments, UsageFormat};
use crate::cli::failure::{Failure, Kind};
use crate::cli::narrate::{self, ProgressLine};
use crate::cli::output;
use crate::cli::session::Session;
use crate::cli::signals;
use crate::core::aggregate::{Aggregate, Certainty};
use crate::core::calendar::Period;
use crate::core::group::Groups;
use crate::core::instant::{At, Micros};
use crate::core::profile::CallFacts;
use crate::core::usage::answer::{Answer, Ranking, Row};
use crate::core::usage::calls::Call;
use crate::core::usage::course::{Course, Question};
use crate::core::usage::kin::{ALIKE, MOST_USERS};
use crate::core::usage::plan::{Slicing, Window};
use crate::core::usage::sequel::MOST_EVENTS;
use crate::core::usage::settled::Settled;
use crate::core::usage::trouble::{MOST_FAILURES, Trouble};
use crate::core::usage::{Detail, RangeError, Report, Usage};
use crate::store::{AggregateItem, Progress, StoreError, TimeAccess, reading};

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
        let usage = usage(&mut session, arguments, common).await?;
        let now = session.time("--until", "now").await?.start;
        let answer = answer(&session, usage.clone(), now, common).await?;
        let begin = begin(&session, &usage).await?;
        output::print(&match arguments.format {
            UsageFormat::Table => form::table(&usage, &answer, common),
            UsageFormat::Json => form::json(&usage, &answer, begin),
            UsageFormat::Csv => form::csv(&usage, &answer)?,
        })?;
        if usage.since > now {
            narrate::say("the range lies in the future");
        }
        tell(&session, &usage, &answer);
        tell_begin(&usage, begin);
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
        let mut tell = |step| progress.update(step);
        let read = reading::report(&*session.store, &usage, &session.stop, &mut tell).await;
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
    if arguments.by_group {
        usage.groups = Some(groups(session, arguments)?);
    }
    if arguments.brief {
        usage.detail = Detail::Brief;
    }
    Ok(usage)
}

/// The groups that users are told by.
fn groups(session: &Session, arguments: &Arguments) -> Result<Arc<Groups>, Failure> {
    let name = arguments.report.name();
    if !arguments.report.can_be_by_group() {
        let by_group = Report::ALL
            .iter()
            .filter(|(report, _)| report.can_be_by_group());
        let names: Vec<&str> = by_group.map(|(_, name)| *name).collect();
        return Err(Failure::usage(format!("{name} is not told by group"))
            .hint(format!("--by-group is for {}", names.join(", ")))
            .hint(format!(
                "auditail usage TARGET {name} group:NAME --groups FILE reports one group"
            )));
    }
    let groups = session.groups.clone();
    groups.ok_or_else(|| {
        Failure::usage("--by-group needs to know the groups")
            .hint("--groups FILE.csv names them, a line USER,GROUP each")
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

/// What the numbers do not say.
fn tell(session: &Session, usage: &Usage, answer: &Answer) {
    if let Some(lack) = usage.lack() {
        narrate::say(&format!("this store does not say {lack}"));
        return;
    }
    tell_lacks(usage);
    match answer {
        Answer::Totals(totals) => {
            if totals.certainty != Certainty::Exact {
                narrate::say(
                    "there are too many different users to count each of them: there are more",
                );
            }
        }
        Answer::Shares(_, certainty) => tell_groups(*certainty),
        Answer::Deeds(ranking) => {
            tell_groups(ranking.certainty);
            if ranking.certainty == Certainty::Exact {
                tell_ranking(ranking, ranking.rows.len());
            }
        }
        Answer::Series(_) | Answer::Activity(_) | Answer::Week(_) => {}
        Answer::Ranking(ranking) => tell_values(usage, ranking),
        Answer::Latency(ranking) => tell_ranking(ranking, ranking.rows.len()),
        Answer::Calls(ranking) => tell_calls(session, ranking),
        Answer::Followed {
            ranking,
            sampled_since,
        } => {
            if let Some(since) = sampled_since {
                narrate::say(&format!(
                    "~ a sample: the newest {MOST_EVENTS} events or fewer, from {} {} on",
                    form::local(usage, *since),
                    usage.tz
                ));
            }
            tell_ranking(ranking, ranking.rows.len());
        }
        Answer::Troubles {
            ranking,
            sampled_since,
        } => tell_troubles(usage, ranking, *sampled_since),
        Answer::Kin(ranking) => {
            let among = if ranking.total > MOST_USERS {
                format!("the {MOST_USERS} most active of {} users", ranking.total)
            } else {
                format!("{} users", ranking.total)
            };
            narrate::say(&format!(
                "{among}; who is in a group does what its first and most active user does, in the same shares (cosine of {ALIKE} or more)"
            ));
            tell_ranking(ranking, ranking.total);
        }
    }
}

fn tell_values(usage: &Usage, ranking: &Ranking<Row>) {
    if matches!(usage.report, Report::NewUsers | Report::Quiet) {
        let since = usage.window(Window::Before).since;
        narrate::say(&format!(
            "compared with the equally long time before, from {} to {} {}",
            form::local(usage, since),
            form::local(usage, usage.since),
            usage.tz
        ));
    }
    if ranking.total == 0 && ranking.certainty == Certainty::Exact {
        return narrate::say(match usage.report {
            Report::Quiet => "nothing has gone quiet",
            Report::NewUsers => "no user is new",
            _ => "no event matches",
        });
    }
    if usage.groups.is_none() {
        return tell_ranking(ranking, ranking.rows.len());
    }
    let of_groups = Ranking {
        certainty: Certainty::Exact,
        ..ranking.clone()
    };
    tell_ranking(&of_groups, of_groups.rows.len());
    tell_groups(ranking.certainty);
}

/// A time before that the log does not reach back to is no measure.
fn tell_begin(usage: &Usage, begin: Option<Micros>) {
    let Some(begin) = begin.filter(|begin| *begin > usage.window(Window::Before).since) else {
        return;
    };
    let begins = format!(
        "the log begins at {} {}",
        form::local(usage, begin),
        usage.tz
    );
    narrate::say(&if begin < usage.since {
        format!("{begins}: what was before is less than a full time to compare with")
    } else {
        format!("{begins}: there is no time before to compare with")
    });
}

fn tell_troubles(usage: &Usage, ranking: &Ranking<Trouble>, since: Option<Micros>) {
    if let Some(since) = since {
        narrate::say(&format!(
            "~ a sample: the newest {MOST_FAILURES} failures, from {} {} on",
            form::local(usage, since),
            usage.tz
        ));
    }
    if ranking.rows.iter().any(|row| row.is_new.is_none()) {
        narrate::say(&format!(
            "the range before has more than {MOST_FAILURES} failures: nothing is called new"
        ));
    }
    tell_ranking(ranking, ranking.rows.len());
}

/// What a report does without.
fn tell_lacks(usage: &Usage) {
    if usage.detail == Detail::Brief && usage.report.ranked().is_some() {
        return;
    }
    let is_of_users = match usage.report {
        Report::Totals | Report::Users | Report::Activity => true,
        report => report.ranked().is_some() && !matches!(report, Report::Quiet | Report::Latency),
    };
    if !usage.has_users() && is_of_users {
        narrate::say("this store does not say who acted: users are not counted");
    }
    let is_of_failures = match usage.report {
        Report::Errors | Report::Quiet | Report::Latency => false,
        report => report.ranked().is_some() || matches!(report, Report::Activity | Report::Totals),
    };
    if !usage.has_outcomes() && is_of_failures {
        narrate::say("this store does not say what failed: failures are not counted");
    }
}

fn tell_calls(session: &Session, calls: &Ranking<Call>) {
    let profile = &session.description.profile;
    if profile.calls == CallFacts::default() {
        narrate::say(&format!(
            "the profile {} does not say where the inputs and outputs of a call are; [calls] in a profile does",
            profile.name
        ));
    }
    let shown = calls.rows.len();
    if shown == 0 {
        narrate::say("no event matches");
    }
    if calls.total > shown {
        narrate::say(&format!("showing the newest {shown}; --top N shows more"));
    }
}

fn tell_ranking<R>(ranking: &Ranking<R>, shown: usize) {
    if ranking.total == 0 && ranking.certainty == Certainty::Exact {
        narrate::say("no event matches");
    }
    if ranking.total > shown {
        let of = match ranking.certainty {
            Certainty::Exact => "",
            Certainty::AtLeast { .. } => "more than ",
        };
        narrate::say(&format!(
            "showing the {shown} most frequent of {of}{}; --top N shows more",
            ranking.total
        ));
    }
    if let Certainty::AtLeast { error } = ranking.certainty {
        narrate::say(&format!(
            "there are too many different values to count each of them: the numbers are at most {error} too small"
        ));
    }
}

/// Numbers of groups are sums over users, of whom some were forgotten.
fn tell_groups(certainty: Certainty) {
    if certainty != Certainty::Exact {
        narrate::say(
            "there are too many users to count each of them: the numbers of groups are too small, and nobody knows by how much",
        );
    }
}
