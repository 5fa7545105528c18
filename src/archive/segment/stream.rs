//! A relation's files read row by row in bounded memory, for looking into an archive.
//!
//! The sidecar is compared with the journal before anything of it is believed, and every row that is
//! taken with its digest. Rows that are passed over are not checked: that is verification's affair.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};

use sha2::{Digest as _, Sha256};
use zstd::stream::read::Decoder;

use super::{MOST_WINDOW, hexadecimal, line, names};
use crate::archive::ArchiveError;
use crate::archive::place::Place;
use crate::core::instant::Micros;
use crate::core::purge::journal::SegmentPart;
use crate::core::purge::plan::Encoding;
use crate::core::purge::row::{RowDigest, RowMark};

/// Longer lines are no sidecar's: a key is a part of a row that a person once typed.
const MOST_LINE: u64 = 64 << 20;

/// Bytes unpacked at a time.
const CHUNK: usize = 128 * 1024;

type Unpacked = BufReader<Decoder<'static, BufReader<File>>>;

/// A relation of a segment, read from its first row to its last.
pub struct Stream {
    place: Place,
    names: [String; 2],
    part: SegmentPart,
    sidecar: Unpacked,
    /// Opened when the first row is taken: questions about times need no payload.
    payload: Option<Unpacked>,
    line: Vec<u8>,
    rows: u64,
    /// Bytes of payload before the row in hand that have not been read.
    behind: u64,
    /// Bytes of payload up to the end of the row in hand.
    claimed: u64,
    length: u32,
}

/// What the sidecar says first of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glance {
    /// When its event happened.
    pub at: Micros,
    /// Bytes of plain payload.
    pub length: u32,
}

impl Stream {
    /// Opens a relation's files; the sidecar is read once to compare it with the journal.
    pub fn open(
        place: &Place,
        number: u32,
        relation: usize,
        encoding: Encoding,
        part: &SegmentPart,
    ) -> Result<Self, ArchiveError> {
        let names = names(number, relation, encoding);
        let mut sidecar = place.sized(&names[1], part.sidecar_bytes)?;
        let fail = |error| place.io(&names[1], error);
        if hash(&mut sidecar).map_err(fail)? != part.sidecar {
            return Err(place.broken(&names[1], "its bytes differ from what was journalled"));
        }
        sidecar.rewind().map_err(fail)?;
        Ok(Self {
            sidecar: unpacked(sidecar).map_err(fail)?,
            place: place.clone(),
            names,
            part: part.clone(),
            payload: None,
            line: Vec::new(),
            rows: 0,
            behind: 0,
            claimed: 0,
            length: 0,
        })
    }

    /// Goes on to the next row; `None` after the last one.
    pub fn advance(&mut self) -> Result<Option<Glance>, ArchiveError> {
        let [_, name] = &self.names;
        self.line.clear();
        self.behind += u64::from(std::mem::take(&mut self.length));
        let read = (&mut self.sidecar)
            .take(MOST_LINE)
            .read_until(b'\n', &mut self.line)
            .map_err(|error| self.place.io(name, error))?;
        if read == 0 {
            if self.rows == self.part.rows && self.claimed == self.part.plain_bytes {
                return Ok(None);
            }
            return Err(self.place.broken(name, "its rows are not the payload's"));
        }
        let glance = if let Some(glance) = glance(&self.line) {
            glance
        } else {
            let mark = self.mark()?;
            let at = mark.at.instant();
            let timeless = || self.place.broken(name, "a row has no time");
            Glance {
                at: at.ok_or_else(timeless)?,
                length: mark.length,
            }
        };
        self.rows += 1;
        self.length = glance.length;
        self.claimed += u64::from(glance.length);
        if self.rows > self.part.rows || self.claimed > self.part.plain_bytes {
            return Err(self.place.broken(name, "its rows are not the payload's"));
        }
        Ok(Some(glance))
    }

    /// All that the sidecar says of the row in hand.
    pub fn mark(&self) -> Result<RowMark, ArchiveError> {
        let [_, name] = &self.names;
        line::read(&self.line).map_err(|why| self.place.broken(name, why))
    }

    /// The bytes of the row in hand, whose mark this is; they are its digest's.
    pub fn take(&mut self, mark: &RowMark, row: &mut Vec<u8>) -> Result<(), ArchiveError> {
        let [name, _] = &self.names;
        let fail = |error| self.place.io(name, error);
        let payload = match &mut self.payload {
            Some(payload) => payload,
            none => {
                let file = self.place.sized(name, self.part.payload_bytes)?;
                none.insert(unpacked(file).map_err(fail)?)
            }
        };
        while self.behind > 0 {
            let there = payload.fill_buf().map_err(fail)?.len();
            let passed = there.min(usize::try_from(self.behind).unwrap_or(usize::MAX));
            if passed == 0 {
                return Err(self.place.broken(name, "it ends before its last row"));
            }
            payload.consume(passed);
            self.behind -= passed as u64;
        }
        row.clear();
        let length = u64::from(std::mem::take(&mut self.length));
        payload.take(length).read_to_end(row).map_err(fail)?;
        if RowDigest::of(row) != mark.digest {
            return Err(self.place.broken(name, "a row is not what its digest says"));
        }
        Ok(())
    }
}

