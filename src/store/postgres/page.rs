//! Pages by keyset, both ways. A filter that no index helps walks through time in slices of a
//! bounded number of rows, so that it can be stopped and shows how far it is.

use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::core::event::Cursor;
use crate::store::postgres::Inner;
use crate::store::postgres::batch::{Batch, Ties};
use crate::store::postgres::layout::{Way, literal, rank_of};
use crate::store::postgres::road::{Road, ordered_statement, road, sorted_statement};
use crate::store::postgres::rows::{Read, RowReader};
use crate::store::postgres::session::{Purpose, Session};
use crate::store::postgres::sql::{self, Condition, Reach};
use crate::store::postgres::walk::{Walk, Walked};
use crate::store::{Exactness, PageEnd, PageFrom, PageItem, PageRequest, StoreError};

/// Rows of one statement of an export: short enough for the server's limits, long enough that
/// starting it costs nothing.
const CHUNK: usize = 200_000;

/// Answers a page request.
pub async fn page(
    inner: &Inner,
    request: PageRequest,
    out: Sender<PageItem>,
    stop: &CancellationToken,
) -> Result<PageEnd, StoreError> {
    let layout = &inner.layout;
    let condition = sql::compile(&request.predicate, layout);
    // A search may look at every row: single events must not have to wait for it.
    let purpose = if request.limit.is_some() && condition.reach != Reach::Scanned {
        Purpose::Browse
    } else {
        Purpose::Heavy
    };
    let session = inner.pool.lease(purpose, stop).await?;
    let recheck = (condition.exactness == Exactness::Superset).then_some(&*request.predicate);
    let (way, cursor) = match &request.from {
        PageFrom::Newest => (Way::Back, None),
        PageFrom::Oldest => (Way::Forth, None),
        PageFrom::Before(cursor) => (Way::Back, Some(cursor)),
        PageFrom::After(cursor) => (Way::Forth, Some(cursor)),
    };
    let reader = RowReader::new(layout, request.payload, recheck);
    let mut pager = Pager {
        inner,
        session: &session,
        bounds: sql::bounds(&request.predicate, layout),
        condition,
        way,
        selected: reader.selected(),
        reader,
        batch: Batch::new(out),
        left: request.limit,
        stop,
    };
    let end = pager.run(cursor).await;
    if end.is_ok() {
        pager.batch.flush(stop).await?;
    }
    end
}

struct Pager<'p> {
    inner: &'p Inner,
    session: &'p Session,
    /// Since and until as literals of the time column.
    bounds: [Option<String>; 2],
    condition: Condition,
    way: Way,
    /// The columns of every statement.
    selected: String,
    reader: RowReader<'p>,
    batch: Batch,
    left: Option<usize>,
    stop: &'p CancellationToken,
}

/// How a list by time alone has ended.
enum Loose {
    /// There are no more rows.
    Done,
    /// From this condition on, more rows are of one instant than come at once, or than can be held.
    Crowded(Option<String>),
}

/// What one statement brought.
struct Brought {
    /// Rows the server sent.
    rows: u64,
    /// The place of the last of them.
    last: Option<Cursor>,
}

impl<'p> Pager<'p> {
    async fn run(&mut self, cursor: Option<&Cursor>) -> Result<PageEnd, StoreError> {
        let time = &self.inner.layout.time;
        let in_section = cursor.filter(|cursor| time.is_among_undated(cursor));
        let among_dated = cursor.filter(|cursor| !time.is_among_undated(cursor));
        if self.is_full() {
            return Ok(PageEnd::Limit);
        }
        match self.way {
            Way::Back => {
                if in_section.is_none() {
                    self.dated(among_dated).await?;
                }
                if !self.is_full() {
                    self.undated(in_section).await?;
                }
            }
            Way::Forth => {
                if among_dated.is_none() {
                    self.undated(in_section).await?;
                }
                if !self.is_full() {
                    self.dated(among_dated).await?;
                }
            }
        }
        Ok(if self.is_full() {
            PageEnd::Limit
        } else {
            PageEnd::Exhausted
        })
    }

