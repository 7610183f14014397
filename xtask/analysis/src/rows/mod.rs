//! Rows for a table, made from the catalogue alone: production may hold any row that the schema
//! allows.
//!
//! Columns in a common condition are chosen together. Postgres itself decides which of their values
//! are compatible, since it alone understands every condition: [`questions`] asks it, [`inserts`]
//! makes rows of the answers. Ordinary rows come first: with NULL wherever it is allowed, and with
//! repeated values wherever that is allowed. Then come rows of rare values: the largest numbers and
//! dates, the longest texts.

mod blame;
mod colliding;
mod filled;
mod foreseen;
mod hints;
mod losses;
mod named;
mod statements;
mod touched;
mod values;

use std::fmt::Write as _;

use self::values::{About, Value, candidates, is_well_known};
use model::quoting::{identifier, literal};
use model::rows::{Choice, Column, ForeignKey, Inserts, Table};

pub use self::blame::{code_of, filled_by, is_named_by, not_of_the_schema, table_at_fault};
pub use self::colliding::{adds_to_key, one_of_each, told_duplicates, two_rows, writes_itself};
pub use self::filled::{Need, need_values};
pub use self::foreseen::is_foreseen;
pub use self::losses::{Fate, Loss, gone_with_columns, gone_with_drops, losses};
pub use self::named::{Named, is_about_floats, named, names_values};
pub use self::touched::{Touched, touched};

/// The number of ordinary rows.
const PLAIN: usize = 30;
/// The number of rows of rare values.
const EXTREME: usize = 10;
/// The number of combinations that are tried for a group of columns.
const PRODUCT_MAX: usize = 20_000;

/// Possible values of a table's columns; dependent columns are in one group.
pub struct Draft<'t> {
    table: &'t Table,
    groups: Vec<Group<'t>>,
}

/// Columns that a condition ties together, or one alone.
struct Group<'t> {
    columns: Vec<&'t Column>,
    values: Vec<Vec<Value>>,
    conditions: Vec<&'t str>,
    /// Whether Postgres must say which values go together.
    asked: bool,
}

