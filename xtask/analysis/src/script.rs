//! Script: the declarations of one file in `versions/`, read from its text.

use std::ops::Range;
use std::sync::OnceLock;

use camino::{Utf8Path, Utf8PathBuf};

use super::body::{self, Body};
use super::python::{Constant, Env, Module, Value};
use model::code::{self, Code};

/// The variables that Alembic reads in a revision file.
const NAMES: [&str; 4] = ["revision", "down_revision", "branch_labels", "depends_on"];

/// A revision file that declares its id.
pub struct Script {
    /// The file, relative to the root where it lies below.
    pub file: Utf8PathBuf,
    /// Its text.
    pub module: Module,
    /// The first line of its docstring.
    pub title: String,
    /// Its id.
    pub revision: Ident,
    /// The ids of its parents.
    pub down_revision: Field,
    /// Its branch labels.
    pub branch_labels: Field,
    /// The ids and labels that it depends on.
    pub depends_on: Field,
    /// Its body, and its first line that is not Python.
    looked: OnceLock<(Body, Option<u32>)>,
}

/// An id or a label, and its place.
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
    /// The names; none where the field is `None`, not set or not known.
    pub names: Vec<Ident>,
    /// The line of the statement that sets it.
    pub line: Option<u32>,
    /// The bytes of the whole value.
    pub bytes: Range<usize>,
    /// Whether it is known.
    pub known: bool,
}

/// Fault of a file.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// Its code.
    pub code: &'static Code,
    /// The line, from 1.
    pub line: Option<u32>,
    /// Its message.
    pub message: String,
    /// Whether the trouble leaves a gap in the graph.
    pub leaves_a_gap: bool,
}

impl Script {
    /// Reads a file. A script is returned beside the troubles if its revision id is still clear.
    /// The syntax is not checked here: see [`Script::syntax`].
    pub fn read(file: &Utf8Path, bytes: &[u8]) -> (Option<Script>, Vec<Trouble>) {
        let (module, skim) = match Module::skim(bytes, &NAMES) {
            Ok(read) => read,
            Err(why) => {
                let message = format!("Alembic cannot load the file: {why}");
                return (None, vec![trouble(&code::UNREADABLE, why.line(), message, true)]);
            }
        };
        let (constants, title) = match skim {
            Some(skim) => {
                let mut constants = Env::default();
                for (name, constant, line) in skim.bound {
                    constants.bind(name, Some(constant), line);
                }
                (constants, skim.title)
            }
            None => {
                let constants = module.constants();
                let title = title(&module, &constants);
                (constants, title)
            }
        };
        let mut reader = Reader { constants, troubles: Vec::new() };
        let Some(revision) = reader.revision(file) else { return (None, reader.finish(&module)) };
        let down_revision = reader.field("down_revision");
        if down_revision.line.is_none() && reader.constants.star_import().is_none() {
            let message = "it has a `revision` and no `down_revision`: Alembic needs both";
            let line = Some(revision.line);
            reader.troubles.push(trouble(&code::NOT_A_REVISION, line, message.into(), true));
        }
        let branch_labels = reader.field("branch_labels");
        let depends_on = reader.field("depends_on");
        let troubles = reader.finish(&module);
        let file = file.to_owned();
        let script = Script {
            file,
            module,
            title,
            revision,
            down_revision,
            branch_labels,
            depends_on,
            looked: OnceLock::new(),
        };
        (Some(script), troubles)
    }

    /// Its body. The first call parses the whole file.
    pub fn body(&self) -> &Body {
        &self.looked().0
    }

    /// Its fault of syntax. The first call parses the whole file.
    pub fn syntax(&self) -> Option<Trouble> {
        self.looked().1.map(|line| broken(line, false))
    }

    fn looked(&self) -> &(Body, Option<u32>) {
        let look =
            |module: &Module| (body::read(module, &module.constants()), module.syntax_error());
        self.looked.get_or_init(|| self.module.at_once(look))
    }

    /// Whether everything that the graph is made of is known.
    pub fn known(&self) -> bool {
        self.down_revision.known && self.branch_labels.known && self.depends_on.known
    }
}

fn broken(line: u32, leaves_a_gap: bool) -> Trouble {
    let message = "the text is no valid Python here, so Alembic cannot load the file";
    trouble(&code::UNREADABLE, Some(line), message.into(), leaves_a_gap)
}

/// The first line of the docstring.
fn title(module: &Module, constants: &Env<'_>) -> String {
    let doc = module.docstring().and_then(|doc| module.eval(doc, constants));
    let doc = doc.as_ref().and_then(Constant::as_str).unwrap_or_default();
    doc.trim().lines().next().unwrap_or_default().trim().to_owned()
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

    /// The faults. Broken syntax explains all others.
    fn finish(self, module: &Module) -> Vec<Trouble> {
        if self.troubles.is_empty() {
            return self.troubles;
        }
        let leaves_a_gap = self.troubles.iter().any(|trouble| trouble.leaves_a_gap);
        match module.syntax_error() {
            Some(line) => vec![broken(line, leaves_a_gap)],
            None => self.troubles,
        }
    }

    /// A value that is empty, one name or several.
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

/// A file's statements without the bodies of its `upgrade()` and `downgrade()`: the code that runs
/// when Alembic reads the file. Comments count only in the first two lines, which may name the
/// encoding. The whole text if the bodies cannot be separated.
pub fn without_bodies(source: &str) -> String {
    let mut parser = tree_sitter::Parser::new();
    let language = tree_sitter_python::LANGUAGE.into();
    let tree = parser.set_language(&language).ok().and_then(|()| parser.parse(source, None));
    let Some(tree) = tree.filter(|tree| !tree.root_node().has_error()) else {
        return source.to_owned();
    };
    let root = tree.root_node();
    let nodes = root.children(&mut root.walk()).collect::<Vec<_>>();
    let is_read =
        |node: &&tree_sitter::Node<'_>| node.kind() != "comment" || node.start_position().row < 2;
    let outside = |node: &tree_sitter::Node<'_>| {
        let name = node.child_by_field_name("name").and_then(|name| source.get(name.byte_range()));
        // A comment at the beginning lies before the body proper.
        let parameters = node.child_by_field_name("parameters");
        let end = match (name, parameters) {
            (Some("upgrade" | "downgrade"), Some(parameters))
                if node.kind() == "function_definition" =>
            {
                parameters.end_byte()
            }
            _ => node.end_byte(),
        };
        source.get(node.start_byte()..end).unwrap_or_default().to_owned() + "\n"
    };
    nodes.iter().filter(is_read).map(outside).collect()
}

#[cfg(test)]
mod tests;
