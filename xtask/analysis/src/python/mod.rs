//! Python as text: a file's syntax tree and the constants in it. Nothing is ever run.
//!
//! Everything holds for any bytes at all: what cannot be read gets an [`Unreadable`] for an answer,
//! what cannot be known is `None`. Nothing here recurses deeper than [`constant::MAX_DEPTH`].
//!
//! A tour: [`Module::parse`] reads a file, [`Module::constants`] is what its top level binds,
//! [`Module::eval`] evaluates one expression with it, [`descendants`] and [`line`] are for those who
//! look at the rest of the tree (node kinds are those of tree-sitter-python).

mod bindings;
pub mod constant;
mod env;
pub mod field;
mod literal;
mod module;
mod skim;
mod unreadable;

use tree_sitter::Node;

pub use self::env::{Constant, Env, Value};
pub use self::module::{Module, descendants, line};
pub use self::skim::Skim;
pub use self::unreadable::Unreadable;

impl Module {
    /// Reads a file, and finds the values of these names at its top level. A file as plain as most
    /// revision files is not parsed for that, but only when its tree is needed.
    pub fn skim(
        bytes: &[u8],
        names: &[&'static str],
    ) -> Result<(Module, Option<Skim>), Unreadable> {
        let module = Module::read(bytes)?;
        match skim::skim(module.source(), names) {
            Some(skim) => Ok((module, Some(skim))),
            None => Ok((Module::parse(bytes)?, None)),
        }
    }

    /// The bindings of the file's top level after it has been run to its end.
    pub fn constants(&self) -> Env<'static> {
        bindings::of_module(self)
    }

    /// The value of an expression, as far as the text determines it: literals, names that `env`
    /// knows, and combinations of them. `None`: it is computed when the file runs.
    pub fn eval(&self, node: Node<'_>, env: &Env<'_>) -> Option<Constant> {
        constant::eval(self, node, env, 0)
    }
}

#[cfg(test)]
mod tests;
