//! Files of an Alembic tree on the disk: its settings, and the files that Alembic would read as
//! revisions. Nothing is judged here, and nothing is run.

use std::collections::HashSet;
use std::fs;
use std::io::Read;

use camino::{Utf8Path, Utf8PathBuf};

use model::called;
use model::files::{Listing, Location, Settings, Texts, is_compiled_name, is_revision_name};

/// How deep folders may nest where subfolders count.
const MAX_DEPTH: usize = 64;
/// The most bytes that are read of a file. A longer file is no revision, and the reader says so.
const MAX_BYTES: u64 = (16 << 20) + 1;

/// Reads the settings of the tree with this ini that runs in `cwd`.
pub fn texts(ini: &Utf8Path, cwd: &Utf8Path) -> Texts {
    let read = |path: &Utf8Path| {
        let bytes = fs::read(path).ok()?;
        let folder = path.parent().unwrap_or(cwd).to_owned();
        Some((folder, String::from_utf8_lossy(&bytes).into_owned()))
    };
    // Alembic reads both, the ini first; `-c` may name either.
    if ini.file_name() == Some("pyproject.toml") {
        Texts { ini: read(&cwd.join("alembic.ini")), pyproject: read(ini) }
    } else {
        Texts { ini: read(ini), pyproject: read(&cwd.join("pyproject.toml")) }
    }
}

/// The template of new revisions of a folder `versions`: it lies beside them, or in the folder above.
pub fn template(versions: &Utf8Path) -> Option<String> {
    let files = versions.ancestors().take(2).map(|folder| folder.join("script.py.mako"));
    files.filter_map(|file| fs::read_to_string(file).ok()).next()
}

/// Lists the files that Alembic would read as revisions, in its order.
pub fn list(settings: &Settings) -> Listing {
    let mut listing = Listing::default();
    let mut seen = HashSet::new();
    for location in &settings.locations {
        match location {
            Location::Folder(folder) => {
                if let Some(above) = folder.parent().filter(|above| !above.is_dir()) {
                    listing.unknown.push(format!(
                        "the folder of the migrations is not found: there is no `{above}`; \
                         --cwd names the folder where Alembic runs"
                    ));
                }
                list_folder(folder, settings, &mut seen, &mut listing, 0);
            }
            Location::Package { written, candidates } => {
                let found = candidates.iter().find(|(package, _)| package.is_dir());
                match found {
                    Some((_, folder)) => list_folder(folder, settings, &mut seen, &mut listing, 0),
                    None => listing.unknown.push(format!(
                        "cannot find `{written}` without Python: its package is neither below \
                         the folder where Alembic runs nor below `prepend_sys_path`"
                    )),
                }
            }
        }
    }
    // Without locations, the settings lack something, and a finding says what.
    let is_silent = listing.files.is_empty() && listing.unknown.is_empty();
    if is_silent && !settings.locations.is_empty() {
        let folders = settings.locations.iter().filter_map(|location| match location {
            Location::Folder(folder) => Some(format!("`{folder}`")),
            Location::Package { .. } => None,
        });
        let folders: Vec<String> = folders.collect();
        listing.unknown.push(format!(
            "there is no revision in {}, which `script_location` and `version_locations` name; where \
             the tree is new, `{} new` writes its first",
            folders.join(", "),
            called::gate()
        ));
    }
    listing
}

/// The folders in which revisions may lie, as far as they exist.
pub fn folders(settings: &Settings) -> Vec<Utf8PathBuf> {
    let folder = |location: &Location| match location {
        Location::Folder(folder) => Some(folder.clone()),
        Location::Package { candidates, .. } => {
            Some(candidates.iter().find(|(package, _)| package.is_dir())?.1.clone())
        }
    };
    let real = |folder: Utf8PathBuf| folder.canonicalize_utf8().unwrap_or(folder);
    settings.locations.iter().filter_map(folder).map(real).collect()
}

