//! sqlite store.
