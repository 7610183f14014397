//! Selection of the root and the trees that a command works on.

use std::collections::BTreeMap;
use std::ffi::OsStr;

use anyhow::{Context, Result, anyhow, bail};
use camino::{Utf8Path, Utf8PathBuf};

use crate::flags::{EnvPy, OtherTree, TargetName, TreeSelection};
use crate::os::tree_files;
use crate::postgres::MAJOR;
use crate::recipes;
use analysis::options::{self, Options, Urls};
use model::supply::Script;
use model::template::Template;
use model::tree::{DEFAULT_SECTION, DEFAULT_URL_ENV, Target, Tree};

/// The monorepo to work on: the named one, else the one that holds the working folder.
pub fn root(named: Option<&Utf8Path>) -> Result<Utf8PathBuf> {
    if let Some(root) = named {
        return root.canonicalize_utf8().with_context(|| format!("cannot read the root `{root}`"));
    }
    let here = Utf8Path::new(".").canonicalize_utf8().context("cannot read the working folder")?;
    let has_trees =
        |root: &&Utf8Path| recipes::TREES.iter().all(|tree| root.join(tree.migrations).is_dir());
    let top = here.ancestors().find(|above| above.join(".git").exists());
    // Above the top of a repository lies another project.
    let mut above =
        here.ancestors().take_while(|folder| top.is_none_or(|top| folder.starts_with(top)));
    let found = above.find(has_trees).map(Utf8Path::to_owned);
    found.with_context(|| {
        let trees: Vec<String> =
            recipes::TREES.iter().map(|tree| format!("`{}`", tree.migrations)).collect();
        let ini = ini_near(&here).unwrap_or("path/to/alembic.ini".into());
        format!(
            "cannot find the trees: neither `{here}` nor a folder above it in its repository holds {}\n\
             hint: `--ini {ini}` names another Alembic tree, where the command takes one; --root the folder \
             that holds the trees",
            trees.join(" and ")
        )
    })
}

/// An ini of Alembic in a folder or right below it.
fn ini_near(folder: &Utf8Path) -> Option<Utf8PathBuf> {
    let mut below: Vec<Utf8PathBuf> = folder
        .read_dir_utf8()
        .ok()?
        .flatten()
        .map(|entry| Utf8PathBuf::from(entry.file_name()))
        .collect();
    below.sort();
    let folders = std::iter::once(Utf8PathBuf::new()).chain(below);
    folders.map(|folder| folder.join("alembic.ini")).find(|ini| folder.join(ini).is_file())
}

/// One tree: that of the ini, else the one that the first of the words names; and the other words.
pub fn one<'w, W: AsRef<OsStr>>(
    words: &'w [W],
    other: &OtherTree,
) -> Result<(TreeSelection, &'w [W])> {
    let (trees, rest) = match (&other.ini, words) {
        (None, [first, rest @ ..]) => {
            let id = first.as_ref().to_string_lossy();
            let known: Vec<&str> = recipes::TREES.iter().map(|spec| spec.id).collect();
            if !known.contains(&id.as_ref()) {
                bail!(
                    "cannot find the tree `{id}`: name one of {}, or another one with --ini",
                    known.join(", ")
                );
            }
            (vec![id.into_owned()], rest)
        }
        _ => (Vec::new(), words),
    };
    let (ini, repository) = (other.ini.clone(), other.repository.clone());
    Ok((TreeSelection { trees, ini, repository, ..TreeSelection::default() }, rest))
}

/// The root and the trees that were asked for, as far as the files go.
pub fn select(flags: &TreeSelection) -> Result<(Utf8PathBuf, Vec<Tree>)> {
    selected(flags, None)
}

/// The root and the chosen trees, with the environment of their env.py. Fails if a tree wants
/// another Postgres than the gate runs.
pub fn select_to_run(flags: &TreeSelection, env_py: &EnvPy) -> Result<(Utf8PathBuf, Vec<Tree>)> {
    selected(flags, Some(env_py))
}

fn selected(flags: &TreeSelection, run: Option<&EnvPy>) -> Result<(Utf8PathBuf, Vec<Tree>)> {
    if let Some(ini) = &flags.ini {
        let (root, tree) = plain(flags, run, ini)?;
        return Ok((root, vec![tree]));
    }
    let root = root(flags.repository.root.as_deref())?;
    let chosen = |tree: &Tree| flags.trees.is_empty() || flags.trees.contains(&tree.id);
    let trees = recipes::trees(&root).into_iter().filter(chosen).collect();
    Ok((root, trees))
}

