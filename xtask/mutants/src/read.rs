//! Mutants that lints find in the files: their names, their order, and their statements.

use super::kind::{
    Kind, When, added, edits, file, first_in, head_of, replace, revision, two_added,
};
use super::spot::Spot;
use model::incident::{Edit, State};
use model::mutant::Mutant;

/// Every mutant of a spot.
pub(super) fn of(spot: &Spot<'_>) -> Vec<Mutant> {
    let mut mutants = unreadable(spot);
    mutants.extend(in_graph(spot));
    mutants.extend(ids(spot));
    mutants.extend(kept_badly(spot));
    mutants.extend(settings(spot));
    mutants.extend(on_base(spot));
    mutants.extend(things(spot));
    mutants.extend(transactions(spot));
    mutants.extend(calls(spot));
    mutants
}

fn unreadable(spot: &Spot<'_>) -> Vec<Mutant> {
    let head = head_of(spot, "upgrade").unwrap_or_default();
    let faults = [
        (
            Kind::seen("not-python", When::Loading, "MG109", "MG202"),
            replace(spot, head, format!("<<<<<<< HEAD\n{head}")),
        ),
        (
            Kind::seen("missing-package", When::Loading, "MG108", "MG251"),
            replace(spot, head, format!("import mutant_package\n\n\n{head}")),
        ),
        (
            Kind::read("reads-at-import", "MG250"),
            replace(spot, head, format!("HOST = open(\"/dev/null\").read()\n\n\n{head}")),
        ),
        (
            Kind::seen("not-a-revision", When::Loading, "MG201", "MG201"),
            Some(edits(vec![file(spot, "mutant.py", "def now():\n    return 1\n")])),
        ),
    ];
    let faults = faults.into_iter();
    faults.filter_map(|(kind, broken)| Some(spot.mutant(&kind, broken?))).collect()
}

fn in_graph(spot: &Spot<'_>) -> Vec<Mutant> {
    let line = |field: &str| spot.file.text.lines().find(|line| line.starts_with(field));
    let assign = |field: &str, value: &str| {
        let line = line(field)?;
        replace(spot, line, format!("{field} = {value}"))
    };
    let own = format!("\"{}\"", spot.id);
    let base = revision("mutant_base", "", "pass", "pass").replace("= \"\"", "= None");
    let both = revision("mutant_merge", "", "pass", "pass")
        .replace("= \"\"", &format!("= (\"{}\", \"mutant_base\")", spot.at));
    let merged =
        edits(vec![file(spot, "mutant_base.py", &base), file(spot, "mutant_merge.py", &both)]);
    let faults = [
        (
            Kind::seen("own-parent", When::Loading, "MG203", "MG203"),
            assign("down_revision", &own).filter(|_| spot.parent.is_some()),
        ),
        (
            Kind::seen("missing-dependency", When::Loading, "MG204", "MG204"),
            assign("depends_on", "\"mutant_gone\""),
        ),
        (Kind::read("second-base", "MG205"), Some(merged)),
        (Kind::read("computed-id", "MG200"), assign("revision", &format!("\"\".join([{own}])"))),
        (Kind::run("hidden-parent", When::Never, "MG118"), Some(hidden_parent(spot))),
    ];
    let faults = faults.into_iter();
    faults.filter_map(|(kind, broken)| Some(spot.mutant(&kind, broken?))).collect()
}

/// Three revisions whose order is changed at run time, which no lint can read.
fn hidden_parent(spot: &Spot<'_>) -> State {
    let hidden = |name: &str, seems: &str, is: &str| {
        let text = revision(name, seems, "pass", "pass");
        let text = format!("{text}\n\nexec(\"down_revision = '{is}'\")\n");
        file(spot, &format!("{name}.py"), &text)
    };
    edits(vec![
        hidden("mutant_a", spot.at, "mutant_b"),
        hidden("mutant_b", "mutant_a", spot.at),
        hidden("mutant_c", "mutant_b", "mutant_a"),
    ])
}

fn ids(spot: &Spot<'_>) -> [Mutant; 2] {
    let illegal = revision("mutant-1", spot.at, "pass", "pass");
    let labelled = |id: &str, parent: &str| {
        let text = revision(id, parent, "pass", "pass");
        text.replace("branch_labels = None", "branch_labels = (\"mutant\",)")
    };
    let twice = edits(vec![
        file(spot, "mutant_a.py", &labelled("mutant_a", spot.at)),
        file(spot, "mutant_b.py", &labelled("mutant_b", "mutant_a")),
    ]);
    [
        spot.mutant(
            &Kind::seen("illegal-id", When::Loading, "MG209", "MG209"),
            edits(vec![file(spot, "mutant.py", &illegal)]),
        ),
        spot.mutant(&Kind::seen("label-twice", When::Loading, "MG210", "MG210"), twice),
    ]
}

