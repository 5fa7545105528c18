//! postgres store.
