//! The conversation with the server: one client, and pieces of work that can be stopped.
//!
//! Every piece of work has a session of its own, so that stopping it is one `killSessions` and
//! nothing else is touched.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use futures_util::StreamExt as _;
use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use mongodb::event::EventHandler;
use mongodb::event::command::CommandEvent;
use mongodb::options::{AggregateOptions, Collation, FindOptions};
use mongodb::raw_batch_cursor::{RawBatch, SessionRawBatchCursor};
use mongodb::{Client, ClientSession, Collection, error};
use tokio_util::sync::CancellationToken;

use crate::core::instant::Micros;
use crate::store::mongo::failure;
use crate::store::mongo::heartbeat::Heartbeats;
use crate::store::mongo::target::{Haste, Target};
use crate::store::{Access, StoreError};

/// Every command this program sends to a MongoDB server, the driver's own among them. None of them
/// changes a document, a collection or a setting. A test watches the wire.
pub const COMMANDS: [&str; 17] = [
    // the driver: handshake, login, end of sessions and cursors
    "hello",
    "isMaster",
    "saslStart",
    "saslContinue",
    "endSessions",
    "killCursors",
    // reading
    "find",
    "getMore",
    "aggregate",
    "count",
    "explain",
    // finding out
    "listDatabases",
    "listCollections",
    "listIndexes",
    "connectionStatus",
    "buildInfo",
    // stopping one's own work
    "killSessions",
];

/// What the server said about itself and about us.
#[derive(Clone, Debug)]
pub struct Server {
    /// `6.0.5`
    pub version: String,
    /// What kind of deployment it is.
    pub deployment: Deployment,
    /// Actions the role may do, by database and collection; empty names mean any.
    pub privileges: Vec<Privilege>,
    /// Whether there is a login at all.
    pub login: Login,
}

/// What kind of deployment answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deployment {
    /// One server without an oplog.
    Standalone,
    /// A member of the replica set with this name.
    ReplicaSet(String),
    /// A router.
    Sharded,
}

/// Whether the session is somebody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// Nobody logged in: either everything is allowed or nothing.
    None,
    /// A user with privileges.
    User,
}

/// Actions on a resource.
#[derive(Clone, Debug)]
pub struct Privilege {
    /// The database; empty for any.
    pub database: String,
    /// The collection; empty for any.
    pub collection: String,
    /// `find`, `insert`, `changeStream` …
    pub actions: BTreeSet<String>,
}

/// A client that has answered once.
pub struct Link {
    client: Client,
    /// Where it leads.
    pub target: Target,
    /// What is there.
    pub server: Server,
}

/// Sees every command before it is sent; for tests.
pub type Watcher = Arc<dyn Fn(&CommandEvent) + Send + Sync>;

impl Link {
    /// Connects and asks who is there.
    pub async fn open(mut target: Target, watcher: Option<Watcher>) -> Result<Self, StoreError> {
        if let Some(watcher) = watcher {
            let handler = move |event: CommandEvent| watcher(&event);
            target.options.command_event_handler = Some(EventHandler::callback(handler));
        }
        let heartbeats = Heartbeats::listen(&mut target.options);
        let connected = async {
            let client = Client::with_options(target.options.clone())?;
            let admin = client.database("admin");
            let hello = admin.run_command(doc! {"hello": 1}).await?;
            let build = admin.run_command(doc! {"buildInfo": 1}).await?;
            let status = doc! {"connectionStatus": 1, "showPrivileges": true};
            let status = admin.run_command(status).await?;
            error::Result::Ok((client, hello, build, status))
        };
        let connected = tokio::select! {
            connected = connected => connected.map_err(|error| (error, heartbeats.unreachable())),
            unreachable = heartbeats.hopeless(), if target.haste == Haste::First => {
                Err((unreachable.error.clone(), Some(unreachable)))
            }
        };
        let (client, hello, build, status) = connected.map_err(|(error, unreachable)| {
            failure::connecting(&error, &target, unreachable.as_ref())
        })?;
        let deployment = match (hello.get_str("setName"), hello.get_str("msg")) {
            (Ok(name), _) => Deployment::ReplicaSet(name.to_owned()),
            (_, Ok("isdbgrid")) => Deployment::Sharded,
            _ => Deployment::Standalone,
        };
        let version = build
            .get_str("version")
            .unwrap_or("of unknown version")
            .to_owned();
        let (login, privileges) = privileges(&status);
        let version = target.clean(&version);
        let server = Server {
            version,
            deployment,
            privileges,
            login,
        };
        Ok(Self {
            client,
            target,
            server,
        })
    }

