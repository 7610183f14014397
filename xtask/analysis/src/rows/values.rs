//! The values for a column: ordinary ones, and rare ones that its type allows.
//!
//! No value is random: a failure is reproducible.

use super::hints;
use model::rows::Column;

/// The number of different values for a column that must be unique.
const DISTINCT: usize = 40;
/// Values of composite and geometric types, of multiranges, positions and the like, and of numbers.
const SPELLINGS: [&str; 14] = [
    "1",
    "0",
    "{}",
    "()",
    "(,)",
    "(,,)",
    "(,,,)",
    "(,,,,)",
    "(1,2)",
    "((0,0),(1,2))",
    "<(0,0),1>",
    "{1,2,0}",
    "0/1",
    "'a'",
];
/// The number of values of a length that a condition names.
const HINTED: usize = 12;
/// The longest text; an index takes hardly more.
const TEXT_MAX: usize = 1000;
/// Numbers from here on are rare.
const LARGE: f64 = 1e6;

/// A value as text that Postgres reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) text: String,
    /// Whether the value is rare in practice.
    pub(super) extreme: bool,
}

fn plain(text: impl Into<String>) -> Value {
    Value { text: text.into(), extreme: false }
}

fn extreme(text: impl Into<String>) -> Value {
    Value { text: text.into(), extreme: true }
}

/// Known properties of a column besides its type.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct About<'a> {
    /// The conditions on it.
    pub(super) expressions: &'a [&'a str],
    /// Whether it takes no value twice.
    pub(super) distinct: bool,
    /// Whether it accepts only values that the expressions name.
    pub(super) named_alone: bool,
    /// The column's table: values with its name do not occur in other tables, and a later foreign
    /// key will not find them.
    pub(super) table: &'a str,
}

/// The possible values of a column, the most revealing first.
pub(super) fn candidates(column: &Column, about: About<'_>) -> Vec<Value> {
    let mut values = match column.labels.as_slice() {
        [] => hinted(column, about.expressions),
        labels => labels.iter().map(plain).collect(),
    };
    if column.labels.is_empty() && (values.is_empty() || !about.named_alone) {
        values.extend(of_type(column, about.distinct));
        if !about.distinct {
            values.extend(own(column, about.table));
        }
    }
    let mut met = std::collections::HashSet::new();
    values.retain(|value| met.insert(value.text.clone()));
    values
}

/// Whether every value of this module is valid for the column's type without a query.
pub(super) fn is_well_known(column: &Column) -> bool {
    const KNOWN: [&str; 14] = [
        "smallint",
        "integer",
        "bigint",
        "numeric",
        "real",
        "double precision",
        "boolean",
        "text",
        "character varying",
        "date",
        "timestamp without time zone",
        "timestamp with time zone",
        "uuid",
        "jsonb",
    ];
    column.checks.is_empty() && (KNOWN.contains(&column.base.as_str()) || !column.labels.is_empty())
}

/// A value that hardly any other column has.
fn own(column: &Column, table: &str) -> Option<Value> {
    let bytes = table.bytes().chain(column.name.bytes());
    let number = 1000 + bytes.fold(7_u32, |sum, byte| (sum * 31 + u32::from(byte)) % 30_000);
    match column.base.as_str() {
        "smallint" | "integer" | "bigint" => Some(plain(number.to_string())),
        "uuid" => Some(plain(uuid(number, 9))),
        "text" | "character varying" => Some(plain(format!("own {number}")))
            .filter(|value| limit(column).is_none_or(|most| value.text.len() <= most)),
        _ => None,
    }
}

/// A UUID that differs from others in its first digits, as random ones do.
fn uuid(number: u32, variant: u8) -> String {
    format!("{:08x}-0000-4000-{variant}000-{number:012}", number.wrapping_mul(2_654_435_761))
}

