//! The bookkeeping of a best-effort tail: a window that is read again and again, a seen-set, and
//! the low end from which to read next. Pure; both drivers poll through it.
