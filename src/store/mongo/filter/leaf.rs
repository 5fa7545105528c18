//! What is asked of the values at one path, in MQL.
//!
//! The payload shows many types as text and numbers by their digits (see `render`); a condition
//! that finds strings must look for those as well. MQL's walk through arrays is the language's own:
//! one level before each step and one at the end. Only steps that look like an index differ.

use mongodb::bson::{self, Bson, Decimal128, Document, doc, oid::ObjectId};

use crate::core::bson::render;
use crate::core::path::Path;
use crate::core::query::predicate::{Literal, Order, Test};
use crate::core::scalar::{Scalar, compare_numbers};
use crate::store::mongo::filter::bounds::{Bounds, Cond};
use crate::store::mongo::order::date;

/// Types that are leaves and not null.
const SCALARS: [&str; 17] = [
    "double",
    "string",
    "binData",
    "objectId",
    "bool",
    "date",
    "regex",
    "dbPointer",
    "javascript",
    "symbol",
    "javascriptWithScope",
    "int",
    "timestamp",
    "long",
    "decimal",
    "minKey",
    "maxKey",
];
/// Types shown as text that begins with one of [`render::EXOTIC`].
const EXOTIC: [&str; 7] = [
    "regex",
    "javascript",
    "javascriptWithScope",
    "dbPointer",
    "timestamp",
    "minKey",
    "maxKey",
];
/// Integers up to here are the same number as int, long, double and decimal.
const EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;
/// Longer patterns are left to the re-check: the server's regex engine has a limit.
const LONGEST_PATTERN: usize = 4_000;

/// Longer lists are left to the re-check: the server takes commands of 16 MB.
const LONGEST_LIST: usize = 4 * 1024 * 1024;
/// Bytes of an item in a list, besides its own.
const LIST_ITEM: usize = 32;

/// What is asked of a value.
#[derive(Clone, Copy, Debug)]
pub enum Ask<'a> {
    /// It is not null; objects count.
    Anything,
    /// It is a leaf.
    Scalar,
    /// It satisfies a test.
    Test(&'a Test),
    /// It is one of these, as a bare word means them.
    Words(&'a [&'a str]),
}

impl<'a> Ask<'a> {
    /// A test of a field's values, which are leaves.
    pub fn of(test: &'a Test) -> Self {
        match test {
            Test::Exists => Self::Scalar,
            test => Self::Test(test),
        }
    }

    /// Whether a value is what is asked for.
    pub fn accepts(&self, value: &Scalar<'_>) -> bool {
        match self {
            Self::Anything | Self::Scalar => true,
            Self::Test(test) => test.accepts(value),
            Self::Words(words) => words.iter().any(|word| value.is_word(word)),
        }
    }
}

/// Whether anything a path reaches is what is asked for.
pub fn path(path: &Path, ask: Ask<'_>) -> Bounds {
    let steps = path.steps();
    // `[dot]` and `[$]` are shown as `.` and `$`, and MQL's own paths know no quoting.
    let is_odd = |step: &str| step.is_empty() || step.contains(['.', '$', '\0', '[']);
    if steps.iter().any(|step| is_odd(step)) {
        return Bounds::unknown();
    }
    let found = field(&steps.join("."), ask);
    // MQL looks at element 3 of an array as well as at the key "3".
    let is_index = |step: &str| step.bytes().all(|byte| byte.is_ascii_digit());
    if steps.iter().any(|step| is_index(step)) {
        Bounds::wider(found.wide)
    } else {
        found
    }
}

