//! What one file in `versions/` says of itself, by the letter of its text.

use std::ops::Range;

use camino::{Utf8Path, Utf8PathBuf};

use super::body::{self, Body};
use super::python::{Constant, Env, Module, Value};
use crate::model::code::{self, Code};

/// A revision file that says which revision it is.
pub struct Script {
    /// The file, relative to the root where it lies below.
    pub file: Utf8PathBuf,
    /// Its text.
    pub module: Module,
    /// What its top level binds.
    pub constants: Env<'static>,
    /// Its id.
    pub revision: Ident,
    /// The ids of its parents.
    pub down_revision: Field,
    /// Its branch labels.
    pub branch_labels: Field,
    /// The ids and labels that it depends on.
    pub depends_on: Field,
    /// What it does.
    pub body: Body,
}

/// An id or a label, and where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ident {
    /// The text.
    pub text: String,
    /// The line of the literal, from 1.
    pub line: u32,
    /// The bytes of the literal in the module's source; empty where the file's name is the id.
    pub bytes: Range<usize>,
}

/// The value of `down_revision` or its like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// What it names; nothing where it is `None`, not set or not known.
    pub names: Vec<Ident>,
    /// The line of the statement that sets it.
    pub line: Option<u32>,
    /// The bytes of the whole value.
    pub bytes: Range<usize>,
    /// Whether it is known.
    pub known: bool,
}

/// What is wrong with a file.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// What kind of thing.
    pub code: &'static Code,
    /// The line, from 1.
    pub line: Option<u32>,
    /// What exactly.
    pub message: String,
    /// Whether the graph lacks something because of it.
    pub leaves_a_gap: bool,
}

impl Script {
    /// Reads a file. Troubles come beside the script where it is still clear which revision it is.
    pub fn read(file: &Utf8Path, bytes: &[u8]) -> (Option<Script>, Vec<Trouble>) {
        let module = match Module::parse(bytes) {
            Ok(module) => module,
            Err(why) => {
                let message = format!("Alembic cannot load the file: {why}");
                return (None, vec![trouble(&code::UNREADABLE, why.line(), message, true)]);
            }
        };
        let mut reader = Reader { constants: module.constants(), troubles: Vec::new() };
        let revision = reader.revision(file);
        let Some(revision) = revision else { return (None, reader.finish(&module)) };
        let down_revision = reader.field("down_revision");
        if down_revision.line.is_none() && reader.constants.star_import().is_none() {
            let message = "it has a `revision` and no `down_revision`: Alembic needs both";
            let line = Some(revision.line);
            reader.troubles.push(trouble(&code::NOT_A_REVISION, line, message.into(), true));
        }
        let branch_labels = reader.field("branch_labels");
        let depends_on = reader.field("depends_on");
        let constants = reader.constants.clone();
        let troubles = reader.finish(&module);
        let file = file.to_owned();
        let body = body::read(&module, &constants);
        let script = Script {
            file,
            module,
            constants,
            revision,
            down_revision,
            branch_labels,
            depends_on,
            body,
        };
        (Some(script), troubles)
    }

    /// The first line of its docstring.
    pub fn title(&self) -> String {
        let doc = self.module.docstring().and_then(|doc| self.module.eval(doc, &self.constants));
        let doc = doc.as_ref().and_then(Constant::as_str).unwrap_or_default();
        doc.trim().lines().next().unwrap_or_default().trim().to_owned()
    }

    /// Whether everything that the graph is made of is known.
    pub fn known(&self) -> bool {
        self.down_revision.known && self.branch_labels.known && self.depends_on.known
    }
}

fn trouble(code: &'static Code, line: Option<u32>, message: String, leaves_a_gap: bool) -> Trouble {
    Trouble { code, line, message, leaves_a_gap }
}

struct Reader {
    constants: Env<'static>,
    troubles: Vec<Trouble>,
}

impl Reader {
    fn revision(&mut self, file: &Utf8Path) -> Option<Ident> {
        let Some(binding) = self.constants.get("revision").cloned() else {
            if let Some(line) = self.constants.star_import() {
                let message = "`revision` is not set here; the `import *` may bring it along";
                self.say(&code::COMPUTED, line, message);
                return None;
            }
            if let Some(id) = legacy_id(file) {
                return Some(Ident { text: id.to_owned(), line: 1, bytes: 0..0 });
            }
            let message = "it sets no `revision`, and Alembic takes every `.py` file here for one";
            self.troubles.push(trouble(&code::NOT_A_REVISION, None, message.into(), true));
            return None;
        };
        match binding.value {
            None => {
                let message =
                    format!("`revision` is computed at run time in line {}", binding.line);
                self.say(&code::COMPUTED, binding.line, &message);
                None
            }
            Some(constant) => match ident(&constant) {
                Some(ident) => Some(ident),
                None => {
                    self.say(&code::NOT_A_REVISION, binding.line, "`revision` is not a string");
                    None
                }
            },
        }
    }

    /// What is wrong. Broken syntax explains whatever else is missing.
    fn finish(self, module: &Module) -> Vec<Trouble> {
        let Some(line) = module.syntax_error() else { return self.troubles };
        let message = "the text is no valid Python here, so Alembic cannot load the file";
        let leaves_a_gap = self.troubles.iter().any(|trouble| trouble.leaves_a_gap);
        vec![trouble(&code::UNREADABLE, Some(line), message.into(), leaves_a_gap)]
    }

