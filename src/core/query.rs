//! The query language: text → tree with spans and diagnostics → predicate with resolved names.
//!
//! ```text
//! query   = or ;  or = and ("OR" and)* ;  and = unary+ ("AND" is allowed between) ;
//! unary   = ("-" | "NOT") unary | "(" or ")" | term
//! term    = name ":" value | word | "phrase"
//! value   = [!= > >= < <= ~] scalar | scalar ".." scalar | "(" scalar ("," scalar)* ")" | scalar
//! ```
//!
//! `predicate::Predicate::matches` is the meaning; everything else (SQL, MQL) is tested against it.

pub mod catalog;
pub mod complete;
pub mod diagnostic;
pub mod expr;
pub mod names;
pub mod parse;
pub mod predicate;
pub mod resolve;
pub mod subject;
pub mod time;

#[cfg(test)]
mod tests;
