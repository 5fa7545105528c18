//! Temporary PostgreSQL clusters on loopback, one database per test.
//!
//! Never touches a cluster of the machine: data, socket and port are its own. A watchdog process
//! stops the server and removes its files when this process ends, however it ends.

#[path = "postgres/machine.rs"]
mod machine;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

pub use machine::free_port;
use machine::{Ids, as_user, new_home, ordinary_user, server_programs, watch};

/// The superuser's password over TCP; a text that no output may ever contain.
pub const PASSWORD: &str = "hunter2-never-print";

const SETTINGS: &str = "
fsync = off
full_page_writes = off
max_connections = 200
shared_buffers = 256MB
max_wal_size = 4GB
autovacuum_naptime = 5s
# a server need not run in UTC, and a driver must not notice
timezone = 'Asia/Kathmandu'
";

/// A running temporary cluster.
pub struct Postgres {
    bin: PathBuf,
    home: PathBuf,
    port: u16,
    user: Option<Ids>,
    watchdog: Child,
    /// Closing it makes the watchdog clean up.
    leash: Option<ChildStdin>,
}

/// A database of one test; dropped with it.
pub struct Db {
    /// `postgres://postgres:…@127.0.0.1:port/name`
    pub url: String,
    /// The database's name.
    pub name: String,
    psql: Psql,
}

#[derive(Clone)]
struct Psql {
    program: PathBuf,
    home: PathBuf,
    port: u16,
}

impl Postgres {
    /// The one cluster of this run.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start_new)
    }

    /// A cluster that ends with the value.
    pub fn start_new() -> Self {
        let bin = server_programs();
        let user = ordinary_user();
        let home = new_home(user);
        let (watchdog, leash) = watch(&bin, &home, user);
        let mut cluster = Self {
            bin,
            home,
            port: 0,
            user,
            watchdog,
            leash: Some(leash),
        };
        cluster.create();
        cluster.come_up();
        cluster
    }

    /// Starts on a port that is free.
    fn come_up(&mut self) {
        // It may be taken by somebody else before the server binds it.
        let started = (0..5).any(|_| {
            self.port = free_port();
            self.try_start()
        });
        assert!(started, "PostgreSQL does not start:\n{}", self.log());
    }

    fn psql(&self) -> Psql {
        Psql {
            program: self.bin().join("psql"),
            home: self.home.clone(),
            port: self.port,
        }
    }

    /// An empty database, named after the test.
    pub fn database(&self, test: &str) -> Db {
        self.database_with(test, "")
    }

    /// The same with options of its creation.
    pub fn database_with(&self, test: &str, how: &str) -> Db {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{test}_{number}");
        self.psql()
            .run("postgres", &format!("create database \"{name}\" {how}"))
            .expect("create the test's database");
        self.found(&name)
    }

    /// A database that is there.
    pub fn found(&self, name: &str) -> Db {
        Db {
            url: self.url("postgres", PASSWORD, name),
            name: name.to_owned(),
            psql: self.psql(),
        }
    }

    /// A URL for another user or password.
    pub fn url(&self, user: &str, password: &str, database: &str) -> String {
        format!(
            "postgres://{user}:{password}@127.0.0.1:{}/{database}",
            self.port
        )
    }

    /// The loopback port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The directory of the unix socket; it lets everybody in without a password.
    pub fn socket_dir(&self) -> &Path {
        &self.home
    }

    /// The directory of `psql` and the other programs of this server's version.
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// Stops the server at once, as a crash would; databases stay.
    pub fn crash(&self) {
        let output = self.control(&["stop", "-m", "immediate", "-w"]);
        assert!(output.status.success(), "{}", text(&output));
    }

    /// Kills the process that serves a connection of this application, as the system does when it
    /// has no memory left, and waits until the server has recovered. Whether there was one.
    pub fn kill_backend_of(&self, application: &str) -> bool {
        const READY: &str = "ready to accept connections";
        let asked = format!(
            "select pid from pg_stat_activity where application_name = '{application}' limit 1"
        );
        let pid = self.psql().run("postgres", &asked).unwrap_or_default();
        let Ok(pid) = pid.trim().parse::<u32>() else {
            return false;
        };
        let starts = || self.log().matches(READY).count();
        let before = starts();
        let mut kill = Command::new("kill");
        let status = kill.args(["-KILL", &pid.to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "{pid}");
        while starts() == before {
            std::thread::yield_now();
        }
        true
    }

    /// A standby that was in step with this server once and has lost it since.
    pub fn standby(&self) -> Self {
        let home = new_home(self.user);
        let (watchdog, leash) = watch(&self.bin, &home, self.user);
        let mut standby = Self {
            bin: self.bin.clone(),
            home,
            port: 0,
            user: self.user,
            watchdog,
            leash: Some(leash),
        };
        let copied = standby
            .command("pg_basebackup")
            .args(["-U", "postgres", "-X", "stream", "-c", "fast", "-h"])
            .arg(&self.home)
            .args(["-p", &self.port.to_string(), "-D"])
            .arg(standby.data())
            .output()
            .expect("run pg_basebackup");
        assert!(copied.status.success(), "{}", text(&copied));
        std::fs::write(standby.data().join("standby.signal"), "").expect("writable");
        standby.set("unix_socket_directories", &standby.home.to_string_lossy());
        standby.come_up();
        standby
    }

    /// Makes a primary of a standby.
    pub fn promote(&self) {
        let output = self.control(&["promote", "-w"]);
        assert!(output.status.success(), "{}", text(&output));
    }

    /// Starts a stopped server again on the same port.
    pub fn start(&self) {
        assert!(
            self.try_start(),
            "PostgreSQL does not start:\n{}",
            self.log()
        );
    }

    fn create(&self) {
        let password_file = self.home.join("password");
        std::fs::write(&password_file, PASSWORD).expect("write the password file");
        let output = self
            .command("initdb")
            .args(["--no-sync", "--no-locale", "-E", "UTF8", "-U", "postgres"])
            .args(["--auth-local=trust", "--auth-host=scram-sha-256"])
            .arg(format!("--pwfile={}", password_file.display()))
            .arg(self.data())
            .output()
            .expect("run initdb");
        assert!(output.status.success(), "initdb failed: {}", text(&output));
        self.configure(SETTINGS);
        self.set("unix_socket_directories", &self.home.to_string_lossy());
    }

    fn set(&self, name: &str, value: &str) {
        self.configure(&format!("{name} = '{value}'\n"));
    }

    fn configure(&self, lines: &str) {
        std::fs::OpenOptions::new()
            .append(true)
            .open(self.data().join("postgresql.conf"))
            .and_then(|mut settings| settings.write_all(lines.as_bytes()))
            .expect("write postgresql.conf");
    }

    fn try_start(&self) -> bool {
        let options = format!("-c listen_addresses=127.0.0.1 -p {}", self.port);
        let log = self.home.join("log");
        let log = log.to_str().expect("a plain path");
        self.control(&["start", "-w", "-t", "60", "-l", log, "-o", &options])
            .status
            .success()
    }

    /// Output goes to a file: a server that inherits a pipe would keep its reader waiting.
    fn control(&self, arguments: &[&str]) -> Output {
        let status = self
            .command("pg_ctl")
            .arg("-D")
            .arg(self.data())
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("run pg_ctl");
        Output {
            status,
            stdout: self.log().into_bytes(),
            stderr: Vec::new(),
        }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C")
            .current_dir(&self.home)
            .stdin(Stdio::null());
        as_user(&mut command, self.user);
        command
    }

    fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.home.join("log")).unwrap_or_default()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.leash.take());
        let _ = self.watchdog.wait();
    }
}