/// The same for a path as MQL writes it.
pub fn field(field: &str, ask: Ask<'_>) -> Bounds {
    match ask {
        Ask::Anything => {
            let mut types = SCALARS.to_vec();
            types.push("object");
            let nested = doc! {field: {"$elemMatch": {"$type": "array"}}};
            Bounds::exact(Cond::any([of_types(field, &types), Cond::Is(nested)]))
        }
        Ask::Scalar | Ask::Test(Test::Exists) => Bounds::exact(of_types(field, &SCALARS)),
        Ask::Words(words) => {
            let words = words.iter().map(|word| Literal::Bare((*word).to_owned()));
            equals(field, words)
        }
        Ask::Test(Test::Equals(literal)) => equals(field, [literal.clone()]),
        Ask::Test(Test::OneOf(words)) => {
            let bytes: usize = words.iter().map(|word| word.len() + LIST_ITEM).sum();
            if bytes > LONGEST_LIST {
                return Bounds::wider(of_types(field, &SCALARS));
            }
            let words = words.iter().map(|word| Literal::Bare((**word).to_owned()));
            equals(field, words)
        }
        Ask::Test(Test::Glob(pieces)) => glob(field, pieces),
        Ask::Test(Test::Contains(needle)) => contains(field, needle),
        Ask::Test(Test::Compare(order, literal)) => {
            let sides = [(*order, literal)];
            ordered(field, &sides)
        }
        Ask::Test(Test::Range(low, high)) => {
            if low.number().is_some() != high.number().is_some() {
                return Bounds::exact(Cond::Never);
            }
            // Two elements of an array may satisfy one side each.
            let found = ordered(field, &[(Order::AtLeast, low), (Order::AtMost, high)]);
            Bounds::wider(found.wide)
        }
    }
}

fn of_types(field: &str, types: &[&str]) -> Cond {
    if types.is_empty() {
        Cond::Never
    } else {
        Cond::Is(doc! {field: {"$type": types.to_vec()}})
    }
}

/// What is known of the values that are equal to a literal.
struct Equal {
    values: Vec<Bson>,
    /// Types of which some value may be equal, besides.
    types: Vec<&'static str>,
    /// Whether every one of `values` is equal for us, too.
    is_exact: bool,
}

fn equals(field: &str, literals: impl IntoIterator<Item = Literal>) -> Bounds {
    let mut all = Equal {
        values: Vec::new(),
        types: Vec::new(),
        is_exact: true,
    };
    for literal in literals {
        if let Some(number) = literal.number() {
            equal_numbers(number, &mut all);
        }
        if let Literal::Bare(word) = &literal
            && let Ok(value) = word.parse::<bool>()
        {
            all.values.push(value.into());
        }
        equal_texts(literal.text(), &mut all);
    }
    let values = match <[Bson; 1]>::try_from(all.values) {
        Ok([value]) => Cond::Is(doc! {field: value}),
        Err(values) => Cond::Is(doc! {field: {"$in": values}}),
    };
    if all.types.is_empty() && all.is_exact {
        return Bounds::exact(values);
    }
    let narrow = if all.is_exact {
        values.clone()
    } else {
        Cond::Never
    };
    Bounds {
        wide: Cond::any([values, of_types(field, &all.types)]),
        narrow,
    }
}

/// We compare digits, the server compares values: 0.1 as a double is not 0.1 as a decimal, and a
/// large double is shown with fewer digits than it has.
fn equal_numbers(literal: &str, equal: &mut Equal) {
    let double: f64 = literal.parse().unwrap_or(f64::NAN);
    let shown = format!("{double:?}");
    let is_double = compare_numbers(literal, &shown).is_some_and(std::cmp::Ordering::is_eq);
    if let Some(integer) = exact_integer(literal) {
        equal.values.push(integer.into());
        return;
    }
    equal.is_exact = false;
    if is_double {
        equal.values.push(double.into());
    }
    if let Ok(integer) = literal.parse::<i64>() {
        equal.values.push(integer.into());
    }
    match literal.parse::<Decimal128>() {
        Ok(decimal) => equal.values.push(decimal.into()),
        Err(_) => equal.types.push("decimal"),
    }
    if literal.parse::<i64>().is_err() {
        // 1e18 is a long, too.
        equal.types.push("long");
    }
}

/// The literal as an integer that is the same number in every type.
fn exact_integer(literal: &str) -> Option<i64> {
    let double: f64 = literal.parse().ok()?;
    let is_same = compare_numbers(literal, &format!("{double:?}"))?.is_eq();
    let fits = is_same && double.fract() == 0.0 && double.abs() <= EXACT_INTEGER;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "an integer of at most 53 bits"
    )]
    fits.then_some(double as i64)
}

