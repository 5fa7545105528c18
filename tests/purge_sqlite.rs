//! What a purge of a SQLite file promises: what is deleted is what is archived, byte for byte, and
//! everything else stays.

mod archive;
mod faults;
mod kill;
mod mutants;
mod refusals;
mod related;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use auditail::core::instant::Micros;
use auditail::core::profile::Profile;
use auditail::core::profile::load::print;
use auditail::core::purge::plan::{Plan, Scope};
use auditail::core::query::predicate::Predicate;
use auditail::demo::History;
use auditail::store::StoreError;
use auditail::store::connect::{self, OpenOptions};
use auditail::store::purger::{
    Batch, Deleter, Left, Piece, Place, Probe, Purger, ReadEnd, RestoreInto, Restored, Selection,
};
use auditail::store::sqlite::demo::{self, DemoFile};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Rows before this instant go.
const CUTOFF: Micros = Micros(1_780_000_000_000_000);

/// Clutch's table as SQLite spells it.
const CLUTCH: &str = "CREATE TABLE audit_events (
    id INTEGER PRIMARY KEY, occurred_at TIMESTAMPTZ, details JSONB, sent BOOLEAN DEFAULT FALSE);
    CREATE INDEX sort_audit_events ON audit_events (occurred_at);";

/// A file, its writer, and what would purge it.
struct Store {
    path: PathBuf,
    writer: Connection,
    options: OpenOptions,
    _dir: TempDir,
}

fn stop() -> CancellationToken {
    CancellationToken::new()
}

fn everything() -> Selection {
    Selection {
        cutoff: CUTOFF,
        predicate: Arc::new(Predicate::All),
    }
}

impl Store {
    fn new(schema: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.db");
        let writer = Connection::open(&path).unwrap();
        writer.execute_batch("PRAGMA journal_mode = WAL").unwrap();
        writer.execute_batch(schema).unwrap();
        Self {
            path,
            writer,
            options: OpenOptions::default(),
            _dir: dir,
        }
    }

    /// Clutch's table with old and new rows: ids up to `old` go, as many stay.
    fn clutch(old: i64) -> Self {
        let store = Self::new(CLUTCH);
        store.clutch_rows(1..=old, -1);
        store.clutch_rows(old + 1..=2 * old, 1);
        store
    }

    /// Seconds from the cutoff, in one direction.
    fn clutch_rows(&self, ids: impl Iterator<Item = i64>, direction: i64) {
        self.sql("BEGIN");
        for id in ids {
            let at = CUTOFF.plus(direction * id * Micros::SECOND).to_string();
            let details = format!(r#"{{"user_name":"alice","service_name":"s","n":{id}}}"#);
            let sql = "INSERT INTO audit_events VALUES (?, ?, ?, TRUE)";
            self.writer.execute(sql, (id, at, details)).unwrap();
        }
        self.sql("COMMIT");
    }

    fn with_profile(mut self, table: &str, profile: Profile) -> Self {
        self.options.profile = Some(Arc::new(profile));
        self.options.table = Some(table.to_owned());
        self
    }

    async fn purger(&self) -> Box<dyn Purger> {
        connect::purger(self.path.to_str().unwrap(), &self.options)
            .await
            .expect("it opens")
    }

    async fn probe(&self) -> Result<Probe, StoreError> {
        self.purger().await.probe(&stop()).await
    }

    async fn plan(&self) -> Plan {
        plan(&self.path, self.probe().await.expect("it can be purged"))
    }

    /// Everything that goes, as one batch.
    async fn archive(&self, plan: &Plan) -> Batch {
        let purger = self.purger().await;
        let mut batch = Batch::default();
        batch
            .rows
            .resize_with(plan.relations.len(), Default::default);
        let mut after = None;
        loop {
            let (pieces, end) = read(&*purger, plan, after, 1_000).await;
            for piece in pieces {
                for (all, more) in batch.rows.iter_mut().zip(piece.rows) {
                    all.payload.extend(more.payload);
                    all.marks.extend(more.marks);
                }
            }
            after = batch.rows[0].marks.last().map(|mark| Place {
                time: None,
                key: mark.key.clone(),
            });
            if end == ReadEnd::Exhausted {
                return batch;
            }
        }
    }

    async fn deleter(&self, plan: &Plan) -> Result<Box<dyn Deleter>, StoreError> {
        self.purger().await.deleter(plan, None, &stop()).await
    }

    /// Deletes a batch: how many of each relation went, which events stayed and why.
    async fn delete(&self, plan: &Plan, batch: &Batch) -> (Vec<u64>, Vec<(String, Left)>) {
        let mut deleter = self.deleter(plan).await.expect("it may delete");
        let token = stop();
        let staged = deleter.stage(batch, &token).await.expect("it is staged");
        let counts = staged.deleted().to_vec();
        let left = staged.left().iter();
        let left = left.map(|(mark, why)| (format!("{:?}", mark.key.0), *why));
        let left = left.collect();
        staged.commit().await.expect("it is committed");
        (counts, left)
    }

    async fn restore(&self, plan: &Plan, batch: &Batch, into: RestoreInto) -> Restored {
        let purger = self.purger().await;
        let mut restorer = purger
            .restorer(plan, into, &stop())
            .await
            .expect("it may insert");
        let report = restorer
            .restore(batch, &stop())
            .await
            .expect("it is restored");
        restorer.finish(&stop()).await.expect("it is tidied up");
        report
    }

    fn count(&self, table: &str) -> i64 {
        let query = format!("SELECT count(*) FROM {table}");
        self.writer.query_row(&query, [], |row| row.get(0)).unwrap()
    }

    fn sql(&self, sql: &str) {
        self.writer.execute_batch(sql).unwrap();
    }
}

async fn read(
    purger: &dyn Purger,
    plan: &Plan,
    after: Option<Place>,
    limit: usize,
) -> (Vec<Piece>, ReadEnd) {
    let (out, mut pieces) = tokio::sync::mpsc::channel(1);
    let collect = async {
        let mut all = Vec::new();
        while let Some(piece) = pieces.recv().await {
            all.push(piece);
        }
        all
    };
    let (what, token) = (everything(), stop());
    let read = purger.read(plan, &what, after, limit, out, &token);
    let (end, pieces) = tokio::join!(read, collect);
    (pieces, end.expect("it reads"))
}

fn plan(path: &Path, probe: Probe) -> Plan {
    Plan {
        format: Plan::FORMAT,
        target: path.display().to_string(),
        written_by: "tests".to_owned(),
        scope: Scope {
            cutoff: CUTOFF,
            filter: String::new(),
            keep: Vec::new(),
            now: probe.now,
            tz: "UTC".to_owned(),
            names: Vec::new(),
        },
        identity: probe.identity,
        relations: probe.relations,
        profile: print(&probe.profile),
        encoding: probe.encoding,
        order: probe.order,
        survey: auditail::core::purge::plan::Survey::default(),
        warnings: probe.warnings,
        made_at: probe.now,
    }
}

#[tokio::test]
async fn the_archived_rows_go_and_no_others() {
    let store = Store::clutch(2_500);
    let plan = store.plan().await;
    let batch = store.archive(&plan).await;
    assert_eq!(batch.rows[0].marks.len(), 2_500);
    let keys: Vec<_> = batch.rows[0].marks.iter().map(|mark| &mark.key).collect();
    assert!(keys.is_sorted_by(|a, b| a < b), "strictly ascending");
    assert_eq!(store.delete(&plan, &batch).await, (vec![2_500], vec![]));
    assert_eq!(store.count("audit_events"), 2_500);
    assert_eq!(store.count("audit_events WHERE id <= 2500"), 0);
    let again = store.restore(&plan, &batch, RestoreInto::Table).await;
    assert_eq!((again.inserted, again.equal), (2_500, 0));
    let twice = store.restore(&plan, &batch, RestoreInto::Table).await;
    assert_eq!((twice.inserted, twice.equal), (0, 2_500));
    assert_eq!(store.archive(&plan).await.rows, batch.rows);
}

#[tokio::test]
async fn a_read_goes_on_where_the_last_one_ended() {
    let store = Store::clutch(50);
    let plan = store.plan().await;
    let purger = store.purger().await;
    let whole = store.archive(&plan).await;
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let (pieces, end) = read(&*purger, &plan, after, 7).await;
        let rows = pieces.iter().flat_map(|piece| &piece.rows[0].marks);
        seen.extend(rows.cloned());
        if end == ReadEnd::Exhausted {
            break;
        }
        let key = seen.last().unwrap().key.clone();
        after = Some(Place { time: None, key });
    }
    assert_eq!(seen, whole.rows[0].marks);
}