impl Db {
    /// Runs SQL as the superuser; the output is unaligned rows, `|` between columns.
    pub fn sql(&self, sql: &str) -> String {
        self.psql
            .run(&self.name, sql)
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The lines of [`Db::sql`].
    pub fn rows(&self, sql: &str) -> Vec<String> {
        self.sql(sql).lines().map(str::to_owned).collect()
    }

    /// A connection of its own, for transactions that stay open; its task ends with it.
    pub async fn client(&self) -> tokio_postgres::Client {
        let (client, connection) = tokio_postgres::connect(&self.url, tokio_postgres::NoTls)
            .await
            .expect("connect to the test's database");
        tokio::spawn(connection);
        client
    }
}

impl Drop for Db {
    fn drop(&mut self) {
        let drop = format!("drop database if exists \"{}\" with (force)", self.name);
        // A test that stopped its server has nothing left to drop.
        let _ = self.psql.run("postgres", &drop);
    }
}

impl Psql {
    fn run(&self, database: &str, sql: &str) -> Result<String, String> {
        let mut child = Command::new(&self.program)
            .env_clear()
            .env("PGTZ", "UTC")
            .env("PGCLIENTENCODING", "UTF8")
            .args([
                "-X",
                "-q",
                "-A",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
                "-U",
                "postgres",
            ])
            .arg("-h")
            .arg(&self.home)
            .args(["-p", &self.port.to_string(), "-d", database, "-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut input = child.stdin.take().expect("stdin is piped");
        let sql = sql.to_owned();
        let writer = std::thread::spawn(move || input.write_all(sql.as_bytes()));
        let output = child
            .wait_with_output()
            .map_err(|error| error.to_string())?;
        let _ = writer.join();
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(text(&output))
        }
    }
}

fn text(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&both).trim().to_owned()
}

#[test]
fn each_test_has_a_database_of_its_own() {
    let Some(postgres) = super::postgres() else {
        return;
    };
    let (one, two) = (postgres.database("own"), postgres.database("own"));
    one.sql("create table t as select 1 as n");
    assert_eq!(one.rows("select n from t"), ["1"]);
    assert_eq!(two.rows("select to_regclass('t') is null"), ["t"]);
}

#[test]
fn a_private_cluster_can_crash_and_come_back() {
    let Some(postgres) = super::private_postgres() else {
        return;
    };
    let db = postgres.database("crash");
    db.sql("create table t as select 7 as n");
    postgres.crash();
    assert!(db.psql.run(&db.name, "select 1").is_err());
    postgres.start();
    assert_eq!(db.rows("select n from t"), ["7"]);
    let home = postgres.home.clone();
    drop(db);
    drop(postgres);
    assert!(!home.exists(), "the watchdog removes the cluster");
}
