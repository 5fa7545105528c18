//! A relation's files while its rows are still coming: compressed as they come, so that
//! memory holds the compressed bytes alone.
//!
//! Nothing is on the disk before [`Drafted::put`].

use std::io;

use zstd::bulk::Compressor;
use zstd::zstd_safe::compress_bound;

use super::{LEVEL, hex, line, names};
use crate::archive::ArchiveError;
use crate::archive::place::Place;
use crate::core::instant::Micros;
use crate::core::purge::journal::SegmentPart;
use crate::core::purge::plan::Encoding;
use crate::core::purge::row::RowMark;

/// Bytes that are compressed together. A file is a sequence of such frames: a compressor that sees
/// all of its input is quicker than one that keeps what came before in sight.
const FRAME: usize = 1 << 20;

/// Files that rows are added to.
pub struct Draft {
    payload: Packer,
    sidecar: Packer,
    facts: Facts,
}

/// What is told of the rows as a whole.
#[derive(Default)]
struct Facts {
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
            payload: Packer::new()?,
            sidecar: Packer::new()?,
            facts: Facts::default(),
        })
    }

    /// Adds rows: their marks, and their bytes one after the other.
    pub fn push(&mut self, marks: &[RowMark], bytes: &[u8]) -> io::Result<()> {
        let facts = &mut self.facts;
        self.payload.push(bytes)?;
        facts.plain_bytes += bytes.len() as u64;
        facts.rows += marks.len() as u64;
        for mark in marks {
            let before = self.sidecar.plain.len();
            line::write(mark, &mut self.sidecar.plain)?;
            facts.line_bytes += (self.sidecar.plain.len() - before) as u64;
            self.sidecar.pack_full()?;
            if let Some(at) = mark.at.instant() {
                facts.oldest = Some(facts.oldest.map_or(at, |oldest| oldest.min(at)));
                facts.newest = Some(facts.newest.map_or(at, |newest| newest.max(at)));
            }
        }
        Ok(())
    }

    /// Rows in it.
    pub fn rows(&self) -> u64 {
        self.facts.rows
    }

    /// Bytes of the payload, unpacked.
    pub fn plain_bytes(&self) -> u64 {
        self.facts.plain_bytes
    }

    /// Bytes of both files, unpacked.
    pub fn weight(&self) -> u64 {
        self.facts.plain_bytes + self.facts.line_bytes
    }

    /// The files of the rows so far; the next rows begin new ones.
    pub fn finish(&mut self) -> io::Result<Drafted> {
        Ok(Drafted {
            payload: self.payload.finish()?,
            sidecar: self.sidecar.finish()?,
            facts: std::mem::take(&mut self.facts),
        })
    }
}

/// A file that is compressed frame by frame.
struct Packer {
    compressor: Compressor<'static>,
    /// Less than a frame that is not compressed yet.
    plain: Vec<u8>,
    frame: Vec<u8>,
    packed: Vec<u8>,
}

impl Packer {
    fn new() -> io::Result<Self> {
        Ok(Self {
            compressor: Compressor::new(LEVEL)?,
            plain: Vec::new(),
            frame: Vec::new(),
            packed: Vec::new(),
        })
    }

    fn push(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let room = FRAME.saturating_sub(self.plain.len()).min(bytes.len());
            let (now, rest) = bytes.split_at(room);
            self.plain.extend_from_slice(now);
            self.pack_full()?;
            bytes = rest;
        }
        Ok(())
    }

    fn pack_full(&mut self) -> io::Result<()> {
        if self.plain.len() < FRAME {
            return Ok(());
        }
        self.pack()
    }

    fn pack(&mut self) -> io::Result<()> {
        self.frame.clear();
        self.frame.reserve(compress_bound(self.plain.len()));
        self.compressor
            .compress_to_buffer(&self.plain, &mut self.frame)?;
        self.packed.extend_from_slice(&self.frame);
        self.plain.clear();
        Ok(())
    }

    fn finish(&mut self) -> io::Result<Vec<u8>> {
        // Without a frame it would be no file of this kind.
        if !self.plain.is_empty() || self.packed.is_empty() {
            self.pack()?;
        }
        Ok(std::mem::take(&mut self.packed))
    }
}

/// Files that are ready to be put down.
pub struct Drafted {
    payload: Vec<u8>,
    sidecar: Vec<u8>,
    facts: Facts,
}

impl Drafted {
    /// Puts both files down; they are durable afterwards.
    pub fn put(
        &self,
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
            rows: self.facts.rows,
            plain_bytes: self.facts.plain_bytes,
            payload_bytes: self.payload.len() as u64,
            payload: hex(&self.payload),
            sidecar_bytes: self.sidecar.len() as u64,
            sidecar: hex(&self.sidecar),
            oldest: self.facts.oldest,
            newest: self.facts.newest,
        })
    }
}
