//! What a purge selects, as the server is asked for it.

use mongodb::bson::{Bson, Document, doc};

use crate::store::Exactness;
use crate::store::mongo::filter;
use crate::store::mongo::order::{Arrays, Bracket};
use crate::store::mongo::source::Source;
use crate::store::purger::Selection;

/// A selection as a condition.
pub struct Sieve {
    /// `None`: nothing is selected.
    pub filter: Option<Document>,
    /// Whether it selects what goes, or perhaps more.
    pub exactness: Exactness,
}

impl Sieve {
    /// Compiles a selection: certain times before the cutoff, and the predicate.
    pub fn of(source: &Source, what: &Selection) -> Self {
        let order = &source.order;
        let field = order.field.as_str();
        let condition = filter::compile(&what.predicate, &source.profile, order);
        let mut parts: Vec<Bson> = vec![doc! {field: order.dated()}.into()];
        parts.extend(filter::bounds(order, None, Some(what.cutoff)).map(Bson::from));
        if order.arrays == Arrays::Possible {
            // An array holds several times; which of them is the document's nobody knows.
            let mut prefix = String::new();
            for step in order.path.steps() {
                prefix.push_str(step);
                parts.push(doc! {&prefix: {"$not": {"$type": "array"}}}.into());
                prefix.push('.');
            }
        }
        let exactness = match order.bracket {
            Bracket::Date | Bracket::Number => condition.exactness,
            // Only a look at each tells whether a text is a time.
            Bracket::Text => Exactness::Superset,
        };
        let filter = condition.filter.map(|filter| {
            if !filter.is_empty() {
                parts.push(filter.into());
            }
            doc! {"$and": parts}
        });
        Self { filter, exactness }
    }
}
