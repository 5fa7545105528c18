//! One connection, read-only and proven so, whose statements can be stopped on the server.
//!
//! Does not know tables or events. Nothing here writes; only `demo` and `purge`'s
//! deleter and restorer ask for connections that could.

mod facts;
mod startup;

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio_postgres::types::Type;
use tokio_postgres::{CancelToken, Client};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_util::sync::CancellationToken;

use crate::store::StoreError;
use crate::store::postgres::answer::{Rows, text};
use crate::store::postgres::failure;
use crate::store::postgres::params::{Params, SessionWish};
use crate::store::postgres::passfile::Found;
use crate::store::postgres::place::Place;
use crate::store::postgres::session::facts::{Facts, statement_limit};
use crate::store::postgres::sql::quote::ident;
use crate::store::postgres::tls::{self, Security};
use crate::store::secret::Secret;

/// What a connection is for; decides how long the server may work on one statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Pages and single events: short.
    Browse,
    /// Counts, aggregates, exports: long.
    Heavy,
    /// The tail's polls: short.
    Tail,
    /// Loading demo data. May write.
    Load,
    /// Deleting archived rows or restoring them. May write.
    Change,
}

impl Purpose {
    /// How long the server may work on one statement.
    fn limit(self) -> Option<Duration> {
        match self {
            Self::Browse | Self::Tail | Self::Change => Some(Duration::from_mins(1)),
            Self::Heavy => Some(Duration::from_mins(15)),
            Self::Load => None,
        }
    }

    fn settings(self) -> Vec<(&'static str, &'static str)> {
        let mut settings = vec![
            ("TimeZone", "UTC"),
            ("DateStyle", "ISO"),
            ("IntervalStyle", "postgres"),
            ("extra_float_digits", "1"),
            ("standard_conforming_strings", "on"),
            // Compiling a plan costs more than any page of ours takes.
            ("jit", "off"),
            // Room for the bitmap of an index scan over some hundred thousand rows, or a hash of
            // as many groups.
            ("work_mem", "32MB"),
        ];
        if !matches!(self, Self::Load | Self::Change) {
            settings.push(("default_transaction_read_only", "on"));
        }
        settings
    }
}

/// How long a request to cancel may take to get through.
const CANCELLING: Duration = Duration::from_secs(2);
/// How much longer than its own limit for a statement the server is waited for.
const MARGIN: Duration = Duration::from_secs(5);

/// What the server said about itself.
#[derive(Clone, Debug)]
pub struct Server {
    /// `15.18`
    pub version: String,
    /// `UTF8`, `SQL_ASCII` …
    pub encoding: String,
    /// Whether it is a standby.
    pub in_recovery: bool,
    /// `TLS verified` …
    pub transport: &'static str,
    /// Where it is.
    pub place: Place,
    /// The role that logged in.
    pub role: String,
}

/// An open connection.
pub struct Session {
    client: Client,
    cancel: Canceller,
    /// What is at the other end.
    pub server: Arc<Server>,
    /// A statement was begun and its answer not read to the end.
    busy: AtomicBool,
    /// The server was asked to stop that statement; when it does so is not known.
    stopped: AtomicBool,
    /// How long the server may be silent about a statement; `None` where it has no limit itself.
    patience: Option<Duration>,
    driver: AbortHandle,
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.busy.load(Ordering::Relaxed) {
            self.hang_up();
        }
    }
}

/// Asks the server to stop what a connection is doing.
#[derive(Clone)]
struct Canceller {
    token: CancelToken,
    tls: MakeRustlsConnect,
}

impl Canceller {
    async fn cancel(self) {
        // A request that does not get through changes nothing: the statement timeout remains.
        let asked = tokio::time::timeout(CANCELLING, self.token.cancel_query(self.tls));
        if let Ok(Err(error)) | Err(error) = asked.await.map_err(|_| None).map(|r| r.map_err(Some))
        {
            tracing::warn!(?error, "a cancel request did not get through");
        }
    }
}