    fn is_full(&self) -> bool {
        self.left == Some(0)
    }

    /// The rows with a moment, from a cursor among them on.
    async fn dated(&mut self, cursor: Option<&Cursor>) -> Result<(), StoreError> {
        let layout = &self.inner.layout;
        if self.condition.reach == Reach::Everything || !layout.table.is_ordered(&layout.time.name)
        {
            return self.chunks(cursor).await;
        }
        let from = cursor.map(|cursor| layout.beyond(cursor, self.way));
        let conditions = self.conditions(from.as_deref());
        match road(
            layout,
            self.session,
            &self.condition,
            &conditions,
            self.stop,
        )
        .await?
        {
            Road::Sorted => self.sorted(from.as_deref()).await,
            Road::Ordered => self.walk(from).await,
        }
    }

    /// The plain case: rows in the order of the index on time.
    async fn chunks(&mut self, cursor: Option<&Cursor>) -> Result<(), StoreError> {
        let layout = &self.inner.layout;
        let mut from = cursor.map(|cursor| layout.beyond(cursor, self.way));
        if self.left.is_none() && self.is_plain() {
            match self.loose(from).await? {
                Loose::Done => return Ok(()),
                Loose::Crowded(there) => from = there,
            }
        }
        loop {
            let wanted = self.left.map_or(CHUNK, |left| left.min(CHUNK));
            let conditions = self.conditions(from.as_deref());
            let statement =
                ordered_statement(layout, &self.selected, &conditions, self.way, Some(wanted));
            let brought = self.bring(&statement).await?;
            if brought.rows < wanted as u64 || self.is_full() {
                return Ok(());
            }
            let last = brought.last.as_ref();
            from = last.map(|cursor| layout.beyond(cursor, self.way));
        }
    }

    /// Whether an index has the order of time, all it finds is wanted, and a number is the key.
    fn is_plain(&self) -> bool {
        let layout = &self.inner.layout;
        self.condition.reach == Reach::Everything
            && self.condition.exactness == Exactness::Exact
            && layout.table.is_ordered(&layout.time.name)
            && layout.is_keyed_by_number()
    }

    /// Rows by time alone, which costs the server no sorting; those of one instant are put in order
    /// here.
    async fn loose(&mut self, mut from: Option<String>) -> Result<Loose, StoreError> {
        let layout = &self.inner.layout;
        let label = layout.table.label();
        let time = &layout.time.sql;
        let onwards = match self.way {
            Way::Back => "<=",
            Way::Forth => ">=",
        };
        loop {
            let conditions = self.conditions(from.as_deref());
            let statement = self.reader.statement(&conditions, self.way, CHUNK);
            let mut rows = self.session.rows(&statement, &label, self.stop).await?;
            let (mut ties, mut count) = (Ties::new(self.way), 0);
            let mut is_first = true;
            while let Some(row) = rows.next().await? {
                count += 1;
                // The rest has to be taken off the line, as long as anybody waits for what comes after.
                if ties.are_heavy() {
                    if self.batch.is_closed() {
                        return Err(StoreError::Cancelled);
                    }
                    continue;
                }
                if let Read::Event(event) = self.reader.read(&row)? {
                    if ties.are_ended_by(&event) {
                        self.let_out(&mut ties).await?;
                        is_first = false;
                    }
                    ties.hold(event);
                }
            }
            if count < CHUNK && !ties.are_heavy() {
                self.let_out(&mut ties).await?;
                return Ok(Loose::Done);
            }
            // There may be more of the last instant, so all of it comes again.
            let again = match ties.instant() {
                Some(instant) if !is_first => instant,
                _ => return Ok(Loose::Crowded(from)),
            };
            from = Some(format!("{time} {onwards} {}", literal(again)));
            if ties.are_heavy() {
                return Ok(Loose::Crowded(from));
            }
        }
    }

    async fn let_out(&mut self, ties: &mut Ties) -> Result<(), StoreError> {
        for event in ties.release() {
            self.batch.push(event, self.stop).await?;
        }
        Ok(())
    }

