//! Statements of the running version, made from the catalogue and one row of each table.

use std::collections::{BTreeMap, BTreeSet};

use model::production::{Act, Catalog, Column, Oid, Relation, Use};
use model::quoting::{identifier, literal};

/// One row of each table: each column as a literal, `None` where it is NULL.
pub type Samples = BTreeMap<Oid, Vec<Option<String>>>;

/// The statements that the running version may run. Each role with a privilege runs them, and the
/// owner does if no role may write.
pub fn uses(catalog: &Catalog, samples: &Samples) -> Vec<Use> {
    let owner = (!catalog.roles.iter().any(|(_, writes)| *writes)).then_some(None);
    let roles = catalog.roles.iter().map(|(name, _)| Some(name.clone())).chain(owner);
    let mut uses = Vec::new();
    for role in roles {
        // A part is used through the whole.
        let used = catalog.relations.iter().filter(|r| "rpvm".contains(r.kind));
        for relation in used.filter(|r| r.parent.is_none()) {
            let of = Table::new(catalog, relation, samples.get(&relation.oid));
            uses.extend(of.uses().into_iter().map(|used| Use { role: role.clone(), ..used }));
        }
        uses.extend(catalog.labels.iter().map(|(kind, label)| Use {
            role: role.clone(),
            relation: 0,
            column: Some(kind.clone()),
            act: Act::Label,
            sql: format!("SELECT {}::{kind}", literal(label)),
        }));
    }
    uses
}

/// A relation and its known properties.
struct Table<'c> {
    relation: &'c Relation,
    /// Its columns, each with the literal of its one row.
    columns: Vec<(&'c Column, Option<String>)>,
    keys: Vec<&'c [String]>,
    /// Whether it says alone which rows of other tables belong together: no row of it lacks one of them.
    associates: bool,
}

