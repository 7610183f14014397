//! Command that runs this program, for the texts that name it.

use std::sync::OnceLock;

/// The file name of an installed program; unset where cargo runs it in the monorepo.
static INSTALLED: OnceLock<String> = OnceLock::new();

/// Records that this is an installed program of this name.
pub fn installed_as(name: String) {
    INSTALLED.get_or_init(|| name);
}

/// The program with its tasks: `cargo xtask`, or `xtask` where that is installed.
pub fn program() -> &'static str {
    INSTALLED.get().map_or("cargo xtask", String::as_str)
}

/// The gate: `cargo gate`, or `xtask migration-gate` where `xtask` is installed.
pub fn gate() -> String {
    INSTALLED.get().map_or("cargo gate".to_owned(), |name| format!("{name} migration-gate"))
}

/// A text of the gate's own tables, which write `cargo gate`.
pub fn named(own: &str) -> String {
    own.replace("cargo gate", &gate())
}
