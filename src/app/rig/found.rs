//! What the store in memory says of itself.

use std::sync::Arc;

use crate::app::rig::{Rig, clutch};
use crate::core::profile::{Member, Membership, Profile};
use crate::store::{Access, Description, TimeAccess};

impl Rig {
    /// What was found on connecting.
    pub(super) fn description(&self) -> Description {
        let mut profile = Profile::clone(&clutch());
        let column = |column: &str| Member {
            column: column.to_owned(),
            named: None,
        };
        profile.groups = self.groups.as_ref().map(|_| Membership {
            table: "members".to_owned(),
            user: column("login"),
            group: column("team"),
        });
        Description {
            name: "prod-pg".to_owned(),
            relation: "public.audit_events".to_owned(),
            server: "PostgreSQL 15".to_owned(),
            profile: Arc::new(profile),
            evidence: Vec::new(),
            columns: Vec::new(),
            access: Access::ReadOnly,
            transport: "unix socket".to_owned(),
            estimate: Some(self.events.len() as u64),
            time: TimeAccess::Direct,
        }
    }
}
