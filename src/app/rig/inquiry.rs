//! What a store in memory says about single events.

use super::{Rig, json};
use crate::app::Generation;
use crate::app::answer::Fetched;
use crate::app::inquiry::compare::{Compared, Earlier, Pair};
use crate::app::inquiry::marks::Marking;
use crate::app::inquiry::{Told, Wanted};
use crate::app::inspector::Tree;
use crate::core::diff::Diff;
use crate::core::event::{Cursor, Event};
use crate::store::{PageFrom, PageRequest, PayloadNeed};

impl Rig {
    pub(super) fn answer_inquiry(&mut self, wanted: Wanted) -> Option<(Generation, Told)> {
        match wanted {
            Wanted::Compare(generation, earlier, later) => {
                let compared = self.compare(*earlier, &later);
                Some((generation, Told::Compared(Ok(compared))))
            }
            Wanted::Count(generation, request) => {
                let counted = self.counted(*request);
                Some((generation, Told::Counted(Ok(counted))))
            }
            Wanted::Find(generation, cursor) => {
                let found = self.at(&cursor).map(|event| {
                    let json = json(&event).into_owned();
                    let tree = Ok(Tree::new(json));
                    Box::new(Fetched { event, tree })
                });
                Some((generation, Told::Found(Ok(found))))
            }
            Wanted::Seek(generation, wanted) => {
                let found = self.matching(&wanted).next().cloned();
                Some((generation, Told::Sought(Ok(found.map(Box::new)))))
            }
            Wanted::Marks(generation, _) => {
                Some((generation, Told::Marks(self.kept.clone(), None)))
            }
            Wanted::Mark(_, Marking::Keep(mark)) => {
                self.kept.push(*mark);
                None
            }
            Wanted::Mark(_, Marking::Drop(id)) => {
                self.kept.retain(|mark| mark.id != id);
                None
            }
            Wanted::StopCompare => None,
        }
    }

    fn at(&self, cursor: &Cursor) -> Option<Event> {
        let found = self.events.iter().find(|event| event.cursor == *cursor);
        found.cloned()
    }

    fn compare(&self, earlier: Earlier, later: &Cursor) -> Compared {
        let Some(after) = self.at(later) else {
            return Compared::NoLater;
        };
        let before = match earlier {
            Earlier::At(cursor) => self.at(&cursor),
            Earlier::LastBefore(predicate) => {
                let request = PageRequest {
                    predicate,
                    from: PageFrom::Before(later.clone()),
                    limit: Some(1),
                    payload: PayloadNeed::Whole,
                };
                self.page(&request).0.into_iter().next()
            }
        };
        let Some(before) = before else {
            return Compared::NoEarlier;
        };
        let diff = Ok(Diff::of(&json(&before), &json(&after)));
        Compared::Both(Box::new(Pair {
            before,
            after,
            diff,
        }))
    }
}
