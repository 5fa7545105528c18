//! Rows in the plan's order, byte for byte as they will be in the archive.
//!
//! One short snapshot a call; the next call goes on after the last row of this one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc::Sender;
use tokio_util::bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::core::instant::At;
use crate::core::purge::decode::copy::{fields, unescape};
use crate::core::purge::plan::{ParentLink, RowOrder};
use crate::core::purge::row::{RawRows, RowDigest, RowKey, RowMark, RowVersion};
use crate::store::StoreError;
use crate::store::postgres::purge::Known;
use crate::store::postgres::purge::link::Link;
use crate::store::postgres::purge::target::{Target, first_field, first_number, list, trimmed};
use crate::store::postgres::sql::quote::{ident, text};
use crate::store::postgres::walk;
use crate::store::purger::{Piece, Place, READ_BYTES, ReadEnd};

/// Bytes and rows of one piece.
const PIECE: (usize, usize) = (1024 * 1024, 4_000);
/// Events whose related rows are asked for together.
const FAMILY: usize = 2_000;

/// How long a row is, as far as it is known.
#[derive(Debug)]
pub struct Mean(AtomicUsize);

impl Default for Mean {
    /// Before anything was read; most rows are shorter.
    fn default() -> Self {
        Self(AtomicUsize::new(1024))
    }
}

impl Mean {
    /// How many rows a read takes: some fewer than there is room for, as the next ones may be longer.
    fn rows(&self) -> usize {
        (READ_BYTES / 4 * 3 / self.0.load(Ordering::Relaxed)).max(1)
    }

    fn learn(&self, rows: usize, bytes: usize) {
        if let Some(mean) = bytes.checked_div(rows) {
            self.0.store(mean.max(1), Ordering::Relaxed);
        }
    }
}

/// A read.
pub struct Reading<'r> {
    /// In its snapshot.
    pub link: &'r Link,
    /// What is read.
    pub known: &'r Known,
    /// In which order.
    pub order: RowOrder,
    /// Which rows.
    pub condition: String,
    /// Ends it.
    pub stop: &'r CancellationToken,
}

