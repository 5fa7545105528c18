//! From an archived row back to the record that profiles and filters speak of.

pub mod insert;
