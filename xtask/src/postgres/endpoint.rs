//! Endpoint of a server: as the gate's own connection, as a SQLAlchemy URL, and as a psql command.

use std::error::Error as _;
use std::fs::File;
use std::io::{self, Read};
use std::net::TcpListener;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use camino::{Utf8Path, Utf8PathBuf};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use postgres::config::Host;
use postgres::{Client, Config};

use super::tls::Tls;
use crate::os::process::quote;
use model::template::Address;

/// Error where nothing answers at an endpoint.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreachable(pub String);

/// Characters that may stand unescaped in any part of a URL (RFC 3986, 'unreserved').
const ESCAPED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
/// Where a private cluster listens for an env.py that cannot take a socket.
const LOOPBACK: &str = "127.0.0.1";
/// The port that names a local cluster's socket file.
const LOCAL_PORT: u16 = 5432;

/// How to reach a server.
#[derive(Clone)]
pub struct Endpoint {
    config: Config,
    host: Host,
    port: u16,
    tls: Tls,
    /// Further parameters of the URL that was given, for drivers that use libpq.
    params: Vec<(String, String)>,
}

impl Endpoint {
    /// A private cluster's superuser, on the socket in `dir`, where the data folder lies too.
    pub fn local(dir: &Utf8Path) -> Endpoint {
        Endpoint::local_at(dir, LOCAL_PORT)
    }

    fn local_at(dir: &Utf8Path, port: u16) -> Endpoint {
        let mut config = Config::new();
        config.host_path(dir.as_std_path()).port(port).user("postgres");
        config.connect_timeout(Duration::from_secs(10));
        let host = Host::Unix(dir.as_std_path().to_owned());
        Endpoint { config, host, port, tls: Tls::disabled(), params: Vec::new() }
    }