    /// The driver's client, for those who do more than look.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// A collection whose documents stay bytes.
    pub fn collection(&self, database: &str, name: &str) -> Collection<RawDocumentBuf> {
        self.client.database(database).collection(name)
    }

    /// Begins a piece of work.
    pub async fn work<'l>(
        &'l self,
        object: &'l str,
        stop: &'l CancellationToken,
    ) -> Result<Work<'l>, StoreError> {
        let started = self.client.start_session().await;
        let session = started.map_err(|error| failure::failed(&error, &self.target, object))?;
        let id = session.id().clone();
        Ok(Work {
            link: self,
            session,
            id,
            object,
            stop,
        })
    }

    /// Whether the role may do an action on a collection.
    pub fn may(&self, action: &str, database: &str, collection: &str) -> bool {
        self.server.login == Login::None
            || self.server.privileges.iter().any(|privilege| {
                (privilege.database.is_empty() || privilege.database == database)
                    && (privilege.collection.is_empty() || privilege.collection == collection)
                    && privilege.actions.contains(action)
            })
    }

    /// What the role could do to a collection.
    pub fn access(&self, database: &str, collection: &str) -> Access {
        let writes = ["insert", "update", "remove", "dropCollection"];
        let can_write = writes
            .iter()
            .any(|action| self.may(action, database, collection));
        if can_write {
            Access::RoleCanWrite
        } else {
            Access::ReadOnly
        }
    }
}

fn privileges(status: &Document) -> (Login, Vec<Privilege>) {
    let info = status.get_document("authInfo").cloned().unwrap_or_default();
    let is_somebody = info
        .get_array("authenticatedUsers")
        .is_ok_and(|users| !users.is_empty());
    let list = info
        .get_array("authenticatedUserPrivileges")
        .cloned()
        .unwrap_or_default();
    let privileges = list.iter().filter_map(|privilege| {
        let privilege = privilege.as_document()?;
        let resource = privilege.get_document("resource").ok()?;
        let actions = privilege.get_array("actions").ok()?;
        let any = resource.get_bool("anyResource").unwrap_or(false);
        let name = |key: &str| resource.get_str(key).ok().map(str::to_owned);
        Some(Privilege {
            database: name("db").or(any.then(String::new))?,
            collection: name("collection").or(any.then(String::new))?,
            actions: actions
                .iter()
                .filter_map(Bson::as_str)
                .map(str::to_owned)
                .collect(),
        })
    });
    (
        if is_somebody {
            Login::User
        } else {
            Login::None
        },
        privileges.collect(),
    )
}

/// A piece of work on the server, with a session of its own.
pub struct Work<'l> {
    link: &'l Link,
    session: ClientSession,
    id: Document,
    object: &'l str,
    stop: &'l CancellationToken,
}

/// Documents on their way.
pub struct Rows {
    cursor: SessionRawBatchCursor,
}

