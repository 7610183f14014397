//! Settings of a tree: the folders that hold its revisions, as Alembic understands its ini and
//! `pyproject.toml`.

use camino::{Utf8Path, Utf8PathBuf};

use super::ini::Ini;
use model::files::{Location, Settings, Texts};

/// The name of a new revision's file where the settings do not say it, as Alembic has it.
const FILE_TEMPLATE: &str = "%(rev)s_%(slug)s";
/// After how many characters Alembic cuts the words in that name.
const SLUG_LENGTH: usize = 40;

/// One setting, from any place.
enum Setting {
    Text(String),
    List(Vec<String>),
    Flag(bool),
}

/// Understands the settings of a tree that runs in `cwd`, in this section of its ini.
pub fn understand(texts: &Texts, cwd: &Utf8Path, section: &str) -> Settings {
    let mut reader = Reader::new(texts, cwd, section);
    let script_location = match reader.text("script_location") {
        Some(text) => Some(text),
        None => {
            let missing = !reader.ini.has(section) && texts.ini.is_some();
            reader.unknown.push(match missing {
                true => {
                    format!("the ini has no section `[{section}]`, which would configure Alembic")
                }
                false => "no `script_location` is set".into(),
            });
            None
        }
    };
    let recursive = reader.flag("recursive_version_locations");
    let sourceless = reader.flag("sourceless");
    let written = match reader.get("version_locations") {
        Some(Setting::Text(text)) if !text.is_empty() => reader.split(&text),
        Some(Setting::List(list)) => list,
        _ => Vec::new(),
    };
    let mut locations: Vec<Location> = written.iter().map(|text| reader.location(text)).collect();
    if locations.is_empty() {
        locations.extend(script_location.map(|text| match reader.location(&text) {
            Location::Folder(folder) => Location::Folder(folder.join("versions")),
            Location::Package { written, candidates } => {
                let versions =
                    |(package, folder): (_, Utf8PathBuf)| (package, folder.join("versions"));
                Location::Package {
                    written,
                    candidates: candidates.into_iter().map(versions).collect(),
                }
            }
        }));
    }
    let import_roots = reader.import_roots();
    let file_template = reader.text("file_template").unwrap_or_else(|| FILE_TEMPLATE.into());
    let slug_length = reader.text("truncate_slug_length").and_then(|text| text.parse().ok());
    let file_template = (file_template, slug_length.unwrap_or(SLUG_LENGTH));
    let unknown = reader.unknown;
    Settings { locations, recursive, sourceless, import_roots, file_template, unknown }
}

struct Reader<'a> {
    ini: Ini,
    ini_here: String,
    toml: toml::Table,
    toml_here: String,
    cwd: &'a Utf8Path,
    section: &'a str,
    unknown: Vec<String>,
}