impl<'t> Draft<'t> {
    /// Groups a table's columns. Foreign keys and columns that the server fills are left out.
    pub fn new(table: &'t Table) -> Draft<'t> {
        let pointing = |name: &String| table.foreign.iter().any(|key| key.columns.contains(name));
        let chosen: Vec<&Column> = table
            .columns
            .iter()
            .filter(|c| !c.counted && !c.generated && !pointing(&c.name))
            .collect();
        let mut groups: Vec<Vec<&Column>> = chosen.iter().map(|column| vec![*column]).collect();
        for check in &table.checks {
            // A condition on a foreign key is left to the insert.
            if check.columns.iter().all(|name| chosen.iter().any(|c| c.name == *name)) {
                let ties = |group: &mut Vec<&Column>| {
                    group.iter().any(|column| check.columns.contains(&column.name))
                };
                let tied: Vec<&Column> = groups.extract_if(.., ties).flatten().collect();
                if !tied.is_empty() {
                    groups.push(tied);
                }
            }
        }
        let groups = groups.into_iter().map(|columns| Group::new(table, columns)).collect();
        Draft { table, groups }
    }

    /// The queries for Postgres: one for each group that it must decide, whose rows are the allowed
    /// combinations of values, each a JSON array. The second form is for a sum of integers that would
    /// overflow.
    pub fn questions(&self) -> Vec<[String; 2]> {
        let asked = self.groups.iter().filter(|group| group.asked);
        asked.map(|group| [group.question(false), group.question(true)]).collect()
    }

    /// The rows, once their parents exist. `answers` are the choices for the queried groups, in
    /// order. Fails if no choice is allowed, with the reason.
    pub fn inserts(&self, answers: Vec<Vec<Choice>>) -> Result<Inserts, String> {
        let mut answers = answers.into_iter();
        let mut choices = Vec::new();
        for group in &self.groups {
            let found = match group.asked {
                true => answers.next().unwrap_or_default(),
                false => group.alone(),
            };
            if found.is_empty() {
                return Err(group.nothing_fits());
            }
            choices.push(group.sorted(found));
        }
        let names = self.names();
        let head = match names.as_slice() {
            // A row needs at least one column: a column that the server fills is then written as
            // DEFAULT.
            [] => {
                let given = self.table.columns.iter().find(|column| !column.generated);
                let given = given.map_or(String::new(), |column| identifier(&column.name));
                let plain = vec!["(DEFAULT)".to_owned(); PLAIN];
                let head = format!("INSERT INTO {} ({given}) VALUES ", self.table.name);
                return Ok(Inserts { head, plain, extreme: Vec::new() });
            }
            names => format!("INSERT INTO {} ({}) VALUES ", self.table.name, names.join(", ")),
        };
        let row = |extreme| {
            let (names, choices) = (&names, &choices);
            move |row| self.row(row, extreme, names, choices)
        };
        let plain = (0..PLAIN).map(row(false)).collect();
        let any = choices.iter().any(|group| !group.extreme.is_empty());
        let extreme = (0..EXTREME).filter(|_| any).map(row(true)).collect();
        Ok(Inserts { head, plain, extreme })
    }

    /// The columns that are given values, as SQL writes them.
    fn names(&self) -> Vec<String> {
        let chosen = self.groups.iter().flat_map(|group| &group.columns).map(|c| &c.name);
        let mut names: Vec<String> = chosen.map(|name| identifier(name)).collect();
        for column in self.table.foreign.iter().flat_map(|key| &key.columns) {
            // If two keys share a column, the first one determines its value.
            if !names.contains(&identifier(column)) {
                names.push(identifier(column));
            }
        }
        names
    }

    fn row(&self, row: usize, extreme: bool, names: &[String], choices: &[Choices]) -> String {
        let mut cells = Vec::new();
        for (number, choices) in choices.iter().enumerate() {
            let choice = choices.pick(row, number, extreme).iter();
            cells.extend(choice.map(|v| v.as_deref().map_or_else(|| "NULL".to_owned(), literal)));
        }
        for key in &self.table.foreign {
            for (column, referenced) in key.columns.iter().zip(&key.referenced) {
                // The cells come in the order of the names.
                if names.get(cells.len()) == Some(&identifier(column)) {
                    cells.push(self.pointer(key, referenced, row, names, &cells));
                }
            }
        }
        format!("({})", cells.join(", "))
    }

    /// Whether the table only joins rows of others: one of its rows without them says nothing.
    fn is_association(&self) -> bool {
        let Table { foreign, columns, .. } = self.table;
        let points = |c: &Column| foreign.iter().any(|key| key.columns.contains(&c.name));
        foreign.len() > 1 && columns.iter().all(points)
    }

    /// A cell that points to a row of another table, or of its own.
    fn pointer(
        &self,
        key: &ForeignKey,
        referenced: &str,
        row: usize,
        names: &[String],
        cells: &[String],
    ) -> String {
        let nullable = is_nullable(self.table, key);
        if nullable && row.is_multiple_of(4) && !self.is_association() {
            return "NULL".to_owned();
        }
        if key.to == self.table.name && !nullable {
            // The first row of a table that must point to itself points to itself.
            let own = names.iter().position(|name| *name == identifier(referenced));
            return own.map_or_else(|| "DEFAULT".to_owned(), |own| cells[own].clone());
        }
        let all: Vec<String> = key.referenced.iter().map(|name| identifier(name)).collect();
        let (to, one) = (&key.to, identifier(referenced));
        format!(
            "(SELECT {one} FROM {to} ORDER BY {} LIMIT 1 OFFSET ({row} % (SELECT greatest(count(*), 1) FROM {to})))",
            all.join(", ")
        )
    }
}

impl<'t> Group<'t> {
    fn new(table: &'t Table, columns: Vec<&'t Column>) -> Group<'t> {
        let is_own = |names: &[String]| names.iter().all(|n| columns.iter().any(|c| c.name == *n));
        let conditions: Vec<&str> = table
            .checks
            .iter()
            .filter(|check| !check.columns.is_empty() && is_own(&check.columns))
            .map(|check| check.expression.as_str())
            .collect();
        let values = columns
            .iter()
            .map(|column| {
                let mut told = conditions.clone();
                told.extend(column.checks.iter().map(String::as_str));
                let divides = table.partition_columns.contains(&column.name);
                // A part of a hash takes any value, and the numbers in its bound are none.
                let is_hash = |bound: &&str| bound.contains("WITH (modulus");
                let bounds = table.bounds.iter().flatten().map(String::as_str);
                told.extend(bounds.clone().filter(|bound| divides && !is_hash(bound)));
                let about = About {
                    expressions: &told,
                    distinct: table.keys.iter().any(|key| key.as_slice() == [column.name.clone()]),
                    // Without a part for all else, other values belong nowhere.
                    named_alone: divides && !bounds.clone().any(|b| b == "DEFAULT" || is_hash(&b)),
                    table: &table.name,
                };
                candidates(column, about)
            })
            .collect();
        let asked = !conditions.is_empty() || !columns.iter().all(|column| is_well_known(column));
        Group { columns, values, conditions, asked }
    }

    fn alone(&self) -> Vec<Choice> {
        let values = self.values.iter().flatten().map(|value| vec![Some(value.text.clone())]);
        let null = self.columns.iter().any(|column| !column.not_null).then(|| vec![None]);
        null.into_iter().chain(values).collect()
    }