impl Reading<'_> {
    /// Reads; also says whether the answer was read to its end. `mean` learns how long a row is, so
    /// that the next read asks for no more rows than it takes.
    pub async fn run(
        &self,
        after: Option<Place>,
        limit: usize,
        mean: &Mean,
        out: &Sender<Piece>,
    ) -> Result<(ReadEnd, bool), StoreError> {
        if self.known.examined.targets.len() == 1 {
            let limit = limit.min(mean.rows());
            let mut lines = self
                .link
                .lines(&self.statement(after.as_ref(), limit), self.stop)
                .await?;
            let (mut piece, mut rows, mut bytes) = (Self::empty(1), 0, 0);
            while let Some(line) = lines.next().await? {
                self.take(&mut piece, &line)?;
                rows += 1;
                bytes += line.len();
                let held = &piece.rows[0];
                if held.payload.len() >= PIECE.0 || held.marks.len() >= PIECE.1 {
                    self.send(std::mem::replace(&mut piece, Self::empty(1)), out)
                        .await?;
                }
                if bytes >= READ_BYTES && rows < limit {
                    self.send(piece, out).await?;
                    mean.learn(rows, bytes);
                    return Ok((ReadEnd::Limit, false));
                }
            }
            self.send(piece, out).await?;
            mean.learn(rows, bytes);
            return Ok((Self::end(rows, limit), true));
        }
        self.families(after, limit, out).await
    }

    /// Events in small groups, each with the rows related to them.
    async fn families(
        &self,
        mut after: Option<Place>,
        limit: usize,
        out: &Sender<Piece>,
    ) -> Result<(ReadEnd, bool), StoreError> {
        let targets = &self.known.examined.targets;
        let (mut rows, mut bytes) = (0, 0);
        while rows < limit && bytes < READ_BYTES {
            let wanted = FAMILY.min(limit - rows);
            let mut piece = Self::empty(targets.len());
            let statement = self.statement(after.as_ref(), wanted);
            for line in self.link.lines(&statement, self.stop).await?.all().await? {
                self.take(&mut piece, &line)?;
            }
            let found = piece.rows[0].marks.len();
            for place in 1..targets.len() {
                self.related(&mut piece, place).await?;
            }
            rows += found;
            bytes += piece
                .rows
                .iter()
                .map(|rows| rows.payload.len())
                .sum::<usize>();
            if let Some(last) = piece.rows[0].marks.last() {
                after = Some(Place {
                    time: piece.times.last().cloned(),
                    key: last.key.clone(),
                });
            }
            self.send(piece, out).await?;
            if found < wanted {
                return Ok((ReadEnd::Exhausted, true));
            }
        }
        Ok((ReadEnd::Limit, true))
    }

    fn end(rows: usize, limit: usize) -> ReadEnd {
        if rows < limit {
            ReadEnd::Exhausted
        } else {
            ReadEnd::Limit
        }
    }

    fn empty(relations: usize) -> Piece {
        Piece {
            rows: vec![RawRows::default(); relations],
            times: Vec::new(),
        }
    }

    async fn send(&self, piece: Piece, out: &Sender<Piece>) -> Result<(), StoreError> {
        if piece.rows.iter().all(|rows| rows.marks.is_empty()) {
            return Ok(());
        }
        tokio::select! {
            sent = out.send(piece) => sent.map_err(|_| StoreError::Cancelled),
            () = self.stop.cancelled() => Err(self.link.stopped().await),
        }
    }

    fn statement(&self, after: Option<&Place>, limit: usize) -> String {
        let target = &self.known.examined.targets[0];
        let mut order = target.order();
        if self.order == RowOrder::TimeThenKey {
            order.insert(0, self.known.layout.time.sql.clone());
        }
        let beyond = after.map_or_else(String::new, |place| {
            let time = (self.order == RowOrder::TimeThenKey)
                .then(|| text(place.time.as_deref().unwrap_or_default()));
            let key = self.known.layout.key.iter().zip(&place.key.0);
            let values: Vec<String> = time
                .into_iter()
                .chain(key.map(|(column, part)| column.literal(part)))
                .collect();
            format!(" AND ({}) > ({})", order.join(", "), values.join(", "))
        });
        format!(
            "SELECT t.xmin, {} FROM {} t WHERE {}{beyond} ORDER BY {} LIMIT {limit}",
            target.columns("t."),
            target.quoted(),
            self.condition,
            order.join(", ")
        )
    }

    fn take(&self, piece: &mut Piece, line: &Bytes) -> Result<(), StoreError> {
        let target = &self.known.examined.targets[0];
        let (version, row) = first_field(line);
        let time = self.time(row);
        let at = walk::instant(&self.known.layout, &time);
        if self.order == RowOrder::TimeThenKey {
            piece.times.push(time);
        }
        push(
            &mut piece.rows[0],
            row,
            version,
            target.key_of(row)?,
            at,
            None,
        )
    }

    fn time(&self, row: &[u8]) -> String {
        let name = &self.known.layout.time.name;
        let columns = &self.known.examined.targets[0].relation.columns;
        let at = columns
            .iter()
            .position(|column| column.name == *name)
            .unwrap_or(0);
        let value = fields(trimmed(row)).nth(at).and_then(unescape);
        value.map_or_else(String::new, |value| {
            String::from_utf8_lossy(&value).into_owned()
        })
    }

    /// The rows of a relation that belong to the piece's.
    async fn related(&self, piece: &mut Piece, place: usize) -> Result<(), StoreError> {
        let targets = &self.known.examined.targets;
        let target = &targets[place];
        let Some(parent) = &target.relation.parent else {
            return Ok(());
        };
        let parents = &piece.rows[parent.relation];
        let owners: Vec<(RowKey, At)> = (parents.marks.iter())
            .map(|mark| {
                (
                    mark.parent.clone().unwrap_or_else(|| mark.key.clone()),
                    mark.at,
                )
            })
            .collect();
        let rows: Vec<&[u8]> = parents.iter().map(|(_, row)| row).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let linked = linked(target, parent, &targets[parent.relation], &rows);
        let order: Vec<String> = target.order();
        let order = if order.is_empty() {
            "t::text COLLATE \"C\"".to_owned()
        } else {
            order.join(", ")
        };
        let statement = format!(
            "SELECT k.n, t.xmin, {} FROM {} t JOIN {} ON {} ORDER BY k.n, {order}",
            target.columns("t."),
            target.quoted(),
            linked.keys,
            linked.joined
        );
        let mut found = RawRows::default();
        for line in self.link.lines(&statement, self.stop).await?.all().await? {
            let (number, rest) = first_number(&line);
            let (version, row) = first_field(rest);
            let Some((owner, at)) = owners.get(number.wrapping_sub(1)) else {
                continue;
            };
            push(
                &mut found,
                row,
                version,
                target.key_of(row)?,
                *at,
                Some(owner.clone()),
            )?;
        }
        piece.rows[place] = found;
        Ok(())
    }
}

