//! The values of one event: every field's texts side by side in one allocation.
//!
//! Millions of events pass from a store to an output, and freeing a text for each of their values
//! cost more than reading them. Does not know where the values come from.

use std::borrow::Cow;

use crate::core::event::Field;
use crate::core::scalar::Scalar;

/// Values by [`Field`]; a field may have none, one or several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values {
    text: Box<str>,
    /// In the order of the fields.
    marks: Box<[Mark]>,
}

/// Where a value ends; it begins where the one before it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    end: usize,
    field: Field,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Bool,
}

impl Values {
    /// Keeps these values, which come in the order of the fields.
    pub fn of(found: &[(Field, Scalar<'_>)]) -> Self {
        debug_assert!(found.is_sorted_by_key(|(field, _)| *field));
        let length = found.iter().map(|(_, value)| value.text().len()).sum();
        let mut text = String::with_capacity(length);
        let marks = found
            .iter()
            .map(|(field, value)| {
                text.push_str(value.text());
                Mark {
                    end: text.len(),
                    field: *field,
                    kind: match value {
                        Scalar::Text(_) => Kind::Text,
                        Scalar::Number(_) => Kind::Number,
                        Scalar::Bool(_) => Kind::Bool,
                    },
                }
            })
            .collect();
        Self {
            text: text.into_boxed_str(),
            marks,
        }
    }

    /// The values of a field, in the order of the record.
    pub fn all(&self, field: Field) -> impl ExactSizeIterator<Item = Scalar<'_>> + Clone {
        let from = self.marks.partition_point(|mark| mark.field < field);
        let to = self.marks.partition_point(|mark| mark.field <= field);
        (from..to).map(|place| self.value(place))
    }

    /// The first value of a field, as text.
    pub fn first(&self, field: Field) -> Option<&str> {
        let place = self.marks.partition_point(|mark| mark.field < field);
        (self.marks.get(place)?.field == field).then(|| self.text(place))
    }

    /// Bytes these values hold on to.
    pub fn weight(&self) -> usize {
        self.text.len() + size_of_val(&*self.marks)
    }

    fn value(&self, place: usize) -> Scalar<'_> {
        let text = self.text(place);
        match self.marks[place].kind {
            Kind::Text => Scalar::Text(Cow::Borrowed(text)),
            Kind::Number => Scalar::Number(Cow::Borrowed(text)),
            Kind::Bool => Scalar::Bool(text == "true"),
        }
    }

    fn text(&self, place: usize) -> &str {
        let start = place.checked_sub(1).map_or(0, |last| self.marks[last].end);
        &self.text[start..self.marks[place].end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_its_own_values_back() {
        let given = [
            (Field::Actor, Scalar::Text("maya".into())),
            (Field::Resource, Scalar::Text("".into())),
            (Field::Resource, Scalar::Number("7.50".into())),
            (Field::Resource, Scalar::Bool(false)),
            (Field::Duration, Scalar::Bool(true)),
        ];
        let values = Values::of(&given);
        for field in Field::ALL {
            let expected: Vec<&Scalar<'_>> = given
                .iter()
                .filter(|(of, _)| *of == field)
                .map(|(_, value)| value)
                .collect();
            assert_eq!(values.all(field).len(), expected.len());
            let kept: Vec<Scalar<'_>> = values.all(field).collect();
            assert_eq!(kept.iter().collect::<Vec<_>>(), expected, "{field:?}");
            assert_eq!(
                values.first(field),
                expected.first().map(|value| value.text())
            );
        }
        assert_eq!(Values::default().all(Field::Actor).len(), 0);
    }
}
