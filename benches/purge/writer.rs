//! Somebody who writes small transactions all the time, as pgbench would with a rate, and how long
//! each took from when it was due.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::time::Instant;

/// Between two transactions.
const EVERY: Duration = Duration::from_millis(5);

const STATEMENT: &str = "INSERT INTO audit_events (occurred_at, details, sent) \
    SELECT now(), jsonb_build_object('method_name', 'Insert', 'user_name', 'writer'), false";

/// A thread that writes.
pub struct Writer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Duration>>,
}

/// Sorted.
pub struct Latencies(Vec<Duration>);

impl Writer {
    pub fn start(url: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (url, heeds) = (url.to_owned(), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(write(&url, &heeds))
        });
        Self { stop, thread }
    }

    /// Writes for a while.
    pub fn during(url: &str, length: Duration) -> Latencies {
        let writer = Self::start(url);
        std::thread::sleep(length);
        writer.end()
    }

    pub fn end(self) -> Latencies {
        self.stop.store(true, Ordering::Relaxed);
        let mut found = self.thread.join().expect("the writer ends");
        found.sort();
        assert!(!found.is_empty(), "something was written");
        Latencies(found)
    }
}

impl Latencies {
    pub fn p99(&self) -> Duration {
        self.0[(self.0.len() - 1) * 99 / 100]
    }

    /// Both together.
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self.0.sort();
        self
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    pub fn most(&self) -> Duration {
        self.0[self.0.len() - 1]
    }
}

async fn write(url: &str, stop: &AtomicBool) -> Vec<Duration> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .expect("a connection");
    tokio::spawn(connection);
    let insert = client.prepare(STATEMENT).await.expect("a statement");
    let mut found = Vec::new();
    let mut due = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep_until(due).await;
        // A timer is late by up to a millisecond, and that is nobody's fault; a transaction before
        // that took too long is what is measured.
        let now = Instant::now();
        let begun = if now - due < EVERY { now } else { due };
        client.execute(&insert, &[]).await.expect("a row");
        found.push(begun.elapsed());
        due += EVERY;
    }
    found
}