impl<'c> Table<'c> {
    fn new(
        catalog: &'c Catalog,
        relation: &'c Relation,
        sample: Option<&Vec<Option<String>>>,
    ) -> Table<'c> {
        let columns = catalog.columns.iter().filter(|c| c.of == relation.oid && !c.dropped);
        let cells = columns.enumerate().map(|(at, column)| {
            let cell = sample.and_then(|cells| cells.get(at)?.clone());
            let plain = |cell: String| match column.numeric {
                true => cell.trim_matches('\'').to_owned(),
                false => cell,
            };
            (column, cell.map(plain))
        });
        let keys = catalog.keys.iter().filter(|key| key.of == relation.oid);
        let (columns, keys) = (cells.collect::<Vec<_>>(), keys.map(|key| &*key.columns).collect());
        let foreign = catalog.foreign.iter().filter(|(_, of, _)| *of == relation.oid).count();
        let associates = foreign > 1 && foreign >= columns.len();
        Table { relation, columns, keys, associates }
    }

    fn uses(&self) -> Vec<Use> {
        let name = &self.relation.name;
        let (mut uses, writes) = (Vec::new(), "rp".contains(self.relation.kind));
        let row = self.one_row();
        self.say(&mut uses, None, Act::Count, format!("SELECT count(*) FROM {name}"));
        for (column, cell) in &self.columns {
            let (own, about) = (identifier(&column.name), Some(column.name.as_str()));
            self.say(&mut uses, about, Act::Read, format!("SELECT {own} FROM {name} LIMIT 1"));
            let Some(cell) = cell else { continue };
            if column.comparable {
                let sql = format!("SELECT 1 FROM {name} WHERE {own} = {cell} LIMIT 1");
                self.say(&mut uses, about, Act::Compare, sql);
            }
            if let (true, false, Some((columns, row))) = (writes, column.generated, &row)
                && !columns.contains(&column.name)
            {
                let sql = format!("UPDATE {name} SET {own} = {cell} WHERE {row}");
                self.say(&mut uses, about, Act::Update, sql);
            }
        }
        if let Some(insert) = self.insert().filter(|_| writes) {
            // The copy of an existing row may conflict with that row, unless each key has a value
            // of its own.
            let is_given = |name: &String| {
                self.columns.iter().any(|(column, _)| column.name == *name && column.required)
            };
            let is_own = |key: &&[String]| !key.iter().all(is_given);
            let is_new = !self.keys.is_empty() && self.keys.iter().all(is_own);
            let plain = if is_new { "" } else { " ON CONFLICT DO NOTHING" };
            self.say(&mut uses, None, Act::Insert, format!("{insert}{plain}"));
            for key in &self.keys {
                let key: Vec<String> = key.iter().map(|name| identifier(name)).collect();
                let sql = format!("{insert} ON CONFLICT ({}) DO NOTHING", key.join(", "));
                self.say(&mut uses, None, Act::Upsert, sql);
            }
        }
        if let Some((_, row)) = row.filter(|_| writes) {
            self.say(&mut uses, None, Act::Delete, format!("DELETE FROM {name} WHERE {row}"));
        }
        uses
    }

    fn say(&self, uses: &mut Vec<Use>, column: Option<&str>, act: Act, sql: String) {
        let (relation, column) = (self.relation.oid, column.map(str::to_owned));
        uses.push(Use { role: None, relation, column, act, sql });
    }

    /// The condition for the one row, with its columns: a key, else all that can be compared.
    fn one_row(&self) -> Option<(BTreeSet<String>, String)> {
        let known = |name: &String| {
            let (_, cell) = self.columns.iter().find(|(column, _)| column.name == *name)?;
            Some(format!("{} = {}", identifier(name), cell.as_ref()?))
        };
        for key in &self.keys {
            let conditions: Option<Vec<String>> = key.iter().map(known).collect();
            if let Some(conditions) = conditions {
                return Some((key.iter().cloned().collect(), conditions.join(" AND ")));
            }
        }
        let plain = self.columns.iter().filter(|(column, _)| column.comparable);
        let conditions: Vec<String> = plain.filter_map(|(column, _)| known(&column.name)).collect();
        (!conditions.is_empty()).then(|| (BTreeSet::new(), conditions.join(" AND ")))
    }

    /// An insert of the columns that a row must have, with the values of the one row; `None`: a value is
    /// unknown.
    fn insert(&self) -> Option<String> {
        let name = &self.relation.name;
        let is_given = |(column, _): &&(&Column, _)| column.required || self.associates;
        let required: Vec<_> = self.columns.iter().filter(is_given).collect();
        if required.is_empty() {
            return Some(format!("INSERT INTO {name} DEFAULT VALUES"));
        }
        let names: Vec<String> = required.iter().map(|(c, _)| identifier(&c.name)).collect();
        let cells: Option<Vec<String>> = required.iter().map(|(_, cell)| cell.clone()).collect();
        Some(format!("INSERT INTO {name} ({}) VALUES ({})", names.join(", "), cells?.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The insert into a table of two columns, whose foreign keys are the first so many.
    fn insert(foreign: usize) -> Option<String> {
        let columns = ["role_id", "user_id"].map(|name| Column {
            of: 1,
            name: name.into(),
            ..Column::default()
        });
        let relation = Relation { oid: 1, name: "grants".into(), kind: 'r', ..Relation::default() };
        let catalog = Catalog {
            relations: vec![relation],
            columns: columns.to_vec(),
            foreign: [(5, 1, 2), (6, 1, 3)][..foreign].to_vec(),
            ..Catalog::default()
        };
        let samples = Samples::from([(1, vec![Some("1".into()), Some("2".into())])]);
        let mut uses = uses(&catalog, &samples).into_iter();
        Some(uses.find(|used| used.act == Act::Insert)?.sql)
    }

    #[test]
    fn row_of_an_association_is_given_both_ends() {
        let both =
            "INSERT INTO grants (\"role_id\", \"user_id\") VALUES (1, 2) ON CONFLICT DO NOTHING";
        assert_eq!(insert(2).as_deref(), Some(both));
        let none = "INSERT INTO grants DEFAULT VALUES ON CONFLICT DO NOTHING";
        assert_eq!(insert(1).as_deref(), Some(none));
    }
}
