//! Name of the program's file where it is installed.

/// The name; `None` in a folder where cargo keeps what it builds, so that cargo is at hand.
pub fn installed_name() -> Option<String> {
    let own = std::env::current_exe().ok()?;
    let is_built = own.ancestors().skip(1).take(2).any(|dir| dir.join(".fingerprint").is_dir());
    let name = || Some(own.file_name()?.to_str()?.to_owned());
    if is_built { None } else { name() }
}
