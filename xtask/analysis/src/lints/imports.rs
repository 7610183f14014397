//! Imports of code that is the application's, and which modules are not.

use camino::Utf8Path;

use super::bodies::each;
use super::subject::{Subject, told_once};
use model::code;
use model::finding::Finding;

/// The explanation for a module of the application.
const OF_REPOSITORY: &str = " is code of this repository";

/// Imports of application code.
pub(super) fn imports_application(subject: &Subject<'_>) -> Vec<Finding> {
    let each = each(subject, &code::IMPORTS_APPLICATION, |script| {
        // Files beside `versions/` are part of the migrations.
        let folder = script.file.parent().and_then(|versions| versions.parent());
        let is_beside = |file: &Utf8Path| {
            folder.is_some_and(|folder| !folder.as_str().is_empty() && file.starts_with(folder))
        };
        let message = |module: &str| match subject.files.application.get(module) {
            Some(Some(file)) if is_beside(file) => None,
            Some(Some(file)) => Some(format!("`{module}`{OF_REPOSITORY}: {file}")),
            Some(None) => Some(format!(
                "`{module}` is neither Python's own nor a package that this tree is run with"
            )),
            None if module.starts_with('.') => Some(format!(
                "`{module}` is relative, and Alembic loads revisions outside a package"
            )),
            None => None,
        };
        let imports = script.body().imports.iter();
        imports.filter_map(|import| Some((import.line, message(&import.module)?))).collect()
    });
    once_a_package(told_once(each))
}

/// One finding for each package of the application; its other modules are lines of it.
fn once_a_package(findings: Vec<Finding>) -> Vec<Finding> {
    let package = |finding: &Finding| {
        let (module, rest) = finding.message.trim_start_matches('`').split_once('`')?;
        let first = module.split('.').next()?.to_owned();
        rest.starts_with(OF_REPOSITORY).then_some(first)
    };
    let mut once: Vec<Finding> = Vec::new();
    for mut finding in findings {
        let of = package(&finding);
        let Some(first) = once.iter_mut().find(|first| of.is_some() && package(first) == of) else {
            once.push(finding);
            continue;
        };
        first.also.extend(finding.place.map(|place| {
            let line = place.line.map(|line| format!(":{line}")).unwrap_or_default();
            format!("{} ({}{line})", finding.message, place.file)
        }));
        first.also.append(&mut finding.also);
    }
    once
}

/// Whether a module belongs to Python or Alembic, even if a folder has its name.
pub fn comes_with_python(module: &str) -> bool {
    let root = module.split('.').next().unwrap_or_default();
    ["alembic", "sqlalchemy"].contains(&root) || STANDARD.contains(&root)
}

/// Whether a module is likely that of a package in this list of requirements. A package may have
/// another name than its module: `PyYAML` has `yaml`.
pub fn is_required(module: &str, requirements: &str) -> bool {
    let plain = |name: &str| name.to_lowercase().replace(['-', '.'], "_");
    let root = plain(module.split('.').next().unwrap_or_default());
    let is_name = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let names = requirements.lines().filter_map(|line| line.split(|c| !is_name(c)).next());
    let mut names = names.filter(|name| !name.is_empty()).map(plain);
    PACKAGES.contains(&root.as_str())
        || names.any(|name| name.contains(&root) || (name.len() > 3 && root.contains(&name)))
}

/// Packages that revisions of public projects import, and that are no application.
#[rustfmt::skip]
const PACKAGES: &[&str] = &[
    "advanced_alchemy", "alembic", "alembic_postgresql_enum", "alembic_utils", "argon2", "arrow",
    "asyncpg", "babel", "bcrypt", "boto3", "citext", "click", "cryptography", "dateutil",
    "decouple", "dotenv", "fastapi_users", "fastapi_users_db_sqlalchemy", "flask",
    "flask_migrate", "flask_sqlalchemy", "future", "geoalchemy2", "greenlet", "httpx", "mysql",
    "nanoid", "numpy", "orjson", "packaging", "pandas", "passlib", "pendulum", "pgvector",
    "phonenumbers", "psycopg", "psycopg2", "pycountry", "pydantic", "pymysql", "pytz", "redis",
    "requests", "rich", "shapely", "simplejson", "six", "slugify", "sqlalchemy",
    "sqlalchemy_continuum", "sqlalchemy_json", "sqlalchemy_utc", "sqlalchemy_utils", "sqlmodel",
    "structlog", "toml", "tqdm", "typing_extensions", "tzlocal", "ulid", "uuid6", "uuid_extensions",
    "werkzeug", "yaml", "zope",
];

/// The top of Python's standard library, as `sys.stdlib_module_names` of 3.11 to 3.14 has it.
#[rustfmt::skip]
const STANDARD: &[&str] = &[
    "__future__", "abc", "aifc", "annotationlib", "argparse", "array", "ast", "asynchat",
    "asyncio", "asyncore", "atexit", "audioop", "base64", "bdb", "binascii", "bisect", "builtins",
    "bz2", "cProfile", "calendar", "cgi", "cgitb", "chunk", "cmath", "cmd", "code", "codecs",
    "codeop", "collections", "colorsys", "compileall", "compression", "concurrent", "configparser",
    "contextlib", "contextvars", "copy", "copyreg", "crypt", "csv", "ctypes", "curses",
    "dataclasses", "datetime", "dbm", "decimal", "difflib", "dis", "distutils", "doctest", "email",
    "encodings", "ensurepip", "enum", "errno", "faulthandler", "fcntl", "filecmp", "fileinput",
    "fnmatch", "fractions", "ftplib", "functools", "gc", "genericpath", "getopt", "getpass",
    "gettext", "glob", "graphlib", "grp", "gzip", "hashlib", "heapq", "hmac", "html", "http",
    "imaplib", "imghdr", "imp", "importlib", "inspect", "io", "ipaddress", "itertools", "json",
    "keyword", "lib2to3", "linecache", "locale", "logging", "lzma", "mailbox", "mailcap",
    "marshal", "math", "mimetypes", "mmap", "modulefinder", "msilib", "msvcrt", "multiprocessing",
    "netrc", "nis", "nntplib", "nt", "ntpath", "nturl2path", "numbers", "opcode", "operator",
    "optparse", "os", "ossaudiodev", "pathlib", "pdb", "pickle", "pickletools", "pipes", "pkgutil",
    "platform", "plistlib", "poplib", "posix", "posixpath", "pprint", "profile", "pstats", "pty",
    "pwd", "py_compile", "pyclbr", "pydoc", "pydoc_data", "pyexpat", "queue", "quopri", "random",
    "re", "readline", "reprlib", "resource", "rlcompleter", "runpy", "sched", "secrets", "select",
    "selectors", "shelve", "shlex", "shutil", "signal", "site", "smtpd", "smtplib", "sndhdr",
    "socket", "socketserver", "spwd", "sqlite3", "sre_compile", "sre_constants", "sre_parse",
    "ssl", "stat", "statistics", "string", "stringprep", "struct", "subprocess", "sunau",
    "symtable", "sys", "sysconfig", "syslog", "tabnanny", "tarfile", "telnetlib", "tempfile",
    "termios", "textwrap", "threading", "time", "timeit", "tkinter", "token", "tokenize",
    "tomllib", "trace", "traceback", "tracemalloc", "tty", "types", "typing", "unicodedata",
    "unittest", "urllib", "uu", "uuid", "venv", "warnings", "wave", "weakref", "webbrowser",
    "winreg", "winsound", "wsgiref", "xdrlib", "xml", "xmlrpc", "zipapp", "zipfile", "zipimport",
    "zlib", "zoneinfo",
];
