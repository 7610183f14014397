//! A tree too large to be read whole: what is new is held against all of it, and what was left alone
//! is said.

use std::fs;

use camino::Utf8PathBuf;

use super::{Terms, survey};
use crate::os::interrupt::Interrupt;
use model::tree::{DEFAULT_SECTION, Tree};

/// So many revisions, and so much text in each, are more than is read whole.
const COUNT: usize = 300;
const PADDING: usize = 4096;

struct Large {
    folder: tempfile::TempDir,
}

impl Large {
    /// A tree in which revision `n` makes table `t<n>`, but for these, which do something else.
    fn of(bodies: &[(usize, &str)]) -> Large {
        let large = Large { folder: tempfile::tempdir().unwrap() };
        fs::create_dir_all(large.path().join("m/versions")).unwrap();
        let ini = "[alembic]\nscript_location = %(here)s/m\npath_separator = os\n";
        fs::write(large.path().join("alembic.ini"), ini).unwrap();
        for number in 1..=COUNT {
            let own = bodies.iter().find(|(of, _)| *of == number).map(|(_, body)| *body);
            let made = format!("op.create_table('t{number}', sa.Column('id', sa.Integer()))");
            let (up, down) = match own {
                Some(body) => (body.to_owned(), "op.execute('SELECT 1')".to_owned()),
                None => (made, format!("op.drop_table('t{number}')")),
            };
            let parent = if number == 1 { "None".into() } else { format!("'{:04}'", number - 1) };
            let text = format!(
                "from alembic import op\nimport sqlalchemy as sa\nrevision = '{number:04}'\n\
                 down_revision = {parent}\n\n\ndef upgrade():\n    {up}\n\n\n\
                 def downgrade():\n    {down}\n\n\n# {}\n",
                "x".repeat(PADDING)
            );
            fs::write(large.path().join(format!("m/versions/{number:04}_x.py")), text).unwrap();
        }
        large
    }

    fn path(&self) -> Utf8PathBuf {
        self.folder.path().to_owned().try_into().unwrap()
    }

    /// The codes that are found, each with its revision, and the messages.
    fn lint(&self, whole: bool) -> (Vec<String>, String) {
        let ini = self.path().join("alembic.ini");
        let tree =
            Tree::plain(self.path().join("requirements.txt"), &ini, DEFAULT_SECTION, None).unwrap();
        let terms = Terms { whole, in_repository: false, ..Terms::since(None) };
        let never = Interrupt::never().unwrap();
        let surveys = survey(&[tree], &self.path(), terms, &never).unwrap();
        let findings = &surveys[0].findings;
        let name = |id: &Option<String>| id.clone().unwrap_or("tree".into());
        let codes = findings.iter().map(|f| format!("{} {}", f.code.id, name(&f.revision)));
        let messages: Vec<&str> = findings.iter().map(|f| f.message.as_str()).collect();
        (codes.collect(), messages.join("\n"))
    }

    #[track_caller]
    fn finds(&self, expected: &[&str]) -> String {
        let (codes, messages) = self.lint(false);
        let expected: Vec<&str> = [&["MG215 tree"], expected].concat();
        assert_eq!(codes, expected, "{messages}");
        messages
    }
}

#[test]
fn what_was_left_alone_is_said() {
    let large = Large::of(&[]);
    let said = large.finds(&[]);
    assert!(said.contains("299 of its 300 revisions") && said.contains("--whole"), "{said}");
    assert_eq!(large.lint(true).0, Vec::<String>::new());
}

#[test]
fn what_is_new_is_held_against_all_of_it() {
    let said =
        Large::of(&[(COUNT, "op.execute('create table T7 (id int)')")]).finds(&["MG006 0300"]);
    assert!(said.contains("m/versions/0007_x.py:8"), "{said}");
    Large::of(&[
        (20, "op.drop_table('t7')"),
        (COUNT, "op.add_column('t7', sa.Column('a', sa.Text()))"),
    ])
    .finds(&["MG222 0300"]);
    Large::of(&[(COUNT, "op.drop_table('t8')")]).finds(&[]);
    Large::of(&[(COUNT, "op.drop_table('never')")]).finds(&["MG221 0300"]);
    Large::of(&[(COUNT, "op.execute('GRANT SELECT ON t7 TO reader')")]).finds(&["MG002 0300"]);
    Large::of(&[
        (30, "op.execute('CREATE ROLE reader')"),
        (COUNT, "op.execute('GRANT SELECT ON t7 TO reader')"),
    ])
    .finds(&[]);
}

#[test]
fn a_name_is_followed_to_what_it_was_before() {
    let renamed = (20, "op.rename_table('t7', 'orders')");
    Large::of(&[renamed, (COUNT, "op.drop_table('orders')")]).finds(&[]);
    Large::of(&[renamed, (COUNT, "op.drop_table('t7')")]).finds(&["MG221 0300"]);
}

#[test]
fn nothing_is_said_of_a_name_that_no_search_finds() {
    let composed = (20, "[op.execute(f'CREATE TABLE {x}_log (id int)') for x in ('audit', 'b')]");
    let looped = (21, "for x in ('audit', 'b'): op.execute(f'CREATE TABLE {x}_trail (id int)')");
    Large::of(&[composed, (COUNT, "op.drop_table('audit_log')")]).finds(&[]);
    Large::of(&[looped, (COUNT, "op.drop_table('audit_trail')")]).finds(&[]);
}

#[test]
fn what_is_wrong_among_the_others_takes_a_whole_reading() {
    let large = Large::of(&[(100, "op.execute('CREATE TABLE t7 (id int)')")]);
    large.finds(&[]);
    assert_eq!(large.lint(true).0, ["MG006 0100"]);
    // Nor is a comment about it one that nothing needs.
    let allowed = "op.execute('CREATE TABLE t7 (id int)')  # migration-gate: allow MG006 so it is";
    Large::of(&[(100, allowed)]).finds(&[]);
}

#[test]
fn imports_are_looked_for_in_the_repository() {
    let imports = "import app.models, vendor, beside, m.helpers, src_only, docs, app.nothing\n    ";
    let large = Large::of(&[(COUNT, &format!("{imports}op.execute('SELECT 1')"))]);
    for file in
        ["app/__init__.py", "app/models.py", "m/beside.py", "m/helpers.py", "src/src_only.py"]
    {
        let file = large.path().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "").unwrap();
    }
    // A folder that is no package.
    fs::create_dir_all(large.path().join("docs")).unwrap();
    let said = large.finds(&["MG251 0300", "MG251 0300", "MG251 0300"]);
    for line in
        ["`app.models` is code of this repository: app/models.py", "src/src_only.py", "app.nothing"]
    {
        assert!(said.contains(line), "{said}");
    }
}