    /// A private cluster that listens on loopback too, for an env.py that cannot take a socket: on a port,
    /// or on one that is free on this machine. The gate itself stays on the socket. Fails where there is no
    /// port, or no source of random bytes.
    pub fn local_with_host(dir: &Utf8Path, port: Option<u16>) -> Result<Endpoint> {
        let free = || TcpListener::bind((LOOPBACK, 0)).and_then(|listener| listener.local_addr());
        let port = match port {
            Some(port) => port,
            None => free().context("cannot find a free port")?.port(),
        };
        let mut random = [0; 16];
        let file = File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut random));
        file.context("cannot make a password")?;
        let password: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut endpoint = Endpoint::local_at(dir, port);
        endpoint.config.password(password);
        endpoint.host = Host::Tcp(LOOPBACK.into());
        Ok(endpoint)
    }

    /// Where a private cluster listens beside its socket: the address and the port.
    pub fn listens(&self) -> Option<(&str, u16)> {
        match (&self.host, self.config.get_hosts()) {
            (Host::Tcp(name), [Host::Unix(_)]) => Some((name, self.port)),
            _ => None,
        }
    }

    /// A running server, from a libpq URL. Fails where it cannot be understood; the error holds no
    /// password.
    pub fn from_url(url: &str) -> Result<Endpoint> {
        if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
            bail!("cannot read --postgres-url: it must start with postgresql://");
        }
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let mut params = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            params.push((decode(key)?, decode(value)?));
        }
        let tls = Tls::take_from(&mut params)?;
        let rest: Vec<String> =
            params.iter().map(|(k, v)| format!("{}={}", encode(k), encode(v))).collect();
        let mut config = Config::from_str(&format!("{address}?{}", rest.join("&")))
            .context("cannot read --postgres-url")?;
        let host = match config.get_hosts() {
            [host] => host.clone(),
            [] => bail!("cannot read --postgres-url: it names no host"),
            _ => bail!("cannot use --postgres-url: it names several hosts; name one"),
        };
        if let [addr] = config.get_hostaddrs() {
            let addr = addr.to_string();
            if !is_loopback_name(&addr) {
                params.push(("hostaddr".into(), addr));
            }
        }
        let port = config.get_ports().first().copied().unwrap_or(LOCAL_PORT);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(10));
        }
        let named = ["host", "port", "user", "password", "dbname"];
        params.retain(|(key, _)| !named.contains(&key.as_str()));
        Ok(Endpoint { config, host, port, tls, params })
    }

    /// Whether the URL names a socket or loopback.
    pub fn is_loopback(&self) -> bool {
        let host = match &self.host {
            Host::Unix(_) => true,
            Host::Tcp(name) => is_loopback_name(name),
        };
        host && self.config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback)
    }

    /// Whether it is reached on a socket alone.
    pub fn is_socket(&self) -> bool {
        matches!(self.host, Host::Unix(_))
    }

    /// Its socket, where it is reached on one.
    pub fn socket(&self) -> Option<Utf8PathBuf> {
        let Host::Unix(folder) = &self.host else { return None };
        let socket = folder.join(format!(".s.PGSQL.{}", self.port));
        Utf8PathBuf::from_path_buf(socket).ok()
    }

    /// The folder of its socket, and the files of certificates that its URL names.
    pub fn files(&self) -> Vec<Utf8PathBuf> {
        let folder = self.socket().and_then(|socket| socket.parent().map(Utf8Path::to_owned));
        let named = self.tls.libpq_params().into_iter().chain(self.params.iter().cloned());
        let named = named.map(|(_, value)| Utf8PathBuf::from(value));
        folder.into_iter().chain(named.filter(|path| path.is_absolute())).collect()
    }

    /// The database that the URL names, else the user's (as libpq has it), else `postgres`.
    pub fn maintenance_database(&self) -> &str {
        self.config.get_dbname().or(self.config.get_user()).unwrap_or("postgres")
    }

    /// Connects to a database.
    pub fn connect(&self, database: &str) -> Result<Client> {
        let mut config = self.config.clone();
        config.dbname(database).application_name("migration-gate");
        let unix = matches!(self.host, Host::Unix(_));
        let mut last = None;
        for mode in self.tls.attempts(unix) {
            config.ssl_mode(*mode);
            match config.connect(self.tls.connector()?) {
                Ok(client) => return Ok(client),
                Err(err) => last = Some(err),
            }
        }
        let cause = last.context("no way to connect is allowed")?;
        let what = format!("cannot connect to `{}`", self.shown(database));
        let err = if is_passing(&cause) {
            anyhow::Error::new(cause).context(Unreachable(what))
        } else {
            anyhow::Error::new(cause).context(what)
        };
        Err(err)
    }

    /// Cancels the query of a connection.
    pub fn cancel(&self, token: &postgres::CancelToken) {
        if let Ok(connector) = self.tls.connector() {
            // If it cannot be cancelled, it ends at its own timeout.
            let _ = token.cancel_query(connector);
        }
    }

    /// The URL by which SQLAlchemy reaches a database through a driver, password included.
    pub fn sqlalchemy_url(&self, driver: &str, database: &str) -> String {
        let mut query: Vec<(String, String)> = Vec::new();
        // SQLAlchemy, its drivers and libpq go to the socket that the query names; a reader such as
        // pydantic's takes no URL without a host.
        let beside_socket = || format!("localhost:{}", self.port);
        let address = match &self.host {
            Host::Tcp(name) if name.contains(':') => format!("[{name}]:{}", self.port),
            Host::Tcp(name) => format!("{}:{}", encode(name), self.port),
            Host::Unix(_) if driver == "pg8000" => {
                query.extend(self.socket().map(|path| ("unix_sock".into(), path.into_string())));
                beside_socket()
            }
            Host::Unix(dir) => {
                query.push(("host".into(), text(dir)));
                query.push(("port".into(), self.port.to_string()));
                beside_socket()
            }
        };
        // Only drivers that use libpq know its parameters.
        match driver {
            "psycopg2" | "psycopg" => {
                query.extend(self.tls.libpq_params());
                query.extend(self.params.iter().cloned());
            }
            "asyncpg" if matches!(self.host, Host::Tcp(_)) => {
                query.push(("ssl".into(), self.tls.mode_name().into()));
            }
            _ => {}
        }
        let user = self.config.get_user().map(encode).unwrap_or_default();
        let password = self
            .config
            .get_password()
            .map(|p| format!(":{}", encode(&String::from_utf8_lossy(p))))
            .unwrap_or_default();
        let query: Vec<String> =
            query.iter().map(|(k, v)| format!("{}={}", encode(k), encode(v))).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        let database = encode(database);
        format!(
            "postgresql+{driver}://{user}{password}@{address}/{database}{mark}{}",
            query.join("&")
        )
    }

    /// Its parts, for templates.
    pub fn address<'a>(&self, driver: &'a str, url: &'a dyn Fn(&str) -> String) -> Address<'a> {
        let user = self.config.get_user().unwrap_or_default().to_owned();
        let password = self.password().unwrap_or_default();
        Address { driver, host: host(&self.host), port: self.port, user, password, url }
    }

    /// Where it is reached: the folder of its socket, or its host, and its port; both where it has both.
    pub fn places(&self) -> Vec<(String, String)> {
        let socket = self.config.get_hosts().first().filter(|_| self.listens().is_some());
        let hosts = [Some(&self.host), socket].into_iter().flatten();
        hosts.map(|place| (host(place), self.port.to_string())).collect()
    }

    /// The psql command that opens a database, on the socket where there is one; the password is left out.
    pub fn psql(&self, database: &str) -> String {
        let host = host(self.config.get_hosts().first().unwrap_or(&self.host));
        let user = self.config.get_user().map(|u| format!(" -U {}", quote(u))).unwrap_or_default();
        format!("psql -h {} -p {}{user} -d {}", quote(&host), self.port, quote(database))
    }

    /// The password, for removing it from output.
    pub fn password(&self) -> Option<String> {
        self.config.get_password().map(|p| String::from_utf8_lossy(p).into_owned())
    }

    /// For a person: where it is, without a password.
    pub fn shown(&self, database: &str) -> String {
        match &self.host {
            Host::Unix(dir) => format!("{}:{}/{database}", dir.display(), self.port),
            Host::Tcp(name) => format!("{name}:{}/{database}", self.port),
        }
    }
}