impl Session {
    /// Connects to the first place that answers and suits.
    pub async fn open(params: &Params, purpose: Purpose) -> Result<Self, StoreError> {
        let mut first_error = None;
        for place in &params.places {
            match Self::open_at(params, place, purpose).await {
                Ok(session) => return Ok(session),
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        Err(first_error.unwrap_or_else(|| StoreError::Connect {
            message: "no host was given".to_owned(),
            hint: None,
        }))
    }

    async fn open_at(params: &Params, place: &Place, purpose: Purpose) -> Result<Self, StoreError> {
        let (password, note) = match params.password_for(place) {
            Found::Password(secret) => (Some(secret), None),
            Found::Nothing => (None, None),
            Found::Refused(why) => (None, Some(why)),
        };
        let mut with_options = true;
        let mut attempts = Security::attempts(params.ssl, place, &params.ssl_files).into_iter();
        let mut security = attempts.next().unwrap_or(Security::Full);
        loop {
            let tls = tls::connector(security, &params.ssl_files)?;
            let config = startup::config(
                params,
                place,
                security,
                purpose,
                password.as_ref().map(Secret::expose),
                with_options,
            );
            let error = match config.connect(tls.clone()).await {
                Ok((client, connection)) => {
                    let reported = Facts::reported(|name| connection.parameter(name));
                    let driver = tokio::spawn(async move {
                        if let Err(error) = connection.await {
                            tracing::debug!(%error, "a connection ended");
                        }
                    })
                    .abort_handle();
                    let cancel = Canceller {
                        token: client.cancel_token(),
                        tls,
                    };
                    let session = Fresh {
                        client,
                        cancel,
                        driver,
                        place,
                        security,
                        limit: match &params.options {
                            None if with_options => Limit::Known(purpose.limit()),
                            Some(own) if with_options && !own.contains("statement_timeout") => {
                                Limit::Known(purpose.limit())
                            }
                            _ => Limit::Unknown,
                        },
                    };
                    return session.settle(reported, params, purpose).await;
                }
                Err(error) => error,
            };
            if with_options && failure::is_about_options(&error) {
                with_options = false;
                continue;
            }
            match attempts.next() {
                Some(next) if failure::is_about_encryption(&error) => security = next,
                _ => return Err(failure::connecting(&error, params, place, note.as_deref())),
            }
        }
    }

    /// Whether the connection can be used for another statement.
    pub fn is_usable(&self) -> bool {
        !self.client.is_closed() && !self.busy.load(Ordering::Relaxed)
    }

    /// The answer to the last statement was read to its end.
    pub fn mark_answered(&self) {
        self.busy.store(false, Ordering::Relaxed);
    }

    /// Asks the server to stop what it is doing for this connection, which takes no other statement.
    pub async fn cancel(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.cancel.clone().cancel().await;
    }

    /// Is ready when the server has been silent for longer than it may; the connection is closed then.
    pub async fn overdue(&self) {
        match self.patience {
            Some(patience) => tokio::time::sleep(patience).await,
            None => std::future::pending().await,
        }
        self.hang_up();
    }

    /// Closes the connection without waiting for what was asked: whatever it holds on the server, a
    /// lock or an open transaction, is free as soon as the server hears of it.
    pub fn hang_up(&self) {
        self.driver.abort();
    }

    /// Ends a connection whose answer nobody waits for, also on the server.
    pub fn abandon(self) {
        let cancel = self.cancel.clone();
        if self.busy.load(Ordering::Relaxed)
            && !self.stopped.load(Ordering::Relaxed)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move {
                cancel.cancel().await;
                drop(self);
            });
        }
    }

