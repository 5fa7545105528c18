//! One job's reading for a tail: the window, the undated rows, rows by id.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, Row, params_from_iter};

use crate::core::event::{Cursor, EventId};
use crate::core::instant::At;
use crate::core::query::predicate::Predicate;
use crate::store::follow::settlement;
use crate::store::overlap::{Glance, Match, Observed, Overlap, UNDATED_MOST};
use crate::store::sqlite::open::statement_error;
use crate::store::sqlite::row::{self, Reader, payload};
use crate::store::sqlite::shape::{Section, Shape};
use crate::store::sqlite::walk::Walk;
use crate::store::sqlite::worker::Halt;
use crate::store::{PayloadNeed, StoreError, TailEvent};

/// For reading a bounded number of rows.
const UNHURRIED: Duration = Duration::from_hours(1);

/// Events of one piece.
const PIECE: usize = 500;

/// What the jobs of a tail share. Never locked while something is awaited.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) shape: Arc<Shape>,
    pub(super) predicate: Arc<Predicate>,
    pub(super) need: PayloadNeed,
    pub(super) overlap: Mutex<Overlap>,
    /// What was recorded and not sent yet: a job that breaks off leaves it here.
    pub(super) told: Mutex<Vec<TailEvent>>,
}

impl Watch {
    pub(super) fn overlap(&self) -> MutexGuard<'_, Overlap> {
        self.overlap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn told(&self) -> MutexGuard<'_, Vec<TailEvent>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One job's reading.
pub(super) struct Reading<'a> {
    watch: &'a Watch,
    reader: Reader,
}

impl<'a> Reading<'a> {
    /// Begins.
    pub(super) fn new(watch: &'a Watch) -> Self {
        Self {
            watch,
            reader: Reader::default(),
        }
    }

    /// Whether the piece is full.
    pub(super) fn flow(&self) -> ControlFlow<()> {
        match self.watch.told().len() {
            0..PIECE => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    }

    /// Looks at a row, and takes it in when it is new or changed.
    pub(super) fn take(&mut self, row: &Row<'_>) -> Result<(), StoreError> {
        let watch = self.watch;
        let shape = &watch.shape;
        let (id, version, at) = identity(shape, row)?;
        if watch.overlap().glance(&id, &version, at) == Glance::Same {
            return Ok(());
        }
        self.reader.read(shape, row, |mut event, record| {
            let is_match = watch.predicate.matches(&event, record);
            let settlement = settlement(&event, shape.profile.changes);
            let observed = Observed {
                cursor: event.cursor.clone(),
                id,
                version,
                matches: if is_match { Match::Yes } else { Match::No },
                settlement,
            };
            if let Some(change) = watch.overlap().record(observed) {
                event.payload = payload(record, watch.need);
                watch.told().push(TailEvent { change, event });
            }
        })
    }
}

fn identity(shape: &Shape, row: &Row<'_>) -> Result<(EventId, String, At), StoreError> {
    let read = || {
        let (time, key) = row::place_of(shape, row)?;
        let id = row::id_of(shape, row, &key)?;
        Ok((id, row::version_of(shape, row)?, shape.at_of(&time)))
    };
    read().map_err(|error: rusqlite::Error| statement_error(&error))
}

/// Rows without a time: the newest of each kind, by key.
pub(super) fn undated(
    connection: &Connection,
    watch: &Watch,
    halt: &Halt,
) -> Result<(), StoreError> {
    let shape = &watch.shape;
    let kinds = [
        &[Section::NegInfinity][..],
        &[Section::PosInfinity],
        &[Section::High, Section::Low, Section::Null],
    ];
    let mut reading = Reading::new(watch);
    for sections in kinds {
        // Which rows there are comes first: it says which of them are older than the tail.
        let mut places: Vec<(Cursor, EventId)> = Vec::new();
        newest(connection, shape, sections, halt, &mut |row| {
            let (time, key) = row::place_of(shape, row).map_err(|error| statement_error(&error))?;
            let id = row::id_of(shape, row, &key).map_err(|error| statement_error(&error))?;
            places.push((
                Cursor {
                    at: shape.at_of(&time),
                    time,
                    key,
                },
                id,
            ));
            Ok(())
        })?;
        if places.is_empty() {
            continue;
        }
        watch.overlap().undated(&places);
        newest(connection, shape, sections, halt, &mut |row| {
            reading.take(row)
        })?;
    }
    Ok(())
}

fn newest(
    connection: &Connection,
    shape: &Shape,
    sections: &[Section],
    halt: &Halt,
    visit: &mut dyn FnMut(&Row<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut left = UNDATED_MOST;
    let mut walk = Walk::back(shape, sections);
    walk.advance_rows(connection, shape, UNHURRIED, halt, &mut |row| {
        visit(row)?;
        left -= 1;
        Ok(if left == 0 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    })?;
    Ok(())
}

/// The rows with these ids.
pub(super) fn by_id(
    connection: &Connection,
    watch: &Watch,
    ids: &[EventId],
) -> Result<(), StoreError> {
    let shape = &watch.shape;
    let mut condition = shape.with_ids(ids);
    let text = format!(
        "SELECT TRUE, {} FROM {} WHERE {}",
        shape.select(),
        shape.table,
        std::mem::take(&mut condition.text)
    );
    let mut reading = Reading::new(watch);
    let mut statement = connection
        .prepare(&text)
        .map_err(|error| statement_error(&error))?;
    let mut rows = statement
        .query(params_from_iter(condition.values))
        .map_err(|error| statement_error(&error))?;
    while let Some(row) = rows.next().map_err(|error| statement_error(&error))? {
        reading.take(row)?;
    }
    Ok(())
}
