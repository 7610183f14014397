//! A small Alembic tree: as it is written, and after each of its edits.

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
    pub edits: Vec<Edit>,
}

/// A text in a file, and what takes its place. A file that is not there is made.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Edit {
    pub name: String,
    pub file: String,
    pub from: String,
    pub to: String,
    /// What plain Alembic says of the tree after it.
    pub plain: StepOutcome,
    /// What the gate says, where the contract wants something else.
    pub gate: Option<StepOutcome>,
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
            edits: Vec::new(),
        }
    }
}

/// One that makes the head fail.
impl Default for Edit {
    fn default() -> Edit {
        Edit {
            name: String::new(),
            file: HEAD.into(),
            from: "# here".into(),
            to: "raise ValueError".into(),
            plain: StepOutcome::Upgrade,
            gate: None,
        }
    }
}

/// All trees.
pub fn cases() -> Vec<Case> {
    serde_yaml::from_str(include_str!("../../test_data/fidelity.yaml")).unwrap()
}

impl Case {
    /// Writes the tree as it is before an edit, into a folder that is not there yet.
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
}

impl Edit {
    /// What the gate must say of the tree after it.
    pub fn gated(&self) -> StepOutcome {
        self.gate.unwrap_or(self.plain)
    }

    /// Makes the edit.
    pub fn make(&self, folder: &Path) {
        if self.from.is_empty() {
            fs::write(folder.join(&self.file), &self.to).unwrap();
        } else {
            self.replace(folder, &self.from, &self.to);
        }
    }

    /// Takes the edit back.
    pub fn take_back(&self, folder: &Path) {
        if self.from.is_empty() {
            fs::remove_file(folder.join(&self.file)).unwrap();
        } else {
            self.replace(folder, &self.to, &self.from);
        }
    }

    fn replace(&self, folder: &Path, from: &str, to: &str) {
        let path = folder.join(&self.file);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{}: {from:?} in {path:?}", self.name);
        fs::write(path, text.replace(from, to)).unwrap();
    }
}

/// Saves the head with one more comment.
pub fn save_head(folder: &Path) {
    let text = fs::read_to_string(folder.join(HEAD)).unwrap();
    fs::write(folder.join(HEAD), text + "# saved\n").unwrap();
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}
