//! Walking a table in its order, in slices of time: each slice is a short job on the connection,
//! so that others get their turn, matches show as they come, and stopping is prompt.
//!
//! Position is a place in the order (raw time, key), never a row number. Does not know who asks.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Row, params_from_iter};

use crate::core::event::{Event, KeyPart};
use crate::core::instant::{At, Micros};
use crate::core::json::FlatJson;
use crate::core::query::predicate::Predicate;
use crate::store::sqlite::open::statement_error;
use crate::store::sqlite::row::{self, Reader};
use crate::store::sqlite::shape::{RawBounds, Section, Shape, Sql, value_of};
use crate::store::sqlite::sql;
use crate::store::sqlite::worker::Halt;
use crate::store::{Exactness, PageFrom, StoreError};

/// Rows fetched at a time from a table that has no index on its time: each fetch is a full scan.
const UNORDERED_BATCH: usize = 20_000;

/// Which way a walk goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// Newest first.
    Back,
    /// Oldest first.
    Forward,
}

/// From where within a section.
#[derive(Clone, Debug, PartialEq)]
enum Within {
    /// From its beginning.
    All,
    /// After this row, among those of the same time.
    Ties(KeyPart, Vec<KeyPart>),
    /// After all rows of this time.
    Beyond(KeyPart),
}

/// Why a walk paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// The slice's time is up; more may follow.
    Budget,
    /// The visitor has had enough for now.
    Visitor,
    /// Nothing is left.
    End,
}

/// A walk: which rows, which way, and how far it has come. It can be sent between threads; it
/// holds nothing of the connection.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    predicate: Arc<Predicate>,
    condition: Sql,
    exactness: Exactness,
    bounds: RawBounds,
    direction: Direction,
    sections: Vec<Section>,
    within: Within,
    /// Time of the last row that was looked at.
    pub(super) looked_to: Option<At>,
}

impl Walk {
    /// A walk over everything that matches.
    pub(super) fn new(shape: &Shape, predicate: Arc<Predicate>, from: &PageFrom) -> Self {
        let direction = match from {
            PageFrom::Newest | PageFrom::Before(_) => Direction::Back,
            PageFrom::Oldest | PageFrom::After(_) => Direction::Forward,
        };
        let (since, until) = predicate.time_bounds();
        let (mut condition, exactness) = sql::compile(shape, &predicate);
        if let Some(near) = near(shape, since, until) {
            condition.push(Sql::plain(" AND "));
            condition.push(near);
        }
        let mut sections: Vec<_> = Section::ALL
            .into_iter()
            .filter(|section| match section {
                Section::NegInfinity => since.is_none(),
                Section::PosInfinity => until.is_none(),
                Section::Dated | Section::High | Section::Low | Section::Null => true,
            })
            .collect();
        if direction == Direction::Forward {
            sections.reverse();
        }
        let mut within = Within::All;
        if let PageFrom::Before(cursor) | PageFrom::After(cursor) = from {
            let section = shape.section_of(&cursor.time);
            let is_passed = |other: &Section| match direction {
                Direction::Back => *other < section,
                Direction::Forward => *other > section,
            };
            sections.retain(|other| !is_passed(other));
            // A section that the bounds leave out has no rows to go on after.
            if sections.first() == Some(&section) {
                within = Within::Ties(cursor.time.clone(), cursor.key.clone());
            }
        }
        Self {
            bounds: shape.bounds(since, until),
            predicate,
            condition,
            exactness,
            direction,
            sections,
            within,
            looked_to: None,
        }
    }

    /// Whether the store's condition alone decides.
    pub(super) fn exactness(&self) -> Exactness {
        self.exactness
    }