    /// Everything an index finds, sorted.
    async fn sorted(&mut self, from: Option<&str>) -> Result<(), StoreError> {
        // With a re-check the limit could cut matches off; then everything is fetched.
        let limit = self
            .left
            .filter(|_| self.condition.exactness == Exactness::Exact);
        let conditions = self.conditions(from);
        let statement = sorted_statement(
            &self.inner.layout,
            &self.selected,
            &conditions,
            self.way,
            limit,
        );
        self.bring(&statement).await.map(drop)
    }

    /// Slice by slice through time.
    async fn walk(&mut self, from: Option<String>) -> Result<(), StoreError> {
        let layout = &self.inner.layout;
        let mut walk = Walk::begin(self.walked(), from).await?;
        while let Some(slice) = walk.next().await? {
            let limit = self
                .left
                .filter(|_| self.condition.exactness == Exactness::Exact);
            let conditions = format!("{slice} AND ({})", self.condition.sql);
            let statement = ordered_statement(layout, &self.selected, &conditions, self.way, limit);
            self.bring(&statement).await?;
            self.batch.flush(self.stop).await?;
            if self.is_full() {
                return Ok(());
            }
            if let Some(progress) = walk.progress() {
                self.batch
                    .send(PageItem::Progress(progress), self.stop)
                    .await?;
            }
        }
        Ok(())
    }

    fn walked(&self) -> Walked<'p> {
        Walked {
            layout: &self.inner.layout,
            session: self.session,
            way: self.way,
            bounds: self.bounds.clone(),
            stop: self.stop,
        }
    }

    /// The rows whose time is no moment, from a place in their section on.
    async fn undated(&mut self, cursor: Option<&Cursor>) -> Result<(), StoreError> {
        let layout = &self.inner.layout;
        let rank = layout.time.rank();
        let mut conditions = vec![
            layout.time.is_undated(),
            format!("({})", self.condition.sql),
        ];
        // Newest first, the section is read by rank and then by key, newest key first.
        let (ranks, comparison) = match self.way {
            Way::Back => ("ASC", ">"),
            Way::Forth => ("DESC", "<"),
        };
        if let Some(cursor) = cursor {
            let at = rank_of(cursor.at).unwrap_or(2);
            conditions.push(format!(
                "({rank} {comparison} {at} OR ({rank} = {at} AND {}))",
                layout.key_beyond(&cursor.key, self.way)
            ));
        }
        let limit = match (self.left, self.condition.exactness) {
            (Some(left), Exactness::Exact) => format!(" LIMIT {left}"),
            _ => String::new(),
        };
        let statement = format!(
            "SELECT {} FROM {} WHERE {} ORDER BY {rank} {ranks}, {}{limit}",
            self.selected,
            layout.from(),
            conditions.join(" AND "),
            layout.key_order(self.way),
        );
        self.bring(&statement).await.map(drop)
    }

    fn conditions(&self, from: Option<&str>) -> String {
        let range = self.walked().range(from, None);
        if self.condition.sql == "TRUE" {
            return range;
        }
        format!("{range} AND ({})", self.condition.sql)
    }

    /// Runs a statement and passes its events on, until the page is full.
    async fn bring(&mut self, statement: &str) -> Result<Brought, StoreError> {
        let label = self.inner.layout.table.label();
        let mut rows = self.session.rows(statement, &label, self.stop).await?;
        let mut brought = Brought {
            rows: 0,
            last: None,
        };
        while let Some(row) = rows.next().await? {
            brought.rows += 1;
            match self.reader.read(&row)? {
                Read::Other(cursor) => brought.last = Some(cursor),
                Read::Event(event) => {
                    // Beyond the limit the rest is read and dropped; only re-checked statements
                    // send more than was asked for, and they are slices.
                    if self.left == Some(0) {
                        continue;
                    }
                    self.left = self.left.map(|left| left - 1);
                    brought.last = Some(event.cursor.clone());
                    self.batch.push(event, self.stop).await?;
                }
            }
        }
        Ok(brought)
    }
}