/// The file of a module, or the folder of a package, below the first of these roots that has it:
/// for `app.models.order`, as much of it as there is. `None`: it is installed, or nowhere.
pub fn module(name: &str, roots: &[Utf8PathBuf]) -> Option<Utf8PathBuf> {
    let (first, rest) = name.split_once('.').unwrap_or((name, ""));
    roots.iter().find_map(|root| {
        let file = root.join(format!("{first}.py"));
        if file.is_file() {
            return Some(file);
        }
        let mut found = root.join(first);
        let is_package = found.join("__init__.py").is_file();
        let mut whole = true;
        for part in rest.split('.').filter(|part| !part.is_empty()) {
            let (file, folder) = (found.join(format!("{part}.py")), found.join(part));
            if file.is_file() {
                return Some(file);
            }
            whole = folder.is_dir();
            if !whole {
                break;
            }
            found = folder;
        }
        // A folder without `__init__.py` is a package only where there is something to import.
        let named = whole && !rest.is_empty() && found.is_dir();
        (is_package || named).then_some(found)
    })
}

/// Reads a file; `Err` says why it cannot be read.
pub fn read(file: &Utf8Path) -> Result<Vec<u8>, String> {
    let open = fs::File::open(file).map_err(|err| err.to_string())?;
    // One byte more than it has shows its end without a second look.
    let length = open.metadata().map_or(0, |meta| meta.len().min(MAX_BYTES) + 1);
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    open.take(MAX_BYTES).read_to_end(&mut bytes).map_err(|err| err.to_string())?;
    Ok(bytes)
}

fn list_folder(
    folder: &Utf8Path,
    settings: &Settings,
    seen: &mut HashSet<Utf8PathBuf>,
    listing: &mut Listing,
    depth: usize,
) {
    let folder = match folder.canonicalize_utf8() {
        Ok(folder) => folder,
        // Alembic passes over a location that does not exist.
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => return,
        Err(err) => return listing.unknown.push(format!("cannot list `{folder}`: {err}")),
    };
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(err) => return listing.unknown.push(format!("cannot list `{folder}`: {err}")),
    };
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for entry in entries.flatten() {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        let Ok(name) = entry.file_name().into_string() else {
            let name = entry.file_name().to_string_lossy().into_owned();
            if is_revision_name(&name) {
                let message = format!("the name of `{folder}/{name}` is not UTF-8");
                listing.unknown.push(message);
            }
            continue;
        };
        if is_folder { folders.push(name) } else { files.push((name, is_link)) }
    }
    files.sort_unstable();
    folders.sort_unstable();
    for (name, is_link) in &files {
        list_file(&folder, name, *is_link, seen, listing);
        if settings.sourceless && is_compiled_name(name) {
            let source = name.trim_end_matches(['c', 'o']);
            if !files.iter().any(|(other, _)| other == source) {
                listing
                    .unknown
                    .push(format!("`{folder}/{name}` is compiled, and only Python can read it"));
            }
        }
    }
    if settings.recursive && depth < MAX_DEPTH {
        for name in folders.iter().filter(|name| !name.ends_with("__pycache__")) {
            list_folder(&folder.join(name), settings, seen, listing, depth + 1);
        }
    }
}

fn list_file(
    folder: &Utf8Path,
    name: &str,
    is_link: bool,
    seen: &mut HashSet<Utf8PathBuf>,
    listing: &mut Listing,
) {
    let mut file = folder.join(name);
    // Alembic takes the name of the file that a link leads to.
    if is_link {
        match file.canonicalize_utf8() {
            Ok(real) if real.is_file() => file = real,
            Ok(_) => return,
            Err(err) if is_revision_name(name) => {
                return listing.unknown.push(format!("cannot follow the link `{file}`: {err}"));
            }
            Err(_) => return,
        }
    }
    if !file.file_name().is_some_and(is_revision_name) {
        return;
    }
    if seen.insert(file.clone()) { listing.files.push(file) } else { listing.twice.push(file) }
}
