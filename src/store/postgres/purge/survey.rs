//! Counts and looks: what would go, month by month, and what would stay.
//!
//! Everything here is the server's word, for people and for counting three ways; the archived bytes
//! decide.

use tokio_util::sync::CancellationToken;

use crate::core::event::Payload;
use crate::core::instant::Micros;
use crate::core::purge::plan::{CountExactness, Month, Survey};
use crate::core::query::predicate::{Atom, Predicate};
use crate::store::postgres::layout::{Layout, TimeForm, Way};
use crate::store::postgres::purge::Known;
use crate::store::postgres::purge::link::Link;
use crate::store::postgres::purge::probe::refused;
use crate::store::postgres::sql::quote::ident;
use crate::store::postgres::sql::{self, Condition};
use crate::store::purger::Selection;
use crate::store::{Exactness, StoreError};

/// Rows before the cutoff that the filter may select; never one without a finite time.
pub fn condition(layout: &Layout, what: &Selection) -> Condition {
    let before = Predicate::Atom(Atom::At {
        since: None,
        until: Some(what.cutoff),
    });
    let both = Predicate::And(vec![before, (*what.predicate).clone()]);
    let mut condition = sql::compile(&both, layout);
    condition.sql = format!("{} AND ({})", layout.time.is_dated(), condition.sql);
    condition
}

/// The time column as `timestamptz`.
fn instant(layout: &Layout) -> String {
    let sql = &layout.time.sql;
    match layout.time.form {
        TimeForm::Instant => sql.clone(),
        TimeForm::WallClock(zone) => format!("({sql}::timestamp AT TIME ZONE '{zone}')"),
        // What no clock can show is no reason to fail.
        TimeForm::Integer(units) | TimeForm::Number(units) => format!(
            "CASE WHEN {sql}::numeric / {units} BETWEEN -62135596800 AND 253402300799 \
             THEN to_timestamp(({sql}::numeric / {units})::float8) END"
        ),
        TimeForm::Text => "NULL::timestamptz".to_owned(),
    }
}

async fn number(link: &Link, sql: &str, stop: &CancellationToken) -> Result<u64, StoreError> {
    let value = link.value(sql, stop).await?;
    Ok(value.and_then(|value| value.parse().ok()).unwrap_or(0))
}

/// Rows that are selected now.
pub async fn count(
    link: &Link,
    known: &Known,
    what: &Selection,
    stop: &CancellationToken,
) -> Result<u64, StoreError> {
    let layout = &known.layout;
    let condition = condition(layout, what).sql;
    let sql = format!(
        "SELECT count(*)::text FROM {} WHERE {condition}",
        layout.from()
    );
    number(link, &sql, stop).await
}

/// Refuses an epoch number whose unit is implausible: half of the rows before 2000 or in the future.
pub async fn check_unit(
    link: &Link,
    layout: &Layout,
    now: Micros,
    stop: &CancellationToken,
) -> Result<(), StoreError> {
    if !matches!(layout.time.form, TimeForm::Integer(_) | TimeForm::Number(_)) {
        return Ok(());
    }
    let sql = format!(
        "SELECT (extract(epoch FROM percentile_disc(0.5) WITHIN GROUP (ORDER BY m)) * 1000000)\
         ::numeric(30,0)::text FROM (SELECT {} AS m FROM {} WHERE {} LIMIT 10000) s",
        instant(layout),
        layout.from(),
        layout.time.is_dated()
    );
    let median = link
        .value(&sql, stop)
        .await?
        .and_then(|value| value.parse::<i64>().ok());
    let (since, until) = (
        946_684_800 * Micros::SECOND,
        now.0 + 86_400 * Micros::SECOND,
    );
    let has_rows = format!(
        "SELECT '1' FROM {} WHERE {} LIMIT 1",
        layout.from(),
        layout.time.is_dated()
    );
    let is_plausible = match median {
        Some(median) => (since..until).contains(&median),
        None => link.value(&has_rows, stop).await?.is_none(),
    };
    if is_plausible {
        return Ok(());
    }
    let (time, label) = (&layout.time.name, layout.table.label());
    Err(refused(
        format!("the times {time} of {label} are not in the unit the profile says"),
        "say the unit in a profile: seconds, milliseconds, microseconds or nanoseconds",
    ))
}

