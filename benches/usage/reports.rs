//! Every report through the library: how soon it says something, and when it is whole.

use std::time::Instant;

use auditail::core::calendar::Period;
use auditail::core::instant::Micros;
use auditail::core::query::predicate::Predicate;
use auditail::core::usage::course::Course;
use auditail::core::usage::plan::Slicing;
use auditail::core::usage::settled::Settled;
use auditail::core::usage::{Report, Usage};
use auditail::store::connect::{OpenOptions, open};
use auditail::store::reading::{self, Heard, Hearing};
use auditail::store::{AggregateItem, Store};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::measure::{alone, ms};

/// The range of the tab.
const RANGE: i64 = 90 * 24 * 3_600 * Micros::SECOND;

/// Prints two lines for every report.
pub async fn measure(url: &str) {
    let store = open(url, &OpenOptions::default())
        .await
        .expect("the database opens");
    let stop = CancellationToken::new();
    let now = store.now(&stop).await.expect("the server's clock");
    let profile = store.description().profile.clone();
    for (report, name) in Report::ALL {
        let mut usage = Usage::new(report, &profile, Predicate::All);
        (usage.since, usage.until) = (now.plus(-RANGE), now);
        usage.period = Period::Week;
        if usage.lack().is_some() {
            continue;
        }
        let begun = Instant::now();
        let first = if report.is_read() {
            read(&*store, &usage, &stop).await
        } else {
            let mut course = Course::new(usage, now, Slicing::ByCalendar).expect("a short range");
            answered(&*store, &mut course, &stop).await
        };
        alone(
            &format!("{name}: first numbers"),
            &ms(first - begun),
            "<= 1000 ms",
        );
        let whole = begun.elapsed();
        alone("  the whole report", &ms(whole), "reported");
    }
}

/// Reads to the end; when something was known.
async fn read(store: &dyn Store, usage: &Usage, stop: &CancellationToken) -> Instant {
    let mut first: Option<Instant> = None;
    let mut tell = |heard| {
        if let Heard::Answer(_) = heard {
            first.get_or_insert_with(Instant::now);
        }
    };
    let whole = reading::report(store, usage, stop, Hearing::Parts, &mut tell).await;
    whole.expect("an answer");
    first.unwrap_or_else(Instant::now)
}

/// Asks to the end; when the first numbers came.
async fn answered(store: &dyn Store, course: &mut Course, stop: &CancellationToken) -> Instant {
    let mut settled = Settled::default();
    let mut first: Option<Instant> = None;
    while let Some(question) = course.next(&settled) {
        let (out, mut parts) = mpsc::channel(1);
        let listening = async {
            let mut first = None;
            while let Some(AggregateItem::Partial(..)) = parts.recv().await {
                first.get_or_insert_with(Instant::now);
            }
            first
        };
        let asking = store.aggregate(question.request.clone(), out, stop);
        let (answer, partial) = tokio::join!(asking, listening);
        let known = partial.unwrap_or_else(Instant::now);
        first.get_or_insert(known);
        course.take(&question, answer.expect("an answer"), &mut settled);
    }
    first.unwrap_or_else(Instant::now)
}
