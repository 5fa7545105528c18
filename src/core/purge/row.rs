//! One archived row: the key that names it, the version that says whether it is still the same, and
//! the digest of its bytes.

use std::fmt::{self, Write as _};

use sha2::{Digest as _, Sha256};

use crate::core::event::KeyPart;
use crate::core::instant::At;

/// The key of a row, part by part, in the store's own precision.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey(pub Vec<KeyPart>);

/// What changes whenever a row does, where the store has such a thing: PostgreSQL's `xmin`. Empty
/// where it has not (SQLite, MongoDB): there the digest alone decides.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct RowVersion(pub String);

/// The first 128 bits of SHA-256 over a row's archived bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowDigest(pub [u8; 16]);

impl RowDigest {
    /// From 32 hexadecimal digits in lower case, as it is shown.
    pub fn read(text: &str) -> Option<Self> {
        let value = |digit: &u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        let mut digest = [0; 16];
        if text.len() != 2 * digest.len() {
            return None;
        }
        for (byte, digits) in digest.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = value(&digits[0])? << 4 | value(&digits[1])?;
        }
        Some(Self(digest))
    }

    /// The digits that [`RowDigest::read`] reads.
    pub fn digits(&self) -> [u8; 32] {
        const DIGITS: [u8; 16] = *b"0123456789abcdef";
        let mut digits = [0; 32];
        for (two, byte) in digits.chunks_exact_mut(2).zip(self.0) {
            two[0] = DIGITS[usize::from(byte >> 4)];
            two[1] = DIGITS[usize::from(byte & 15)];
        }
        digits
    }

    /// The digest of a row exactly as the archive holds it: a line of COPY text with its newline, a
    /// BSON document, an INSERT statement with its newline.
    pub fn of(bytes: &[u8]) -> Self {
        let mut digest = [0; 16];
        digest.copy_from_slice(&Sha256::digest(bytes)[..16]);
        Self(digest)
    }
}

impl fmt::Display for RowDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.digits()
            .iter()
            .try_for_each(|digit| f.write_char(char::from(*digit)))
    }
}

impl fmt::Debug for RowDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a segment's sidecar knows of a row. The bytes themselves are `length` bytes of the segment's
/// plain payload, after those of the rows before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowMark {
    /// Which row of its relation.
    pub key: RowKey,
    /// Its version when it was read.
    pub version: RowVersion,
    /// Of its bytes.
    pub digest: RowDigest,
    /// When its event happened; related rows have their event's.
    pub at: At,
    /// Bytes in the plain payload.
    pub length: u32,
    /// The key of the event a related row belongs to; `None` for the events themselves.
    pub parent: Option<RowKey>,
}

/// Rows with their bytes, as drivers hand them out and segments keep them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawRows {
    /// One row after the other.
    pub payload: Vec<u8>,
    /// In the same order; the lengths add up to the payload's.
    pub marks: Vec<RowMark>,
}

impl RawRows {
    /// Each row's mark with its bytes.
    pub fn iter(&self) -> impl Iterator<Item = (&RowMark, &[u8])> {
        let mut rest = self.payload.as_slice();
        self.marks.iter().map(move |mark| {
            let (row, after) = rest.split_at((mark.length as usize).min(rest.len()));
            rest = after;
            (mark, row)
        })
    }

    /// Appends a row.
    pub fn push(&mut self, mark: &RowMark, bytes: &[u8]) {
        self.payload.extend_from_slice(bytes);
        self.marks.push(mark.clone());
    }

    /// Forgets all rows and keeps the room they had.
    pub fn clear(&mut self) {
        self.payload.clear();
        self.marks.clear();
    }

    /// Appends the rows of others at these places, which ascend; places beyond the last row have
    /// none.
    pub fn push_at(&mut self, rows: &Self, places: &[usize]) {
        let (mut offset, mut next) = (0, 0);
        for place in places {
            let Some(mark) = rows.marks.get(*place) else {
                break;
            };
            let passed = rows.marks.get(next..*place).unwrap_or_default();
            offset += passed
                .iter()
                .map(|mark| mark.length as usize)
                .sum::<usize>();
            let end = offset + mark.length as usize;
            self.push(mark, rows.payload.get(offset..end).unwrap_or_default());
            (offset, next) = (end, place + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_read_as_they_are_shown() {
        let digest = RowDigest::of(b"row");
        assert_eq!(RowDigest::read(&digest.to_string()), Some(digest));
        let shown = digest.to_string();
        for wrong in [&shown[1..], &shown.to_uppercase(), &format!("{shown}0"), ""] {
            assert_eq!(RowDigest::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn rows_are_taken_by_their_places() {
        let mut rows = RawRows::default();
        for n in 0..6_u32 {
            let bytes = "r".repeat(n as usize) + "\n";
            let mark = RowMark {
                key: RowKey(vec![KeyPart::Int(n.into())]),
                version: RowVersion::default(),
                digest: RowDigest::of(bytes.as_bytes()),
                at: At::Absent,
                length: n + 1,
                parent: None,
            };
            rows.push(&mark, bytes.as_bytes());
        }
        let mut some = RawRows::default();
        for places in [&[0, 1, 2][..], &[5], &[1, 3, 4], &[], &[4, 9]] {
            some.clear();
            some.push_at(&rows, places);
            let wanted: Vec<_> = rows
                .iter()
                .enumerate()
                .filter(|(place, _)| places.contains(place))
                .map(|(_, row)| row)
                .collect();
            assert_eq!(some.iter().collect::<Vec<_>>(), wanted);
            assert!(
                some.iter()
                    .all(|(mark, row)| RowDigest::of(row) == mark.digest)
            );
        }
    }
}