/// Whether another attempt may succeed: nothing answers, or the server is not ready. A wrong
/// password, name or certificate stays wrong.
fn is_passing(err: &postgres::Error) -> bool {
    if let Some(code) = err.code() {
        return !["28", "3D"].iter().any(|class| code.code().starts_with(class));
    }
    let mut cause: Option<&dyn std::error::Error> = err.source();
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return !matches!(io.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput);
        }
        cause = inner.source();
    }
    false
}

fn is_loopback_name(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn host(host: &Host) -> String {
    match host {
        Host::Unix(dir) => text(dir),
        Host::Tcp(name) => name.clone(),
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

fn decode(text: &str) -> Result<String> {
    let decoded = percent_decode_str(text).decode_utf8();
    Ok(decoded.context("cannot read --postgres-url: it is not UTF-8")?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, driver: &str, expected: &str) {
        assert_eq!(Endpoint::from_url(url).unwrap().sqlalchemy_url(driver, "x_ci"), expected);
    }

    #[test]
    fn a_url_names_its_driver_and_keeps_what_libpq_needs() {
        check(
            "postgresql://u:p%40ss@localhost/db?sslmode=verify-full&sslrootcert=/a b/ca.pem",
            "psycopg2",
            "postgresql+psycopg2://u:p%40ss@localhost:5432/x_ci?sslmode=verify-full&sslrootcert=/a%20b/ca.pem",
        );
        check("postgres://u@[::1]:7777", "pg8000", "postgresql+pg8000://u@[::1]:7777/x_ci");
        check(
            "postgresql://u@localhost/?sslmode=disable",
            "asyncpg",
            "postgresql+asyncpg://u@localhost:5432/x_ci?ssl=disable",
        );
        check(
            "postgresql:///db?host=/run/pg&user=u&application_name=me",
            "psycopg",
            "postgresql+psycopg://u@localhost:5432/x_ci?host=/run/pg&port=5432&sslmode=prefer&application_name=me",
        );
    }

    #[test]
    fn a_remote_host_is_known_as_such() {
        let is_loopback = |url: &str| Endpoint::from_url(url).unwrap().is_loopback();
        assert!(is_loopback("postgresql://u@localhost/db"));
        assert!(is_loopback("postgresql://u@127.0.0.2/db"));
        assert!(is_loopback("postgresql:///db?host=/tmp"));
        assert!(!is_loopback("postgresql://u@db.example/db"));
        assert!(!is_loopback("postgresql://u@localhost/db?hostaddr=10.0.0.1"));
    }

    #[test]
    fn a_bad_url_gets_a_sentence_without_its_password() {
        for url in
            ["mysql://u:hush@h", "postgresql://u:hush@h/db?nonsense=1", "postgresql://u:hush@h:x/d"]
        {
            let message = format!("{:#}", Endpoint::from_url(url).err().unwrap());
            assert!(message.contains("--postgres-url") && !message.contains("hush"), "{message}");
        }
    }
}
