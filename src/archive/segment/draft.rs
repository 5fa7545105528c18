//! A relation's files while its rows are still coming: hashed and compressed as they come, so that
//! memory holds the compressed bytes alone.
//!
//! Nothing is on the disk before [`Drafted::put`].

use std::io::{self, Write as _};

use sha2::{Digest as _, Sha256};
use zstd::stream::write::Encoder;

use super::{LEVEL, hex, hexadecimal, line, names};
use crate::archive::ArchiveError;
use crate::archive::place::Place;
use crate::core::instant::Micros;
use crate::core::purge::journal::SegmentPart;
use crate::core::purge::plan::Encoding;
use crate::core::purge::row::RowMark;

/// Lines of the sidecar that are compressed together, in bytes.
const TOGETHER: usize = 64 << 10;

/// Files that rows are added to.
pub struct Draft {
    payload: Encoder<'static, Vec<u8>>,
    hash: Sha256,
    sidecar: Encoder<'static, Vec<u8>>,
    lines: Vec<u8>,
    rows: u64,
    plain_bytes: u64,
    line_bytes: u64,
    oldest: Option<Micros>,
    newest: Option<Micros>,
}

impl Draft {
    /// Without rows.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            payload: Encoder::new(Vec::new(), LEVEL)?,
            hash: Sha256::new(),
            sidecar: Encoder::new(Vec::new(), LEVEL)?,
            lines: Vec::with_capacity(TOGETHER + 4 * line::LENGTH),
            rows: 0,
            plain_bytes: 0,
            line_bytes: 0,
            oldest: None,
            newest: None,
        })
    }

    /// Adds rows: their marks, and their bytes one after the other.
    pub fn push(&mut self, marks: &[RowMark], bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.payload.write_all(bytes)?;
        self.plain_bytes += bytes.len() as u64;
        self.rows += marks.len() as u64;
        for mark in marks {
            let before = self.lines.len();
            line::write(mark, &mut self.lines)?;
            self.line_bytes += (self.lines.len() - before) as u64;
            if let Some(at) = mark.at.instant() {
                self.oldest = Some(self.oldest.map_or(at, |oldest| oldest.min(at)));
                self.newest = Some(self.newest.map_or(at, |newest| newest.max(at)));
            }
            if self.lines.len() >= TOGETHER {
                self.sidecar.write_all(&self.lines)?;
                self.lines.clear();
            }
        }
        Ok(())
    }

    /// Rows in it.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes of the payload, unpacked.
    pub fn plain_bytes(&self) -> u64 {
        self.plain_bytes
    }

    /// Bytes of both files, unpacked.
    pub fn weight(&self) -> u64 {
        self.plain_bytes + self.line_bytes
    }

    /// Takes no more rows.
    pub fn finish(mut self) -> io::Result<Drafted> {
        self.sidecar.write_all(&self.lines)?;
        Ok(Drafted {
            payload: self.payload.finish()?,
            sidecar: self.sidecar.finish()?,
            plain: hexadecimal(&self.hash.finalize()),
            rows: self.rows,
            plain_bytes: self.plain_bytes,
            oldest: self.oldest,
            newest: self.newest,
        })
    }
}

/// Files that are ready to be put down.
pub struct Drafted {
    payload: Vec<u8>,
    sidecar: Vec<u8>,
    plain: String,
    rows: u64,
    plain_bytes: u64,
    oldest: Option<Micros>,
    newest: Option<Micros>,
}

impl Drafted {
    /// Puts both files down; they are durable afterwards.
    pub fn put(
        self,
        place: &Place,
        number: u32,
        relation: usize,
        encoding: Encoding,
    ) -> Result<SegmentPart, ArchiveError> {
        let names = names(number, relation, encoding);
        for (name, bytes) in names.iter().zip([&self.payload, &self.sidecar]) {
            if place.has(name) {
                place.set_aside(name)?;
            }
            place.put(name, bytes)?;
        }
        Ok(SegmentPart {
            rows: self.rows,
            plain_bytes: self.plain_bytes,
            plain: self.plain,
            payload_bytes: self.payload.len() as u64,
            payload: hex(&self.payload),
            sidecar_bytes: self.sidecar.len() as u64,
            sidecar: hex(&self.sidecar),
            oldest: self.oldest,
            newest: self.newest,
        })
    }
}
