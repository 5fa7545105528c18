//! A purge's segments, written and read on whatever thread has time for it.
//!
//! Knows nothing of what has been done; that is in the journal.

use std::io;

use crate::archive::place::Place;
use crate::archive::segment::draft::{Draft, Drafted};
use crate::archive::segment::{self, Content};
use crate::core::purge::journal::{SegmentEntry, SegmentPart};
use crate::core::purge::plan::Encoding;
use crate::core::purge::row::RawRows;
use crate::purge::fault::Fault;

/// Where segments are.
#[derive(Clone, Debug)]
pub struct Shelf {
    place: Place,
    encoding: Encoding,
    relations: usize,
}

/// What is read of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Its rows; every byte of the files is compared.
    Rows,
    /// The rows' keys, where they name rows without the rows' bytes; else the rows.
    Keys,
}

impl Shelf {
    /// In a directory; each segment has files of so many relations.
    pub fn new(place: Place, encoding: Encoding, relations: usize) -> Self {
        Self {
            place,
            encoding,
            relations,
        }
    }

    /// What becomes a segment, by relation.
    pub fn drafts(&self) -> Result<Vec<Draft>, Fault> {
        let drafts = (0..self.relations.max(1)).map(|_| Draft::new());
        drafts
            .collect::<Result<_, _>>()
            .map_err(|error| unpacked(&error))
    }

    /// Puts a segment's files down; they are durable afterwards.
    pub fn put(&self, number: u32, files: &[Drafted]) -> Result<Vec<SegmentPart>, Fault> {
        let parts = files
            .iter()
            .enumerate()
            .map(|(relation, files)| files.put(&self.place, number, relation, self.encoding));
        Ok(parts.collect::<Result<_, _>>()?)
    }

    /// Reads a segment's files, by relation, in the room of rows that are of no more use.
    pub fn read(
        &self,
        entry: &SegmentEntry,
        wanted: Wanted,
        mut room: Vec<RawRows>,
    ) -> Result<Vec<RawRows>, Fault> {
        if entry.parts.len() != self.relations {
            let name = segment::names(entry.number, 0, self.encoding);
            let why = "it has other tables than the plan";
            return Err(self.place.broken(&name[0], why).into());
        }
        let content = match wanted {
            // What a key of a document is, its bytes tell.
            Wanted::Keys if self.encoding != Encoding::Bson => Content::None,
            Wanted::Keys | Wanted::Rows => Content::ByRows,
        };
        room.resize_with(self.relations, RawRows::default);
        let parts = entry.parts.iter().zip(room).enumerate();
        let parts = parts.map(|(relation, (part, room))| {
            let file = (entry.number, relation, self.encoding);
            segment::read(&self.place, file, part, content, room)
        });
        Ok(parts.collect::<Result<_, _>>()?)
    }
}

/// Rows that cannot be compressed.
pub fn unpacked(error: &io::Error) -> Fault {
    Fault::Files {
        message: format!("rows cannot be compressed: {error}"),
        hint: None,
    }
}