fn push(
    rows: &mut RawRows,
    row: &[u8],
    version: &[u8],
    key: RowKey,
    at: At,
    parent: Option<RowKey>,
) -> Result<(), StoreError> {
    rows.marks.push(RowMark {
        key,
        version: RowVersion(String::from_utf8_lossy(version).into_owned()),
        digest: RowDigest::of(row),
        at,
        length: u32::try_from(row.len()).map_err(|_| StoreError::Refused {
            message: "a row of 4 GiB or more cannot be archived".to_owned(),
            hint: None,
        })?,
        parent,
    });
    rows.payload.extend_from_slice(row);
    Ok(())
}

/// How rows find their parents: a table `k` of the parents' values, and the condition.
pub struct Linked {
    /// `unnest(…) … AS k(…, n)`
    pub keys: String,
    /// `t.a = k.k0 AND …`
    pub joined: String,
}

/// Links the rows of `target` to rows of their parent.
pub fn linked(target: &Target, link: &ParentLink, parent: &Target, rows: &[&[u8]]) -> Linked {
    let place = |relation: &crate::core::purge::plan::Relation, name: &str| {
        relation
            .columns
            .iter()
            .position(|column| column.name == *name)
    };
    let wanted: HashMap<usize, usize> = (link.parent_columns.iter().enumerate())
        .filter_map(|(at, name)| Some((place(&parent.relation, name)?, at)))
        .collect();
    let mut values = vec![vec![None; rows.len()]; link.columns.len()];
    for (number, row) in rows.iter().enumerate() {
        for (column, field) in fields(trimmed(row)).enumerate() {
            if let Some(at) = wanted.get(&column) {
                values[*at][number] =
                    unescape(field).map(|value| String::from_utf8_lossy(&value).into_owned());
            }
        }
    }
    let types = link.columns.iter().map(|name| {
        let column = place(&target.relation, name);
        column.map_or("text", |column| {
            target.relation.columns[column].type_name.as_str()
        })
    });
    let lists: Vec<String> = (values.into_iter().zip(types))
        .map(|(values, type_name)| list(values.into_iter(), type_name))
        .collect();
    let names: Vec<String> = (0..lists.len()).map(|at| format!("k{at}")).collect();
    let joined: Vec<String> = (link.columns.iter().enumerate())
        .map(|(at, name)| format!("t.{} = k.k{at}", ident(name)))
        .collect();
    Linked {
        keys: format!(
            "unnest({}) WITH ORDINALITY AS k({}, n)",
            lists.join(", "),
            names.join(", ")
        ),
        joined: joined.join(" AND "),
    }
}
