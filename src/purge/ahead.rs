//! Segments one after the other, each read and compared while somebody works on the one before.

use std::collections::VecDeque;

use tokio::task::JoinHandle;

use crate::core::purge::journal::SegmentEntry;
use crate::core::purge::row::RawRows;
use crate::purge::dossier::shelf::{Shelf, Wanted};
use crate::purge::fault::Fault;

/// A segment and its rows by relation.
pub type Read = (SegmentEntry, Vec<RawRows>);

/// Reads segments in order, one ahead.
#[derive(Debug)]
pub struct Ahead {
    shelf: Shelf,
    wanted: Wanted,
    waiting: VecDeque<SegmentEntry>,
    /// The room of rows that were given back: new pages of memory for each segment cost more than
    /// what is written into them.
    room: Vec<RawRows>,
    reading: Option<JoinHandle<Result<Read, Fault>>>,
}

impl Ahead {
    /// Of these segments; the first is begun with at once.
    pub fn new(
        shelf: Shelf,
        wanted: Wanted,
        segments: impl IntoIterator<Item = SegmentEntry>,
    ) -> Self {
        let mut ahead = Self {
            shelf,
            wanted,
            waiting: segments.into_iter().collect(),
            room: Vec::new(),
            reading: None,
        };
        ahead.begin();
        ahead
    }

    fn begin(&mut self) {
        let (from, wanted) = (self.shelf.clone(), self.wanted);
        let room = &mut self.room;
        self.reading = self.waiting.pop_front().map(|entry| {
            let room = std::mem::take(room);
            tokio::task::spawn_blocking(move || {
                let rows = from.read(&entry, wanted, room)?;
                Ok((entry, rows))
            })
        });
    }

    /// Takes back rows that are done with; a segment after the next is read in their room.
    pub fn give_back(&mut self, rows: Vec<RawRows>) {
        self.room = rows;
    }

    /// The next segment; `None` after the last one.
    pub async fn next(&mut self) -> Result<Option<Read>, Fault> {
        let Some(reading) = self.reading.take() else {
            return Ok(None);
        };
        let read = reading.await.map_err(|_| Fault::Files {
            message: "the thread that reads the archive has ended early".to_owned(),
            hint: None,
        })??;
        self.begin();
        Ok(Some(read))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::archive::disk::System;
    use crate::archive::place::Place;
    use crate::archive::segment::draft::Drafted;
    use crate::core::event::KeyPart;
    use crate::core::instant::At;
    use crate::core::purge::journal::Mark;
    use crate::core::purge::plan::Encoding;
    use crate::core::purge::row::{RowDigest, RowKey, RowMark, RowVersion};

    fn rows(of: i64) -> Vec<RawRows> {
        let mut rows = RawRows::default();
        for n in 0..of {
            let bytes = format!("{n}\n");
            let mark = RowMark {
                key: RowKey(vec![KeyPart::Int(n)]),
                version: RowVersion::default(),
                digest: RowDigest::of(bytes.as_bytes()),
                at: At::Absent,
                length: 2,
                parent: None,
            };
            rows.push(&mark, bytes.as_bytes());
        }
        vec![rows]
    }

    fn drafted(shelf: &Shelf, rows: &[RawRows]) -> Vec<Drafted> {
        let mut drafts = shelf.drafts().unwrap();
        for (draft, rows) in drafts.iter_mut().zip(rows) {
            draft.push(&rows.marks, &rows.payload).unwrap();
        }
        let files = drafts.iter_mut().map(|draft| draft.finish().unwrap());
        files.collect()
    }

    #[tokio::test]
    async fn segments_come_in_order_and_a_damaged_one_is_told_in_its_turn() {
        let directory = tempfile::tempdir().unwrap();
        let place = Place::create(&directory.path().join("purge"), Arc::new(System)).unwrap();
        let shelf = Shelf::new(place.clone(), Encoding::CopyText, 1);
        let entries: Vec<SegmentEntry> = (1..=3)
            .map(|number| SegmentEntry {
                parts: shelf
                    .put(number, &drafted(&shelf, &rows(number.into())))
                    .unwrap(),
                number,
                last: Mark {
                    time: None,
                    key: Vec::new(),
                },
                left: 0,
            })
            .collect();
        std::fs::write(place.path("seg-000003.copy.zst"), "other").unwrap();
        for (wanted, whole) in [(Wanted::Rows, 2), (Wanted::Keys, 3)] {
            let mut ahead = Ahead::new(shelf.clone(), wanted, entries.clone());
            for entry in &entries[..whole] {
                let (found, read) = ahead.next().await.unwrap().unwrap();
                assert_eq!(found, *entry);
                let mut written = rows(entry.number.into());
                if wanted == Wanted::Keys {
                    written[0].payload.clear();
                }
                assert_eq!(read, written);
                ahead.give_back(read);
            }
            if wanted == Wanted::Keys {
                assert!(ahead.next().await.unwrap().is_none());
            } else {
                let fault = ahead.next().await.unwrap_err();
                assert!(fault.to_string().contains("seg-000003.copy.zst"), "{fault}");
            }
        }
    }
}
