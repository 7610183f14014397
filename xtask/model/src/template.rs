//! Templates of the values that an env.py reads: text with places such as `{url}` and `{host}`.

use anyhow::{Context, Result, bail};

/// The placeholders of a template, for messages and help.
pub const PLACES: &str =
    "{url}, {driver}, {host}, {port}, {user}, {password}, {database}, {url:NAME}, {database:NAME}";

/// Longest name of a database in Postgres.
const NAME_MAX: usize = 63;

/// A text with places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    /// The URL of the tree's own database, or of one beside it.
    Url(Option<String>),
    /// The name of the tree's own database, or of one beside it.
    Database(Option<String>),
    Driver,
    Host,
    Port,
    User,
    Password,
}

/// Address of the databases.
pub struct Address<'a> {
    /// The SQLAlchemy driver.
    pub driver: &'a str,
    /// The host, or the folder of the socket.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The role.
    pub user: String,
    /// Its password; empty: no password is needed.
    pub password: String,
    /// The SQLAlchemy URL of a database.
    pub url: &'a dyn Fn(&str) -> String,
}

impl Template {
    /// The template that is the URL alone.
    pub fn url() -> Template {
        Template(vec![Part::Url(None)])
    }

    /// Reads a template; `{{` and `}}` stand for braces. Fails for an unknown placeholder.
    pub fn parse(text: &str) -> Result<Template> {
        let (mut parts, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let (brace, after) = rest[at..].split_at(1);
            if let Some(twice) = after.strip_prefix(brace) {
                plain.push_str(brace);
                rest = twice;
                continue;
            }
            let (place, after) = after
                .split_once('}')
                .filter(|_| brace == "{")
                .with_context(|| format!("`{text}` has a `{brace}` without its other half"))?;
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(Part::parse(place)?);
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() || parts.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Template(parts))
    }

    /// Reads a value of `alembic -x`: text as it is, with its braces, unless each pair of braces is
    /// a placeholder.
    pub fn of_argument(text: &str) -> Template {
        let read = Template::parse(text).ok();
        let read = read.filter(|read| read.0.iter().any(|part| !matches!(part, Part::Text(_))));
        read.unwrap_or_else(|| Template(vec![Part::Text(text.to_owned())]))
    }

    /// The text with its places.
    pub fn written(&self) -> String {
        let place = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Url(extra) => format!("{{url{}}}", named(extra)),
            Part::Database(extra) => format!("{{database{}}}", named(extra)),
            Part::Driver => "{driver}".to_owned(),
            Part::Host => "{host}".to_owned(),
            Part::Port => "{port}".to_owned(),
            Part::User => "{user}".to_owned(),
            Part::Password => "{password}".to_owned(),
        };
        self.0.iter().map(place).collect()
    }

    /// The further databases that the template names.
    pub fn extras(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Url(name) | Part::Database(name) => name.as_deref(),
            _ => None,
        })
    }

    /// Whether the template names the server's host or port, for an env.py that cannot take a
    /// socket.
    pub fn wants_host(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Host | Part::Port))
    }

    /// The text for a call on this database.
    pub fn expand(&self, address: &Address<'_>, database: &str) -> String {
        let name = |extra: &Option<String>| match extra {
            Some(extra) => extra_database(database, extra),
            None => database.to_owned(),
        };
        let text = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Url(extra) => (address.url)(&name(extra)),
            Part::Database(extra) => name(extra),
            Part::Driver => address.driver.to_owned(),
            Part::Host => address.host.clone(),
            Part::Port => address.port.to_string(),
            Part::User => address.user.clone(),
            Part::Password => address.password.clone(),
        };
        self.0.iter().map(text).collect()
    }
}

impl Part {
    fn parse(place: &str) -> Result<Part> {
        let named = |name: &str| -> Result<Option<String>> {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || name.len() > 20 || !name.chars().all(plain) {
                bail!("`{{{place}}}` names no database: write up to 20 letters, digits and `_`");
            }
            Ok(Some(name.to_owned()))
        };
        Ok(match place.split_once(':').unwrap_or((place, "")) {
            ("url", _) if place == "url" => Part::Url(None),
            ("url", name) => Part::Url(named(name)?),
            ("database", _) if place == "database" => Part::Database(None),
            ("database", name) => Part::Database(named(name)?),
            ("driver", "") => Part::Driver,
            ("host", "") => Part::Host,
            ("port", "") => Part::Port,
            ("user", "") => Part::User,
            ("password", "") => Part::Password,
            _ => bail!("there is no place `{{{place}}}`; there are {PLACES}"),
        })
    }
}

fn named(extra: &Option<String>) -> String {
    extra.as_ref().map(|name| format!(":{name}")).unwrap_or_default()
}

/// The name of a further database NAME, for a call on this one.
pub fn extra_database(database: &str, name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let own: String = database.chars().take(NAME_MAX - 1 - name.len()).collect();
    format!("{own}_{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(template: &str, expected: &str) {
        let url = |database: &str| format!("postgresql+d://u:p@h:1/{database}");
        let (host, user, password) = ("h".into(), "u".into(), "p".into());
        let address = Address { driver: "d", host, port: 1, user, password, url: &url };
        let said = Template::parse(template).map(|template| template.expand(&address, "shop_ci"));
        assert_eq!(said.unwrap_or_else(|err| err.to_string()), expected);
    }

    #[test]
    fn each_place_is_filled_in() {
        check("{url}", "postgresql+d://u:p@h:1/shop_ci");
        check(
            "postgresql://{user}:{password}@{host}:{port}/{database}",
            "postgresql://u:p@h:1/shop_ci",
        );
        check("+{driver}", "+d");
        check("{url:Stats}", "postgresql+d://u:p@h:1/shop_ci_stats");
        check("{database:a}-{database:b}", "shop_ci_a-shop_ci_b");
        check("", "");
        check(r#"{{"name": "{database}"}}"#, r#"{"name": "shop_ci"}"#);
    }

    #[test]
    fn unknown_placeholder_is_refused() {
        check("{name}", &format!("there is no place `{{name}}`; there are {PLACES}"));
        check("{url:}", "`{url:}` names no database: write up to 20 letters, digits and `_`");
        check("{port:x}", &format!("there is no place `{{port:x}}`; there are {PLACES}"));
        check("{url", "`{url` has a `{` without its other half");
        check("url}", "`url}` has a `}` without its other half");
    }

    #[test]
    fn a_further_database_fits_into_a_name() {
        assert_eq!(extra_database(&"x".repeat(63), "main").len(), 63);
    }
}
