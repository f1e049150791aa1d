//! Where a server is, and how to log in.

use std::fmt;

use percent_encoding::percent_decode_str;

/// A database of PostgreSQL's: the parameters of libpq, as they stand in a URL.
///
/// Neither [`Display`](fmt::Display) nor [`Debug`] shows a password.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    /// libpq's keywords and their values; a later one counts.
    parameters: Vec<(String, String)>,
}

/// Why a text is no such URL. What it says is not repeated: a password may stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// It, or what it says in percent escapes, is not UTF-8.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// What follows a host's colon is no port.
    #[error("the port is no number (write @, :, / and ? of a password as %40, %3A, %2F and %3F)")]
    Port,
    /// The part after the question mark is no list of parameters.
    #[error("what follows the question mark is no list of NAME=VALUE")]
    Parameters,
    /// A parameter is none of libpq's.
    #[error(
        "a parameter after the question mark is none of libpq's (write ? of a password as %3F)"
    )]
    UnknownParameter,
    /// Another URL stands in the place of a host's or a database's name, or what is left of a
    /// password.
    #[error(
        "the name of the host or the database cannot be one: it holds @ or :// (write @, :, / and ? of a password as %40, %3A, %2F and %3F)"
    )]
    Name,
    /// A NUL, which libpq would end the value at.
    #[error("it holds a NUL character")]
    Nul,
}

/// What counts where the URL says nothing: a server that is gone is noticed within a minute.
const USUAL: &[(&str, &str)] = &[
    ("application_name", "hostledger"),
    ("connect_timeout", "10"),
    ("keepalives_idle", "15"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "30000"),
];

/// libpq's parameters. Others it would name in its error, be they parts of a password.
const PARAMETERS: &str = " service user password passfile channel_binding connect_timeout dbname host \
    hostaddr port client_encoding options application_name fallback_application_name keepalives \
    keepalives_idle keepalives_interval keepalives_count tcp_user_timeout sslmode sslnegotiation \
    sslcompression sslcert sslkey sslcertmode sslpassword sslrootcert sslcrl sslcrldir sslsni \
    requirepeer require_auth min_protocol_version max_protocol_version ssl_min_protocol_version \
    ssl_max_protocol_version gssencmode krbsrvname gsslib gssdelegation replication \
    target_session_attrs load_balance_hosts scram_client_key scram_server_key oauth_issuer \
    oauth_client_id oauth_client_secret oauth_scope sslkeylogfile ";

impl PostgresUrl {
    /// Reads what follows `postgres://`, as libpq does (PostgreSQL's manual, 34.1.1.2):
    /// `[USER[:PASSWORD]@][HOST[:PORT],…][/DATABASE][?NAME=VALUE&…]`.
    pub(crate) fn parse(rest: &str) -> Result<Self, InvalidUrl> {
        let mut parameters = Vec::new();
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let (hosts, ports) = hosts_and_ports(hosts)?;
        // The password ended at a slash.
        if database.contains('@') {
            return Err(InvalidUrl::Name);
        }
        for (name, value) in [
            ("user", user),
            ("password", password),
            ("host", &hosts),
            ("port", &ports),
            ("dbname", database),
        ] {
            if !value.is_empty() {
                parameters.push((name.to_owned(), decoded(value)?));
            }
        }
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or(InvalidUrl::Parameters)?;
            if name.is_empty() || !name.bytes().all(|it| it.is_ascii_lowercase() || it == b'_') {
                return Err(InvalidUrl::Parameters);
            }
            // As JDBC has it, and libpq.
            if (name, value) == ("ssl", "true") {
                parameters.push(("sslmode".to_owned(), "require".to_owned()));
                continue;
            }
            if !PARAMETERS.contains(&format!(" {name} ")) {
                return Err(InvalidUrl::UnknownParameter);
            }
            parameters.push((name.to_owned(), decoded(value)?));
        }
        if parameters.iter().any(|(_, value)| value.contains('\0')) {
            return Err(InvalidUrl::Nul);
        }
        if !parameters.iter().all(|(name, value)| is_plain(name, value)) {
            return Err(InvalidUrl::Name);
        }
        Ok(Self { parameters })
    }

    /// What libpq is asked to connect to, password and all.
    pub(super) fn connection_string(&self) -> String {
        let usual = USUAL.iter().filter(|(name, _)| self.get(name).is_none());
        let given = self.parameters.iter();
        let given = given.map(|(name, value)| (name.as_str(), value.as_str()));
        let parameters: Vec<_> = usual
            .copied()
            .chain(given)
            .map(|(name, value)| {
                let value = value.replace('\\', "\\\\").replace('\'', "\\'");
                format!("{name}='{value}'")
            })
            .collect();
        parameters.join(" ")
    }

    fn get(&self, name: &str) -> Option<&str> {
        let mut given = self.parameters.iter().rev();
        let found = given.find(|(it, _)| it == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Whether a value that is shown is what it should be, and no URL with a password of its own.
fn is_plain(name: &str, value: &str) -> bool {
    match name {
        // A socket without a file begins with @.
        "host" | "hostaddr" => value
            .split(',')
            .all(|host| !host.strip_prefix('@').unwrap_or(host).contains('@')),
        "dbname" => !value.contains("://"),
        _ => true,
    }
}

/// libpq's two lists of hosts and of their ports.
fn hosts_and_ports(text: &str) -> Result<(String, String), InvalidUrl> {
    let mut hosts = Vec::new();
    let mut ports = Vec::new();
    for place in text.split(',') {
        // An IPv6 address is in brackets.
        let (host, rest) = match place.strip_prefix('[').and_then(|it| it.split_once(']')) {
            Some(bracketed) => bracketed,
            None => place.find(':').map_or((place, ""), |at| place.split_at(at)),
        };
        let port = rest.strip_prefix(':').unwrap_or(rest);
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidUrl::Port);
        }
        hosts.push(host);
        ports.push(port);
    }
    let ports = if ports.iter().all(|port| port.is_empty()) {
        String::new()
    } else {
        ports.join(",")
    };
    Ok((hosts.join(","), ports))
}