impl Work<'_> {
    /// Runs a command.
    pub async fn command(
        &mut self,
        database: &str,
        command: Document,
    ) -> Result<Document, StoreError> {
        self.attempt(database, command)
            .await?
            .map_err(|error| self.failed(&error))
    }

    /// Runs a command whose failure the caller looks at.
    pub async fn attempt(
        &mut self,
        database: &str,
        command: Document,
    ) -> Result<error::Result<Document>, StoreError> {
        let database = self.link.client.database(database);
        let run = database.run_command(command).session(&mut self.session);
        guard(self.link, &self.id, self.stop, run.into_future()).await
    }

    /// A collection whose documents stay bytes.
    pub fn collection(&self, database: &str, name: &str) -> Collection<RawDocumentBuf> {
        self.link.collection(database, name)
    }

    /// An error once the work was stopped.
    pub fn still_wanted(&self) -> Result<(), StoreError> {
        if self.stop.is_cancelled() {
            Err(StoreError::Cancelled)
        } else {
            Ok(())
        }
    }

    /// Finds documents, in batches.
    pub async fn find(
        &mut self,
        collection: &Collection<RawDocumentBuf>,
        filter: Document,
        options: FindOptions,
    ) -> Result<Rows, StoreError> {
        self.try_find(collection, filter, options)
            .await?
            .map_err(|error| self.failed(&error))
    }

    /// As [`Work::find`]; the caller looks at the failure.
    pub async fn try_find(
        &mut self,
        collection: &Collection<RawDocumentBuf>,
        filter: Document,
        mut options: FindOptions,
    ) -> Result<error::Result<Rows>, StoreError> {
        // A collection may have a collation of its own, in which `alice` equals `ALICE`.
        options.collation = Some(Collation::builder().locale("simple").build());
        match self
            .ask(collection, filter.clone(), options.clone())
            .await?
        {
            // A hint is advice on speed, and indexes are dropped while people look; only where an
            // index bounds what is read is it a part of the question.
            Err(error) if options.min.is_none() && failure::is_hint_gone(&error) => {
                options.hint = None;
                options.allow_disk_use = Some(true);
                self.ask(collection, filter, options).await
            }
            answer => Ok(answer),
        }
    }

    async fn ask(
        &mut self,
        collection: &Collection<RawDocumentBuf>,
        filter: Document,
        options: FindOptions,
    ) -> Result<error::Result<Rows>, StoreError> {
        let run = collection
            .find(filter)
            .with_options(options)
            .session(&mut self.session)
            .batch();
        let found = guard(self.link, &self.id, self.stop, run).await?;
        Ok(found.map(|cursor| Rows { cursor }))
    }

    /// Runs a pipeline.
    pub async fn aggregate(
        &mut self,
        collection: &Collection<RawDocumentBuf>,
        pipeline: Vec<Document>,
        mut options: AggregateOptions,
    ) -> Result<error::Result<Rows>, StoreError> {
        options.collation = Some(Collation::builder().locale("simple").build());
        options.allow_disk_use = Some(true);
        let run = collection
            .aggregate(pipeline)
            .with_options(options)
            .session(&mut self.session)
            .batch();
        let found = guard(self.link, &self.id, self.stop, run).await?;
        Ok(found.map(|cursor| Rows { cursor }))
    }

    /// The next batch; `None` at the end.
    pub async fn next(&mut self, rows: &mut Rows) -> Result<Option<RawBatch>, StoreError> {
        self.try_next(rows)
            .await?
            .map_err(|error| self.failed(&error))
    }

    /// As [`Work::next`]; the caller looks at the failure.
    pub async fn try_next(
        &mut self,
        rows: &mut Rows,
    ) -> Result<error::Result<Option<RawBatch>>, StoreError> {
        let mut stream = rows.cursor.stream(&mut self.session);
        let batch = guard(self.link, &self.id, self.stop, stream.next()).await?;
        drop(stream);
        Ok(batch.transpose())
    }

    /// The server's clock.
    pub async fn now(&mut self) -> Result<Micros, StoreError> {
        let hello = self.command("admin", doc! {"hello": 1}).await?;
        match hello.get_datetime("localTime") {
            Ok(now) => Ok(Micros(now.timestamp_millis().saturating_mul(1000))),
            Err(_) => Err(StoreError::Failed {
                message: format!("{} does not tell its time", self.link.target.place),
                hint: None,
            }),
        }
    }

    /// An error of this work, as the rest of the program knows errors.
    pub fn failed(&self, error: &error::Error) -> StoreError {
        if self.stop.is_cancelled() {
            return StoreError::Cancelled;
        }
        failure::failed(error, &self.link.target, self.object)
    }
}

/// Waits for the server's answer, or for the stop, which ends the work on the server, too.
async fn guard<T>(
    link: &Link,
    id: &Document,
    stop: &CancellationToken,
    work: impl Future<Output = T>,
) -> Result<T, StoreError> {
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        done = work => return Ok(done),
    }
    // If this fails the server has lost us, and drops the session by itself.
    let kill = doc! {"killSessions": [id]};
    let _ = link.client.database("admin").run_command(kill).await;
    Err(StoreError::Cancelled)
}
