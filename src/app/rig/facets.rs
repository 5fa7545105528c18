//! Facets, as the store in memory counts them.

use super::Rig;
use crate::app::facets::facet::{Ask, Basis, Counted, How};

impl Rig {
    pub(super) fn counted_facet(&self, ask: Ask) -> Counted {
        let basis = match ask.how {
            How::Sampled => Basis::Newest(10_000),
            How::Bounded | How::Whole => Basis::All,
        };
        let answer = self.counted(ask.request);
        Counted { answer, basis }
    }
}