    /// Runs a statement and hands out its rows as they come. `name` is what errors speak of.
    pub async fn rows<'s>(
        &'s self,
        sql: &str,
        name: &'s str,
        stop: &'s CancellationToken,
    ) -> Result<Rows<'s>, StoreError> {
        if stop.is_cancelled() {
            return Err(StoreError::Cancelled);
        }
        tracing::debug!(sql, "statement");
        self.busy.store(true, Ordering::Relaxed);
        let started = self
            .client
            .query_typed_raw(sql, std::iter::empty::<(&str, Type)>());
        let stream = tokio::select! {
            biased;
            answer = started => answer,
            () = stop.cancelled() => {
                self.cancel().await;
                return Err(StoreError::Cancelled);
            }
            () = self.overdue() => return Err(failure::overdue(name)),
        };
        match stream {
            Ok(stream) => Ok(Rows::new(self, stream, name, stop)),
            Err(error) => {
                self.busy.store(false, Ordering::Relaxed);
                Err(failure::of_statement(&error, name, stop))
            }
        }
    }

    /// All rows of a small answer, each a list of texts.
    pub async fn texts(
        &self,
        sql: &str,
        name: &str,
        stop: &CancellationToken,
    ) -> Result<Vec<Vec<Option<String>>>, StoreError> {
        let mut rows = self.rows(sql, name, stop).await?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().await? {
            all.push(
                (0..row.len())
                    .map(|at| text(&row, at).map(Cow::into_owned))
                    .collect(),
            );
        }
        Ok(all)
    }

    /// Runs statements that answer nothing.
    pub async fn run(&self, sql: &str, name: &str) -> Result<(), StoreError> {
        self.client
            .batch_execute(sql)
            .await
            .map_err(|error| failure::answering(&error, name))
    }

    /// The protocol's client, for loading demo data.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

/// A connection of which nothing is known yet.
struct Fresh<'f> {
    client: Client,
    cancel: Canceller,
    driver: AbortHandle,
    place: &'f Place,
    security: Security,
    limit: Limit,
}

/// The server's limit for one statement, `None` where it has none.
enum Limit {
    Known(Option<Duration>),
    /// Something other than our own options decides it.
    Unknown,
}

impl Fresh<'_> {
    /// Learns about the server and proves that the session is read-only.
    async fn settle(
        self,
        reported: Option<Facts>,
        params: &Params,
        purpose: Purpose,
    ) -> Result<Session, StoreError> {
        let place = self.place;
        let lost = |error| failure::connecting(&error, params, place, None);
        let facts = match reported {
            Some(facts) => facts,
            None => Facts::asked(&self.client).await.map_err(lost)?,
        };
        // Never by SET: behind a pooler that would stick to a connection others use next.
        if let Some(what) = facts.unsafe_to_read(purpose) {
            return Err(refused(place, params, what));
        }
        let limit = match self.limit {
            Limit::Known(limit) => limit,
            Limit::Unknown => statement_limit(&self.client).await.map_err(lost)?,
        };
        let unsuitable = match params.session {
            SessionWish::Any => false,
            SessionWish::Primary => facts.in_recovery,
            SessionWish::Standby => !facts.in_recovery,
        };
        if unsuitable {
            return Err(StoreError::Connect {
                message: format!("{place} is not the kind of server target_session_attrs asks for"),
                hint: Some("name another host".to_owned()),
            });
        }
        if facts.encoding == "SQL_ASCII" {
            // The server knows no encoding and would refuse bytes that are not UTF-8; taken as they
            // are, they can be shown with a mark.
            let statement = "SET client_encoding = 'SQL_ASCII'";
            self.client.batch_execute(statement).await.map_err(lost)?;
        }
        let server = Server {
            version: facts
                .version
                .split(' ')
                .next()
                .unwrap_or_default()
                .to_owned(),
            encoding: facts.encoding,
            in_recovery: facts.in_recovery,
            transport: self.security.words(place),
            place: place.clone(),
            role: params.user.clone(),
        };
        Ok(Session {
            client: self.client,
            cancel: self.cancel,
            server: Arc::new(server),
            busy: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            patience: limit.map(|limit| limit + MARGIN),
            driver: self.driver,
        })
    }
}

fn refused(place: &Place, params: &Params, what: &str) -> StoreError {
    StoreError::Refused {
        message: format!("{place} does not keep our session {what}, so nothing is read from it"),
        hint: Some(format!(
            "a pooler drops startup options: connect to the server itself, or let the role bring \
             them: ALTER ROLE {} SET default_transaction_read_only = on; the same for \
             timezone = 'UTC'",
            ident(&params.user)
        )),
    }
}
