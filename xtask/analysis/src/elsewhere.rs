//! Objects of a failed statement that the chain has elsewhere: as another kind of object, on another
//! table, or made by another revision. The remedy says so.

use crate::effect::{Effect, Kind, Object};
use crate::history::deeds;
use crate::later::chain_around;
use crate::schema_diff::mentions;
use crate::script::Script;
use crate::sql;
use model::finding::Finding;
use model::graph::Graph;
use model::transcript::Direction;

/// Gives a finding the remedy of its case, where the chain has the object elsewhere.
pub fn tell(finding: &mut Finding, scripts: &[Script], graph: &Graph) {
    let steps = steps(finding, scripts, graph);
    finding.own_steps.extend(steps.unwrap_or_default());
}

fn steps(finding: &Finding, scripts: &[Script], graph: &Graph) -> Option<Vec<String>> {
    let said = finding.transcript.as_deref()?;
    let (raised, sqlstate) = (said.headline()?, said.sqlstate()?);
    let (below, own, _) = chain_around(finding, scripts, graph)?;
    let is_named = |object: &Object| {
        mentions(&raised.message, object.name.rsplit('.').next().unwrap_or_default())
    };
    let mut effects = sql::read(said.statement.as_deref()?).into_iter();
    effects.find_map(|(_, effect)| match (effect, sqlstate) {
        (Effect::Create(object, _), "42710") if object.kind == Kind::Type && is_named(&object) => {
            type_of_another(&object.name, &below, own)
        }
        (Effect::Drop { object, .. }, state) if is_named(&object) => {
            let step = match (object.kind, state) {
                (Kind::Column | Kind::Constraint | Kind::Index, "42703" | "42704")
                | (Kind::Index, "2BP01") => found_elsewhere(&object, &below, own)?,
                // On a way up, the table may be what the chain began on.
                (Kind::Table, "42P01") if finding.direction() == Some(Direction::Downgrade) => {
                    let name = &object.name;
                    format!("no table `{name}` is there: correct the name, or delete this drop")
                }
                _ => return None,
            };
            Some(vec![step])
        }
        _ => None,
    })
}

/// The remedy for a type that an earlier revision made, and nothing dropped: its own columns use it.
fn type_of_another(name: &str, below: &[&Script], own: &Script) -> Option<Vec<String>> {
    let is_it = |object: &Object| object.kind == Kind::Type && object.name == name;
    let goes = deeds(own.body().upgrade.as_ref()).any(|deed| drops(&deed.effect, is_it));
    let (maker, _) = made_last(below, is_it).filter(|_| !goes)?;
    let id = &maker.revision.text;
    Some(vec![
        format!(
            "type `{name}` belongs to revision {id}, which creates it: use it as it is. In a column write \
             `postgresql.ENUM(…, name=\"{name}\", create_type=False)` (`sa.Enum` does not know \
             `create_type`); in SQL leave `CREATE TYPE` out"
        ),
        format!(
            "`downgrade()` must not drop it: it goes with revision {id}; where another type is meant, give \
             it another name"
        ),
    ])
}

/// What has the name of an object that is dropped and that does not exist, unless the downgrade drops
/// that as well.
fn found_elsewhere(object: &Object, below: &[&Script], own: &Script) -> Option<String> {
    let chain: Vec<&Script> = below.iter().copied().chain([own]).collect();
    let (name, is) = (&object.name, |kind: Kind| {
        move |made: &Object| made.kind == kind && made.name == object.name
    });
    let (_, found) = match object.kind {
        Kind::Column => made_last(&[own], is(Kind::Column)),
        Kind::Constraint => made_last(&chain, is(Kind::Index)),
        _ => made_last(&chain, is(Kind::Constraint)),
    }?;
    let table = found
        .table
        .as_ref()
        .filter(|table| found.kind != Kind::Column || Some(*table) != object.table.as_ref())?;
    let is_found = |gone: &Object| {
        gone.kind == found.kind
            && gone.name == *name
            && gone.table.as_ref().is_none_or(|of| of == table)
    };
    if deeds(own.body().downgrade.as_ref()).any(|deed| drops(&deed.effect, is_found)) {
        return None;
    }
    Some(match found.kind {
        Kind::Column => format!(
            "this revision adds column `{name}` to `{table}`: drop it there, \
             `op.drop_column(\"{table}\", \"{name}\")`"
        ),
        Kind::Index => format!(
            "`{name}` is an index of `{table}`: write `op.drop_index(\"{name}\", table_name=\"{table}\")`"
        ),
        _ => format!(
            "`{name}` is a constraint of `{table}`: write `op.drop_constraint(\"{name}\", \"{table}\")`"
        ),
    })
}

