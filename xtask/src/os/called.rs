//! Name by which this program is run: by cargo in the monorepo, or as an installed program.

use std::sync::LazyLock;

/// Whether cargo has installed it: into a folder `bin`, where what is built lies in one of cargo's target.
static INSTALLED: LazyLock<bool> = LazyLock::new(|| {
    let own = std::env::current_exe().ok();
    own.and_then(|own| Some(own.parent()?.ends_with("bin"))).unwrap_or_default()
});

/// A text whose commands can be run where the program is installed.
pub fn as_called(text: &str) -> String {
    match *INSTALLED {
        true => as_installed(text),
        false => text.to_owned(),
    }
}

fn as_installed(text: &str) -> String {
    text.replace("cargo xtask", "xtask").replace("cargo gate", "xtask migration-gate")
}

#[cfg(test)]
mod tests {
    #[test]
    fn commands_are_those_of_the_installed_program() {
        let text = "`cargo xtask migration-gate lint --ini a`, then `cargo gate renumber`";
        let expected = "`xtask migration-gate lint --ini a`, then `xtask migration-gate renumber`";
        assert_eq!(super::as_installed(text), expected);
        assert_eq!(super::as_called(text), text);
    }
}
