//! Walking a table in its order, in slices of time: each slice is a short job on the connection,
//! so that others get their turn, matches show as they come, and stopping is prompt.
//!
//! Position is a place in the order (raw time, key), never a row number. Does not know who asks.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params_from_iter};

use crate::core::event::{Event, KeyPart};
use crate::core::instant::{At, Micros};
use crate::core::json::FlatJson;
use crate::core::query::predicate::Predicate;
use crate::store::sqlite::open::statement_error;
use crate::store::sqlite::row::{self, Reader};
use crate::store::sqlite::shape::{RawBounds, Section, Shape, Sql, mark_of, value_of};
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

/// In which order the rows come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// The store's own.
    Time,
    /// By key, for counting what no index gives in order of time.
    Key,
}

/// What is read of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Columns {
    /// Everything.
    All,
    /// Time and sort key; an index on the time has both.
    Place,
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
    order: Order,
    columns: Columns,
    sections: Vec<Section>,
    within: Within,
    /// Time of the last row that was looked at.
    pub(super) looked_to: Option<At>,
    /// How many rows were looked at.
    pub(super) examined: u64,
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
            order: Order::Time,
            columns: Columns::All,
            sections,
            within,
            looked_to: None,
            examined: 0,
        }
    }

    /// A walk that counts: newest first where an index allows that, else in the order of the key.
    pub(super) fn counting(shape: &Shape, predicate: Arc<Predicate>, columns: Columns) -> Self {
        let mut walk = Self::new(shape, predicate, &PageFrom::Newest);
        walk.columns = columns;
        if !shape.is_ordered && shape.is_keyed {
            walk.order = Order::Key;
            walk.sections.truncate(1);
        }
        walk
    }

    /// Whether a slice may end anywhere: rows come in order without being sorted first.
    fn can_pause(&self, shape: &Shape) -> bool {
        shape.is_ordered || self.order == Order::Key
    }

    /// Every row of some sections, oldest first, from an instant on.
    pub(super) fn forward(shape: &Shape, sections: &[Section], since: Option<Micros>) -> Self {
        let mut walk = Self::new(shape, Arc::new(Predicate::All), &PageFrom::Oldest);
        walk.narrow(shape, sections, since);
        walk
    }

    /// Every row of some sections, newest first.
    pub(super) fn back(shape: &Shape, sections: &[Section]) -> Self {
        let mut walk = Self::new(shape, Arc::new(Predicate::All), &PageFrom::Newest);
        walk.narrow(shape, sections, None);
        walk
    }

    fn narrow(&mut self, shape: &Shape, sections: &[Section], since: Option<Micros>) {
        self.sections.retain(|section| sections.contains(section));
        self.bounds = shape.bounds(since, None);
        if let Some(near) = near(shape, since, None) {
            self.condition = near;
        }
    }

    /// What it looks for.
    pub(super) fn predicate(&self) -> Arc<Predicate> {
        Arc::clone(&self.predicate)
    }

    /// Whether the store's condition alone decides.
    pub(super) fn exactness(&self) -> Exactness {
        self.exactness
    }

    /// The statement of the next slice.
    pub(super) fn statement(&self, shape: &Shape) -> Option<Sql> {
        let section = *self.sections.first()?;
        let select = match self.columns {
            Columns::All => shape.select(),
            Columns::Place => shape.select_place(),
        };
        if self.order == Order::Key {
            return Some(self.by_key(shape, &select));
        }
        let (range, order) = self.range(shape, section);
        let table = &shape.table;
        let mut sql = Sql::plain("SELECT ");
        if shape.is_ordered {
            // The condition is a column, not a filter: every row comes by, so the walk can stop and
            // say how far it has looked; columns are only read where it holds.
            sql.push(self.condition.clone());
            sql.push(Sql::plain(format!(", {select} FROM {table} WHERE ")));
            sql.push(range);
            sql.push(Sql::plain(format!(" ORDER BY {order}")));
        } else {
            sql.push(Sql::plain(format!("TRUE, {select} FROM {table} WHERE ")));
            sql.push(range);
            sql.push(Sql::plain(" AND ("));
            sql.push(self.condition.clone());
            let order = format!(") IS NOT FALSE ORDER BY {order} LIMIT {UNORDERED_BATCH}");
            sql.push(Sql::plain(order));
        }
        Some(sql)
    }

    /// The rows that are left of a section, and their order.
    fn range(&self, shape: &Shape, section: Section) -> (Sql, String) {
        let (comparison, way) = match self.direction {
            Direction::Back => ('<', "DESC"),
            Direction::Forward => ('>', "ASC"),
        };
        let ordered = |columns: &[String]| {
            let terms: Vec<_> = columns
                .iter()
                .map(|column| format!("{column} {way}"))
                .collect();
            terms.join(", ")
        };
        let time = &shape.time;
        let columns: Vec<_> = std::iter::once(time).chain(&shape.sort).cloned().collect();
        let mut range = shape.section_sql(section, &self.bounds);
        match &self.within {
            Within::All => {}
            Within::Ties(at, key) if shape.is_ordered => {
                let mut ties = Sql::new(format!("{time} IS {} AND ", mark_of(at)), [value_of(at)]);
                ties.push(Shape::beyond(&shape.sort, comparison, key));
                return (ties, ordered(&shape.sort));
            }
            Within::Ties(at, key) => {
                range.push(Sql::plain(" AND "));
                range.push(if *at == KeyPart::Null {
                    Shape::beyond(&shape.sort, comparison, key)
                } else {
                    let parts: Vec<_> = std::iter::once(at).chain(key).cloned().collect();
                    Shape::beyond(&columns, comparison, &parts)
                });
            }
            Within::Beyond(at) => {
                range.push(Sql::new(
                    format!(" AND {time} {comparison} {}", mark_of(at)),
                    [value_of(at)],
                ));
            }
        }
        (range, ordered(&columns))
    }

    fn by_key(&self, shape: &Shape, select: &str) -> Sql {
        let descending: Vec<_> = shape
            .sort
            .iter()
            .map(|column| format!("{column} DESC"))
            .collect();
        let mut sql = Sql::plain("SELECT ");
        sql.push(self.condition.clone());
        sql.push(Sql::plain(format!(
            ", {select} FROM {} WHERE ",
            shape.table
        )));
        sql.push(match &self.within {
            Within::Ties(_, key) => Shape::beyond(&shape.sort, '<', key),
            Within::All | Within::Beyond(_) => Sql::plain("TRUE"),
        });
        sql.push(Sql::plain(format!(" ORDER BY {}", descending.join(", "))));
        sql
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
        let predicate = Arc::clone(&self.predicate);
        let mut reader = Reader::default();
        self.advance_rows(connection, shape, budget, halt, &mut |row| {
            reader.read(shape, row, |event, record| {
                if predicate.matches(&event, record) {
                    visit(event, record)
                } else {
                    ControlFlow::Continue(())
                }
            })
        })
    }

    /// As [`Walk::advance`], with every row that the condition lets through, as it is.
    pub(super) fn advance_rows(
        &mut self,
        connection: &Connection,
        shape: &Shape,
        budget: Duration,
        halt: &Halt,
        visit: &mut dyn FnMut(&Row<'_>) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<Pause, StoreError> {
        let until = Instant::now() + budget;
        let can_pause = self.can_pause(shape);
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
                self.examined += 1;
                let is_ruled_out = matches!(row.get_ref(0), Ok(ValueRef::Integer(0)));
                let flow = if is_ruled_out {
                    ControlFlow::Continue(())
                } else {
                    visit(row)?
                };
                let is_late = can_pause && Instant::now() >= until;
                if flow.is_break() || is_late || (!can_pause && count == UNORDERED_BATCH) {
                    self.stay_at(shape, row)?;
                }
                if flow.is_break() {
                    return Ok(Pause::Visitor);
                }
                if is_late {
                    return Ok(Pause::Budget);
                }
            }
            if can_pause || count < UNORDERED_BATCH {
                self.next_stage(shape);
            } else {
                return Ok(Pause::Budget);
            }
        }
        Ok(Pause::End)
    }

    fn stay_at(&mut self, shape: &Shape, row: &Row<'_>) -> Result<(), StoreError> {
        let (time, key) = row::place_of(shape, row).map_err(|error| statement_error(&error))?;
        self.looked_to = Some(shape.at_of(&time));
        self.within = Within::Ties(time, key);
        Ok(())
    }

    fn next_stage(&mut self, shape: &Shape) {
        let within = std::mem::replace(&mut self.within, Within::All);
        match within {
            Within::Ties(time, _)
                if shape.is_ordered && self.order == Order::Time && time != KeyPart::Null =>
            {
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
