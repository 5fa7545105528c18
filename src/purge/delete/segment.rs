//! A segment whose rows are about to go, and where a batch of them ends.

use crate::core::purge::decode;
use crate::core::purge::journal::SegmentEntry;
use crate::core::purge::plan::Encoding;
use crate::core::purge::row::RawRows;

/// Bytes of event rows in a batch, but for a single longer one.
const BATCH_BYTES: usize = 4 << 20;

/// A segment's rows, read back and hashed in this process.
pub(super) struct Segment {
    /// As its entry has it.
    pub(super) number: u32,
    /// Of the plan.
    pub(super) encoding: Encoding,
    /// By relation.
    pub(super) parts: Vec<RawRows>,
}

impl Segment {
    pub(super) fn new(entry: &SegmentEntry, encoding: Encoding, parts: Vec<RawRows>) -> Self {
        Self {
            number: entry.number,
            encoding,
            parts,
        }
    }

    pub(super) fn id(&self, place: usize) -> String {
        decode::id(self.encoding, &self.parts[0].marks[place].key).to_string()
    }

    pub(super) fn len(&self) -> usize {
        self.parts.first().map_or(0, |events| events.marks.len())
    }

    /// Where a batch of so many rows ends, or of fewer that are long.
    pub(super) fn end_of_batch(&self, first: usize, rows: usize) -> usize {
        let mut bytes = 0;
        let marks = self.parts.first().map_or(&[][..], |events| &events.marks);
        let fitting = marks.iter().skip(first).take(rows).take_while(|mark| {
            bytes += mark.length as usize;
            bytes <= BATCH_BYTES
        });
        first + fitting.count().max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::event::KeyPart;
    use crate::core::instant::At;
    use crate::core::purge::row::{RowDigest, RowKey, RowMark, RowVersion};

    #[test]
    fn a_batch_ends_after_its_rows_or_its_bytes() {
        let mut rows = RawRows::default();
        for length in [1, 2 << 20, 2 << 20, 3, 9 << 20, 4, 5] {
            rows.marks.push(RowMark {
                key: RowKey(vec![KeyPart::Null]),
                version: RowVersion::default(),
                digest: RowDigest([0; 16]),
                at: At::Absent,
                length,
                parent: None,
            });
        }
        let segment = Segment {
            number: 1,
            encoding: Encoding::CopyText,
            parts: vec![rows],
        };
        for (first, rows, end) in [
            (0, 9, 2),
            (0, 1, 1),
            (2, 9, 4),
            (4, 9, 5),
            (5, 9, 7),
            (5, 1, 6),
        ] {
            assert_eq!(segment.end_of_batch(first, rows), end, "{first} {rows}");
        }
    }
}
