//! Opening an archive: everything that can be checked without reading the rows, and what it says of
//! itself.

use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::archive::place::Place;
use crate::archive::{ArchiveError, journal_file, plan_file, segment};
use crate::core::profile::detect::{self, Candidate};
use crate::core::profile::{ColumnKind, Origin, Profile, load};
use crate::core::purge::decode::Decoder;
use crate::core::purge::journal::Entry;
use crate::core::purge::plan::{Plan, Relation};
use crate::core::purge::{key, plan};
use crate::core::record::Column;
use crate::core::sanitise::safe;
use crate::store::archive::stock::{Segment, Stock};
use crate::store::archive::{ArchiveStore, failed};
use crate::store::connect::OpenOptions;
use crate::store::{Access, Archived, Description, Finding, FindingLevel, StoreError, TimeAccess};

/// Opens the archive in a directory.
pub(super) fn open(path: &Path, options: &OpenOptions) -> Result<ArchiveStore, StoreError> {
    if path.join(journal_file::FILE).symlink_metadata().is_err() {
        return Err(StoreError::Target {
            message: format!(
                "{} is a directory and no archive: it has no {}",
                safe(&path.display().to_string()),
                journal_file::FILE
            ),
            hint: Some("name the directory a purge was written to, or a database".to_owned()),
        });
    }
    let place = Place::open(path).map_err(|error| failed(&error))?;
    let entries = journal_file::read(&place).map_err(|error| failed(&error))?;
    let (plan, hash) = plan_file::read(&place, &entries).map_err(|error| failed(&error))?;
    let archived = chain(&place, &entries, &hash).map_err(|error| failed(&error))?;
    let segments = segments(&place, &plan, &entries).map_err(|error| failed(&error))?;
    let profile = match &options.profile {
        Some(profile) => Arc::clone(profile),
        None => profile(&place, &plan)?,
    };
    let Some(events) = plan.relations.first() else {
        let error = place.broken(plan_file::FILE, "it names no table");
        return Err(failed(&error));
    };
    let stock = Stock {
        decoder: Decoder::new(plan.encoding, events, &profile),
        place,
        profile,
        segments,
        plan,
    };
    let is_verified = is_verified(&entries);
    Ok(ArchiveStore {
        description: Arc::new(description(&stock, path, archived)),
        findings: findings(&stock, archived, is_verified),
        stock: Arc::new(stock),
        sweeps: Mutex::default(),
    })
}

/// Whether the archive is whole: then its root is that of its segments.
fn chain(place: &Place, entries: &[Entry], hash: &str) -> Result<Archived, ArchiveError> {
    let known = entries.iter().find_map(|entry| match entry {
        Entry::Manifest { root, .. } => Some(root),
        _ => None,
    });
    let Some(known) = known else {
        return Ok(Archived::Unfinished);
    };
    let sealed = entries.iter().filter_map(|entry| match entry {
        Entry::Segment(segment) => Some(segment),
        _ => None,
    });
    if plan_file::root(sealed, hash) == *known {
        return Ok(Archived::Whole);
    }
    Err(place.broken(
        journal_file::FILE,
        "its segments are not those that were sealed",
    ))
}

fn is_verified(entries: &[Entry]) -> bool {
    let verified = |entry: &Entry| matches!(entry, Entry::Verified { .. });
    entries.iter().any(verified)
}

/// The segments with event rows; every file of them has its size.
fn segments(place: &Place, plan: &Plan, entries: &[Entry]) -> Result<Vec<Segment>, ArchiveError> {
    let mut found = Vec::new();
    for entry in entries {
        let Entry::Segment(entry) = entry else {
            continue;
        };
        for (relation, part) in entry.parts.iter().enumerate() {
            let names = segment::names(entry.number, relation, plan.encoding);
            let sizes = [part.payload_bytes, part.sidecar_bytes];
            for (name, bytes) in names.iter().zip(sizes) {
                place.sized(name, bytes)?;
            }
        }
        let Some(events) = entry.parts.first() else {
            continue;
        };
        if let (Some(oldest), Some(newest)) = (events.oldest, events.newest) {
            found.push(Segment {
                rows: events.rows,
                oldest,
                newest,
                last: key::read(&entry.last.key),
                entry: entry.clone(),
            });
        }
    }
    Ok(found)
}

/// How rows became events when the plan was made.
fn profile(place: &Place, plan: &Plan) -> Result<Arc<Profile>, StoreError> {
    let mut known = load::built_in().iter();
    let same = |profile: &&Arc<Profile>| load::print(profile) == plan.profile;
    if let Some(profile) = known.find(same) {
        return Ok(Arc::clone(profile));
    }
    let origin = Origin::File(place.path(plan_file::FILE));
    match load::parse(&plan.profile, origin) {
        Ok(profile) => Ok(Arc::new(profile)),
        Err(error) => {
            let why = format!("its profile cannot be read: {error}");
            Err(failed(&place.broken(plan_file::FILE, why)))
        }
    }
}

