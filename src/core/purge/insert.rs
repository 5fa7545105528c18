//! A row of SQLite as the `INSERT` statement that makes it again, and back.
//!
//! The statement is exact for every storage class, whichever SQLite reads it: a float whose decimal
//! spelling is not its exact value is written as a whole number divided or multiplied by powers of
//! two, because older versions round decimals wrongly now and then. Text that a shell might change
//! (carriage returns, NUL, other control characters) or that is not UTF-8 is written in hexadecimal.
//!
//! Nothing here executes a statement, and restoring does not either: values are read out of it.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::core::profile::ColumnKind;
use crate::core::record::RecordWriter;

/// A value with its storage class.
#[derive(Clone, Debug, PartialEq)]
pub enum SqlValue<'v> {
    /// NULL.
    Null,
    /// INTEGER.
    Int(i64),
    /// REAL; SQLite stores no NaN.
    Real(f64),
    /// TEXT; SQLite does not check that it is UTF-8.
    Text(Cow<'v, [u8]>),
    /// BLOB.
    Blob(Cow<'v, [u8]>),
}

impl SqlValue<'_> {
    /// Writes it into a record as every reader of SQLite shows it.
    pub fn show(&self, name: &str, kind: ColumnKind, record: &mut RecordWriter) {
        match (self, kind) {
            (Self::Null, _) => record.null(name),
            (Self::Int(int @ (0 | 1)), ColumnKind::Bool) => record.bool(name, *int == 1),
            (Self::Int(int), _) => record.int(name, *int),
            (Self::Real(real), _) => record.float(name, *real),
            (Self::Blob(bytes), _) => record.bytes(name, bytes),
            (Self::Text(bytes), kind) => match std::str::from_utf8(bytes) {
                Ok(text) if kind == ColumnKind::Json => record.json_or_text(name, text),
                Ok(text) => record.text(name, text),
                Err(_) => record.unchecked_text(name, bytes),
            },
        }
    }
}

/// Why bytes are not a row of the table they are said to be of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadInsert {
    /// It does not begin with `INSERT INTO`, the table and its columns.
    #[error("it is not an INSERT into this table with these columns")]
    Head,
    /// What stands here is no literal the archive writes.
    #[error("there is no value at byte {0}")]
    Value(usize),
    /// It does not end where it should.
    #[error("it does not end after its last value, at byte {0}")]
    End(usize),
}

/// What every row of a table begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InsertForm {
    head: String,
    columns: usize,
}

const TAIL: &[u8] = b");\n";

impl InsertForm {
    /// Of a table and its archived columns, unquoted.
    pub fn new<'n>(table: &str, columns: impl IntoIterator<Item = &'n str>) -> Self {
        let mut head = format!("INSERT INTO {}(", quoted(table));
        let mut count = 0;
        for column in columns {
            if count > 0 {
                head.push(',');
            }
            head.push_str(&quoted(column));
            count += 1;
        }
        head.push_str(") VALUES(");
        Self {
            head,
            columns: count,
        }
    }

    /// Appends a row: one statement with its newline.
    pub fn write<'v>(&self, out: &mut Vec<u8>, values: impl IntoIterator<Item = SqlValue<'v>>) {
        out.extend_from_slice(self.head.as_bytes());
        for (place, value) in values.into_iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            write_value(out, &value);
        }
        out.extend_from_slice(TAIL);
    }

    /// The values of a row.
    pub fn read<'r>(&self, row: &'r [u8]) -> Result<Vec<SqlValue<'r>>, BadInsert> {
        if !row.starts_with(self.head.as_bytes()) {
            return Err(BadInsert::Head);
        }
        let mut scan = Scan {
            row,
            at: self.head.len(),
        };
        let mut values = Vec::with_capacity(self.columns);
        for place in 0..self.columns {
            if place > 0 && !scan.take(b",") {
                return Err(BadInsert::Value(scan.at));
            }
            let value = scan.value().ok_or(BadInsert::Value(scan.at))?;
            values.push(value);
        }
        if scan.rest() == TAIL {
            Ok(values)
        } else {
            Err(BadInsert::End(scan.at))
        }
    }
}

/// A name as SQL quotes it.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn write_value(out: &mut Vec<u8>, value: &SqlValue<'_>) {
    match value {
        SqlValue::Null => out.extend_from_slice(b"NULL"),
        SqlValue::Int(int) => out.extend_from_slice(int.to_string().as_bytes()),
        SqlValue::Real(real) => out.extend_from_slice(real_literal(*real).as_bytes()),
        SqlValue::Blob(bytes) => write_hex(out, bytes),
        SqlValue::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if is_plain(text) => {
                out.push(b'\'');
                for piece in bytes.split_inclusive(|byte| *byte == b'\'') {
                    out.extend_from_slice(piece);
                    if piece.ends_with(b"'") {
                        out.push(b'\'');
                    }
                }
                out.push(b'\'');
            }
            _ => {
                out.extend_from_slice(b"CAST(");
                write_hex(out, bytes);
                out.extend_from_slice(b" AS TEXT)");
            }
        },
    }
}

/// Whether a shell passes it on as it is, and a terminal shows it without obeying it.
fn is_plain(text: &str) -> bool {
    text.chars()
        .all(|c| !c.is_control() || matches!(c, '\n' | '\t'))
}

fn write_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend_from_slice(b"X'");
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
    out.push(b'\'');
}

/// Whole numbers up to here are exact in a double, and so are these powers of two as literals.
const EXACT: u64 = 1 << 53;
const STEP: u32 = 52;

