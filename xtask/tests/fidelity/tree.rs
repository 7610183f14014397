//! A small Alembic tree in two forms: as it is written, and after one edit.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

/// Outcome of one step.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
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

/// One tree, as `test_data/fidelity.yaml` has it, which says what its fields are.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Case {
    pub name: String,
    pub ini: String,
    pub env: String,
    pub configure: String,
    pub run: String,
    pub end: String,
    pub first: String,
    pub top: String,
    pub up: String,
    pub down: String,
    /// Other files: path and text.
    pub files: BTreeMap<String, String>,
    pub edit: Edit,
    /// What plain Alembic says of both forms.
    pub plain: (StepOutcome, StepOutcome),
    /// What the gate says, where the contract wants something else.
    pub gate: Option<(StepOutcome, StepOutcome)>,
}

/// A text in a file, and what takes its place. A file that is not there is made.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Edit {
    pub file: Option<String>,
    pub from: String,
    pub to: String,
}

/// The file of the head.
pub const HEAD: &str = "versions/b2.py";
const RUN: &str = "engine = create_engine(os.environ['DATABASE_URL'], poolclass=pool.NullPool)\n\
                   with engine.connect() as connection:\n    migrate(connection)";

/// A tree with nothing special about it.
impl Default for Case {
    fn default() -> Case {
        Case {
            name: String::new(),
            ini: String::new(),
            env: String::new(),
            configure: String::new(),
            run: RUN.into(),
            end: String::new(),
            first: String::new(),
            top: String::new(),
            up: String::new(),
            down: String::new(),
            files: BTreeMap::new(),
            edit: Edit { file: None, from: "# here".into(), to: "raise ValueError".into() },
            plain: (StepOutcome::Pass, StepOutcome::Upgrade),
            gate: None,
        }
    }
}

/// All trees.
pub fn cases() -> Vec<Case> {
    serde_yaml::from_str(include_str!("../../test_data/fidelity.yaml")).unwrap()
}

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
        let Case { env, configure, run, end, top, .. } = self;
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
        let first = indented(&self.first);
        put(
            "versions/a1.py",
            &format!(
                "\"\"\"items\"\"\"\n{imports}\nrevision = 'a1'\ndown_revision = None\n\n\n\
                 def upgrade():\n    op.execute('CREATE TABLE items (id int PRIMARY KEY)')\n{first}\
                 \n\ndef downgrade():\n    op.execute('DROP TABLE items')\n"
            ),
        );
        let (up, down) = (indented(&self.up), indented(&self.down));
        put(
            HEAD,
            &format!(
                "\"\"\"prices\"\"\"\n{imports}\nrevision = 'b2'\ndown_revision = 'a1'\n{top}\n\n\n\
                 def upgrade():\n    op.execute('ALTER TABLE items ADD COLUMN price int')\n{up}    \
                 # here\n    pass\n\n\n\
                 def downgrade():\n{down}    op.execute('ALTER TABLE items DROP COLUMN price')\n"
            ),
        );
        for (name, text) in &self.files {
            put(name, text);
        }
    }

    /// Makes the edit, or takes it back.
    pub fn edit(&self, folder: &Path, back: bool) {
        let Edit { from, to, .. } = &self.edit;
        let path = folder.join(self.edited());
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
        assert_eq!(text.matches(from).count(), 1, "{}: {from:?} in {path:?}", self.name);
        fs::write(path, text.replace(from, to)).unwrap();
    }

    /// The file of the edit.
    pub fn edited(&self) -> &str {
        self.edit.file.as_deref().unwrap_or(HEAD)
    }

    /// Whether the file that the edit makes is outside the tree, where a watch need not look.
    pub fn is_edited_outside(&self) -> bool {
        self.edited().starts_with("..")
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}