fn decoded(value: &str) -> Result<String, InvalidUrl> {
    let decoded = percent_decode_str(value).decode_utf8();
    Ok(decoded.map_err(|_| InvalidUrl::NotUtf8)?.into_owned())
}

impl fmt::Display for PostgresUrl {
    /// User, host, port and database: enough to tell one from another.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        if let Some(user) = self.get("user") {
            write!(f, "{user}@")?;
        }
        f.write_str(self.get("host").unwrap_or_default())?;
        if let Some(port) = self.get("port") {
            write!(f, ":{port}")?;
        }
        write!(f, "/{}", self.get("dbname").unwrap_or_default())
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(text: &str) -> Vec<(String, String)> {
        PostgresUrl::parse(text).unwrap().parameters
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn the_parts_are_libpqs_parameters() {
        assert_eq!(
            given("me:p%40ss@db.example:5433/ledger?sslmode=verify-full&sslrootcert=/ca.pem"),
            pairs(&[
                ("user", "me"),
                ("password", "p@ss"),
                ("host", "db.example"),
                ("port", "5433"),
                ("dbname", "ledger"),
                ("sslmode", "verify-full"),
                ("sslrootcert", "/ca.pem"),
            ])
        );
        assert_eq!(given(""), []);
        assert_eq!(given("/x"), pairs(&[("dbname", "x")]));
        assert_eq!(
            given("%2Frun%2Fpg/x?host=/tmp"),
            pairs(&[("host", "/run/pg"), ("dbname", "x"), ("host", "/tmp")])
        );
        assert_eq!(given("?ssl=true"), pairs(&[("sslmode", "require")]));
        assert_eq!(
            given("/a%40b?host=@abstract"),
            pairs(&[("dbname", "a@b"), ("host", "@abstract")])
        );
        assert_eq!(
            given("[::1]:1,b:2,c/x"),
            pairs(&[("host", "::1,b,c"), ("port", "1,2,"), ("dbname", "x")])
        );
    }

    #[test]
    fn what_is_no_url_is_refused_and_not_repeated() {
        for (text, error) in [
            ("me:secret/x@h/db", InvalidUrl::Port),
            ("h/db?secret", InvalidUrl::Parameters),
            ("h/db?Secret@x=1", InvalidUrl::Parameters),
            ("me:123?secret=x@h/db", InvalidUrl::UnknownParameter),
            ("me:123/secret@h/db", InvalidUrl::Name),
            ("h/x?dbname=postgres://me:secret@h/db", InvalidUrl::Name),
            ("h/postgres%3A%2F%2Fme%3Asecret%40h", InvalidUrl::Name),
            ("/x?host=me:secret@h", InvalidUrl::Name),
            ("h/%ff", InvalidUrl::NotUtf8),
            ("h/a%00b", InvalidUrl::Nul),
        ] {
            assert_eq!(PostgresUrl::parse(text), Err(error), "{text}");
            assert!(!error.to_string().contains("secret"));
        }
    }

    #[test]
    fn a_password_is_given_to_libpq_and_shown_to_nobody() {
        let text = "me:it%27s%5C@h/db?password=hunter2&sslpassword=hunter2";
        let url = PostgresUrl::parse(text).unwrap();
        assert!(url.connection_string().contains(r"password='it\'s\\'"));
        assert!(url.connection_string().contains("password='hunter2'"));
        assert_eq!(url.to_string(), "postgres://me@h/db");
        assert_eq!(format!("{url:?}"), "PostgresUrl(postgres://me@h/db)");
    }

    #[test]
    fn what_the_url_says_counts_more_than_what_is_usual() {
        let url = PostgresUrl::parse("h/db?application_name=x").unwrap();
        let string = url.connection_string();
        assert!(string.contains("application_name='x'") && !string.contains("hostledger"));
        assert!(string.contains("connect_timeout='10'"));
    }
}
