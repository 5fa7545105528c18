//! Steps into a document by the plain operators: where no array is in the way, they are several times
//! faster than a jsonpath that says the same.
//!
//! Does not know what the value is wanted for.

use crate::store::postgres::sql::quote::text;
use crate::store::postgres::sql::test::json_path;

/// What some steps lead to in a document.
pub struct Steps {
    /// The value, where no array is in the way; NULL where there is none.
    reached: String,
    /// The same as a text without quotes.
    pub plain: String,
    /// Whether an array is in the way.
    is_crossed: String,
    /// The jsonpath that goes through arrays, too.
    pub path: String,
}

impl Steps {
    /// Into a document, by at least one step. `None`: no `jsonb` has such a key.
    pub fn into(document: &str, steps: &[Box<str>]) -> Option<Self> {
        let path = json_path(steps)?;
        let mut reached = document.to_owned();
        let mut plain = None;
        let mut arrays = Vec::new();
        for step in steps {
            arrays.push(format!("jsonb_typeof({reached}) = 'array'"));
            plain = Some(format!("{reached} ->> {}", text(step)));
            reached = format!("{reached} -> {}", text(step));
        }
        Some(Self {
            reached,
            plain: format!("({}) COLLATE \"C\"", plain?),
            is_crossed: arrays.join(" OR "),
            path,
        })
    }

    /// The value, or where an array is in the way what `through` makes of the document.
    pub fn value(&self, through: &str) -> String {
        let Self {
            reached,
            is_crossed,
            ..
        } = self;
        // There is no array in the way of what is there.
        format!("coalesce({reached}, CASE WHEN {is_crossed} THEN {through} END)")
    }

    /// Whether a value of one of some JSON types is there, an array's elements instead of itself;
    /// `through` says so as a jsonpath. NULL counts as no.
    pub fn is_of_type(&self, document: &str, types: &str, through: &str) -> String {
        let Self {
            reached,
            is_crossed,
            ..
        } = self;
        let through = format!("{document} @@ {}", text(through));
        format!(
            "CASE WHEN ({reached}) IS NULL THEN ({is_crossed}) AND {through} \
             WHEN jsonb_typeof({reached}) = 'array' THEN {through} \
             ELSE jsonb_typeof({reached}) {types} END"
        )
    }
}