fn equal_texts(text: &str, equal: &mut Equal) {
    equal.values.push(text.into());
    let is_lower_hex = |text: &str| {
        text.bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    if text.len() == 24
        && is_lower_hex(text)
        && let Ok(id) = ObjectId::parse_str(text)
    {
        equal.values.push(id.into());
    }
    if let Some(millis) = shown_date(text) {
        equal.values.push(date(millis));
    }
    if text.len() == 36
        && is_lower_hex(&text.replace('-', ""))
        && let Ok(uuid) = bson::Uuid::parse_str(text)
        && uuid.to_string() == text
    {
        equal.values.push(uuid.into());
    }
    let double = match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    };
    equal.values.extend(double.map(Bson::Double));
    if text.starts_with("\\x") {
        equal.types.push("binData");
    }
    if render::EXOTIC.iter().any(|name| text.starts_with(name)) {
        equal.types.extend(EXOTIC);
    }
}

/// The milliseconds of a date that is shown exactly so.
fn shown_date(text: &str) -> Option<i64> {
    let millis = chrono::DateTime::parse_from_rfc3339(text)
        .ok()?
        .timestamp_millis();
    let mut shown = Vec::new();
    render::date(&mut shown, millis);
    (shown == text.as_bytes()).then_some(millis)
}

/// Types other than text whose shown form may hold these pieces, the first at its beginning.
fn types_with(pieces: &[&str], anchored: bool) -> Vec<&'static str> {
    let made_of = |alphabet: &str| {
        pieces
            .iter()
            .flat_map(|piece| piece.chars())
            .all(|c| alphabet.contains(c.to_ascii_lowercase()))
    };
    let mut types = Vec::new();
    for (name, alphabet) in [
        ("number", "0123456789.e+-nainfity"),
        ("bool", "truefals"),
        ("date", "0123456789-:.tz"),
        ("objectId", "0123456789abcdef"),
        ("binData", "0123456789abcdef-\\x"),
    ] {
        if made_of(alphabet) {
            types.push(name);
        }
    }
    let first = pieces.first().copied().unwrap_or_default();
    let begins = |name: &&str| name.starts_with(first) || first.starts_with(name);
    if !anchored || render::EXOTIC.iter().any(begins) {
        types.extend(EXOTIC);
    }
    types
}

/// Strings by pattern, other types as candidates.
fn patterned(field: &str, pattern: String, types: &[&'static str]) -> Bounds {
    if pattern.len() > LONGEST_PATTERN || pattern.contains('\0') {
        return Bounds::unknown();
    }
    let strings = Cond::Is(doc! {field: {"$regex": pattern}});
    Bounds {
        wide: Cond::any([strings.clone(), of_types(field, types)]),
        narrow: strings,
    }
}

fn glob(field: &str, pieces: &[String]) -> Bounds {
    let mut pattern = String::from("^");
    for (place, piece) in pieces.iter().enumerate() {
        if place > 0 {
            pattern.push_str("[\\s\\S]*");
        }
        literal_pattern(&mut pattern, piece);
    }
    // `$` would also match before a final line feed.
    pattern.push_str("\\z");
    let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
    patterned(field, pattern, &types_with(&pieces, true))
}

/// Ignoring case is for ASCII letters only, so it is spelled out: the server's option would also
/// take the Kelvin sign for a k.
fn contains(field: &str, needle: &str) -> Bounds {
    let mut pattern = String::new();
    for c in needle.chars() {
        if c.is_ascii_alphabetic() {
            pattern.extend(['[', c.to_ascii_lowercase(), c.to_ascii_uppercase(), ']']);
        } else {
            literal_pattern(&mut pattern, c.encode_utf8(&mut [0; 4]));
        }
    }
    patterned(field, pattern, &types_with(&[needle], false))
}

fn literal_pattern(pattern: &mut String, text: &str) {
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            pattern.push('\\');
        }
        pattern.push(c);
    }
}