/// A tree by its ini, with the options that stand in there; those on the command line win.
fn plain(
    flags: &TreeSelection,
    run: Option<&EnvPy>,
    ini: &Utf8Path,
) -> Result<(Utf8PathBuf, Tree)> {
    let env_py = run.cloned().unwrap_or_default();
    let absolute = ini.canonicalize_utf8().with_context(|| format!("cannot read `{ini}`"))?;
    let folder = absolute.parent().context("name an ini file, not the root folder")?;
    let texts = tree_files::texts(&absolute, folder);
    let in_ini = |err: String| anyhow!("cannot use `{absolute}`: {err}");
    let options = Options::read(&texts).map_err(in_ini)?;
    let one = |named: &Option<String>, option: &str| -> Result<Option<String>> {
        let given = options.one(option).map_err(in_ini)?.map(str::to_owned);
        Ok(named.clone().or(given))
    };
    let place = |named: &Option<Utf8PathBuf>, option: &str| -> Result<Option<Utf8PathBuf>> {
        let given = options.one(option).map_err(in_ini)?.map(|place| folder.join(place));
        Ok(named.clone().or(given))
    };
    if run.is_some() {
        check_postgres(options.one("postgres").map_err(in_ini)?, &absolute)?;
    }
    let named = place(&flags.repository.root, "root")?;
    let root = root(Some(named.as_deref().unwrap_or(repository_of(folder))))?;
    let section = one(&flags.name, "name")?.unwrap_or(DEFAULT_SECTION.to_owned());
    let cwd = place(&flags.cwd, "cwd")?;
    let mut tree = Tree::plain(ini, &section, cwd.as_deref())?;
    let Urls { driver, sections } = options::urls(&texts, &section);
    (tree.ini_driver, tree.section_urls) = (driver, sections);
    tree.driver = one(&env_py.driver, "driver")?;
    let x_args = merged(options.all("x"), &env_py.x);
    tree.x_args = x_args.iter().map(|argument| Template::of_argument(argument)).collect();
    tree.target = match (flags.target, options.one("target").map_err(in_ini)?) {
        (Some(TargetName::Heads), _) | (None, Some("heads")) => Target::Heads,
        (Some(TargetName::Head), _) | (None, Some("head") | None) => Target::Head,
        (None, Some(other)) => {
            bail!("cannot use `{absolute}`: `target` is `{other}`: head or heads")
        }
    };
    tree.irreversible = options.one("irreversible").map_err(in_ini)?.map(str::to_owned);
    let strict = options.one("strict_models").map_err(in_ini)?;
    tree.strict_models = env_py.strict_models || flag(strict).map_err(in_ini)?;
    let url_env = one(&env_py.url_env, "url_env")?.unwrap_or(DEFAULT_URL_ENV.to_owned());
    // A template for the same variable wins over the URL alone.
    let mut env = BTreeMap::from([(url_env, Template::url())]);
    for text in merged(options.all("set_env"), &env_py.set_env) {
        env.extend([set_env(&text)?]);
    }
    tree.env = env.into_iter().collect();
    tree.scripts = options
        .before()
        .map(|(revision, file)| script(revision, folder.join(file)))
        .collect::<Result<_>>()
        .with_context(|| format!("cannot use `{absolute}`"))?;
    Ok((root, tree))
}

/// Fails where a tree wants another Postgres than the gate runs.
fn check_postgres(wanted: Option<&str>, ini: &Utf8Path) -> Result<()> {
    match wanted.filter(|wanted| *wanted != MAJOR.to_string()) {
        None => Ok(()),
        Some(wanted) => bail!(
            "`{ini}` asks for Postgres {wanted} (`postgres = {wanted}`), and the gate runs Postgres \
             {MAJOR} alone; without that line it gates the tree on {MAJOR}"
        ),
    }
}

fn flag(text: Option<&str>) -> Result<bool, String> {
    match text {
        Some("true") => Ok(true),
        Some("false") | None => Ok(false),
        Some(other) => Err(format!("`strict_models` is `{other}`: true or false")),
    }
}

/// A SQL file as a supply.
fn script(required_by: Option<&str>, file: Utf8PathBuf) -> Result<Script> {
    let sql = std::fs::read_to_string(&file);
    let sql = sql.with_context(|| {
        let option = required_by.map(|revision| format!(".{revision}")).unwrap_or_default();
        format!("cannot read `{file}`, which `before{option}` in `[migration-gate]` names")
    })?;
    Ok(Script { required_by: required_by.map(str::to_owned), file, sql })
}

/// The top of the git repository that holds a folder, else the folder.
fn repository_of(folder: &Utf8Path) -> &Utf8Path {
    folder.ancestors().find(|above| above.join(".git").exists()).unwrap_or(folder)
}

/// The values of both places; those of a name before the `=` that is on the command line win.
fn merged(in_ini: &[String], typed: &[String]) -> Vec<String> {
    let name = |text: &String| text.split('=').next().map(str::to_owned);
    let is_typed = |text: &&String| typed.iter().any(|other| name(other) == name(text));
    in_ini.iter().filter(|text| !is_typed(text)).chain(typed).cloned().collect()
}

/// The variable and the template in `NAME=TEMPLATE`.
fn set_env(text: &str) -> Result<(String, Template)> {
    let is_name = |name: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        !name.is_empty()
            && name.chars().all(plain)
            && !name.starts_with(|c: char| c.is_ascii_digit())
    };
    let (name, template) = text
        .split_once('=')
        .filter(|(name, _)| is_name(name))
        .with_context(|| format!("cannot use `--set-env {text}`: write NAME=TEMPLATE"))?;
    let template =
        Template::parse(template).with_context(|| format!("cannot use `--set-env {text}`"))?;
    Ok((name.to_owned(), template))
}
