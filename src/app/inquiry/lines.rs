//! What is known of a user or a resource, as lines that lead to events.

use crate::app::command::Polarity;
use crate::app::filter_bar::term;
use crate::app::inquiry::sheet::{Aim, Figure, Row, Tone};
use crate::app::zone::{Zone, length};
use crate::core::event::Field;
use crate::core::instant::Micros;
use crate::core::number::grouped;
use crate::core::usage::dossier::{Dossier, FIELDS, Judged, LOOK_BACK, Trait, Verdict};
use crate::core::usage::touched::{Hand, MOST, Touched};

/// Values of a field that are listed.
const LISTED: usize = 5;

/// Whether there are answers to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asking {
    /// There are.
    On,
    /// What is known is all that will be.
    Ended,
}

/// What is known of a resource.
pub(super) fn of_resource(touched: &Touched, zone: &Zone, asking: Asking) -> (String, Vec<Row>) {
    let title = format!("everything done to {}", touched.resource);
    let Some(hands) = touched.hands() else {
        let text = match asking {
            Asking::On => "asking who touched it…",
            Asking::Ended => "who touched it is not known",
        };
        return (title, vec![Row::new(Tone::Quiet, "", text)]);
    };
    let resource = term::field(Field::Resource, Some(&touched.resource));
    let most = hands.first().map_or(0, |hand| hand.events);
    let of_hand = |hand: &Hand| of_hand(hand, touched, zone, (&resource, most));
    let mut rows: Vec<Row> = hands.iter().flat_map(of_hand).collect();
    if hands.is_empty() {
        rows.push(Row::new(Tone::Plain, "", "nothing was done to it"));
    }
    if touched.is_cut() {
        let text = format!("the {MOST} most frequent pairs of user and action; there may be more");
        rows.push(Row::new(Tone::Quiet, "", text));
    }
    if let Some(step) = touched.step() {
        let text = format!(
            "first and last in {}, each within the {} that begin then",
            zone.name(),
            length(step)
        );
        rows.push(Row::new(Tone::Quiet, "", text));
    }
    (title, rows)
}

/// A user and what they did to the resource.
fn of_hand(hand: &Hand, touched: &Touched, zone: &Zone, (resource, most): (&str, u64)) -> Vec<Row> {
    let who = term::field(Field::Actor, hand.user.as_deref());
    let name = match &hand.user {
        Some(name) => name.clone(),
        None if touched.has_users() => "nobody named".to_owned(),
        None => "anybody: the store does not say who acted".to_owned(),
    };
    let seen = match hand.seen {
        Some((first, last)) => format!("{} … {}", zone.minute(first), zone.minute(last)),
        None if touched.is_known() => "without a time".to_owned(),
        None => "…".to_owned(),
    };
    let filter = if touched.has_users() {
        term::join(resource, &who, Polarity::With)
    } else {
        resource.to_owned()
    };
    let row = Row::new(Tone::Heading, name, seen).numbered(grouped(hand.events));
    let mut rows = vec![row.to(Aim::Filter(filter.clone()))];
    rows.extend(hand.actions.iter().map(|(action, events)| {
        let what = term::field(Field::Action, action.as_deref());
        let aim = Aim::Filter(term::join(&filter, &what, Polarity::With));
        let name = action.as_deref().unwrap_or("no action named");
        let row = Row::new(Tone::Plain, format!("  {name}"), "");
        let row = row.numbered(grouped(*events));
        row.drawn(Figure::Bar(*events, most)).to(aim)
    }));
    rows
}

/// What a dossier says.
pub(super) fn of_user(dossier: &Dossier, zone: &Zone, asking: Asking) -> (String, Vec<Row>) {
    let title = format!(
        "{} before {}",
        dossier.user,
        zone.minute(dossier.past.until)
    );
    let who = term::field(Field::Actor, Some(&dossier.user));
    let since = dossier.past.since;
    let range = format!("since:{since} until:{}", dossier.past.until);
    let past = term::join(&who, &range, Polarity::With);
    let mut rows = Vec::new();
    let far = dossier.fraction();
    if far < 1.0 {
        let (label, then) = match asking {
            Asking::On => ("asking", "; Ctrl-C stops"),
            Asking::Ended => ("known", ""),
        };
        let text = format!("{:.0} % is known, the newest days first{then}", far * 100.0);
        rows.push(Row::new(Tone::Quiet, label, text));
    }
    if far <= 0.0 && asking == Asking::Ended {
        // Of nothing known there is nothing to say, least of all zeros.
        return (title, rows);
    }
    rows.extend(in_short(dossier, zone, &who, &past));
    let judged = dossier.judged();
    if !judged.is_empty() {
        rows.push(Row::new(Tone::Heading, "in this event", ""));
        rows.extend((judged.iter()).map(|one| verdict(one, dossier, zone, (&past, asking))));
    }
    rows.extend(hours(dossier, &judged));
    for field in FIELDS {
        if let Some(usual) = dossier.usual(field, LISTED) {
            let heading = format!("usual {}", plural(field));
            rows.push(Row::new(Tone::Heading, heading, ""));
            if usual.is_empty() {
                rows.push(Row::new(Tone::Quiet, "  none", ""));
            }
            rows.extend(usual.iter().map(|(value, events)| {
                let term = term::field(field, Some(value));
                let aim = Aim::Filter(term::join(&past, &term, Polarity::With));
                let row = Row::new(Tone::Plain, format!("  {value}"), "");
                let row = row.numbered(grouped(*events));
                row.drawn(Figure::Bar(*events, dossier.events)).to(aim)
            }));
        }
    }
    (title, rows)
}

