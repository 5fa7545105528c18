//! PostgreSQL: an audit table read as a good guest.
//!
//! Every session is read-only and proven so before the first row; nothing here writes except
//! `demo`, which has its own connection and its own entry.

mod answer;
mod batch;
pub mod catalogue;
pub mod demo;
mod estimate;
mod examine;
mod explain;
mod failure;
mod grouping;
mod keyword;
mod layout;
mod narrow;
mod numbers;
mod page;
mod params;
mod passfile;
mod place;
mod pool;
mod project;
pub mod purge;
mod road;
mod rows;
mod session;
mod single;
mod sql;
mod stamp;
mod surroundings;
mod tail;
pub mod target;
mod tls;
mod walk;

use std::sync::Arc;

use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::core::aggregate::{Aggregate, AggregateRequest};
use crate::core::event::{Cursor, Event};
use crate::core::instant::Micros;
use crate::core::profile::detect::{Candidate, Relation};
use crate::core::profile::guess::epoch_unit_of;
use crate::core::profile::{Origin, Profile, TimeEncoding};
use crate::core::query::catalog::Catalog;
use crate::core::query::predicate::Predicate;
use crate::core::sanitise::safe;
use crate::store::choice;
use crate::store::connect::{OpenOptions, Survey};
use crate::store::membership::{PairRows, Pairs};
use crate::store::postgres::catalogue::{Table, Which};
use crate::store::postgres::grouping::Doubts;
use crate::store::postgres::layout::Layout;
use crate::store::postgres::params::Params;
use crate::store::postgres::passfile::Found;
use crate::store::postgres::pool::Pool;
use crate::store::postgres::session::{Purpose, Session};
use crate::store::postgres::sql::quote::ident;
use crate::store::postgres::surroundings::Surroundings;
use crate::store::{
    Access, AggregateItem, BoxFuture, Count, CountMode, Description, Explanation, Finding, PageEnd,
    PageItem, PageRequest, Store, StoreError, TailItem, TailRequest, TimeAccess,
};

/// An audit table on a PostgreSQL server.
pub struct PostgresStore {
    inner: Arc<Inner>,
}

struct Inner {
    pool: Pool,
    layout: Layout,
    description: Arc<Description>,
    doubts: Doubts,
}

/// Connects, finds the table and opens it.
pub async fn open(target: &str, options: &OpenOptions) -> Result<PostgresStore, StoreError> {
    let params = params(target, options)?;
    let stop = CancellationToken::new();
    let session = Session::open(&params, Purpose::Browse).await?;
    if let Some(layout) = trusted(&params, options) {
        return Ok(PostgresStore::new(params, session, layout, Vec::new()));
    }
    let (table, candidate) = choose(&session, &params, options, &stop).await?;
    let mut profile = candidate.profile;
    if let Some(tz) = options.column_tz
        && matches!(profile.time.encoding, TimeEncoding::Zoneless(_))
    {
        Arc::make_mut(&mut profile).time.encoding = TimeEncoding::Zoneless(tz);
    }
    if profile.origin == Origin::Guessed
        && let Some(encoding) = epoch_unit(&session, &table, &profile, &stop).await?
    {
        Arc::make_mut(&mut profile).time.encoding = encoding;
    }
    let layout = Layout::new(table, profile)?;
    let mut evidence = candidate.evidence;
    if matches!(layout.table.kind.as_str(), "v" | "f") {
        evidence.push(format!(
            "rows are told apart by {}, which nothing here makes unique",
            layout.profile.key.join(", ")
        ));
    }
    Ok(PostgresStore::new(params, session, layout, evidence))
}

/// Where to connect, and as whom.
fn params(target: &str, options: &OpenOptions) -> Result<Params, StoreError> {
    let mut params = Params::resolve(target, &Surroundings::of_process())?;
    params.typed.clone_from(&options.password);
    Ok(params)
}

/// Logs in and leaves: whether the server wants a password only it can say.
pub async fn log_in(target: &str, options: &OpenOptions) -> Result<(), StoreError> {
    let params = params(target, options)?;
    let is_known = |place| matches!(params.password_for(place), Found::Password(_));
    if params.places.iter().any(is_known) {
        return Ok(());
    }
    Session::open(&params, Purpose::Browse).await.map(drop)
}

/// The layout that needs no look at the catalogue, where that was asked for and is possible.
fn trusted(params: &Params, options: &OpenOptions) -> Option<Layout> {
    let profile = options.profile.as_ref()?;
    let name = options.table.as_deref().or(params.table.as_deref())?;
    (options.survey == Survey::Trusting)
        .then(|| Layout::assumed(name, profile))
        .flatten()
}

impl PostgresStore {
    fn new(params: Params, session: Session, layout: Layout, evidence: Vec<String>) -> Self {
        let server = &session.server;
        let description = Arc::new(Description {
            name: params.database.clone(),
            relation: layout.table.label(),
            server: format!("PostgreSQL {}", server.version),
            profile: layout.profile.clone(),
            evidence,
            columns: layout.table.shared_columns(),
            access: if layout.table.can_write {
                Access::RoleCanWrite
            } else {
                Access::ReadOnly
            },
            transport: server.transport.to_owned(),
            estimate: layout.table.rows_estimate(),
            time: TimeAccess::indexed(layout.table.is_ordered(&layout.time.name)),
        });
        let pool = Pool::new(params, session);
        Self {
            inner: Arc::new(Inner {
                pool,
                layout,
                description,
                doubts: Doubts::default(),
            }),
        }
    }
}