impl<'a> Reader<'a> {
    fn new(texts: &Texts, cwd: &'a Utf8Path, section: &'a str) -> Reader<'a> {
        let mut unknown = Vec::new();
        let here = |of: &Option<(Utf8PathBuf, String)>| {
            of.as_ref().map_or(cwd.to_string(), |(folder, _)| folder.to_string())
        };
        let ini = texts.ini.as_ref().map(|(_, text)| Ini::parse(text)).unwrap_or_default();
        let mut toml = toml::Table::new();
        if let Some((_, text)) = &texts.pyproject {
            match text.parse::<toml::Table>() {
                Ok(mut whole) => {
                    let tool = whole.remove("tool").and_then(|tool| tool.get("alembic").cloned());
                    if let Some(toml::Value::Table(table)) = tool {
                        toml = table;
                    }
                }
                Err(err) => unknown.push(format!("pyproject.toml: {}", err.message())),
            }
        }
        let (ini_here, toml_here) = (here(&texts.ini), here(&texts.pyproject));
        Reader { ini, ini_here, toml, toml_here, cwd, section, unknown }
    }

    /// The ini is first, `[tool.alembic]` second.
    fn get(&mut self, name: &str) -> Option<Setting> {
        if let Some(text) = self.get_ini(name) {
            return Some(match name {
                "sourceless" | "recursive_version_locations" => Setting::Flag(text == "true"),
                _ => Setting::Text(text),
            });
        }
        let here = |text: &str| text.replace("%(here)s", &self.toml_here).replace("%%", "%");
        match self.toml.get(name)? {
            toml::Value::String(text) => Some(Setting::Text(here(text))),
            toml::Value::Boolean(flag) => Some(Setting::Flag(*flag)),
            toml::Value::Array(list) => {
                Some(Setting::List(list.iter().filter_map(|v| v.as_str()).map(here).collect()))
            }
            _ => None,
        }
    }

    fn get_ini(&mut self, name: &str) -> Option<String> {
        self.ini.get(self.section, name, &[("here", &self.ini_here)]).unwrap_or_else(|err| {
            self.unknown.push(format!("the ini's {err}"));
            None
        })
    }

    fn text(&mut self, name: &str) -> Option<String> {
        match self.get(name) {
            Some(Setting::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn flag(&mut self, name: &str) -> bool {
        matches!(self.get(name), Some(Setting::Flag(true)))
    }

    /// The folders in an ini's `version_locations`.
    fn split(&mut self, text: &str) -> Vec<String> {
        let separator = ["path_separator", "version_path_separator"]
            .iter()
            .find_map(|name| Some((*name, self.get_ini(name)?)));
        let parts: Vec<&str> = match separator.as_ref().map(|(_, word)| word.as_str()) {
            Some("space") => text.split(' ').collect(),
            Some("newline") => text.split('\n').collect(),
            // Where the gate runs, the system's separator is the colon.
            Some("os" | ":") => text.split(':').collect(),
            Some(";") => text.split(';').collect(),
            Some(other) => {
                let name = separator.as_ref().map_or("", |(name, _)| name);
                self.unknown.push(format!("`{name}` is `{other}`, which Alembic does not know"));
                return Vec::new();
            }
            // Without a separator Alembic splits on spaces and commas, as in old versions.
            None => text.split([' ', ',']).collect(),
        };
        parts.into_iter().map(|part| part.trim().to_owned()).filter(|p| !p.is_empty()).collect()
    }

    /// The folders of `prepend_sys_path` are first on Python's path, then the working folder.
    fn import_roots(&mut self) -> Vec<Utf8PathBuf> {
        let prepended = match self.get("prepend_sys_path") {
            Some(Setting::Text(text)) => {
                text.split([' ', ',', ':', '\n']).map(str::to_owned).collect()
            }
            Some(Setting::List(list)) => list,
            _ => Vec::new(),
        };
        let roots = prepended.iter().map(String::as_str).chain([""]);
        roots.map(|root| self.cwd.join(root)).collect()
    }

    fn location(&mut self, written: &str) -> Location {
        let Some((package, rest)) = written.split_once(':').filter(|_| !written.starts_with('/'))
        else {
            return Location::Folder(self.cwd.join(written));
        };
        let roots = self.import_roots();
        let candidates = roots.into_iter().map(|root| {
            let package = root.join(package.replace('.', "/"));
            let folder = rest.split(':').fold(package.clone(), |folder, part| folder.join(part));
            (package, folder)
        });
        Location::Package { written: written.to_owned(), candidates: candidates.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::tree::DEFAULT_SECTION;

    #[track_caller]
    fn check(ini: &str, pyproject: &str, expected: &[&str]) -> Settings {
        let texts = Texts {
            ini: Some(("/r/ini".into(), ini.into())),
            pyproject: Some(("/r/toml".into(), pyproject.into())),
        };
        let settings = understand(&texts, Utf8Path::new("/r"), DEFAULT_SECTION);
        let folders: Vec<String> = settings
            .locations
            .iter()
            .map(|location| match location {
                Location::Folder(folder) => folder.to_string(),
                Location::Package { written, candidates } => {
                    format!("{written}?{}", candidates[0].1)
                }
            })
            .collect();
        assert_eq!(folders, expected);
        settings
    }

    #[test]
    fn script_location_is_relative_to_where_alembic_runs() {
        check("[alembic]\nscript_location = m\n", "", &["/r/m/versions"]);
        check("[alembic]\nscript_location = %(here)s/m\n", "", &["/r/ini/m/versions"]);
        check("[alembic]\nscript_location = /a\n", "", &["/a/versions"]);
    }

    #[test]
    fn version_locations_are_split_as_the_ini_says() {
        let with = |rest: &str| format!("[alembic]\nscript_location = m\n{rest}");
        check(&with("version_locations = a b,c, d"), "", &["/r/a", "/r/b", "/r/c", "/r/d"]);
        check(&with("version_locations = a b:c\npath_separator = os"), "", &["/r/a b", "/r/c"]);
        check(&with("version_locations = a;b\nversion_path_separator = ;"), "", &["/r/a", "/r/b"]);
        check(
            &with("version_locations =\n  a\n  b\npath_separator = newline"),
            "",
            &["/r/a", "/r/b"],
        );
        check(&with("version_locations = a b\npath_separator = space"), "", &["/r/a", "/r/b"]);
        let bad = check(&with("version_locations = a\npath_separator = x"), "", &["/r/m/versions"]);
        assert_eq!(bad.unknown, ["`path_separator` is `x`, which Alembic does not know"]);
    }

    #[test]
    fn pyproject_serves_what_the_ini_lacks() {
        let toml = "[tool.alembic]\nscript_location = \"%(here)s/m\"\n\
                    version_locations = [\"%(here)s/a\", \"b\"]\nrecursive_version_locations = true\n";
        let settings = check("", toml, &["/r/toml/a", "/r/b"]);
        assert!(settings.recursive && !settings.sourceless && settings.unknown.is_empty());
        let ini = "[alembic]\nscript_location = i\nsourceless = true\n";
        assert!(check(ini, "", &["/r/i/versions"]).sourceless);
        assert_eq!(check("", "= broken", &[]).unknown.len(), 2);
    }

    #[test]
    fn another_section_is_read_instead_and_the_default_one_below_it() {
        let ini = "[DEFAULT]\nscript_location = d\n[alembic]\nscript_location = a\n\
                   version_locations = a/x\n[shop]\n";
        let read = |section, pyproject: &str| {
            let pyproject = Some(("/r".into(), pyproject.into()));
            let texts = Texts { ini: Some(("/r".into(), ini.into())), pyproject };
            understand(&texts, Utf8Path::new("/r"), section)
        };
        let folder = |name: &str| [Location::Folder(Utf8Path::new("/r").join(name))];
        assert_eq!(read("shop", "").locations, folder("d/versions"));
        assert_eq!(read("alembic", "").locations, folder("a/x"));
        let none = read("no", "");
        assert!(none.locations.is_empty());
        assert_eq!(none.unknown, ["the ini has no section `[no]`, which would configure Alembic"]);
        // Alembic looks into pyproject.toml whichever section is named.
        let toml = read("no", "[tool.alembic]\nscript_location = \"t\"\n");
        assert!(toml.unknown.is_empty() && toml.locations == folder("t/versions"));
    }

    #[test]
    fn a_package_is_looked_for_and_not_guessed() {
        let ini = "[alembic]\nscript_location = app.db:migrations\nprepend_sys_path = src\n";
        let settings = check(ini, "", &["app.db:migrations?/r/src/app/db/migrations/versions"]);
        let Location::Package { candidates, .. } = &settings.locations[0] else { panic!() };
        assert_eq!(candidates[1].0, "/r/app/db");
    }
}