#[tokio::test]
async fn a_survey_says_what_goes_and_what_stays() {
    let store = Store::clutch(20);
    store.sql(
        "INSERT INTO audit_events(occurred_at) VALUES (NULL), ('-infinity'), ('infinity'), ('soon')",
    );
    let purger = store.purger().await;
    let survey = purger.survey(&everything(), &stop()).await.unwrap();
    assert_eq!(survey.selected, 20);
    assert_eq!(purger.count(&everything(), &stop()).await.unwrap(), 20);
    let going: u64 = survey.months.iter().map(|month| month.going).sum();
    let staying: u64 = survey.months.iter().map(|month| month.staying).sum();
    assert_eq!((going, staying), (20, 20));
    assert_eq!(survey.oldest, Some(CUTOFF.plus(-20 * Micros::SECOND)));
    assert_eq!(survey.newest, Some(CUTOFF.plus(-Micros::SECOND)));
    assert_eq!((survey.first_rows.len(), survey.last_rows.len()), (5, 5));
    assert!(
        survey.first_rows[0].contains("\"n\":20"),
        "{:?}",
        survey.first_rows
    );
    assert!(survey.first_kept.unwrap().contains("\"n\":21"));
    let timeless = ["-infinity", "NULL", "infinity", "not a time"];
    assert_eq!(survey.timeless, timeless.map(|kind| (kind.to_owned(), 1)));
    let plan = store.plan().await;
    assert_eq!(store.archive(&plan).await.rows[0].marks.len(), 20);
}

#[tokio::test]
async fn the_demo_can_be_purged() {
    let history = History::new(auditail::demo::Plan {
        seed: 1,
        events: 300,
        now: CUTOFF,
    });
    let dir = tempfile::tempdir().unwrap();
    let place = demo::Place::Kept(dir.path().to_owned());
    let file = DemoFile::create(&place, history).unwrap();
    let path = file.path();
    let purger = connect::purger(path.to_str().unwrap(), &OpenOptions::default())
        .await
        .unwrap();
    let probe = purger.probe(&stop()).await.unwrap();
    assert_eq!(probe.relations[0].key, ["id"]);
    let plan = plan(path, probe);
    let all = Selection {
        cutoff: Micros(i64::MAX / 2),
        predicate: Arc::new(Predicate::All),
    };
    assert!(purger.count(&all, &stop()).await.unwrap() >= 300);
    assert!(purger.deleter(&plan, None, &stop()).await.is_ok());
}
