//! Objects that are made and dropped without an operation of Alembic's: `kind.create(bind)`,
//! `table.drop(bind)`, `sa.schema.CreateSequence(…)`.

use tree_sitter::Node;

use super::arguments::Arguments;
use super::thing::{Enum, Sql, Thing};
use super::{Frame, Reader};
use crate::effect::{Detail, Effect, HOLE, Kind, Object};
use crate::python;

impl<'m> Reader<'m> {
    /// `sa.schema.CreateSequence(sa.Sequence("s"))`: the SQL that it compiles to.
    pub(super) fn ddl_element(
        &mut self,
        frame: &mut Frame<'_>,
        name: &str,
        arguments: &Arguments<'m>,
    ) -> Thing {
        let Some(first) = arguments.positional.first().copied() else { return Thing::Unknown };
        let inner = if first.kind() == "call" {
            Arguments::of(self.module, first).positional.first().copied()
        } else {
            Some(first)
        };
        let object = self.constant_name(frame, inner).unwrap_or_else(|| HOLE.to_owned());
        let guard = |word: &str, sql: &str| {
            if arguments.named(word).is_some() { sql.to_owned() } else { String::new() }
        };
        let (verb, kind) = if let Some(kind) = name.strip_prefix("Create") {
            (format!("CREATE {} {}", kind, guard("if_not_exists", "IF NOT EXISTS")), kind)
        } else {
            let kind = name.strip_prefix("Drop").unwrap_or(name);
            (format!("DROP {} {}", kind, guard("if_exists", "IF EXISTS")), kind)
        };
        let _ = kind;
        let text = format!("{verb} \"{object}\"");
        Thing::Sql(Sql { text, line: python::line(first), parameters: Vec::new() })
    }

    /// `kind.create(bind)` and `kind.drop(bind)`.
    pub(super) fn enum_method(
        &mut self,
        frame: &mut Frame<'_>,
        node: Node<'m>,
        enum_: Enum,
        method: &str,
        arguments: &Arguments<'m>,
    ) -> Thing {
        let checked = arguments.get(1, "checkfirst");
        // By default SQLAlchemy checks for the object first.
        let guarded = checked.is_none_or(|node| self.module.text(node) != "False");
        let object = Object::new(Kind::Type, &enum_.name);
        let detail = Detail { guarded, is_enum: true, ..Detail::default() };
        let line = python::line(node);
        match method {
            "create" => self.push(frame, line, Effect::Create(object, detail)),
            "drop" => self.push(frame, line, Effect::Drop { object, guarded, cascade: false }),
            "with_variant" | "copy" => return Thing::Enum(enum_),
            _ => {}
        }
        Thing::Unknown
    }

    /// `table.create(bind)` and `table.drop(bind)`.
    pub(super) fn table_method(
        &mut self,
        frame: &mut Frame<'_>,
        node: Node<'m>,
        table: String,
        method: &str,
        arguments: &Arguments<'m>,
    ) -> Thing {
        let checked = arguments.get(1, "checkfirst");
        let guarded = checked.is_some_and(|node| self.module.text(node) != "False");
        let object = Object::new(Kind::Table, table);
        let detail = Detail { guarded, ..Detail::default() };
        let effect = match method {
            "create" => Effect::Create(object, detail),
            _ => Effect::Drop { object, guarded, cascade: false },
        };
        self.push(frame, python::line(node), effect);
        Thing::Unknown
    }
}
