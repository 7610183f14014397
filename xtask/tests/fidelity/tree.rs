//! A small Alembic tree in two forms: as it is written, and after one edit.

use std::fs;
use std::path::Path;

/// Outcome of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    /// Each succeeded.
    Pass,
    /// `upgrade head` failed.
    Upgrade,
    /// `downgrade -1` failed.
    Downgrade,
    /// The second `upgrade head` failed.
    Again,
}

/// One tree. Every text is Python without indentation, and empty unless it is needed.
pub struct Case {
    pub name: &'static str,
    /// More lines of the ini, and more sections.
    pub ini: &'static str,
    /// The beginning of env.py.
    pub env: &'static str,
    /// More arguments of `context.configure`.
    pub configure: &'static str,
    /// What env.py does with `migrate(connection)`.
    pub run: &'static str,
    /// The end of env.py.
    pub end: &'static str,
    /// What the upgrade of the first revision does after it created `items`.
    pub first: &'static str,
    /// The module of the head, before its functions.
    pub top: &'static str,
    /// What its upgrade does after it added a column.
    pub up: &'static str,
    /// What its downgrade does before it drops the column.
    pub down: &'static str,
    /// Other files: path and text.
    pub files: &'static [(&'static str, &'static str)],
    /// The edit: a file, a text in it, and what takes its place. A file that is not there is made.
    pub edit: (&'static str, &'static str, &'static str),
    /// What plain Alembic says of both forms.
    pub plain: (StepOutcome, StepOutcome),
    /// What the gate says, where the contract wants something else.
    pub gate: Option<(StepOutcome, StepOutcome)>,
}

/// A tree with nothing special about it, for the fields that a case leaves alone.
pub const SOUND: Case = Case {
    name: "",
    ini: "",
    env: "",
    configure: "",
    run: "engine = create_engine(os.environ['DATABASE_URL'], poolclass=pool.NullPool)\n\
          with engine.connect() as connection:\n    migrate(connection)",
    end: "",
    first: "",
    top: "",
    up: "",
    down: "",
    files: &[],
    edit: ("versions/b2.py", "# here", "raise ValueError"),
    plain: (StepOutcome::Pass, StepOutcome::Upgrade),
    gate: None,
};

/// The file of the head.
pub const HEAD: &str = "versions/b2.py";

impl Case {
    /// What the gate must say of both forms.
    pub fn gated(&self) -> (StepOutcome, StepOutcome) {
        self.gate.unwrap_or(self.plain)
    }

    /// Writes the tree as it is before the edit, into a folder that is not there yet.
    pub fn write(&self, folder: &Path) {
        let put = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let ini = "[alembic]\nscript_location = %(here)s\npath_separator = os\n";
        put("alembic.ini", &format!("{ini}{}\n", self.ini));
        let (env, configure, run, end) = (self.env, self.configure, self.run, self.end);
        put(
            "env.py",
            &format!(
                "import os\n{env}\nfrom alembic import context\n\
                 from sqlalchemy import create_engine, pool, text\n\n\n\
                 def migrate(connection):\n    \
                     context.configure(connection=connection{configure})\n    \
                     with context.begin_transaction():\n        context.run_migrations()\n\n\n\
                 {run}\n{end}\n"
            ),
        );
        let imports = "import os\n\nimport sqlalchemy as sa\nfrom alembic import op\n";
        let (first, top) = (indented(self.first), self.top);
        put(
            "versions/a1.py",
            &format!(
                "\"\"\"items\"\"\"\n{imports}\nrevision = 'a1'\ndown_revision = None\n\n\n\
                 def upgrade():\n    op.execute('CREATE TABLE items (id int PRIMARY KEY)')\n{first}\
                 \n\ndef downgrade():\n    op.execute('DROP TABLE items')\n"
            ),
        );
        let (up, down) = (indented(self.up), indented(self.down));
        put(
            HEAD,
            &format!(
                "\"\"\"prices\"\"\"\n{imports}\nrevision = 'b2'\ndown_revision = 'a1'\n{top}\n\n\n\
                 def upgrade():\n    op.execute('ALTER TABLE items ADD COLUMN price int')\n{up}    \
                 # here\n    pass\n\n\n\
                 def downgrade():\n{down}    op.execute('ALTER TABLE items DROP COLUMN price')\n"
            ),
        );
        for (name, text) in self.files {
            put(name, text);
        }
    }

    /// Makes the edit, or takes it back.
    pub fn edit(&self, folder: &Path, back: bool) {
        let (name, from, to) = self.edit;
        let path = folder.join(name);
        if from.is_empty() {
            // A file that comes and goes; what is saved in the tree with it is nothing but a comment.
            if back {
                fs::remove_file(path).unwrap();
            } else {
                fs::write(path, to).unwrap();
            }
            return;
        }
        let (from, to) = if back { (to, from) } else { (from, to) };
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{}: {from:?} in {name}", self.name);
        fs::write(path, text.replace(from, to)).unwrap();
    }

    /// Whether the file that the edit makes is outside the tree, where a watch need not look.
    pub fn is_edited_outside(&self) -> bool {
        self.edit.0.starts_with("..")
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}
