//! Which of a store's tables is read, and with which profile: what the drivers have in common.
//!
//! Does not look into a store; drivers hand in what their catalogues say.

use std::sync::Arc;

use crate::core::profile::detect::{self, Candidate, Relation};
use crate::core::profile::guess::guess;
use crate::core::profile::{Origin, load};
use crate::core::sanitise::safe;
use crate::store::StoreError;
use crate::store::connect::OpenOptions;

/// Tables that can be an audit log, best first. A profile that was asked for is the only one tried;
/// without one it is the user's own, the built-in ones and a guess.
pub fn rank(options: &OpenOptions, relations: &[Relation]) -> Vec<Candidate> {
    let Some(profile) = &options.profile else {
        // A user's copy of a built-in profile fits as well as it does, and is meant to replace it.
        let tried: Vec<_> = options
            .own
            .iter()
            .chain(load::built_in())
            .cloned()
            .collect();
        return detect::detect(relations, &tried);
    };
    let mut found = detect::detect(relations, std::slice::from_ref(profile));
    found.retain(|candidate| candidate.profile.origin != Origin::Guessed);
    found
}

/// A table that was asked for by name: read with the profile that was asked for, whatever its
/// signature says, or else with the best there is, however little it scores.
pub fn named(options: &OpenOptions, relation: Relation) -> Result<Candidate, StoreError> {
    if let Some(profile) = &options.profile {
        return Ok(Candidate {
            profile: detect::settled(profile, &relation),
            relation,
            score: 0,
            evidence: vec!["profile and table as given".to_owned()],
        });
    }
    if let Some(best) = rank(options, std::slice::from_ref(&relation)).pop() {
        return Ok(best);
    }
    match guess(&relation) {
        Ok((profile, score, evidence)) => Ok(Candidate {
            relation,
            profile: Arc::new(profile),
            score,
            evidence,
        }),
        Err(missing) => Err(StoreError::Failed {
            message: format!("{} cannot be read: {missing}", safe(&relation.name)),
            hint: Some("a profile can say where the time is: --profile FILE".to_owned()),
        }),
    }
}

/// What is said when [`rank`] finds nothing. `among` is what was looked through: `table of database
/// shop`.
pub fn none_fits(options: &OpenOptions, among: &str, relations: &[Relation]) -> StoreError {
    let reasons = detect::passed_over(relations, options.profile.as_ref());
    let (message, advice) = match &options.profile {
        Some(profile) => (
            format!("no {among} fits the profile {}", safe(&profile.name)),
            "read one with it all the same: --table NAME",
        ),
        None => (
            format!("no {among} looks like an audit log"),
            "name one with --table, and what its columns mean with --profile FILE",
        ),
    };
    StoreError::Failed {
        message,
        hint: Some(format!("{reasons}; {advice}")),
    }
}
