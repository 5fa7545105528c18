//! Rows as they come from a store, judged by their bytes: what goes is added to the segment that is
//! to be, what stays is counted.
//!
//! Writes no files: a segment that is full is handed on.

use tokio::sync::mpsc::{Receiver, Sender};

use crate::archive::segment::draft::{Draft, Drafted};
use crate::core::instant::At;
use crate::core::purge::row::{RawRows, RowKey, RowMark};
use crate::purge::backup::SegmentSize;
use crate::purge::chain::Chain;
use crate::purge::dossier::shelf::unpacked;
use crate::purge::fault::Fault;
use crate::purge::progress::{Progress, Told};
use crate::purge::scope::{Judge, Verdict};
use crate::store::purger::{Piece, Place};

/// Rows that are read before that is told again: a segment takes a while.
const TOLD_EVERY: usize = 2_000;

/// A segment that takes no more rows.
pub struct Full {
    /// By relation.
    pub files: Vec<Drafted>,
    /// Up to here was read.
    pub last: Place,
    /// Rows on the way that stay.
    pub left: u64,
}

/// Sorts rows.
pub struct Sorter {
    pub judge: Judge,
    pub chain: Option<Chain>,
    /// The last row that was read.
    pub last: Option<Place>,
    pub size: SegmentSize,
    pub drafts: Vec<Draft>,
    /// Rows that stay since the last segment was full.
    pub left: u64,
    pub full: Sender<Full>,
    pub told: Told,
    /// What was written before, and what has been read since.
    pub so_far: Progress,
}

impl Sorter {
    /// Takes pieces until there are no more.
    pub fn run(mut self, mut pieces: Receiver<Piece>) -> Result<Self, Fault> {
        let mut unsaid = 0;
        while let Some(piece) = pieces.blocking_recv() {
            unsaid += piece.rows.first().map_or(0, |events| events.marks.len());
            self.take(&piece)?;
            if self.is_overfull() {
                self.hand_on()?;
            }
            if unsaid >= TOLD_EVERY {
                unsaid = 0;
                self.told.tell_blocking(self.so_far.clone());
            }
        }
        // The next read may bring as many rows again.
        if self.rows() >= self.size.rows as u64 / 2 {
            self.hand_on()?;
        }
        Ok(self)
    }

    /// What goes of the rows so far as a segment; `None` when all of them stay.
    pub fn cut(&mut self) -> Result<Option<Full>, Fault> {
        let Some(last) = self.last.clone().filter(|_| self.rows() > 0) else {
            return Ok(None);
        };
        let files = self.drafts.iter_mut().map(Draft::finish);
        Ok(Some(Full {
            files: files
                .collect::<Result<_, _>>()
                .map_err(|error| unpacked(&error))?,
            left: std::mem::take(&mut self.left),
            last,
        }))
    }

    fn rows(&self) -> u64 {
        self.drafts.first().map_or(0, Draft::rows)
    }

    fn is_overfull(&self) -> bool {
        let weight: u64 = self.drafts.iter().map(Draft::weight).sum();
        self.rows() >= self.size.rows as u64 || weight >= self.size.bytes as u64
    }

    fn hand_on(&mut self) -> Result<(), Fault> {
        let Some(full) = self.cut()? else {
            return Ok(());
        };
        if let Progress::BackingUp { segments, .. } = &mut self.so_far {
            *segments += 1;
        }
        let handed = self.full.blocking_send(full);
        handed.map_err(|_| Fault::Files {
            message: "nobody writes segments any more".to_owned(),
            hint: None,
        })
    }

    fn take(&mut self, piece: &Piece) -> Result<(), Fault> {
        let Some((events, related)) = piece.rows.split_first() else {
            return Ok(());
        };
        self.in_order(events, &piece.times)?;
        let mut verdicts = Vec::with_capacity(events.marks.len());
        let mut stay: Vec<&RowKey> = Vec::new();
        for (mark, bytes) in events.iter() {
            if let Some(chain) = &mut self.chain {
                chain.follow(&self.judge, mark, bytes)?;
            }
            let goes = self.judge.of_row(mark, bytes)? == Verdict::Goes;
            if !goes {
                stay.push(&mark.key);
            }
            verdicts.push(goes);
        }
        let left = stay.len() as u64;
        self.left += left;
        self.add(0, events, |row, _| verdicts[row])?;
        if let Progress::BackingUp {
            rows, left: stayed, ..
        } = &mut self.so_far
        {
            *rows += events.marks.len() as u64 - left;
            *stayed += left;
        }
        stay.sort_unstable();
        for (place, rows) in related.iter().enumerate() {
            if rows.marks.iter().any(|mark| mark.parent.is_none()) {
                return Err(unplanned("a related row without the key of its event"));
            }
            self.add(place + 1, rows, |_, mark| {
                let parent = mark.parent.as_ref();
                parent.is_some_and(|parent| stay.binary_search(&parent).is_err())
            })?;
        }
        Ok(())
    }

    /// Adds the rows that go; neighbours together, as most rows have neighbours that go.
    fn add(
        &mut self,
        relation: usize,
        rows: &RawRows,
        goes: impl Fn(usize, &RowMark) -> bool,
    ) -> Result<(), Fault> {
        let Some(draft) = self.drafts.get_mut(relation) else {
            return Err(unplanned("rows of a table the plan does not name"));
        };
        let before = draft.plain_bytes();
        let (mut first, mut from, mut to) = (0, 0, 0);
        for (row, mark) in rows.marks.iter().enumerate() {
            let end = to + mark.length as usize;
            if !goes(row, mark) {
                draft
                    .push(&rows.marks[first..row], &rows.payload[from..to])
                    .map_err(|error| unpacked(&error))?;
                (first, from) = (row + 1, end);
            }
            to = end;
        }
        draft
            .push(&rows.marks[first..], &rows.payload[from..to])
            .map_err(|error| unpacked(&error))?;
        if let Progress::BackingUp { bytes, .. } = &mut self.so_far {
            *bytes += draft.plain_bytes() - before;
        }
        Ok(())
    }

    /// Reading goes on after the last row; rows out of order would be left out in silence.
    fn in_order(&mut self, events: &RawRows, times: &[String]) -> Result<(), Fault> {
        let mut before = self.last.as_ref().map(|last| &last.key);
        for (row, mark) in events.marks.iter().enumerate() {
            let is_timed = row < times.len();
            if !is_timed && before.is_some_and(|before| *before >= mark.key) {
                return Err(unplanned("rows that are not in the plan's order"));
            }
            if is_timed && mark.at == At::Absent {
                return Err(unplanned("a row without a time"));
            }
            before = Some(&mark.key);
        }
        if let Some(last) = events.marks.last() {
            self.last = Some(Place {
                time: times.get(events.marks.len() - 1).cloned(),
                key: last.key.clone(),
            });
        }
        Ok(())
    }
}

fn unplanned(what: &str) -> Fault {
    Fault::Refused {
        message: format!("the store handed out {what}; nothing of it was written down"),
        hint: Some("this is a defect of the program; please report it".to_owned()),
    }
}