/// The revision that made the last of such objects for certain, and the object, unless it was dropped
/// afterwards.
fn made_last<'s>(
    chain: &[&'s Script],
    is_it: impl Fn(&Object) -> bool,
) -> Option<(&'s Script, Object)> {
    let upgrades = chain.iter().rev().flat_map(|script| {
        let all: Vec<_> = deeds(script.body().upgrade.as_ref()).collect();
        all.into_iter().rev().map(move |deed| (*script, deed))
    });
    let mut last = upgrades.filter_map(|(script, deed)| match &deed.effect {
        Effect::Create(object, _) if is_it(object) => {
            Some((!deed.conditional).then(|| (script, object.clone())))
        }
        effect if drops(effect, &is_it) => Some(None),
        _ => None,
    });
    last.next()?
}

/// Whether an object goes, or gets another name.
fn drops(effect: &Effect, is_it: impl Fn(&Object) -> bool) -> bool {
    matches!(effect, Effect::Drop { object, .. } | Effect::Rename { object, .. } if is_it(object))
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;

    use super::*;
    use crate::graph;
    use model::code;
    use model::transcript::{Exception, Transcript};

    /// The remedy of the last revision of a chain, where a statement of its downgrade fails.
    fn told(upgrades: &[&str], (statement, sqlstate, message): (&str, &str, &str)) -> String {
        let scripts = upgrades.iter().enumerate().map(|(number, upgrade)| {
            let parent = if number == 0 { "None".to_owned() } else { format!("'{number}'") };
            let id = number + 1;
            let text = format!(
                "import sqlalchemy as sa\nfrom alembic import op\nrevision = '{id}'\n\
                 down_revision = {parent}\ndef upgrade():\n    {upgrade}\n"
            );
            Script::read(Utf8Path::new(&format!("{id}.py")), text.as_bytes()).0.unwrap()
        });
        let scripts: Vec<Script> = scripts.collect();
        let graph = graph::build(&scripts.iter().collect::<Vec<_>>());
        let raised = Exception {
            sqlstate: Some(sqlstate.into()),
            message: message.into(),
            ..Exception::default()
        };
        let said = Transcript {
            exceptions: vec![raised],
            statement: Some(statement.into()),
            ..Transcript::default()
        };
        let mut finding = Finding {
            direction: Some(Direction::Downgrade),
            revision: Some(upgrades.len().to_string()),
            transcript: Some(Box::new(said)),
            ..Finding::new(&code::MIGRATION_FAILED, "it fails")
        };
        tell(&mut finding, &scripts, &graph);
        finding.own_steps.join("; ")
    }

    const PETS: &str = "op.create_table('pets', sa.Column('k', sa.Enum('cat', name='kind')), sa.Column('n', sa.Integer()))";

    #[test]
    fn type_of_an_earlier_revision_is_used_and_not_dropped() {
        let again = ("CREATE TYPE kind AS ENUM ('cat')", "42710", "type \"kind\" already exists");
        let uses = "op.create_table('dens', sa.Column('k', sa.Enum('cat', name='kind')))";
        let said = told(&[PETS, uses], again);
        assert!(said.contains("type `kind` belongs to revision 1"), "{said}");
        assert!(said.contains("name=\"kind\", create_type=False"), "{said}");
        assert!(said.contains("`downgrade()` must not drop it"), "{said}");
        // A column that has the name of the type makes none.
        let column = "op.create_table('pets', sa.Column('kind', sa.Text()))";
        assert_eq!(told(&[column, uses], again), "");
        // SQLAlchemy does not make the type of a column that is added.
        let added = "op.add_column('pets', sa.Column('k', sa.Enum('cat', name='kind')))";
        assert_eq!(told(&[added, uses], again), "");
        // What has gone in between was left by the revision's own downgrade.
        let goes = "op.execute('DROP TYPE kind')";
        assert_eq!(told(&[PETS, goes, uses], again), "");
        assert_eq!(told(&[PETS, &format!("{goes}\n    {uses}")], again), "");
        let renamed = "op.execute('ALTER TYPE kind RENAME TO kind_old')";
        assert_eq!(told(&[PETS, &format!("{renamed}\n    {uses}")], again), "");
        // It may not have been made.
        assert_eq!(told(&[&format!("if op.get_bind():\n        {PETS}"), uses], again), "");
    }

    #[test]
    fn dropped_object_is_named_where_it_is() {
        let no_column = |name: &str| {
            let message = format!("column \"{name}\" of relation \"dens\" does not exist");
            (format!("ALTER TABLE dens DROP COLUMN {name}"), message)
        };
        let (sql, message) = no_column("age");
        let on_pets = "op.add_column('pets', sa.Column('age', sa.Integer()))";
        let said = told(&[PETS, on_pets], (&sql, "42703", &message));
        assert!(said.ends_with("`op.drop_column(\"pets\", \"age\")`"), "{said}");
        let both = format!("{on_pets}\ndef downgrade():\n    op.drop_column('pets', 'age')");
        assert_eq!(told(&[PETS, &both], (&sql, "42703", &message)), "");
        // Another revision adds it there, or this one adds it to the very table.
        assert_eq!(told(&[on_pets, PETS], (&sql, "42703", &message)), "");
        let on_dens = "op.add_column('dens', sa.Column('age', sa.Integer()))";
        assert_eq!(told(&[PETS, on_dens], (&sql, "42703", &message)), "");

        let constraint = (
            "ALTER TABLE pets DROP CONSTRAINT by_n",
            "42704",
            "constraint \"by_n\" of relation \"pets\" does not exist",
        );
        let index = "op.create_index('by_n', 'pets', ['n'])";
        let said = told(&[PETS, index], constraint);
        assert!(said.ends_with("`op.drop_index(\"by_n\", table_name=\"pets\")`"), "{said}");
        assert_eq!(told(&[index, "op.drop_index('by_n', 'pets')"], constraint), "");
        assert_eq!(told(&[PETS, "op.create_index('by_m', 'pets', ['n'])"], constraint), "");
        let check = "op.create_check_constraint('by_n', 'pets', 'n > 0')";
        let said = told(&[check], ("DROP INDEX by_n", "42704", "index \"by_n\" does not exist"));
        assert!(said.ends_with("`op.drop_constraint(\"by_n\", \"pets\")`"), "{said}");
        let unique = "op.create_unique_constraint('by_n', 'pets', ['n'])";
        let requires = "cannot drop index by_n because constraint by_n on table pets requires it";
        let said = told(&[unique], ("DROP INDEX by_n", "2BP01", requires));
        assert!(said.ends_with("`op.drop_constraint(\"by_n\", \"pets\")`"), "{said}");
        let no_table = ("DROP TABLE pats", "42P01", "table \"pats\" does not exist");
        assert!(told(&[PETS], no_table).starts_with("no table `pats` is there"));
        let depends = "cannot drop table pets because other objects depend on it";
        assert_eq!(told(&[PETS], ("DROP TABLE pets", "2BP01", depends)), "");
        // Of two statements, another one failed.
        let both = "DROP INDEX by_n; DROP INDEX by_m";
        assert_eq!(told(&[check], (both, "42704", "index \"by_m\" does not exist")), "");
    }
}