/// When and how much.
fn in_short(dossier: &Dossier, zone: &Zone, who: &str, past: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let seen = dossier.seen.map_or_else(
        || "nothing".to_owned(),
        |(first, last)| format!("{} … {}", zone.minute(first), zone.minute(last)),
    );
    let looked = format!(
        "{seen}  {}, hours; looked back {LOOK_BACK} days",
        zone.name()
    );
    rows.push(Row::new(Tone::Plain, "first and last seen", looked));
    let failed = match dossier.failed {
        Some(failed) => format!("{} failed or denied", grouped(failed)),
        None => "the store does not say what failed".to_owned(),
    };
    let text = format!("{}, {failed}", events(dossier.events));
    rows.push(Row::new(Tone::Plain, "did", text).to(Aim::Filter(past.to_owned())));
    if let Some((count, last)) = dossier.since {
        let last = last.map_or(String::new(), |at| {
            format!(", the last after {}", zone.minute(at))
        });
        let text = format!(
            "{} from {} on{last}",
            events(count),
            zone.minute(dossier.past.until)
        );
        let since = format!("since:{}", dossier.past.until);
        let aim = Aim::Filter(term::join(who, &since, Polarity::With));
        rows.push(Row::new(Tone::Plain, "since then", text).to(aim));
    }
    rows
}

fn events(count: u64) -> String {
    let word = if count == 1 { "event" } else { "events" };
    format!("{} {word}", grouped(count))
}

/// Bars for the hours of the day.
fn hours(dossier: &Dossier, judged: &[Judged]) -> [Row; 3] {
    let mut hours = Box::new([0; 24]);
    for (hour, events) in hours.iter_mut().enumerate() {
        *events = dossier.week.iter().map(|day| day[hour]).sum();
    }
    let own = judged.iter().find_map(|one| match one.what {
        Trait::Hour(hour) => Some(hour),
        Trait::Field(_) | Trait::Outcome(_) => None,
    });
    let zone = format!("in {}", dossier.tz.name());
    [
        Row::new(Tone::Heading, "usual hours", zone),
        Row::new(Tone::Plain, "", "").drawn(Figure::Hours(hours)),
        Row::new(Tone::Quiet, "", "").drawn(Figure::Scale(own)),
    ]
}

fn plural(field: Field) -> &'static str {
    match field {
        Field::Action => "actions",
        Field::Kind => "kinds",
        Field::Resource => "resources",
        Field::Service => "services",
        _ => "origins",
    }
}

/// A value of the event beside the past, in words.
fn verdict(one: &Judged, dossier: &Dossier, zone: &Zone, (past, asking): (&str, Asking)) -> Row {
    let day = |at: Micros| zone.minute(at).chars().take(10).collect::<String>();
    let since = day(dossier.past.since);
    let of = grouped(dossier.events);
    let (tone, shape, text) = match (one.verdict, one.what) {
        (Verdict::Open, _) if asking == Asking::On => (Tone::Quiet, "… ", "asking".to_owned()),
        (Verdict::Open, _) => (Tone::Quiet, "? ", "not known".to_owned()),
        (Verdict::TooFew, _) => (
            Tone::Quiet,
            "? ",
            format!("only {of} earlier events: too few to say"),
        ),
        (Verdict::First, Trait::Hour(_)) => {
            (Tone::New, "▲ never ", format!("at this hour since {since}"))
        }
        (Verdict::First, _) => (Tone::New, "▲ first ", format!("never since {since}")),
        (Verdict::Rare, _) => (
            Tone::Odd,
            "△ rare ",
            format!("{} of {of} events", grouped(one.seen)),
        ),
        (Verdict::Usual, _) => (
            Tone::Plain,
            "· usual ",
            format!("{} of {of} events", grouped(one.seen)),
        ),
    };
    let name = match one.what {
        Trait::Field(field) => field.name().to_owned(),
        Trait::Hour(_) => format!("hour ({})", dossier.tz.name()),
        Trait::Outcome(_) => "outcome".to_owned(),
    };
    let row = Row::new(
        tone,
        format!("  {name} {}", one.value),
        format!("{shape}{text}"),
    );
    let term = match one.what {
        Trait::Field(field) => term::field(field, Some(&one.value)),
        Trait::Outcome(outcome) => format!("outcome:{}", outcome.word()),
        Trait::Hour(_) => return row,
    };
    row.to(Aim::Filter(term::join(past, &term, Polarity::With)))
}