    /// A value that names nothing, one or several.
    fn field(&mut self, name: &str) -> Field {
        let Some(binding) = self.constants.get(name).cloned() else {
            return Field { known: self.constants.star_import().is_none(), ..Field::default() };
        };
        let line = Some(binding.line);
        let Some(constant) = binding.value else {
            let message = format!("`{name}` is computed at run time in line {}", binding.line);
            self.say(&code::COMPUTED, binding.line, &message);
            return Field { line, ..Field::default() };
        };
        let bytes = constant.bytes.clone();
        let names = match &constant.value {
            Value::None => Some(Vec::new()),
            Value::Str(_) => ident(&constant).map(|ident| vec![ident]),
            Value::Tuple(all) | Value::List(all) => match all.as_slice() {
                // Alembic unpacks a sequence of one.
                [only] if only.value == Value::None => Some(Vec::new()),
                all => all.iter().map(ident).collect(),
            },
            _ => None,
        };
        let known = names.is_some();
        if !known {
            let message = format!("`{name}` is neither a string, a list of strings nor None");
            self.say(&code::NOT_A_REVISION, binding.line, &message);
        }
        Field { names: names.unwrap_or_default(), line, bytes, known }
    }

    fn say(&mut self, code: &'static Code, line: u32, message: &str) {
        self.troubles.push(trouble(code, Some(line), message.to_owned(), true));
    }
}

fn ident(constant: &Constant) -> Option<Ident> {
    let text = constant.as_str()?.to_owned();
    Some(Ident { text, line: constant.line, bytes: constant.bytes.clone() })
}

/// The id that Alembic 0.1 took from a file's name.
fn legacy_id(file: &Utf8Path) -> Option<&str> {
    let id = file.file_name()?.strip_suffix(".py")?;
    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    (!id.is_empty() && id.chars().all(hex)).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "an `expect!` is written in the call")]
    fn check(name: &str, text: &str, expected: Expect) {
        let (script, troubles) = Script::read(Utf8Path::new(name), text.as_bytes());
        let mut out = String::new();
        if let Some(script) = script {
            let names = |field: &Field| {
                field.names.iter().map(|name| name.text.as_str()).collect::<Vec<_>>().join(" ")
            };
            out += &format!(
                "{} <- [{}] labels [{}] needs [{}]\n",
                script.revision.text,
                names(&script.down_revision),
                names(&script.branch_labels),
                names(&script.depends_on)
            );
        }
        for trouble in troubles {
            let line = trouble.line.map_or(String::new(), |line| format!(":{line}"));
            out += &format!("{}{line} {}\n", trouble.code.id, trouble.message);
        }
        expected.assert_eq(&out);
    }

    #[test]
    fn the_spellings_that_alembic_takes() {
        check(
            "a.py",
            "revision = 'a'\ndown_revision = None\n",
            expect![[r#"
            a <- [] labels [] needs []
        "#]],
        );
        check(
            "a.py",
            "revision: str = 'a'\ndown_revision: Union[str, None] = ('b', \"c\")\n\
             branch_labels = ['x']\ndepends_on = 'y',\n",
            expect![[r#"
                a <- [b c] labels [x] needs [y]
            "#]],
        );
        check(
            "a.py",
            "revision = 'a'\ndown_revision = [None]\n",
            expect![[r#"
            a <- [] labels [] needs []
        "#]],
        );
        check(
            "0a1.py",
            "down_revision = '0a0'\n",
            expect![[r#"
            0a1 <- [0a0] labels [] needs []
        "#]],
        );
    }

    #[test]
    fn what_is_not_known_is_said() {
        check(
            "a.py",
            "import x\n\nrevision = x.id()\ndown_revision = None\n",
            expect![[r#"
            MG200:3 `revision` is computed at run time in line 3
        "#]],
        );
        check(
            "a.py",
            "revision = 'a'\ndown_revision = f()\n",
            expect![[r#"
            a <- [] labels [] needs []
            MG200:2 `down_revision` is computed at run time in line 2
        "#]],
        );
        check(
            "a.py",
            "from x import *\n",
            expect![[r#"
            MG200:1 `revision` is not set here; the `import *` may bring it along
        "#]],
        );
    }

    #[test]
    fn what_alembic_refuses_is_refused() {
        check(
            "helpers.py",
            "x = 1\n",
            expect![[r#"
            MG201 it sets no `revision`, and Alembic takes every `.py` file here for one
        "#]],
        );
        check(
            "a.py",
            "revision = 'a'\n",
            expect![[r#"
            a <- [] labels [] needs []
            MG201:1 it has a `revision` and no `down_revision`: Alembic needs both
        "#]],
        );
        check(
            "a.py",
            "revision = 1\ndown_revision = 2\n",
            expect![[r#"
            MG201:1 `revision` is not a string
        "#]],
        );
        check(
            "a.py",
            "revision = 'a'\ndown_revision = 2\n",
            expect![[r#"
            a <- [] labels [] needs []
            MG201:2 `down_revision` is neither a string, a list of strings nor None
        "#]],
        );
        check(
            "a.py",
            "revision = 'a'\n=======\ndown_revision = None\n",
            expect![[r#"
            a <- [] labels [] needs []
            MG202:2 the text is no valid Python here, so Alembic cannot load the file
        "#]],
        );
        check(
            "a.py",
            "revision = '\0'\n",
            expect![[r#"
            MG202:1 Alembic cannot load the file: it holds a NUL byte, line 1
        "#]],
        );
    }
}
