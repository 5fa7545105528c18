//! The language as a whole: what its diagnostics look like, and what holds for any text.

mod diagnostics;
mod properties;
