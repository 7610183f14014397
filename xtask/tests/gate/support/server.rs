//! A running Postgres 15 to give to the gate: on loopback, with a password, and with TLS if wanted.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use postgres::{Client, Config, NoTls};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustix::process::{Signal, kill_process};
use tempfile::TempDir;

use super::postgres::{as_server_user, bin, server_user};
use super::python::once;
use super::sandbox::{pid, temporary};

/// The superuser's password: what of it must be escaped in a URL is in it.
pub const PASSWORD: &str = "hu5h p@ss/w:rd%41";
/// As it stands in a URL.
pub const PASSWORD_IN_URL: &str = "hu5h%20p%40ss%2Fw%3Ard%2541";
/// A cluster starts in a fraction of a second; a busy machine may take a while.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A server, stopped and removed with this value.
pub struct Server {
    // Dropped in this order: the process before its folder.
    process: Process,
    dir: TempDir,
    port: u16,
}

/// A server's process, ended with this value.
struct Process(Child);

impl Server {
    /// One that takes a password over TCP.
    pub fn start() -> Server {
        Server::start_from(bin(), false)
    }

    /// One that takes nothing but TLS over TCP. Its certificate is for `localhost`.
    pub fn start_with_tls() -> Server {
        Server::start_from(bin(), true)
    }

    /// One from other binaries.
    pub fn start_from(bin: &Path, tls: bool) -> Server {
        let dir = temporary("mg-server-");
        give_away(dir.path());
        initdb(bin, dir.path());
        if tls {
            write_certificates(dir.path());
            // No line for TCP without TLS; the tests themselves use the socket.
            let hba = "local all all scram-sha-256\nhostssl all all all scram-sha-256\n";
            fs::write(dir.path().join("data/pg_hba.conf"), hba).unwrap();
        }
        // Another process may take the port between asking for it and using it.
        for _ in 0..5 {
            let port = free_port();
            let mut process = Process(spawn(bin, dir.path(), port, tls));
            if process.is_ready(dir.path(), port) {
                return Server { process, dir, port };
            }
        }
        panic!("{}", fs::read_to_string(dir.path().join("log")).unwrap());
    }

    /// The URL to give to the gate, by the loopback address.
    pub fn url(&self) -> String {
        self.url_at("127.0.0.1", "")
    }

    /// The URL with another host name and with parameters.
    pub fn url_at(&self, host: &str, query: &str) -> String {
        let port = self.port;
        format!("postgresql://postgres:{PASSWORD_IN_URL}@{host}:{port}/postgres?{query}")
    }

    /// The URL of another role, with the same password.
    pub fn url_of(&self, role: &str) -> String {
        self.url().replace("//postgres:", &format!("//{role}:"))
    }

    pub fn connect(&self, database: &str) -> Client {
        connect(self.dir.path(), self.port, database).unwrap()
    }

    /// Runs statements as the superuser, each in a transaction of its own.
    pub fn execute(&self, database: &str, statements: &[&str]) {
        let mut client = self.connect(database);
        for statement in statements {
            client.batch_execute(statement).unwrap();
        }
    }

    /// The databases and roles that are there beside those of a new cluster.
    pub fn contents(&self) -> Vec<String> {
        let sql = "SELECT datname::text FROM pg_database \
                   WHERE datname NOT IN ('postgres', 'template0', 'template1') \
                   UNION ALL SELECT 'role ' || rolname FROM pg_roles \
                   WHERE rolname <> 'postgres' AND rolname NOT LIKE 'pg\\_%' ORDER BY 1";
        let rows = self.connect("postgres").query(sql, &[]).unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// The file of the authority that signed its certificate.
    pub fn authority(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// Ends it as a crash does.
    pub fn crash(&self) {
        kill_process(pid(self.process.0.id()), Signal::QUIT).unwrap();
    }
}

impl Process {
    fn is_ready(&mut self, dir: &Path, port: u16) -> bool {
        let deadline = Instant::now() + START_TIMEOUT;
        while Instant::now() < deadline && self.0.try_wait().unwrap().is_none() {
            if connect(dir, port, "postgres").is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.0.try_wait().unwrap().is_none() {
            let _ = kill_process(pid(self.0.id()), Signal::QUIT);
            let _ = self.0.wait();
        }
    }
}

/// An authority's certificate alone, which signed nothing.
pub fn write_stranger(file: &Path) {
    fs::write(file, authority().0).unwrap();
}

/// Makes a data directory: a copy of the one that was made first with these binaries.
fn initdb(bin: &Path, dir: &Path) {
    let name = bin.to_str().unwrap().replace('/', "-");
    let made = once(&format!("initdb{name}"), |made| {
        let dir = temporary("mg-initdb-");
        give_away(dir.path());
        fs::write(dir.path().join("password"), PASSWORD).unwrap();
        let status = as_server_user(&bin.join("initdb"))
            .args(["--no-sync", "--auth=scram-sha-256", "--username=postgres", "--encoding=UTF8"])
            .args(["--locale=C", "--pwfile=password", "-D", "data"])
            .current_dir(dir.path())
            .stdout(Stdio::null())
            .status();
        assert!(status.unwrap().success(), "initdb failed");
        copy(dir.path(), made);
    });
    copy(&made.join("data"), &dir.join("data"));
}

/// Copies a folder with its owners.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.unwrap().success(), "{} cannot be copied", from.display());
}

fn spawn(bin: &Path, dir: &Path, port: u16, tls: bool) -> Child {
    let mut command: Command = as_server_user(&bin.join("postgres"));
    command.arg("-D").arg(dir.join("data")).args(["-c", "listen_addresses=127.0.0.1"]);
    command.arg("-c").arg(format!("unix_socket_directories={}", dir.display()));
    command.arg("-c").arg(format!("port={port}")).args(["-c", "fsync=off"]);
    command.args(["-c", "dynamic_shared_memory_type=mmap", "-c", "shared_buffers=16MB"]);
    if tls {
        command.args(["-c", "ssl=on"]);
        for (setting, file) in [("ssl_cert_file", "leaf.pem"), ("ssl_key_file", "leaf.key")] {
            command.arg("-c").arg(format!("{setting}={}", dir.join(file).display()));
        }
    }
    let log = fs::File::create(dir.join("log")).unwrap();
    let copy = log.try_clone().unwrap();
    command.current_dir(dir).stdin(Stdio::null()).stdout(copy).stderr(log).spawn().unwrap()
}

fn connect(dir: &Path, port: u16, database: &str) -> Result<Client, postgres::Error> {
    let mut config = Config::new();
    config.host_path(dir).port(port).user("postgres").password(PASSWORD).dbname(database);
    config.connect(NoTls)
}

/// Makes an authority and a certificate for `localhost` that it signed.
fn write_certificates(dir: &Path) {
    let (pem, issuer) = authority();
    let key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    // OpenSSL takes a certificate whose subject is also its issuer for a self-signed one.
    leaf.distinguished_name.push(DnType::CommonName, "localhost");
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    fs::write(dir.join("ca.pem"), pem).unwrap();
    fs::write(dir.join("leaf.pem"), leaf.pem()).unwrap();
    let file = dir.join("leaf.key");
    fs::write(&file, key.serialize_pem()).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    give_away(&file);
}

fn authority() -> (String, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "The tests' authority");
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key).unwrap().pem();
    (pem, Issuer::new(params, key))
}

fn give_away(path: &Path) {
    if let Some(user) = server_user() {
        chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
