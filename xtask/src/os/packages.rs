//! The command that installs something on this platform, for messages.

use nix::unistd::geteuid;

/// Program that may have to be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingProgram {
    /// Postgres 15.
    Postgres,
    /// Python 3.11 or newer, with `venv`.
    Python,
    /// npm, with Node.
    Npm,
    /// git.
    Git,
}

/// The command that installs it here.
pub fn install_command(wanted: MissingProgram) -> String {
    let os_release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let command = command_for(wanted, &os_release, cfg!(target_os = "macos"));
    // A container often has no sudo.
    if geteuid().is_root() { command.replace("sudo ", "") } else { command }
}

/// From the text of `/etc/os-release`, which macOS lacks.
fn command_for(wanted: MissingProgram, os_release: &str, macos: bool) -> String {
    let field = |name: &str| {
        os_release
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
            .unwrap_or_default()
            .trim_matches('"')
            .to_owned()
    };
    let ids = format!("{} {}", field("ID"), field("ID_LIKE"));
    let is = |name: &str| ids.split_whitespace().any(|id| id == name);
    let names = |postgres: &str, python: &str, npm: &str| match wanted {
        MissingProgram::Postgres => postgres.to_owned(),
        MissingProgram::Python => python.to_owned(),
        MissingProgram::Npm => npm.to_owned(),
        MissingProgram::Git => "git".to_owned(),
    };
    if macos {
        return format!("brew install {}", names("postgresql@15", "python3", "node"));
    }
    if is("debian") || is("ubuntu") {
        let postgres_is_15 = field("ID") == "debian" && field("VERSION_ID") == "12";
        let install = format!(
            "sudo apt-get install -y {}",
            names("postgresql-15", "python3 python3-venv", "npm")
        );
        if wanted == MissingProgram::Postgres && !postgres_is_15 {
            // Other releases carry another major version; the project's own archive has every one.
            return format!(
                "sudo apt-get install -y postgresql-common && \
                 sudo /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y && {install}"
            );
        }
        return install;
    }
    if is("rhel") || is("centos") {
        return match wanted {
            MissingProgram::Postgres => {
                "sudo dnf module install -y postgresql:15/server".to_owned()
            }
            _ => format!("sudo dnf install -y {}", names("", "python3.11", "npm")),
        };
    }
    if is("fedora") {
        let what = names("postgresql15-server", "python3", "nodejs-npm");
        return format!("sudo dnf install -y {what}");
    }
    if is("alpine") {
        return format!("sudo apk add {}", names("postgresql15", "python3", "npm"));
    }
    if is("nixos") {
        return format!("nix-shell -p {}", names("postgresql_15", "python3", "nodejs"));
    }
    format!("install {} with your package manager", names("PostgreSQL 15", "Python 3.11", "npm"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_platform_has_its_command() {
        let debian = "ID=debian\nVERSION_ID=\"12\"\n";
        let rocky = "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n";
        let of = |wanted, os_release| command_for(wanted, os_release, false);
        assert_eq!(of(MissingProgram::Postgres, debian), "sudo apt-get install -y postgresql-15");
        assert_eq!(of(MissingProgram::Npm, debian), "sudo apt-get install -y npm");
        assert!(of(MissingProgram::Postgres, "ID=ubuntu\nID_LIKE=debian\n").contains("pgdg"));
        assert!(!of(MissingProgram::Python, "ID=ubuntu\nID_LIKE=debian\n").contains("pgdg"));
        assert!(of(MissingProgram::Postgres, rocky).contains("dnf module"));
        assert_eq!(of(MissingProgram::Npm, rocky), "sudo dnf install -y npm");
        assert!(of(MissingProgram::Postgres, "ID=fedora\n").contains("postgresql15-server"));
        assert_eq!(command_for(MissingProgram::Npm, "", true), "brew install node");
        assert!(of(MissingProgram::Git, "").contains("package manager"));
    }
}
