//! What lies beside the segments for people and their tools: the manifest, the sums, and how to
//! restore without this program.

use serde::{Deserialize, Serialize};

use super::Dossier;
use crate::archive::segment;
use crate::core::purge::insert::quoted;
use crate::core::purge::journal::SegmentEntry;
use crate::core::purge::plan::{Encoding, Relation, RowOrder};
use crate::purge::fault::Fault;
use crate::purge::receipt::qualified;

const MANIFEST: &str = "manifest.json";
const SUMS: &str = "SHA256SUMS";
const README: &str = "README.txt";
const MOST_MANIFEST: u64 = 16 << 20;

/// `manifest.json`.
#[derive(PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    plan: String,
    root: String,
    rows: Vec<u64>,
    relations: Vec<Relation>,
    segments: Vec<SegmentEntry>,
}

impl Dossier {
    fn manifest_of(&self, root: &str, rows: &[u64]) -> Manifest {
        Manifest {
            plan: self.hash.clone(),
            root: root.to_owned(),
            rows: rows.to_vec(),
            relations: self.plan.relations.clone(),
            segments: self.segments().cloned().collect(),
        }
    }

    /// Writes them; a crash in between is mended by writing them again.
    pub(super) fn write_papers(&self, root: &str, rows: &[u64]) -> Result<(), Fault> {
        let manifest = serde_json::to_vec_pretty(&self.manifest_of(root, rows))
            .map_err(|error| self.place.broken(MANIFEST, error.to_string()))?;
        let mut sums = format!(
            "{}  {MANIFEST}\n{}  plan.json\n",
            segment::hex(&manifest),
            self.hash
        );
        for entry in self.segments() {
            for (relation, part) in entry.parts.iter().enumerate() {
                let names = segment::names(entry.number, relation, self.plan.encoding);
                for (hash, name) in [&part.payload, &part.sidecar].into_iter().zip(names) {
                    sums.push_str(&format!("{hash}  {name}\n"));
                }
            }
        }
        self.place.replace(MANIFEST, &manifest)?;
        self.place.replace(SUMS, sums.as_bytes())?;
        Ok(self.place.replace(README, self.readme(root).as_bytes())?)
    }

    /// Compares the manifest with the journal.
    pub fn check_manifest(&self) -> Result<(), Fault> {
        let (root, rows) = self.manifest().unwrap_or_default();
        let text = self.place.get(MANIFEST, MOST_MANIFEST)?;
        let found: Manifest = serde_json::from_slice(&text)
            .map_err(|error| self.place.broken(MANIFEST, error.to_string()))?;
        if found != self.manifest_of(&root, &rows) {
            return Err(self
                .place
                .broken(MANIFEST, "it differs from the journal")
                .into());
        }
        Ok(())
    }

    fn readme(&self, root: &str) -> String {
        let mut text = format!(
            "Rows archived by {} before {}, root {root}.\n\
             Check the files:  sha256sum -c SHA256SUMS\n\
             Put them back:    auditail restore . TARGET\n\
             \nWithout auditail, table by table:\n",
            self.plan.written_by, self.plan.scope.cutoff
        );
        if self.plan.order == RowOrder::TimeThenKey {
            text.push_str(
                "(A row whose time was changed while it was being read is there twice; the later \
                 segment has the newer one.)\n",
            );
        }
        for (place, relation) in self.plan.relations.iter().enumerate() {
            for statement in &relation.ddl {
                let statement = statement.trim_end_matches(';').replace('\n', "\n  ");
                text.push_str(&format!("  {statement};\n"));
            }
            text.push_str(&self.by_hand(place, relation));
        }
        text
    }

    fn by_hand(&self, place: usize, relation: &Relation) -> String {
        let encoding = self.plan.encoding;
        let infix = match place {
            0 => String::new(),
            more => format!(".r{more}"),
        };
        let files = format!("seg-??????{infix}.{}.zst", encoding.extension());
        let table = qualified(relation);
        match encoding {
            Encoding::CopyText => {
                let table = match &relation.schema {
                    Some(schema) => format!("{}.{}", quoted(schema), quoted(&relation.name)),
                    None => quoted(&relation.name),
                };
                let columns = relation.columns.iter().map(|column| quoted(&column.name));
                let columns: Vec<String> = columns.collect();
                let mut text = format!(
                    "  zstd -dc {files} | psql DATABASE -c '\\copy {table} ({}) from stdin'\n",
                    columns.join(", ")
                );
                text.push_str(&numbered_on(&table, relation));
                text
            }
            Encoding::SqlInserts => format!("  zstd -dc {files} | sqlite3 FILE   # {table}\n"),
            Encoding::Bson => {
                let database = relation.schema.as_deref().unwrap_or("DATABASE");
                let (database, name) = (shell(database), shell(&relation.name));
                format!(
                    "  zstd -dc {files} | mongorestore --db={database} --collection={name} -\n  \
                     zstd -dc {files} | bsondump   # to look at it\n"
                )
            }
        }
    }
}

/// A word as a shell takes it.
fn shell(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// What makes a sequence go on after the rows that were put back by hand.
fn numbered_on(table: &str, relation: &Relation) -> String {
    let is_drawn = |statement: &String| {
        ["nextval(", "AS IDENTITY"]
            .iter()
            .any(|word| statement.contains(word))
    };
    match &relation.key[..] {
        [key] if relation.ddl.iter().any(is_drawn) => format!(
            "  SELECT setval(pg_get_serial_sequence('{}', '{}'), max({})) FROM {table};\n",
            table.replace('\'', "''"),
            key.replace('\'', "''"),
            quoted(key)
        ),
        _ => String::new(),
    }
}