fn kept_badly(spot: &Spot<'_>) -> Vec<Mutant> {
    let head = head_of(spot, "upgrade").unwrap_or_default();
    let comment = |text: &str| replace(spot, head, format!("# migration-gate: {text}\n{head}"));
    let name = spot.file.path.file_name().unwrap_or_default();
    // The number of another tree's revision, so that no file has it already.
    let renamed = name.strip_prefix(spot.id).map(|rest| {
        let to = spot.folder.join(format!("9999{rest}"));
        edits(vec![Edit::Rename { file: spot.file.path.clone(), to }])
    });
    let faults = [
        (Kind::read("other-number", "MG208"), renamed),
        (Kind::read("needless-allow", "MG211"), comment("allow MG241 mutant")),
        (Kind::read("allow-without-reason", "MG212"), comment("allow MG241")),
    ];
    let faults = faults.into_iter();
    faults.filter_map(|(kind, broken)| Some(spot.mutant(&kind, broken?))).collect()
}

fn settings(spot: &Spot<'_>) -> [Mutant; 2] {
    let (ini, old) = (spot.tree.ini, spot.tree.location);
    let change =
        |new: String| edits(vec![Edit::Replace { file: ini.into(), old: old.to_owned(), new }]);
    let versions = old.trim_end().replace("script_location = ", "");
    let twice =
        format!("{old}version_locations = {versions}/versions:{versions}/versions/../versions\n");
    [
        spot.mutant(
            &Kind::seen("unknown-location", When::Loading, "MG213", "MG213"),
            change("script_location = mutant_package:migrations\n".to_owned()),
        ),
        spot.mutant(&Kind::read("loaded-twice", "MG214"), change(twice)),
    ]
}

/// Changes of revisions that are on the base branch: the tree lies in a repository.
fn on_base(spot: &Spot<'_>) -> Vec<Mutant> {
    let head = head_of(spot, "upgrade").unwrap_or_default();
    let edited = replace(spot, head, format!("MUTANT = 1\n\n\n{head}"));
    let replaced = spot.parent.filter(|_| spot.is_head()).map(|parent| {
        let text = revision("mutant", parent, "pass", "pass");
        edits(vec![Edit::Remove { file: spot.file.path.clone() }, file(spot, "mutant.py", &text)])
    });
    let faults = [
        (Kind::read("edited-on-base", "MG207"), edited),
        (Kind::read("head-replaced", "MG206"), replaced),
    ];
    let mutant = |(kind, broken): (Kind, Option<State>)| {
        let mut mutant = spot.mutant(&kind, broken?);
        mutant.incident.history = Some(Vec::new());
        Some(mutant)
    };
    faults.into_iter().filter_map(mutant).collect()
}

/// Objects that are created, used and dropped in the wrong order.
fn things(spot: &Spot<'_>) -> Vec<Mutant> {
    let column =
        |table: &str| format!("op.add_column(\"{table}\", sa.Column(\"mutant\", sa.Text()))");
    let again = spot.index().map(|(index, table)| {
        added(
            spot,
            // An expression that fits every table, without names of columns.
            &format!("op.create_index(\"{index}\", \"{table}\", [sa.text(\"(1)\")])"),
            &format!("op.drop_index(\"{index}\", table_name=\"{table}\")"),
        )
    });
    let after_drop = spot.table().map(|table| {
        let drop = format!("op.execute(\"DROP TABLE {table} CASCADE\")\n{}", column(table));
        added(spot, &drop, "raise NotImplementedError")
    });
    let column_again = spot.table().map(|table| {
        let add = format!("op.add_column(\"{table}\", sa.Column(\"mutant\", sa.Text()))");
        let drop = format!("op.drop_column(\"{table}\", \"mutant\")");
        added(spot, &format!("{add}\n{add}"), &drop)
    });
    let index = "op.create_index(\"mutant\", \"alembic_version\", [\"version_num\"])";
    let unmade = "op.create_index(\"mutant\", \"mutants\", [\"id\"])";
    let faults = [
        (Kind::seen("index-twice", When::Upgrade, "MG111", "MG220"), again),
        (
            Kind::seen("dropped-unmade", When::Upgrade, "MG110", "MG221"),
            Some(added(spot, "op.drop_table(\"mutants\")", "op.execute(\"SELECT 1\")")),
        ),
        (Kind::seen("column-twice", When::Upgrade, "MG111", "MG220"), column_again),
        (
            Kind::seen("downgrade-drops-unmade", When::Downgrade, "MG106", "MG233")
                .with(&["MG221"]),
            Some(added(spot, index, "op.drop_index(\"mutants\", table_name=\"alembic_version\")")),
        ),
        (
            Kind::seen("used-after-drop", When::Upgrade, "MG110", "MG222").with(&["MG232"]),
            after_drop,
        ),
        (
            Kind::seen("used-unmade", When::Upgrade, "MG110", "MG223"),
            Some(added(spot, unmade, "op.drop_index(\"mutant\", table_name=\"mutants\")")),
        ),
    ];
    let faults = faults.into_iter();
    faults.filter_map(|(kind, broken)| Some(spot.mutant(&kind, broken?))).collect()
}