/// What `profiles detect` prints.
pub async fn candidates(target: &str, options: &OpenOptions) -> Result<Vec<Candidate>, StoreError> {
    let params = params(target, options)?;
    let stop = CancellationToken::new();
    let session = Session::open(&params, Purpose::Browse).await?;
    let tables = wanted_tables(&session, &params, options, &stop).await?;
    Ok(choice::rank(options, &relations(&tables)))
}

async fn wanted_tables(
    session: &Session,
    params: &Params,
    options: &OpenOptions,
    stop: &CancellationToken,
) -> Result<Vec<Table>, StoreError> {
    let name = options.table.as_deref().or(params.table.as_deref());
    let which = name.map_or(Which::All, Which::Named);
    let tables = catalogue::tables(session, which, &params.database, stop).await?;
    if let (Some(name), true) = (name, tables.is_empty()) {
        let name = safe(name);
        return Err(StoreError::Failed {
            message: format!("there is no table {name} in database {}", params.database),
            hint: Some(
                "without --table the best candidate is opened; \
                 auditail profiles detect TARGET lists them"
                    .to_owned(),
            ),
        });
    }
    Ok(tables)
}

fn relations(tables: &[Table]) -> Vec<Relation> {
    tables.iter().map(Table::relation).collect()
}

async fn choose(
    session: &Session,
    params: &Params,
    options: &OpenOptions,
    stop: &CancellationToken,
) -> Result<(Table, Candidate), StoreError> {
    let tables = wanted_tables(session, params, options, stop).await?;
    let is_named = options.table.is_some() || params.table.is_some();
    if let (Some(table), true) = (tables.first(), is_named) {
        let candidate = choice::named(options, table.relation())?;
        return readable(table.clone(), candidate);
    }
    let relations = relations(&tables);
    let best = choice::rank(options, &relations).into_iter().next();
    let table = best.as_ref().and_then(|best| {
        tables
            .iter()
            .find(|table| table.label() == best.relation.name)
    });
    if let (Some(table), Some(candidate)) = (table, best) {
        return readable(table.clone(), candidate);
    }
    let among = format!("table of database {}", safe(&params.database));
    Err(choice::none_fits(options, &among, &relations))
}

/// The unit of a guessed numeric time, by the size of a few values; `None` where the column's type
/// has said enough.
async fn epoch_unit(
    session: &Session,
    table: &Table,
    profile: &Profile,
    stop: &CancellationToken,
) -> Result<Option<TimeEncoding>, StoreError> {
    let column = match profile.time.encoding {
        TimeEncoding::Instant | TimeEncoding::Zoneless(_) => return Ok(None),
        _ => ident(profile.time.path.column()),
    };
    let statement = format!(
        "SELECT max({column})::text FROM (SELECT {column} FROM {} WHERE {column} IS NOT NULL \
         LIMIT 100) t",
        table.quoted()
    );
    let largest = session.texts(&statement, &table.label(), stop).await?;
    Ok(largest
        .into_iter()
        .flatten()
        .flatten()
        .next()
        .and_then(|largest| epoch_unit_of(&largest)))
}

fn readable(table: Table, candidate: Candidate) -> Result<(Table, Candidate), StoreError> {
    if table.can_select || table.columns.iter().any(|column| column.readable) {
        return Ok((table, candidate));
    }
    Err(StoreError::Failed {
        message: format!("this role has no permission to read {}", table.label()),
        hint: Some(format!("GRANT SELECT ON {} TO the role", table.quoted())),
    })
}

impl Store for PostgresStore {
    fn description(&self) -> Arc<Description> {
        self.inner.description.clone()
    }

    fn catalog<'a>(
        &'a self,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Catalog, StoreError>> {
        Box::pin(single::catalog(&self.inner, stop))
    }

    fn page<'a>(
        &'a self,
        request: PageRequest,
        out: Sender<PageItem>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<PageEnd, StoreError>> {
        Box::pin(page::page(&self.inner, request, out, stop))
    }

    fn fetch<'a>(
        &'a self,
        cursor: &'a Cursor,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Option<Event>, StoreError>> {
        Box::pin(single::fetch(&self.inner, cursor, stop))
    }

    fn aggregate<'a>(
        &'a self,
        request: AggregateRequest,
        out: Sender<AggregateItem>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Aggregate, StoreError>> {
        Box::pin(numbers::aggregate(&self.inner, request, out, stop))
    }

    fn count<'a>(
        &'a self,
        predicate: &'a Predicate,
        mode: CountMode,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Count, StoreError>> {
        Box::pin(numbers::count(&self.inner, predicate, mode, stop))
    }

    fn span<'a>(
        &'a self,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Option<(Micros, Micros)>, StoreError>> {
        Box::pin(numbers::span(&self.inner, stop))
    }

    fn explain<'a>(
        &'a self,
        predicate: &'a Predicate,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Explanation, StoreError>> {
        Box::pin(explain::explain(&self.inner, predicate, stop))
    }

    fn tail<'a>(
        &'a self,
        request: TailRequest,
        out: Sender<TailItem>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(tail::tail(&self.inner, request, out, stop))
    }

    fn examine<'a>(
        &'a self,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Vec<Finding>, StoreError>> {
        Box::pin(examine::examine(&self.inner, stop))
    }

    fn pairs<'a>(
        &'a self,
        pairs: Pairs,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Option<PairRows>, StoreError>> {
        Box::pin(single::pairs(&self.inner, pairs, stop))
    }

    fn now<'a>(&'a self, stop: &'a CancellationToken) -> BoxFuture<'a, Result<Micros, StoreError>> {
        Box::pin(async move {
            let session = self.inner.pool.lease(Purpose::Browse, stop).await?;
            numbers::now(&session, stop).await
        })
    }
}