/// The whole survey.
pub async fn survey(
    link: &Link,
    known: &Known,
    what: &Selection,
    stop: &CancellationToken,
) -> Result<Survey, StoreError> {
    let layout = &known.layout;
    let condition = condition(layout, what);
    let (cond, from) = (&condition.sql, layout.from());
    let mut survey = Survey {
        exactness: match condition.exactness {
            Exactness::Exact => CountExactness::Exact,
            Exactness::Superset => CountExactness::AtMost,
        },
        ..Survey::default()
    };
    let at = instant(layout);
    let months = format!(
        "SELECT coalesce(to_char({at} AT TIME ZONE 'UTC', 'YYYY-MM'), '?'), \
         count(*) FILTER (WHERE {cond}), count(*), \
         (extract(epoch FROM min({at}) FILTER (WHERE {cond})) * 1000000)::int8, \
         (extract(epoch FROM max({at}) FILTER (WHERE {cond})) * 1000000)::int8 \
         FROM {from} WHERE {} GROUP BY 1 ORDER BY 1",
        layout.time.is_dated()
    );
    // As text, each of them: that is how small answers are read.
    let months =
        format!("SELECT a, b::text, c::text, d::text, e::text FROM ({months}) s(a, b, c, d, e)");
    for row in link.texts(&months, stop).await? {
        let cell = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
        let count = |at: usize| cell(at).parse::<u64>().unwrap_or(0);
        let edge = |at: usize| cell(at).parse().ok().map(Micros);
        let (going, all) = (count(1), count(2));
        survey.selected += going;
        survey.oldest = [survey.oldest, edge(3)].into_iter().flatten().min();
        survey.newest = [survey.newest, edge(4)].into_iter().flatten().max();
        survey.months.push(Month {
            month: cell(0),
            going,
            staying: all.saturating_sub(going),
        });
    }
    looks(link, known, what, cond, &mut survey, stop).await?;
    census(link, known, cond, &mut survey, stop).await?;
    Ok(survey)
}

/// Rows to show: the oldest, the newest, the first that stays.
async fn looks(
    link: &Link,
    known: &Known,
    what: &Selection,
    cond: &str,
    survey: &mut Survey,
    stop: &CancellationToken,
) -> Result<(), StoreError> {
    let layout = &known.layout;
    let rows = async |cond: &str, way, count: usize| {
        let sql = format!(
            "SELECT to_json(t)::text FROM {} WHERE {cond} ORDER BY {} LIMIT {count}",
            layout.from(),
            layout.order(way)
        );
        let rows = link.texts(&sql, stop).await?;
        let rows = rows.into_iter().flatten().flatten();
        let shown = rows.map(|row| Payload::bounded(&row).text.to_string());
        Ok::<Vec<String>, StoreError>(shown.collect())
    };
    survey.first_rows = rows(cond, Way::Forth, 5).await?;
    survey.last_rows = rows(cond, Way::Back, 5).await?;
    if let Some(cutoff) = layout.time.literal(what.cutoff) {
        let kept = format!(
            "{} AND {} >= {cutoff}",
            layout.time.is_dated(),
            layout.time.sql
        );
        survey.first_kept = rows(&kept, Way::Forth, 1).await?.into_iter().next();
    }
    Ok(())
}

/// Held rows, rows without a time, related rows, bytes.
async fn census(
    link: &Link,
    known: &Known,
    cond: &str,
    survey: &mut Survey,
    stop: &CancellationToken,
) -> Result<(), StoreError> {
    let layout = &known.layout;
    let from = layout.from();
    for keep in &layout.profile.purge.keep {
        let held = sql::holding(&keep.when, layout).sql;
        let sql = format!("SELECT count(*)::text FROM {from} WHERE {cond} AND ({held})");
        survey
            .held
            .push((keep.because.clone(), number(link, &sql, stop).await?));
    }
    let kinds = format!(
        "SELECT coalesce(v, 'NULL'), n::text FROM (SELECT {}::text, count(*) FROM {from} \
         WHERE {} GROUP BY 1) s(v, n) ORDER BY 1",
        layout.time.sql,
        layout.time.is_undated()
    );
    for row in link.texts(&kinds, stop).await? {
        if let [Some(kind), Some(count)] = row.as_slice() {
            survey
                .timeless
                .push((kind.clone(), count.parse().unwrap_or(0)));
        }
    }
    let mut inner = vec![format!("SELECT * FROM {from} WHERE {cond}")];
    for target in &known.examined.targets[1..] {
        let Some(parent) = &target.relation.parent else {
            continue;
        };
        let pairs = parent.columns.iter().zip(&parent.parent_columns);
        let same: Vec<String> = pairs
            .map(|(own, its)| format!("c.{} = p.{}", ident(own), ident(its)))
            .collect();
        let rows = format!(
            "SELECT c.* FROM {} c JOIN ({}) p ON {}",
            target.quoted(),
            inner[parent.relation],
            same.join(" AND ")
        );
        let sql = format!("SELECT count(*)::text FROM ({rows}) s");
        survey.related.push((
            target.relation.name.clone(),
            number(link, &sql, stop).await?,
        ));
        inner.push(rows);
    }
    let width = format!(
        "SELECT coalesce(ceil(avg(octet_length(s::text))), 0)::int8::text FROM \
         (SELECT * FROM {from} WHERE {cond} LIMIT 1000) s"
    );
    survey.bytes = survey
        .selected
        .saturating_mul(number(link, &width, stop).await?);
    Ok(())
}