/// Values on the right side of one or two literals of one type.
fn ordered(field: &str, sides: &[(Order, &Literal)]) -> Bounds {
    let operator = |order: Order| match order {
        Order::Greater => "$gt",
        Order::AtLeast => "$gte",
        Order::Less => "$lt",
        Order::AtMost => "$lte",
    };
    let is_number = sides.iter().all(|(_, literal)| literal.number().is_some());
    if !is_number {
        let mut range = Document::new();
        for (order, literal) in sides {
            range.insert(operator(*order), literal.text());
        }
        let mut types = EXOTIC.to_vec();
        types.extend(["objectId", "date", "binData"]);
        let unreal = doc! {field: {"$in": [f64::NAN, f64::INFINITY, f64::NEG_INFINITY]}};
        let strings = Cond::Is(doc! {field: range});
        let wide = Cond::any([strings.clone(), of_types(field, &types), Cond::Is(unreal)]);
        return Bounds {
            wide,
            narrow: strings,
        };
    }
    let mut range = Document::new();
    for (order, literal) in sides {
        let Some(integer) = exact_integer(literal.text()) else {
            return Bounds::wider(of_types(field, &["number"]));
        };
        range.insert(operator(*order), integer);
    }
    // Infinities are text for us, and beyond every number for the server.
    let numbers = Cond::Is(doc! {field: range});
    let infinite = doc! {field: {"$in": [f64::INFINITY, f64::NEG_INFINITY]}};
    let narrow = Cond::all([numbers.clone(), Cond::Is(infinite).not()]);
    Bounds {
        wide: numbers,
        narrow,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn exact(test: &Test) -> Option<Document> {
        let bounds = field("f", Ask::of(test));
        match (bounds.wide == bounds.narrow, bounds.wide) {
            (true, Cond::Is(found)) => Some(found),
            _ => None,
        }
    }

    #[rstest]
    #[case("alice", doc! {"f": "alice"})]
    #[case("7", doc! {"f": {"$in": [7_i64, "7"]}})]
    #[case("7.0", doc! {"f": {"$in": [7_i64, "7.0"]}})]
    #[case("true", doc! {"f": {"$in": [true, "true"]}})]
    #[case("6954aa00c1d2e3f4a5b6c7d8", doc! {"f": {"$in": [
        "6954aa00c1d2e3f4a5b6c7d8",
        ObjectId::parse_str("6954aa00c1d2e3f4a5b6c7d8").expect("an id"),
    ]}})]
    #[case("2026-01-01T00:00:00.130Z", doc! {"f": {"$in": [
        "2026-01-01T00:00:00.130Z", date(1_767_225_600_130),
    ]}})]
    fn equality_is_exact_where_every_type_is_named(#[case] word: &str, #[case] mql: Document) {
        let test = Test::Equals(Literal::Bare(word.to_owned()));
        assert_eq!(exact(&test), Some(mql));
    }

    #[rstest]
    #[case("0.1")]
    #[case("9007199254740993")]
    #[case("1e300")]
    #[case("\\x00")]
    #[case("Regex(/a/)")]
    fn what_may_be_of_other_types_is_checked_again(#[case] word: &str) {
        let test = Test::Equals(Literal::Bare(word.to_owned()));
        assert_eq!(exact(&test), None);
    }

    #[test]
    fn a_glob_with_a_telling_beginning_is_a_plain_prefix() {
        let test = Test::Glob(vec!["Describe".to_owned(), String::new()]);
        let mql = doc! {"f": {"$regex": "^Describe[\\s\\S]*\\z"}};
        assert_eq!(exact(&test), Some(mql));
        let hexadecimal = Test::Glob(vec!["abc".to_owned(), String::new()]);
        assert_eq!(exact(&hexadecimal), None);
    }

    #[test]
    fn odd_keys_are_left_to_the_recheck() {
        for text in ["a.\"b.c\"", "a.\"$b\"", "a.\"x[dot]y\""] {
            let odd = Path::parse(text).expect("a path");
            assert_eq!(path(&odd, Ask::Scalar), Bounds::unknown(), "{text}");
        }
        let index = path(&Path::parse("a.0").expect("a path"), Ask::Scalar);
        assert_eq!(index.narrow, Cond::Never);
    }
}
