//! The language as a whole: what its diagnostics look like, what names and values come to mean, and
//! what holds for any text.

mod completion;
mod diagnostics;
mod fixture;
mod groups;
mod properties;
mod resolution;