fn label(relation: &Relation) -> String {
    match &relation.schema {
        Some(schema) => format!("{schema}.{}", relation.name),
        None => relation.name.clone(),
    }
}

fn columns(relation: &Relation, profile: &Profile) -> Vec<Column> {
    let time = profile.time.path.column();
    relation
        .columns
        .iter()
        .map(|column: &plan::PlanColumn| Column {
            name: column.name.clone(),
            kind: ColumnKind::from_word(&column.kind).unwrap_or(ColumnKind::Other),
            type_name: column.type_name.clone(),
            // The segments' times are an index on it.
            indexed: column.name == time,
            key: relation.key.contains(&column.name),
        })
        .collect()
}

fn description(stock: &Stock, path: &Path, archived: Archived) -> Description {
    let plan = &stock.plan;
    let named = path.canonicalize().ok();
    let named = named.as_deref().unwrap_or(path).file_name();
    let name = named.unwrap_or(path.as_os_str()).to_string_lossy();
    let mut evidence = vec![format!(
        "{} in {}, archived from {} before {}",
        counted(stock.rows(), "row"),
        counted(stock.segments.len() as u64, "segment"),
        safe(&plan.target),
        plan.scope.cutoff
    )];
    if !plan.scope.filter.is_empty() {
        evidence.push(format!("only those of {}", safe(&plan.scope.filter)));
    }
    if archived == Archived::Unfinished {
        evidence.push("the backup is not finished: what is sealed is shown".to_owned());
    }
    evidence.push(format!("profile {} as in the plan", stock.profile.name));
    let events = &plan.relations[0];
    Description {
        name: safe(&name).into_owned(),
        relation: safe(&label(events)).into_owned(),
        server: format!("archive of {}", safe(&plan.identity.server)),
        profile: Arc::clone(&stock.profile),
        evidence,
        columns: columns(events, &stock.profile),
        access: Access::Archive(archived),
        transport: "files".to_owned(),
        estimate: Some(stock.rows()),
        time: TimeAccess::Direct,
    }
}

fn counted(number: u64, of: &str) -> String {
    match number {
        1 => format!("1 {of}"),
        more => format!("{more} {of}s"),
    }
}

/// What `profiles detect` says.
pub(super) fn candidate(stock: &Stock) -> Candidate {
    let events = &stock.plan.relations[0];
    let relation = detect::Relation {
        name: label(events),
        columns: columns(events, &stock.profile),
        estimate: Some(stock.rows()),
    };
    let found = detect::detect(
        std::slice::from_ref(&relation),
        &[Arc::clone(&stock.profile)],
    );
    let known = found
        .into_iter()
        .find(|candidate| candidate.profile.name == stock.profile.name);
    known.unwrap_or_else(|| Candidate {
        relation,
        profile: Arc::clone(&stock.profile),
        score: 0,
        evidence: vec!["the plan of the archive names this profile".to_owned()],
    })
}

fn findings(stock: &Stock, archived: Archived, is_verified: bool) -> Vec<Finding> {
    let directory = stock.place.shown();
    let finding = |level, subject: &str, message: String, remedy: Option<&str>| Finding {
        level,
        subject: subject.to_owned(),
        message,
        remedy: remedy.map(|step| format!("auditail purge {step} {}", safe(&directory))),
    };
    let files =
        "the journal is a whole chain, the plan is the one it names, every file has its size";
    let mut found = vec![finding(FindingLevel::Good, "files", files.to_owned(), None)];
    found.push(match archived {
        Archived::Whole => {
            let message = format!("whole: {}", counted(stock.rows(), "row"));
            finding(FindingLevel::Good, "backup", message, None)
        }
        Archived::Unfinished => {
            let message = format!(
                "not finished; sealed so far: {}",
                counted(stock.rows(), "row")
            );
            finding(FindingLevel::Advice, "backup", message, Some("backup"))
        }
    });
    found.push(if is_verified {
        let message = "every byte was read back once; rows are compared with their digests here";
        finding(FindingLevel::Good, "verification", message.to_owned(), None)
    } else {
        let message = "it was never read back as a whole";
        finding(
            FindingLevel::Advice,
            "verification",
            message.to_owned(),
            Some("verify"),
        )
    });
    let (level, order) = if stock.overlaps() {
        let order = "the table had no index on its time, so segments overlap: pages read several";
        (FindingLevel::Advice, order)
    } else {
        (FindingLevel::Good, "segments follow one another in time")
    };
    found.push(finding(level, "order", order.to_owned(), None));
    found
}
