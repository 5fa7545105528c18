//! The receipt: what a purge did, for people and auditors.

use serde::{Deserialize, Serialize};

use crate::core::instant::Micros;
use crate::core::purge::journal::{Entry, Tally};
use crate::core::purge::plan::{Encoding, Identity, Scope};
use crate::purge::chain::{self, Anchor};
use crate::purge::dossier::Dossier;
use crate::purge::fault::Fault;

/// `receipt.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// The store, without any password.
    pub target: String,
    /// Its tables.
    pub relations: Vec<String>,
    /// What was to go.
    pub scope: Scope,
    /// The store's identity.
    pub identity: Identity,
    /// The plan's hash.
    pub plan: String,
    /// The archive's hash: keep it somewhere else, it proves the archive.
    pub root: String,
    /// Who said yes, on which machine, when and how.
    pub confirmed: Option<Confirmation>,
    /// What became of the archived rows.
    pub tally: Tally,
    /// Ids of rows that stayed because they were changed after the backup.
    pub changed: Vec<String>,
    /// Because they were locked.
    pub locked: Vec<String>,
    /// Because of a hold.
    pub held: Vec<String>,
    /// Because the server kept them.
    pub refused: Vec<String>,
    /// What happened on the way: stops, mended lines.
    pub remarks: Vec<String>,
    /// Where rows are chained by hashes: what the first row left refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<Anchor>,
    /// When the space comes back.
    pub space: String,
    /// The program.
    pub written_by: String,
}

/// A confirmation of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The operating system's user.
    pub who: String,
    /// The machine.
    pub host: String,
    /// Its clock.
    pub when: Micros,
    /// The typed phrase, or the options that stood for it.
    pub how: String,
}

impl Receipt {
    /// Of a finished purge.
    pub fn of(dossier: &Dossier) -> Result<Self, Fault> {
        let plan = dossier.plan();
        let ledger = dossier.ledger();
        let mut confirmed = None;
        let mut remarks = Vec::new();
        for entry in dossier.entries() {
            match entry {
                Entry::Confirmed {
                    who,
                    host,
                    when,
                    how,
                    ..
                } => {
                    confirmed = Some(Confirmation {
                        who: who.clone(),
                        host: host.clone(),
                        when: *when,
                        how: how.clone(),
                    });
                }
                Entry::Stopped { because } => remarks.push(format!("stopped: {because}")),
                Entry::Attention { because } => remarks.push(because.clone()),
                Entry::Mended { bytes } => {
                    remarks.push(format!(
                        "the journal's last {bytes} bytes were torn and cut off"
                    ));
                }
                _ => {}
            }
        }
        Ok(Self {
            target: plan.target.clone(),
            relations: plan.relations.iter().map(qualified).collect(),
            scope: plan.scope.clone(),
            identity: plan.identity.clone(),
            plan: dossier.hash().to_owned(),
            root: dossier.manifest().map(|(root, _)| root).unwrap_or_default(),
            confirmed,
            tally: ledger.tally.clone(),
            changed: ledger.changed.clone(),
            locked: dossier.locked_ids()?,
            held: ledger.held.clone(),
            refused: ledger.refused.clone(),
            remarks,
            anchor: chain::anchor(dossier)?,
            space: space(plan.encoding).to_owned(),
            written_by: plan.written_by.clone(),
        })
    }
}

/// `schema.table`, or the table alone.
pub fn qualified(relation: &crate::core::purge::plan::Relation) -> String {
    match &relation.schema {
        Some(schema) => format!("{schema}.{}", relation.name),
        None => relation.name.clone(),
    }
}

/// When the deleted rows' space can be used again.
pub fn space(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::CopyText => {
            "the table's space is used again by new rows after the next VACUUM (autovacuum does it); \
             the files do not shrink, only VACUUM FULL or pg_repack would make them"
        }
        Encoding::SqlInserts => {
            "the file's free pages are used again by new rows at once; the file does not shrink, \
             only VACUUM would make it"
        }
        Encoding::Bson => {
            "the collection's space is used again by new documents; the files do not shrink, \
             only compact would make them"
        }
    }
}
