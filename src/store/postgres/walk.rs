//! Through time in slices of a bounded number of rows, each of which takes about a quarter of a
//! second: what no index helps can be watched and stopped.
//!
//! Does not know what is looked for in a slice.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::core::instant::At;
use crate::core::profile::evaluate::decode_time;
use crate::core::scalar::{Scalar, is_number};
use crate::store::postgres::explain::planned_rows;
use crate::store::postgres::layout::{Layout, Way};
use crate::store::postgres::session::Session;
use crate::store::postgres::sql::quote::text;
use crate::store::{Progress, StoreError};

/// Rows of the first slice: a few tens of milliseconds whatever is asked of them.
const FIRST_SLICE: u64 = 10_000;
/// Time one slice should take: the first matches and the progress show well within a second.
const SLICE_TIME: Duration = Duration::from_millis(250);

/// What is walked through.
#[derive(Clone)]
pub struct Walked<'w> {
    /// The table.
    pub layout: &'w Layout,
    /// The connection.
    pub session: &'w Session,
    /// The direction.
    pub way: Way,
    /// Lower and upper bound as literals of the time column.
    pub bounds: [Option<String>; 2],
    /// Ends it.
    pub stop: &'w CancellationToken,
}

impl Walked<'_> {
    /// The condition for dated rows within the bounds, beyond `from` and up to `edge`.
    pub fn range(&self, from: Option<&str>, edge: Option<&str>) -> String {
        let time = &self.layout.time.sql;
        let mut conditions = vec![self.layout.time.is_dated()];
        if let [Some(since), _] = &self.bounds {
            conditions.push(format!("{time} >= {since}"));
        }
        if let [_, Some(until)] = &self.bounds {
            conditions.push(format!("{time} <= {until}"));
        }
        conditions.extend(from.map(str::to_owned));
        if let Some(edge) = edge {
            let comparison = if self.way == Way::Back { ">=" } else { "<=" };
            conditions.push(format!("{time} {comparison} {}", text(edge)));
        }
        conditions.join(" AND ")
    }

    /// Rows the planner expects within the bounds.
    pub async fn planned(&self) -> Result<Option<u64>, StoreError> {
        let statement = format!(
            "EXPLAIN (FORMAT JSON) SELECT 1 FROM {} WHERE {}",
            self.layout.from(),
            self.range(None, None)
        );
        let label = self.layout.table.label();
        let plan = self.session.texts(&statement, &label, self.stop).await?;
        Ok(planned_rows(&plan))
    }

    async fn first_text(&self, statement: &str) -> Result<Option<String>, StoreError> {
        let label = self.layout.table.label();
        let found = self.session.texts(statement, &label, self.stop).await?;
        Ok(found
            .into_iter()
            .next()
            .and_then(|row| row.into_iter().next().flatten()))
    }

    /// The time `rows` rows further on; `None` when there are not so many left. A slice includes
    /// all rows of that time, so rows of one instant are never torn apart.
    async fn edge(&self, from: Option<&str>, rows: u64) -> Result<Option<String>, StoreError> {
        // Inside, so that only one of so many rows is spelled.
        self.first_text(&format!(
            "SELECT to_json(e.edge) #>> '{{}}' FROM \
             (SELECT {time} AS edge FROM {} WHERE {} ORDER BY {time} {} OFFSET {rows} LIMIT 1) e",
            self.layout.from(),
            self.range(from, None),
            if self.way == Way::Back { "DESC" } else { "ASC" },
            time = self.layout.time.sql,
        ))
        .await
    }

    /// The time at one end of what is walked through.
    async fn end(&self, from: Option<&str>, direction: &str) -> Result<At, StoreError> {
        let found = self
            .first_text(&format!(
                "SELECT to_json({time}) #>> '{{}}' FROM {} WHERE {} ORDER BY {time} {direction} LIMIT 1",
                self.layout.from(),
                self.range(from, None),
                time = self.layout.time.sql,
            ))
            .await?;
        Ok(found.map_or(At::Absent, |text| instant(self.layout, &text)))
    }
}

/// Reads a time as records spell it.
pub fn instant(layout: &Layout, text: &str) -> At {
    let value = if is_number(text) {
        Scalar::Number(text.into())
    } else {
        Scalar::Text(text.into())
    };
    decode_time(layout.profile.time.encoding, &value)
}

/// A walk in progress.
pub struct Walk<'w> {
    walked: Walked<'w>,
    from: Option<String>,
    /// The far side of the slice handed out last.
    edge: Option<String>,
    rows: u64,
    /// First and last instant, for the progress.
    extent: Option<[i64; 2]>,
    begun: Instant,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Fresh,
    Going,
    Last,
}

impl<'w> Walk<'w> {
    /// Begins at one end, or beyond the condition `from`.
    pub async fn begin(walked: Walked<'w>, from: Option<String>) -> Result<Self, StoreError> {
        let first = walked.end(from.as_deref(), "ASC").await?.instant();
        let last = walked.end(from.as_deref(), "DESC").await?.instant();
        Ok(Self {
            walked,
            from,
            edge: None,
            rows: FIRST_SLICE,
            extent: first.zip(last).map(|(first, last)| [first.0, last.0]),
            begun: Instant::now(),
            state: State::Fresh,
        })
    }

    /// The next slice as a condition; `None` when everything has been handed out. The time since the
    /// last call decides how large it is.
    pub async fn next(&mut self) -> Result<Option<String>, StoreError> {
        match (self.state, &self.edge) {
            (State::Last, _) => return Ok(None),
            (State::Going, Some(edge)) => {
                let time = &self.walked.layout.time.sql;
                self.from = Some(format!(
                    "{time} {} {}",
                    self.walked.way.beyond(),
                    text(edge)
                ));
                self.rows = paced(self.rows, self.begun.elapsed());
            }
            _ => {}
        }
        self.begun = Instant::now();
        self.edge = self.walked.edge(self.from.as_deref(), self.rows).await?;
        self.state = if self.edge.is_some() {
            State::Going
        } else {
            State::Last
        };
        Ok(Some(
            self.walked
                .range(self.from.as_deref(), self.edge.as_deref()),
        ))
    }

    /// How far the slices handed out reach; `None` after the last.
    pub fn progress(&self) -> Option<Progress> {
        let looked_to = instant(self.walked.layout, self.edge.as_deref()?);
        let fraction = self
            .extent
            .zip(looked_to.instant())
            .map(|([first, last], at)| {
                let width = last.saturating_sub(first).max(1);
                let done = match self.walked.way {
                    Way::Back => last.saturating_sub(at.0),
                    Way::Forth => at.0.saturating_sub(first),
                };
                #[expect(clippy::cast_precision_loss, reason = "a share for a progress bar")]
                let share = done as f64 / width as f64;
                share.clamp(0.0, 1.0)
            });
        Some(Progress {
            looked_to,
            fraction,
        })
    }
}

fn paced(rows: u64, took: Duration) -> u64 {
    let pace = SLICE_TIME.as_secs_f64() / took.as_secs_f64().max(0.001);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a number of rows that is kept between bounds"
    )]
    let next = (rows as f64 * pace.clamp(0.25, 4.0)) as u64;
    next.clamp(2_000, 2_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_grow_and_shrink_by_bounded_steps() {
        assert_eq!(paced(10_000, Duration::from_millis(1)), 40_000);
        assert_eq!(paced(10_000, Duration::from_millis(250)), 10_000);
        assert_eq!(paced(10_000, Duration::from_mins(1)), 2_500);
        assert_eq!(paced(2_000_000, Duration::ZERO), 2_000_000);
    }
}
