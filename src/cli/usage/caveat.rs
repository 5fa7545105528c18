//! What the numbers of a report do not say: what is missing, sampled, or compared with what.

use crate::cli::narrate;
use crate::cli::session::Session;
use crate::cli::usage::form;
use crate::core::aggregate::Certainty;
use crate::core::group::NO_GROUP;
use crate::core::instant::Micros;
use crate::core::profile::CallFacts;
use crate::core::usage::answer::{Answer, Ranking, Row};
use crate::core::usage::calls::Call;
use crate::core::usage::kin::{ALIKE, Kin, MOST_USERS};
use crate::core::usage::plan::Window;
use crate::core::usage::sequel::MOST_EVENTS;
use crate::core::usage::trouble::{MOST_FAILURES, Trouble};
use crate::core::usage::{Detail, Report, Usage};

/// Says it on stderr.
pub fn tell(session: &Session, usage: &Usage, answer: &Answer) {
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
        Answer::Kin(ranking) => tell_kin(usage, ranking),
    }
    tell_members(usage, answer);
    tell_first(usage, answer);
}

/// The first part of the calendar may have begun before the range.
fn tell_first(usage: &Usage, answer: &Answer) {
    let is_series = matches!(
        answer,
        Answer::Series(_) | Answer::Shares(..) | Answer::Activity(_)
    );
    let Ok(edges) = usage.edges() else { return };
    if is_series && edges.first().is_some_and(|first| *first < usage.since) {
        narrate::say(&format!(
            "the first {} counts from {} {} on, where the range begins",
            usage.period.word(),
            form::local(usage, usage.since),
            usage.tz
        ));
    }
}

fn tell_kin(usage: &Usage, ranking: &Ranking<Kin>) {
    let who = match usage.groups {
        Some(_) => "groups",
        None => "users",
    };
    let among = if ranking.total > MOST_USERS {
        format!("the {MOST_USERS} most active of {} {who}", ranking.total)
    } else {
        format!("{} {who}", ranking.total)
    };
    narrate::say(&format!(
        "{among}; those on one line do what the first and most active of them does, in the same shares (cosine of {ALIKE} or more)"
    ));
    tell_ranking(ranking, ranking.total);
}

/// How users and groups belong together in what was counted.
fn tell_members(usage: &Usage, answer: &Answer) {
    let Some(groups) = &usage.groups else { return };
    if groups.overlap() {
        narrate::say("a user of several groups counts in each of them");
    }
    let is_strange = |name: &Option<String>| name.as_deref().is_none_or(|name| name == NO_GROUP);
    let (total, names): (_, Vec<_>) = match answer {
        Answer::Ranking(found) => (
            found.total,
            found.rows.iter().map(|row| &row.value).collect(),
        ),
        Answer::Deeds(found) => (
            found.total,
            found.rows.iter().map(|row| &row.group).collect(),
        ),
        _ => return,
    };
    // Of rows that are not shown nobody knows.
    let are_strange = total > 0 && total == names.len() && names.into_iter().all(is_strange);
    if are_strange {
        narrate::say(
            "nobody who is in a group is among these users: groups name users as the log spells them, in a file of --groups as USER,GROUP",
        );
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
pub fn tell_begin(usage: &Usage, begin: Option<Micros>) {
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