pub(super) fn of_type(column: &Column, distinct: bool) -> Vec<Value> {
    let count = if distinct { DISTINCT } else { 4 };
    let numbered = |text: fn(usize) -> String| (1..=count).map(text).map(plain).collect::<Vec<_>>();
    let and = |mut values: Vec<Value>, more: &[&str]| {
        values.extend(more.iter().copied().map(extreme));
        values
    };
    let numbers = |more: &[&str]| {
        // Keys begin at 1. One that becomes a foreign key only now is known by its name alone.
        let is_key = column.name == "id" || column.name.ends_with("_id");
        let low = ["0", "-1"].map(if is_key { extreme } else { plain });
        and([numbered(|n| n.to_string()), low.to_vec()].concat(), more)
    };
    if let Some(element) = &column.element {
        return arrays(element);
    }
    if let Some(over) = &column.range_of {
        return ranges(over);
    }
    match column.base.as_str() {
        "smallint" => numbers(&["32767", "-32768"]),
        "integer" => numbers(&["2147483647", "-2147483648"]),
        "bigint" => numbers(&["9223372036854775807", "-9223372036854775808"]),
        "numeric" => numerics(column.modifier, count),
        "real" => numbers(&["-1.5", "3e38", "NaN", "Infinity"]),
        "double precision" => numbers(&["-1.5", "1e308", "NaN", "Infinity"]),
        "money" => numbers(&["-92233720368547758.08", "92233720368547758.07"]),
        "boolean" => vec![plain("true"), plain("false")],
        "date" => and(
            numbered(|n| format!("2026-{:02}-{:02}", 1 + n / 28, 1 + n % 28)),
            &["0001-01-02", "9999-12-30"],
        ),
        "timestamp without time zone" | "timestamp with time zone" => and(
            numbered(|n| format!("2026-{:02}-{:02} 12:30:00+00", 1 + n / 28, 1 + n % 28)),
            &["0001-01-02 00:00:00+00", "9999-12-30 00:00:00+00"],
        ),
        "time without time zone" | "time with time zone" => and(
            numbered(|n| format!("{:02}:30:00+00", n % 24)),
            &["00:00:00+00", "23:59:59.999999+00"],
        ),
        "interval" => and(numbered(|n| format!("{n} hours")), &["0", "-1 day", "9999 years"]),
        "uuid" => and(
            numbered(|n| uuid(u32::try_from(n).unwrap_or_default(), 8)),
            &["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
        ),
        "json" | "jsonb" => and(
            [r#"{"a": 1}"#, "{}", r#"[{"a": "b"}]"#].map(plain).to_vec(),
            &["null", "[]", r#""text""#, r#"{"a": null}"#],
        ),
        "bytea" => and(numbered(|n| format!(r"\x{n:04x}")), &[r"\x", r"\x00ff"]),
        "inet" => and(numbered(|n| format!("192.0.2.{n}")), &["::1", "0.0.0.0/0"]),
        "cidr" => and(numbered(|n| format!("192.0.{n}.0/24")), &["::/0", "0.0.0.0/0"]),
        "macaddr" => numbered(|n| format!("02:00:00:00:00:{n:02x}")),
        "bit" | "bit varying" => bits(column, count),
        "xml" => vec![plain("<a/>"), plain("<a>b</a>")],
        "text" | "character varying" | "character" => texts(column, distinct),
        // For a type that is unknown here, Postgres decides which of these are valid.
        _ => texts(column, distinct).into_iter().chain(SPELLINGS.map(plain)).collect(),
    }
}

/// `numeric(p, s)`: the modifier holds both, less four.
fn numerics(modifier: i32, count: usize) -> Vec<Value> {
    let numbers = (1..=count).map(|n| plain(n.to_string()));
    if modifier < 4 {
        let more = ["1e30", "NaN"].map(extreme);
        return numbers.chain(["0", "1.25", "-1.5"].map(plain)).chain(more).collect();
    }
    let (precision, scale) = ((modifier - 4) >> 16, ((modifier - 4) & 0x7ff ^ 1024) - 1024);
    let whole = usize::try_from(precision - scale).unwrap_or(0);
    let part = usize::try_from(scale).unwrap_or(0);
    let largest = match (whole, part) {
        (0, part) => format!("0.{}", "9".repeat(part)),
        (whole, 0) => "9".repeat(whole),
        (whole, part) => format!("{}.{}", "9".repeat(whole), "9".repeat(part)),
    };
    let fits = |value: &Value| value.text.len() <= whole;
    let mut values: Vec<Value> = numbers.filter(fits).collect();
    if part > 0 {
        let tenths = (1..10).map(|n| plain(format!("0.{n}")));
        values.extend(tenths.take(if values.is_empty() { 9 } else { 2 }));
        // One that needs every place after the point.
        let digits: String = "123456789".chars().cycle().take(part).collect();
        values.push(plain(format!("0.{digits}")));
    }
    values.extend([plain("0"), extreme(format!("-{largest}")), extreme(largest)]);
    values
}

fn bits(column: &Column, count: usize) -> Vec<Value> {
    let width = usize::try_from(column.modifier).unwrap_or(0).clamp(1, 64);
    (0..=count).map(|n| plain(format!("{n:0width$b}"))).filter(|v| v.text.len() <= width).collect()
}

/// The longest text that a column accepts, in characters; `None`: any length.
fn limit(column: &Column) -> Option<usize> {
    let limited = ["character varying", "character"].contains(&column.base.as_str());
    (limited && column.modifier >= 4).then(|| usize::try_from(column.modifier - 4).unwrap_or(1))
}

fn texts(column: &Column, distinct: bool) -> Vec<Value> {
    let limit = limit(column);
    let mut values: Vec<Value> =
        ["abc", "Größe", "two words", "ABC", "42", "name@example.com"].map(plain).to_vec();
    if distinct {
        values.extend((1..=DISTINCT).map(|n| plain(format!("n{n}"))));
        values.extend((0..DISTINCT).map(|n| plain(format!("{}", letter(n)))));
    }
    // An empty text where each row has another one would be a key that names nothing.
    if !distinct {
        values.push(plain(""));
    }
    let most = limit.unwrap_or(TEXT_MAX).min(TEXT_MAX);
    values.push(extreme("x".repeat(most)));
    values.retain(|value| value.text.chars().count() <= most);
    values
}

fn letter(n: usize) -> char {
    let letters = ('a'..='z').chain('A'..='Z');
    letters.cycle().nth(n).unwrap_or('a')
}

fn arrays(element: &str) -> Vec<Value> {
    let inner = Column { base: element.to_owned(), modifier: -1, ..Column::default() };
    let quoted = |value: &Value| {
        let text = value.text.replace('\\', r"\\").replace('"', "\\\"");
        Value { text: format!("{{\"{text}\"}}"), extreme: value.extreme }
    };
    let mut values: Vec<Value> = of_type(&inner, false).iter().map(quoted).collect();
    values.insert(1.min(values.len()), plain("{}"));
    values.push(extreme("{NULL}"));
    values
}

/// Ranges that do not overlap, several of which an exclusion constraint allows, and the widest.
fn ranges(over: &str) -> Vec<Value> {
    let bound = |n: usize| match over {
        "integer" | "bigint" | "numeric" => (10 * n).to_string(),
        "date" => format!("2026-{n:02}-01"),
        _ => format!("2026-{n:02}-01 00:00:00+00"),
    };
    let months = (1..12).map(|n| plain(format!("[\"{}\",\"{}\")", bound(n), bound(n + 1))));
    months.chain([extreme("empty"), extreme("(,)")]).collect()
}

/// The values that the conditions suggest: those that they name and the neighbouring ones.
fn hinted(column: &Column, expressions: &[&str]) -> Vec<Value> {
    let numeric = ["smallint", "integer", "bigint", "numeric", "real", "double precision", "money"];
    let is_number = numeric.contains(&column.base.as_str());
    let is_text =
        ["text", "character varying", "character", "citext"].contains(&column.base.as_str());
    let mut values = Vec::new();
    for literal in expressions.iter().flat_map(|expression| hints::literals(expression)) {
        let number = literal.parse::<f64>().ok().filter(|number| number.is_finite());
        match number {
            Some(number) if is_number => values.extend(around(&literal, number)),
            Some(number) if is_text => {
                let most = limit(column).unwrap_or(TEXT_MAX);
                values.extend(lengths(number, most).map(|n| plain("k".repeat(n))));
            }
            Some(number) if column.base == "bytea" => {
                let bytes =
                    |n: usize| (1..=HINTED).map(move |k| format!(r"\x{k:0width$x}", width = 2 * n));
                values.extend(lengths(number, TEXT_MAX).flat_map(bytes).map(plain));
            }
            _ => {}
        }
        if is_text {
            let most = limit(column).unwrap_or(TEXT_MAX);
            let patterns = hints::matching(&literal).into_iter().chain([literal]);
            values.extend(patterns.filter(|text| text.chars().count() <= most).map(plain));
        } else if matches!(column.base.as_str(), "json" | "jsonb") {
            let key = serde_json::Value::from(literal);
            values.push(plain(format!("{{{key}: 1}}")));
        } else if !is_number {
            values.push(plain(literal));
        }
    }
    values
}

fn around(literal: &str, number: f64) -> Vec<Value> {
    let beside = |step: f64| (number + step).to_string();
    [literal.to_owned(), beside(1.0), beside(-1.0), beside(0.5)]
        .into_iter()
        .map(|text| Value { text, extreme: number.abs() > LARGE })
        .collect()
}

/// The lengths about one that a condition names.
fn lengths(number: f64, most: usize) -> impl Iterator<Item = usize> {
    let named = number >= 1.0 && number.fract() == 0.0 && number < most as f64;
    let length = if named { number as usize } else { 0 };
    (length.saturating_sub(1)..=length + 1).filter(move |length| named && *length > 0)
}

#[cfg(test)]
mod tests {
    use super::{About, candidates};
    use model::rows::Column;

    fn of(base: &str, modifier: i32, expressions: &[&str], distinct: bool) -> Vec<String> {
        let column = Column { base: base.into(), modifier, ..Column::default() };
        let about = About { expressions, distinct, ..About::default() };
        let values = candidates(&column, about);
        values.into_iter().map(|value| value.text).collect()
    }

    #[test]
    fn the_largest_number_has_all_digits() {
        let money = of("numeric", ((12 << 16) | 2) + 4, &[], false);
        assert!(money.contains(&"9999999999.99".to_owned()), "{money:?}");
        assert!(money.contains(&"-9999999999.99".to_owned()), "{money:?}");
        let part = of("numeric", ((4 << 16) | 4) + 4, &[], false);
        assert!(part.contains(&"0.9999".to_owned()) && part.contains(&"0.1".to_owned()));
        assert!(!part.contains(&"1".to_owned()), "{part:?}");
    }

    #[test]
    fn a_text_is_no_longer_than_its_column() {
        for limit in [1, 2, 3, 8, 5000] {
            let texts = of("character varying", limit + 4, &["(char_length(a) >= 6)"], true);
            let longest = texts.iter().map(|text| text.chars().count()).max();
            assert_eq!(longest, Some(usize::try_from(limit).unwrap().min(1000)));
        }
        assert!(of("character", 5, &[], true).len() > 30);
    }

    #[test]
    fn a_key_is_no_empty_text() {
        assert!(!of("text", -1, &[], true).contains(&String::new()));
        assert!(of("text", -1, &[], false).contains(&String::new()));
    }

    #[test]
    fn values_of_a_condition_come_first() {
        let check = "((state)::text = ANY (ARRAY['open'::text, 'it''s'::text]))";
        assert_eq!(of("text", -1, &[check], false)[..2], ["open", "it's"]);
        assert_eq!(of("integer", -1, &["(a > 17)"], false)[..3], ["17", "18", "16"]);
        assert!(
            of("text", -1, &["(a ~ '^[A-Z]{3}-[0-9]+$'::text)"], false)[0].starts_with("AAA-0")
        );
        assert!(of("jsonb", -1, &["(a ? 'kind'::text)"], false).contains(&r#"{"kind": 1}"#.into()));
    }
}