    /// The statement of the next slice.
    pub(super) fn statement(&self, shape: &Shape) -> Option<Sql> {
        let section = *self.sections.first()?;
        let (comparison, way) = match self.direction {
            Direction::Back => ('<', "DESC"),
            Direction::Forward => ('>', "ASC"),
        };
        let time = &shape.time;
        let mut columns = vec![time.clone()];
        columns.extend(shape.sort.iter().cloned());
        let ordered = |columns: &[String]| {
            let terms: Vec<_> = columns
                .iter()
                .map(|column| format!("{column} {way}"))
                .collect();
            terms.join(", ")
        };
        let mut range = shape.section_sql(section, &self.bounds);
        let mut order = ordered(&columns);
        match &self.within {
            Within::All => {}
            Within::Ties(at, key) if shape.is_ordered => {
                range = Sql::new(format!("{time} IS ? AND "), [value_of(at)]);
                range.push(Shape::beyond(&shape.sort, comparison, key));
                order = ordered(&shape.sort);
            }
            Within::Ties(KeyPart::Null, key) => {
                range.push(Sql::plain(" AND "));
                range.push(Shape::beyond(&shape.sort, comparison, key));
            }
            Within::Ties(at, key) => {
                let parts: Vec<_> = std::iter::once(at.clone())
                    .chain(key.iter().cloned())
                    .collect();
                range.push(Sql::plain(" AND "));
                range.push(Shape::beyond(&columns, comparison, &parts));
            }
            Within::Beyond(at) => {
                range.push(Sql::new(
                    format!(" AND {time} {comparison} ?"),
                    [value_of(at)],
                ));
            }
        }
        let (columns, table) = (shape.select(), &shape.table);
        let mut sql = Sql::plain("SELECT ");
        if shape.is_ordered {
            // The condition is a column, not a filter: every row comes by, so the walk can stop and
            // say how far it has looked; columns are only read where it holds.
            sql.push(self.condition.clone());
            sql.push(Sql::plain(format!(", {columns} FROM {table} WHERE ")));
            sql.push(range);
            sql.push(Sql::plain(format!(" ORDER BY {order}")));
        } else {
            sql.push(Sql::plain(format!("TRUE, {columns} FROM {table} WHERE ")));
            sql.push(range);
            sql.push(Sql::plain(" AND ("));
            sql.push(self.condition.clone());
            sql.push(Sql::plain(format!(
                ") IS NOT FALSE ORDER BY {order} LIMIT {UNORDERED_BATCH}"
            )));
        }
        Some(sql)
    }

    /// Goes on for about `budget`, and shows every event that matches to `visit`.
    pub(super) fn advance(
        &mut self,
        connection: &Connection,
        shape: &Shape,
        budget: Duration,
        halt: &Halt,
        visit: &mut dyn FnMut(Event, &FlatJson<'_>) -> ControlFlow<()>,
    ) -> Result<Pause, StoreError> {
        let until = Instant::now() + budget;
        let mut reader = Reader::default();
        while let Some(sql) = self.statement(shape) {
            if halt.is_asked() {
                return Err(StoreError::Cancelled);
            }
            let mut count = 0;
            let mut statement = connection
                .prepare_cached(&sql.text)
                .map_err(|error| statement_error(&error))?;
            let mut rows = statement
                .query(params_from_iter(sql.values))
                .map_err(|error| statement_error(&error))?;
            while let Some(row) = rows.next().map_err(|error| statement_error(&error))? {
                count += 1;
                let flow = self.look(shape, row, &mut reader, visit)?;
                let is_late = shape.is_ordered && Instant::now() >= until;
                if flow.is_break() || is_late {
                    let (time, key) =
                        row::place_of(shape, row).map_err(|error| statement_error(&error))?;
                    self.looked_to = Some(shape.at_of(&time));
                    self.within = Within::Ties(time, key);
                    return Ok(if flow.is_break() {
                        Pause::Visitor
                    } else {
                        Pause::Budget
                    });
                }
                if !shape.is_ordered && count == UNORDERED_BATCH {
                    let (time, key) =
                        row::place_of(shape, row).map_err(|error| statement_error(&error))?;
                    self.looked_to = Some(shape.at_of(&time));
                    self.within = Within::Ties(time, key);
                }
            }
            if shape.is_ordered || count < UNORDERED_BATCH {
                self.next_stage(shape);
            }
        }
        Ok(Pause::End)
    }

    fn look(
        &self,
        shape: &Shape,
        row: &Row<'_>,
        reader: &mut Reader,
        visit: &mut dyn FnMut(Event, &FlatJson<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, StoreError> {
        let is_ruled_out = matches!(row.get_ref(0), Ok(rusqlite::types::ValueRef::Integer(0)));
        if is_ruled_out {
            return Ok(ControlFlow::Continue(()));
        }
        reader.read(shape, row, |event, record| {
            if self.predicate.matches(&event, record) {
                visit(event, record)
            } else {
                ControlFlow::Continue(())
            }
        })
    }

    fn next_stage(&mut self, shape: &Shape) {
        let within = std::mem::replace(&mut self.within, Within::All);
        match within {
            Within::Ties(time, _) if shape.is_ordered && time != KeyPart::Null => {
                self.within = Within::Beyond(time);
            }
            Within::All | Within::Ties(..) | Within::Beyond(_) => {
                self.sections.remove(0);
            }
        }
    }
}

fn near(shape: &Shape, since: Option<Micros>, until: Option<Micros>) -> Option<Sql> {
    (since.is_some() || until.is_some())
        .then(|| shape.near_sql(since, until))
        .flatten()
}