    fn question(&self, widens: bool) -> String {
        let most = (PRODUCT_MAX as f64).powf(1.0 / self.columns.len() as f64) as usize;
        let mut pools = Vec::new();
        let (mut typed, mut raw) = (Vec::new(), Vec::new());
        for (number, (column, values)) in self.columns.iter().zip(&self.values).enumerate() {
            let null = (!column.not_null).then(|| "NULL".to_owned());
            let texts = null.into_iter().chain(values.iter().map(|value| literal(&value.text)));
            let texts: Vec<String> = texts.take(most.max(2)).collect();
            let kind = &column.type_name;
            let is_integer = ["smallint", "integer", "bigint"].contains(&column.base.as_str());
            let compared = if widens && is_integer { "numeric" } else { kind };
            pools.push(format!(
                "gate_p{number} AS MATERIALIZED (SELECT c FROM unnest(ARRAY[{}]::text[]) AS c \
                 WHERE c IS NULL OR pg_temp.fits(c, {}))",
                texts.join(", "),
                literal(kind)
            ));
            typed.push(format!(
                "(SELECT c AS gate_r{number}, c::{compared} AS {} FROM gate_p{number}) AS gate_v{number}",
                identifier(&column.name)
            ));
            raw.push(format!("gate_r{number}"));
        }
        let raw = raw.join(", ");
        let mut sql = format!(
            "WITH {} SELECT json_build_array({raw})::text FROM {}",
            pools.join(", "),
            typed.join(", ")
        );
        for (number, condition) in self.conditions.iter().enumerate() {
            let word = if number == 0 { "WHERE" } else { "AND" };
            let _ = write!(sql, " {word} ({condition}) IS NOT FALSE");
        }
        // Mixed, to keep the first of many from being all alike; and reproducibly.
        let _ = write!(sql, " ORDER BY md5(concat_ws('|', {raw})) LIMIT 200");
        sql
    }

    fn nothing_fits(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        let demanded = self.columns.iter().flat_map(|column| &column.checks).map(String::as_str);
        let demanded: Vec<&str> = self.conditions.iter().copied().chain(demanded).collect();
        match demanded.as_slice() {
            [] => {
                let kinds: Vec<&str> = self.columns.iter().map(|c| c.type_name.as_str()).collect();
                format!("no value of {} is known for {}", kinds.join(", "), names.join(", "))
            }
            some => format!(
                "no value of {} was found that satisfies {}",
                names.join(", "),
                some.join(" and ")
            ),
        }
    }

    fn sorted(&self, choices: Vec<Choice>) -> Choices {
        let is_extreme = |choice: &Choice| {
            choice.iter().zip(&self.values).any(|(chosen, values)| {
                let value = values.iter().find(|value| Some(&value.text) == chosen.as_ref());
                value.is_some_and(|value| value.extreme)
            })
        };
        let (extreme, mut plain): (Vec<Choice>, Vec<Choice>) =
            choices.into_iter().partition(is_extreme);
        // The emptiest first: the first row has NULL wherever it is allowed.
        plain.sort_by_key(|choice| choice.iter().filter(|cell| cell.is_some()).count());
        Choices { plain, extreme }
    }
}

/// The ways of choosing a group's values.
struct Choices {
    plain: Vec<Choice>,
    extreme: Vec<Choice>,
}

impl Choices {
    /// The choice for a row: groups with the same number of choices do not go in step.
    fn pick(&self, row: usize, group: usize, extreme: bool) -> &Choice {
        let (wanted, other) =
            if extreme { (&self.extreme, &self.plain) } else { (&self.plain, &self.extreme) };
        let choices = if wanted.is_empty() { other } else { wanted };
        let length = choices.len().max(1);
        let turn = if row == 0 { 0 } else { row + group * (row / length) };
        &choices[turn % length]
    }
}

/// The tables in an order in which each comes after those that it points to, as far as possible.
pub fn parents_first(tables: &[Table]) -> Vec<&Table> {
    let mut sorted: Vec<&Table> = Vec::new();
    let mut left: Vec<&Table> = tables.iter().collect();
    while !left.is_empty() {
        let waits = |table: &Table| left.iter().any(|other| points(table, other));
        let next = left.iter().position(|table| !waits(table));
        sorted.push(left.remove(next.unwrap_or_else(|| first_of_cycle(&left))));
    }
    sorted
}

/// Of tables that all point to others of them, the one to begin with: part of a cycle, and its rows can
/// do without those that they point to.
fn first_of_cycle(left: &[&Table]) -> usize {
    let mut cycle = left.to_vec();
    loop {
        let all = cycle.clone();
        cycle.retain(|table| all.iter().any(|other| points(other, table)));
        if cycle.len() == all.len() {
            break;
        }
    }
    let is_left = |key: &&ForeignKey| left.iter().any(|other| other.name == key.to);
    let needs = |table: &Table| {
        let mut keys = table.foreign.iter().filter(|key| key.to != table.name).filter(is_left);
        keys.any(|key| !is_nullable(table, key))
    };
    let first = cycle.iter().find(|table| !needs(table)).or(cycle.first());
    left.iter().position(|table| Some(table) == first).unwrap_or(0)
}

fn points(table: &Table, to: &Table) -> bool {
    to.name != table.name && table.foreign.iter().any(|key| key.to == to.name)
}

fn is_nullable(table: &Table, key: &ForeignKey) -> bool {
    let column = |name: &String| table.columns.iter().find(|c| c.name == *name);
    key.columns.iter().filter_map(column).all(|column| !column.not_null)
}

#[cfg(test)]
mod tests;