/// An expression that is exactly this float in every SQLite.
fn real_literal(real: f64) -> String {
    let sign = if real.is_sign_negative() { "-" } else { "" };
    if real.is_infinite() {
        return format!("{sign}9e999");
    }
    if real.is_nan() {
        return "NULL".to_owned();
    }
    let (whole, power) = taken_apart(real);
    if let Some(decimal) = exact_decimal(whole, power) {
        return format!("{sign}{decimal}");
    }
    let mut text = format!("{sign}{whole}");
    if power >= 0 {
        // At least one factor: it makes the product a float.
        text.push_str(".0");
    }
    let operator = if power < 0 { '/' } else { '*' };
    let mut left = power.unsigned_abs();
    while left > 0 {
        let step = left.min(STEP);
        let _ = write!(text, "{operator}{}.0", 1_u64 << step);
        left -= step;
    }
    let _ = write!(text, "/*{real:?}*/");
    text
}

/// The absolute value as an odd whole number (or zero) times a power of two.
fn taken_apart(real: f64) -> (u64, i32) {
    let bits = real.to_bits();
    let exponent = i32::try_from((bits >> 52) & 0x7ff).unwrap_or_default();
    let fraction = bits & (EXACT / 2 - 1);
    let (whole, power) = if exponent == 0 {
        (fraction, -1074)
    } else {
        (fraction | (EXACT / 2), exponent - 1075)
    };
    if whole == 0 {
        return (0, 0);
    }
    let zeros = whole.trailing_zeros();
    (
        whole >> zeros,
        power + i32::try_from(zeros).unwrap_or_default(),
    )
}

/// The decimal that is exactly this value, where it is short enough to be read without rounding.
fn exact_decimal(whole: u64, power: i32) -> Option<String> {
    let digits = power.unsigned_abs();
    if power >= 0 {
        let shifted = (digits < 53).then(|| u128::from(whole) << digits)?;
        return (shifted <= u128::from(EXACT)).then(|| format!("{shifted}.0"));
    }
    let scaled = whole.checked_mul(5_u64.checked_pow(digits)?)?;
    if scaled > EXACT {
        return None;
    }
    let ten = 10_u64.checked_pow(digits)?;
    let places = usize::try_from(digits).ok()?;
    Some(format!("{}.{:0places$}", scaled / ten, scaled % ten))
}

/// Reads literals.
struct Scan<'r> {
    row: &'r [u8],
    at: usize,
}

impl<'r> Scan<'r> {
    fn rest(&self) -> &'r [u8] {
        &self.row[self.at..]
    }

    fn take(&mut self, what: &[u8]) -> bool {
        let is_there = self.rest().starts_with(what);
        if is_there {
            self.at += what.len();
        }
        is_there
    }

    fn take_while(&mut self, of: impl Fn(u8) -> bool) -> &'r [u8] {
        let rest = self.rest();
        let end = rest.iter().position(|byte| !of(*byte));
        let taken = &rest[..end.unwrap_or(rest.len())];
        self.at += taken.len();
        taken
    }

    fn value(&mut self) -> Option<SqlValue<'r>> {
        if self.take(b"NULL") {
            return Some(SqlValue::Null);
        }
        if self.take(b"CAST(") {
            let bytes = self.hex()?;
            return self
                .take(b" AS TEXT)")
                .then_some(SqlValue::Text(bytes.into()));
        }
        match self.rest().first()? {
            b'X' => Some(SqlValue::Blob(self.hex()?.into())),
            b'\'' => Some(SqlValue::Text(self.text()?)),
            _ => self.number(),
        }
    }

    fn hex(&mut self) -> Option<Vec<u8>> {
        if !self.take(b"X'") {
            return None;
        }
        let digits = self.take_while(|byte| byte != b'\'');
        if !self.take(b"'") || !digits.len().is_multiple_of(2) {
            return None;
        }
        let nibble = |digit: u8| char::from(digit).to_digit(16);
        digits
            .chunks_exact(2)
            .map(|pair| u8::try_from(nibble(pair[0])? * 16 + nibble(pair[1])?).ok())
            .collect()
    }

    fn text(&mut self) -> Option<Cow<'r, [u8]>> {
        if !self.take(b"'") {
            return None;
        }
        let mut text = Cow::Borrowed(self.take_while(|byte| byte != b'\''));
        loop {
            if !self.take(b"'") {
                return None;
            }
            if !self.take(b"'") {
                return Some(text);
            }
            let more = self.take_while(|byte| byte != b'\'');
            let text = text.to_mut();
            text.push(b'\'');
            text.extend_from_slice(more);
        }
    }

    fn digits(&mut self) -> Option<&'r str> {
        let digits = self.take_while(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'-'));
        std::str::from_utf8(digits).ok()
    }

    fn number(&mut self) -> Option<SqlValue<'r>> {
        let first = self.digits()?;
        let operator = self.rest().first().copied();
        if !matches!(operator, Some(b'/' | b'*')) {
            return if first.contains(['.', 'e']) {
                Some(SqlValue::Real(first.parse().ok()?))
            } else {
                Some(SqlValue::Int(first.parse().ok()?))
            };
        }
        let mut real: f64 = first.parse().ok()?;
        loop {
            if self.take(b"/*") {
                self.take_while(|byte| byte != b'*');
                return self.take(b"*/").then_some(SqlValue::Real(real));
            }
            if self.take(b"/") {
                real /= self.digits()?.parse::<f64>().ok()?;
            } else if self.take(b"*") {
                real *= self.digits()?.parse::<f64>().ok()?;
            } else {
                return Some(SqlValue::Real(real));
            }
        }
    }
}
