//! What the driver's monitors meet while nothing is connected yet.
//!
//! The driver tries again until its time is up and then says so; what every host has answered is
//! known long before. Does not word it; `failure` does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use mongodb::error::Error;
use mongodb::event::EventHandler;
use mongodb::event::sdam::SdamEvent;
use mongodb::options::ClientOptions;
use tokio::sync::Notify;

/// A host and why it cannot be talked to.
#[derive(Clone, Debug)]
pub struct Unreachable {
    /// `host:port`, as the URI or the replica set names it.
    pub host: String,
    /// What the last attempt met.
    pub error: Error,
}

/// The last heartbeat of every host the driver knows; `None` for one that lives, or that nobody has
/// heard of yet.
pub struct Heartbeats {
    hosts: Mutex<BTreeMap<String, Option<Error>>>,
    changed: Notify,
}

impl Heartbeats {
    /// Listens to the client that is made of these options.
    pub fn listen(options: &mut ClientOptions) -> Arc<Self> {
        let hosts = options.hosts.iter().map(|host| (host.to_string(), None));
        let heartbeats = Arc::new(Self {
            hosts: Mutex::new(hosts.collect()),
            changed: Notify::new(),
        });
        let told = Arc::clone(&heartbeats);
        let handler = move |event: SdamEvent| told.take(event);
        options.sdam_event_handler = Some(EventHandler::callback(handler));
        heartbeats
    }

    fn take(&self, event: SdamEvent) {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            SdamEvent::ServerOpening(event) => {
                hosts.insert(event.address.to_string(), None);
            }
            SdamEvent::ServerClosed(event) => {
                hosts.remove(&event.address.to_string());
            }
            SdamEvent::ServerHeartbeatSucceeded(event) => {
                hosts.insert(event.server_address.to_string(), None);
            }
            SdamEvent::ServerHeartbeatFailed(event) => {
                hosts.insert(event.server_address.to_string(), Some(event.failure));
                self.changed.notify_one();
            }
            _ => {}
        }
    }

    /// Why, if no host can be talked to.
    pub fn unreachable(&self) -> Option<Unreachable> {
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut failed = hosts.iter().map(|(host, error)| {
            error.clone().map(|error| Unreachable {
                host: host.clone(),
                error,
            })
        });
        let first = failed.next()??;
        failed.all(|failed| failed.is_some()).then_some(first)
    }

    /// Ready when no host can be talked to.
    pub async fn hopeless(&self) -> Unreachable {
        loop {
            if let Some(unreachable) = self.unreachable() {
                return unreachable;
            }
            self.changed.notified().await;
        }
    }
}
