//! Environment of an expression: the names that are bound, and their values.

use std::collections::HashMap;
use std::ops::Range;

/// Marks an unknown part of a [`Value::Partial`].
pub const HOLE: char = '\u{FFFC}';

/// Value of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A string that is known whole.
    Str(String),
    /// A string of which some parts are computed when the file runs; each is a [`HOLE`] here.
    Partial(String),
    /// A tuple.
    Tuple(Vec<Constant>),
    /// A list.
    List(Vec<Constant>),
}

/// A value and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constant {
    /// The value.
    pub value: Value,
    /// The line on which the expression starts that made it, from 1. For a name that is the
    /// expression that the name was bound to, not the place where the name is used.
    pub line: u32,
    /// The bytes of that expression in [`Module::source`].
    pub bytes: Range<usize>,
}

impl Constant {
    /// The string, where it is one and known whole.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The elements of a tuple or a list.
    pub fn elements(&self) -> Option<&[Constant]> {
        match &self.value {
            Value::Tuple(elements) | Value::List(elements) => Some(elements),
            _ => None,
        }
    }
}

/// Binding of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The value; `None`: it is computed when the file runs.
    pub value: Option<Constant>,
    /// The line of the last statement that binds it, from 1.
    pub line: u32,
}

/// The names that are bound somewhere, and around it. A function's own names hide the module's.
#[derive(Clone, Debug, Default)]
pub struct Env<'a> {
    outer: Option<&'a Env<'a>>,
    pub(super) names: HashMap<String, Binding>,
    pub(super) star_import: Option<u32>,
}

impl<'a> Env<'a> {
    /// An environment without bindings of its own, in which the outer ones are visible.
    #[allow(dead_code, reason = "for the lints that look into functions")]
    pub fn inside(outer: &'a Env<'a>) -> Env<'a> {
        Env { outer: Some(outer), ..Env::default() }
    }

    /// Binds a name; without a value it hides the one outside.
    pub fn bind(&mut self, name: &str, value: Option<Constant>, line: u32) {
        self.names.insert(name.to_owned(), Binding { value, line });
    }

    /// The binding of a name.
    pub fn get(&self, name: &str) -> Option<&Binding> {
        self.names.get(name).or_else(|| self.outer?.get(name))
    }

    /// The value of a name, where it is known.
    pub fn value(&self, name: &str) -> Option<&Constant> {
        self.get(name)?.value.as_ref()
    }

    /// The line of a `from … import *`, which may bind any name at all.
    pub fn star_import(&self) -> Option<u32> {
        self.star_import
    }
}