fn transactions(spot: &Spot<'_>) -> Vec<Mutant> {
    let concurrently = "op.create_index(\"mutant\", \"alembic_version\", [\"version_num\"], \
                        unique=True, postgresql_concurrently=True)";
    let label = two_added(
        spot,
        ["op.execute(\"CREATE TYPE mutant AS ENUM ('a')\")", "op.execute(\"DROP TYPE mutant\")"],
        [
            "op.execute(\"ALTER TYPE mutant ADD VALUE 'b'\")\n\
             op.execute(\"CREATE TABLE mutants (m mutant DEFAULT 'b')\")",
            "op.drop_table(\"mutants\")",
        ],
    );
    let commits = first_in(spot, "upgrade", "op.execute(\"COMMIT\")");
    let faults = [
        (
            Kind::seen("concurrently", When::Upgrade, "MG114", "MG240"),
            Some(added(
                spot,
                concurrently,
                "op.drop_index(\"mutant\", table_name=\"alembic_version\")",
            )),
        ),
        (Kind::seen("label-too-early", When::Upgrade, "MG114", "MG241"), Some(label)),
        (Kind::read("commits", "MG242"), commits),
    ];
    let faults = faults.into_iter();
    faults.filter_map(|(kind, broken)| Some(spot.mutant(&kind, broken?))).collect()
}

/// Calls that cannot work, or not each time.
fn calls(spot: &Spot<'_>) -> Vec<Mutant> {
    let long = revision("mutant_of_more_than_32_characters", spot.at, "pass", "pass");
    let unmade = ["a", "b", "c"]
        .map(|name| format!("op.add_column(\"mutants_{name}\", sa.Column(\"m\", sa.Text()))"));
    let faults = [
        (
            Kind::seen("id-too-long", When::Upgrade, "MG131", "MG217"),
            edits(vec![file(spot, "mutant.py", &long)]),
        ),
        (
            Kind::seen("nameless-drop", When::Downgrade, "MG106", "MG224"),
            added(
                spot,
                "op.execute(\"SELECT 1\")",
                "op.drop_constraint(None, \"alembic_version\", type_=\"unique\")",
            ),
        ),
        (
            Kind::seen("several-unmade", When::Upgrade, "MG225", "MG225"),
            added(spot, &unmade.join("\n"), "op.execute(\"SELECT 1\")"),
        ),
        (
            Kind::read("commit-for-concurrently", "MG243"),
            added(
                spot,
                "op.execute(\"COMMIT\")\n\
                 op.execute(\"CREATE INDEX CONCURRENTLY mutant ON alembic_version (version_num)\")",
                "op.drop_index(\"mutant\", table_name=\"alembic_version\")",
            ),
        ),
        (
            Kind::read("set-order", "MG244"),
            added(
                spot,
                "for name in {\"mutants_a\", \"mutants_b\"}:\n    \
                 op.execute(f\"CREATE TABLE {name} (id int)\")",
                "op.drop_table(\"mutants_a\")\nop.drop_table(\"mutants_b\")",
            ),
        ),
        (
            Kind::seen("asks", When::Upgrade, "MG252", "MG252"),
            added(spot, "input(\"Really?\")", "op.execute(\"SELECT 1\")"),
        ),
    ];
    faults.into_iter().map(|(kind, broken)| spot.mutant(&kind, broken)).collect()
}
