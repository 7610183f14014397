//! The fields of the grammar's nodes, by their numbers: by name each would be looked for in a list,
//! which a linter does hundreds of thousands of times. A test holds them against the grammar.

/// `alias`.
pub const ALIAS: u16 = 1;
/// `argument`.
pub const ARGUMENT: u16 = 3;
/// `arguments`.
pub const ARGUMENTS: u16 = 4;
/// `attribute`.
pub const ATTRIBUTE: u16 = 5;
/// `body`.
pub const BODY: u16 = 6;
/// `condition`.
pub const CONDITION: u16 = 9;
/// `consequence`.
pub const CONSEQUENCE: u16 = 10;
/// `definition`.
pub const DEFINITION: u16 = 11;
/// `function`.
pub const FUNCTION: u16 = 14;
/// `key`.
pub const KEY: u16 = 16;
/// `left`.
pub const LEFT: u16 = 17;
/// `module_name`.
pub const MODULE_NAME: u16 = 18;
/// `name`.
pub const NAME: u16 = 19;
/// `object`.
pub const OBJECT: u16 = 20;
/// `operator`.
pub const OPERATOR: u16 = 21;
/// `parameters`.
pub const PARAMETERS: u16 = 23;
/// `right`.
pub const RIGHT: u16 = 25;
/// `value`.
pub const VALUE: u16 = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_grammar() {
        let language: tree_sitter::Language = tree_sitter_python::LANGUAGE.into();
        let fields = [
            ("alias", ALIAS),
            ("argument", ARGUMENT),
            ("arguments", ARGUMENTS),
            ("attribute", ATTRIBUTE),
            ("body", BODY),
            ("condition", CONDITION),
            ("consequence", CONSEQUENCE),
            ("definition", DEFINITION),
            ("function", FUNCTION),
            ("key", KEY),
            ("left", LEFT),
            ("module_name", MODULE_NAME),
            ("name", NAME),
            ("object", OBJECT),
            ("operator", OPERATOR),
            ("parameters", PARAMETERS),
            ("right", RIGHT),
            ("value", VALUE),
        ];
        for (name, number) in fields {
            let known = language.field_id_for_name(name).map(std::num::NonZero::get);
            assert_eq!(known, Some(number), "{name}");
        }
    }
}
