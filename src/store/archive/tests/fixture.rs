//! Archives of small rows, written as a purge writes them and cut as a test likes.

use std::sync::Arc;

use tempfile::TempDir;

use super::super::{ArchiveStore, open};
use crate::archive::disk::System;
use crate::archive::journal_file::JournalFile;
use crate::archive::place::Place;
use crate::archive::{plan_file, segment};
use crate::core::event::KeyPart;
use crate::core::instant::{At, Micros};
use crate::core::purge::decode::insert::form;
use crate::core::purge::insert::SqlValue;
use crate::core::purge::journal::{Entry, Mark, SegmentEntry};
use crate::core::purge::key;
use crate::core::purge::plan::{
    Encoding, Identity, ParentLink, Plan, PlanColumn, Relation, RowOrder, Scope, Survey,
};
use crate::core::purge::row::{RawRows, RowDigest, RowKey, RowMark, RowVersion};
use crate::store::connect::OpenOptions;

const PROFILE: &str = "name = \"small\"
[time]
path = \"at\"
encoding = \"epoch_micros\"
[fields]
actor = \"who\"
";

/// A row of a test: its time and who.
pub type Small = (i64, u8);

fn relation(name: &str, columns: &[&str], parent: Option<ParentLink>) -> Relation {
    let column = |name: &&str| PlanColumn {
        name: (*name).to_owned(),
        type_name: "INTEGER".to_owned(),
        kind: "int".to_owned(),
        fields: Vec::new(),
    };
    Relation {
        schema: None,
        name: name.to_owned(),
        columns: columns.iter().map(column).collect(),
        key: vec!["id".to_owned()],
        parent,
        ddl: Vec::new(),
    }
}

fn plan(order: RowOrder) -> Plan {
    let parent = ParentLink {
        relation: 0,
        columns: vec!["event".to_owned()],
        parent_columns: vec!["id".to_owned()],
    };
    Plan {
        format: Plan::FORMAT,
        target: "somewhere".to_owned(),
        written_by: "test".to_owned(),
        scope: Scope {
            cutoff: Micros(i64::MAX),
            filter: String::new(),
            keep: Vec::new(),
            now: Micros(0),
            tz: "UTC".to_owned(),
            names: Vec::new(),
        },
        identity: Identity {
            server: "SQLite 3".to_owned(),
            facts: Vec::new(),
        },
        relations: vec![
            relation("events", &["id", "at", "who"], None),
            relation("parts", &["event", "n"], Some(parent)),
        ],
        profile: PROFILE.to_owned(),
        encoding: Encoding::SqlInserts,
        order,
        survey: Survey::default(),
        warnings: Vec::new(),
        made_at: Micros(0),
    }
}

fn push(
    rows: &mut RawRows,
    plan: &Relation,
    mark: (i64, Micros, Option<i64>),
    values: &[SqlValue],
) {
    let mut bytes = Vec::new();
    form(plan).write(&mut bytes, values.iter().cloned());
    let (id, at, parent) = mark;
    rows.marks.push(RowMark {
        key: RowKey(vec![KeyPart::Int(id)]),
        version: RowVersion::default(),
        digest: RowDigest::of(&bytes),
        at: At::Instant(at),
        length: u32::try_from(bytes.len()).unwrap(),
        parent: parent.map(|id| RowKey(vec![KeyPart::Int(id)])),
    });
    rows.payload.extend_from_slice(&bytes);
}

/// A segment's rows with those related to them: as many as the id modulo three.
fn parts(plan: &Plan, rows: &[(i64, Small)]) -> [RawRows; 2] {
    let mut parts = [RawRows::default(), RawRows::default()];
    for (id, (at, who)) in rows {
        let who = SqlValue::Text(vec![b'a' + who].into());
        let values = [SqlValue::Int(*id), SqlValue::Int(*at), who];
        push(
            &mut parts[0],
            &plan.relations[0],
            (*id, Micros(*at), None),
            &values,
        );
        for n in 0..*id % 3 {
            let values = [SqlValue::Int(*id), SqlValue::Int(n)];
            push(
                &mut parts[1],
                &plan.relations[1],
                (n, Micros(*at), Some(*id)),
                &values,
            );
        }
    }
    parts
}

/// An archive of rows, the n-th of which has id n, cut after these many rows.
pub fn archive(rows: &[Small], cuts: &[usize], order: RowOrder) -> (TempDir, ArchiveStore) {
    let (directory, place) = unfinished(rows, cuts, order);
    let entries = crate::archive::journal_file::read(&place).unwrap();
    let (_, hash) = plan_file::read(&place, &entries).unwrap();
    let sealed = entries.iter().filter_map(|entry| match entry {
        Entry::Segment(segment) => Some(segment),
        _ => None,
    });
    let entry = Entry::Manifest {
        root: plan_file::root(sealed, &hash),
        rows: vec![rows.len() as u64, 0],
    };
    let (mut journal, _) = JournalFile::open(&place).unwrap();
    journal.append(&place, &entry).unwrap();
    let store = open::open(place.directory(), &OpenOptions::default()).unwrap();
    (directory, store)
}

pub fn unfinished(rows: &[Small], cuts: &[usize], order: RowOrder) -> (TempDir, Place) {
    let directory = tempfile::tempdir().unwrap();
    let place = Place::create(&directory.path().join("old"), Arc::new(System)).unwrap();
    let plan = plan(order);
    let text = serde_json::to_vec(&plan).unwrap();
    place.put(plan_file::FILE, &text).unwrap();
    let hash = segment::hex(&text);
    JournalFile::create(&place, &Entry::Plan { plan: hash }).unwrap();
    let (mut journal, _) = JournalFile::open(&place).unwrap();
    let mut all: Vec<(i64, Small)> = rows
        .iter()
        .copied()
        .zip(0..)
        .map(|(row, id)| (id, row))
        .collect();
    if order == RowOrder::TimeThenKey {
        all.sort_by_key(|(id, (at, _))| (*at, *id));
    }
    let mut rest = all.as_slice();
    let mut number = 0;
    for cut in cuts.iter().copied().chain([usize::MAX]) {
        let (some, after) = rest.split_at(cut.min(rest.len()));
        rest = after;
        let Some((last, _)) = some.last() else {
            continue;
        };
        let parts = parts(&plan, some);
        number += 1;
        let write = |relation: usize| {
            segment::write(&place, number, relation, plan.encoding, &parts[relation]).unwrap()
        };
        let entry = SegmentEntry {
            number,
            parts: vec![write(0), write(1)],
            last: Mark {
                time: None,
                key: key::spell(&RowKey(vec![KeyPart::Int(*last)])),
            },
            left: 0,
        };
        journal.append(&place, &Entry::Segment(entry)).unwrap();
    }
    (directory, place)
}