/// The end of an event's line, without reading the rest; `None` when it is written otherwise.
fn glance(line: &[u8]) -> Option<Glance> {
    const AT: &str = ",\"at\":";
    const LENGTH: &str = ",\"length\":";
    // An instant, a length, and what stands around them.
    let tail = &line[line.len().saturating_sub(64)..];
    let tail = tail.iter().position(u8::is_ascii).map(|at| &tail[at..])?;
    let tail = std::str::from_utf8(tail).ok()?.strip_suffix("}\n")?;
    let (rest, length) = tail.rsplit_once(LENGTH)?;
    let (_, at) = rest.rsplit_once(AT)?;
    Some(Glance {
        at: Micros(at.parse().ok()?),
        length: length.parse().ok()?,
    })
}

fn hash(file: &mut File) -> std::io::Result<String> {
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            return Ok(hexadecimal(&hash.finalize()));
        }
        hash.update(&chunk[..read]);
    }
}

fn unpacked(file: File) -> std::io::Result<Unpacked> {
    let mut decoder = Decoder::new(file)?;
    decoder.window_log_max(MOST_WINDOW)?;
    Ok(BufReader::with_capacity(CHUNK, decoder))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::archive::disk::System;
    use crate::archive::segment;
    use crate::core::event::KeyPart;
    use crate::core::instant::At;
    use crate::core::purge::row::{RawRows, RowKey, RowVersion};

    fn rows(count: i64) -> RawRows {
        let mut rows = RawRows::default();
        for n in 0..count {
            let bytes = format!(
                "{n}\t{}\n",
                "é,\"at\":1,\"length\":2}".repeat(usize::try_from(n % 7).unwrap())
            );
            rows.marks.push(RowMark {
                key: RowKey(vec![
                    KeyPart::Int(n),
                    KeyPart::Text(",\"at\":5,\"length\":6}\né".into()),
                ]),
                version: RowVersion(format!("v{n}")),
                digest: RowDigest::of(bytes.as_bytes()),
                at: At::Instant(Micros(-3 + n)),
                length: u32::try_from(bytes.len()).unwrap(),
                parent: (n % 3 == 0).then(|| RowKey(vec![KeyPart::Int(n)])),
            });
            rows.payload.extend_from_slice(bytes.as_bytes());
        }
        rows
    }

    fn written(rows: &RawRows) -> (tempfile::TempDir, Place, SegmentPart) {
        let directory = tempfile::tempdir().unwrap();
        let place = Place::create(&directory.path().join("purge"), Arc::new(System)).unwrap();
        let part = segment::write(&place, 1, 0, Encoding::CopyText, rows).unwrap();
        (directory, place, part)
    }

    fn open(place: &Place, part: &SegmentPart) -> Result<Stream, ArchiveError> {
        Stream::open(place, 1, 0, Encoding::CopyText, part)
    }

    #[test]
    fn rows_are_taken_or_passed_over() {
        let rows = rows(500);
        let (_directory, place, part) = written(&rows);
        for every in [1, 2, 7, 499, 1000] {
            let mut stream = open(&place, &part).unwrap();
            let mut bytes = Vec::new();
            for (n, (mark, row)) in rows.iter().enumerate() {
                let glance = stream.advance().unwrap().unwrap();
                assert_eq!(At::Instant(glance.at), mark.at);
                assert_eq!(glance.length, mark.length);
                if n % every == 0 {
                    assert_eq!(stream.mark().unwrap(), *mark);
                    stream.take(mark, &mut bytes).unwrap();
                    assert_eq!(bytes, row);
                }
            }
            assert_eq!(stream.advance().unwrap(), None);
        }
    }

    #[test]
    fn what_was_changed_is_named() {
        let rows = rows(50);
        for file in 0..2 {
            for change in [0, 1, 2] {
                let (_directory, place, part) = written(&rows);
                let name = &names(1, 0, Encoding::CopyText)[file];
                let path = place.path(name);
                let mut bytes = std::fs::read(&path).unwrap();
                match change {
                    0 => bytes.truncate(bytes.len() - 1),
                    1 => bytes[20] ^= 1,
                    _ => bytes.clear(),
                }
                std::fs::write(&path, bytes).unwrap();
                let all = || -> Result<(), ArchiveError> {
                    let mut stream = open(&place, &part)?;
                    let mut bytes = Vec::new();
                    while stream.advance()?.is_some() {
                        stream.take(&stream.mark()?, &mut bytes)?;
                    }
                    Ok(())
                };
                let error = all().unwrap_err().to_string();
                assert!(error.contains(name.as_str()), "{error}");
            }
        }
    }
}
