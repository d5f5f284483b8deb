//! The address of a server, parsed once: `http` or `https`, a host, a port, perhaps a path that a proxy put before it.

use std::fmt;
use std::str::FromStr;

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl {
    scheme: Scheme,
    /// Without brackets, also for IPv6.
    host: String,
    port: u16,
    /// Empty, or with a slash before and none behind.
    path: String,
}

/// In the clear or through TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Through TLS.
    Https,
}

/// Why a text is no address of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerUrlError {
    /// Not of the form `https://host[:port]`.
    Malformed,
    /// Another scheme than `http` and `https`.
    Scheme,
    /// A name or password stands in it.
    Secret,
}

impl fmt::Display for ServerUrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => {
                "a server is written as https://chat.example.org or http://127.0.0.1:8080"
            }
            Self::Scheme => "a server's address begins with http:// or https://",
            Self::Secret => "the address of a server must hold no user name and no password",
        })
    }
}

impl std::error::Error for ServerUrlError {}

impl ServerUrl {
    /// Parses an address. Without a scheme it is `http` on the loopback interface and `https` elsewhere.
    ///
    /// # Errors
    /// What is wrong with `text`.
    pub fn parse(text: &str) -> Result<Self, ServerUrlError> {
        let text = text.trim();
        let with_scheme = if text.contains("://") {
            text.to_owned()
        } else if loopback(text) {
            format!("http://{text}")
        } else {
            format!("https://{text}")
        };
        let uri: http::Uri = with_scheme.parse().map_err(|_| ServerUrlError::Malformed)?;
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            _ => return Err(ServerUrlError::Scheme),
        };
        let authority = uri.authority().ok_or(ServerUrlError::Malformed)?;
        if authority.as_str().contains('@') {
            return Err(ServerUrlError::Secret);
        }
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        if host.is_empty() || uri.query().is_some() || port_is_bad(authority) {
            return Err(ServerUrlError::Malformed);
        }
        Ok(Self {
            scheme,
            host: host.to_ascii_lowercase(),
            port: authority.port_u16().unwrap_or(match scheme {
                Scheme::Http => 80,
                Scheme::Https => 443,
            }),
            path: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// The server of an invite's link, `URL/join/CODE`.
    #[must_use]
    pub fn of_invite(link: &str) -> Option<Self> {
        let (server, _code) = link.trim().rsplit_once("/join/")?;
        Self::parse(server).ok()
    }

    /// In the clear or through TLS.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host, for the name service and for TLS.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// What the `Host` header says.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        match (self.scheme, self.port) {
            (Scheme::Http, 80) | (Scheme::Https, 443) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// The path of a request below the server's own.
    #[must_use]
    pub fn path(&self, route: &str) -> String {
        format!("{}{route}", self.path)
    }

    /// The address of the socket.
    #[must_use]
    pub fn socket(&self, route: &str) -> String {
        let scheme = match self.scheme {
            Scheme::Http => "ws",
            Scheme::Https => "wss",
        };
        format!("{scheme}://{}{}", self.authority(), self.path(route))
    }
}

fn loopback(text: &str) -> bool {
    let host = text.split(['/', ':']).next().unwrap_or_default();
    let address = host.parse::<std::net::Ipv4Addr>();
    host == "localhost"
        || address.is_ok_and(|address| address.is_loopback())
        || text.starts_with("[::1]")
}

/// `http` reads `host:` and `host:99999` as a host without a port.
fn port_is_bad(authority: &http::uri::Authority) -> bool {
    let after_host = authority
        .as_str()
        .strip_prefix(authority.host())
        .unwrap_or_default();
    !after_host.is_empty() && authority.port_u16().is_none_or(|port| port == 0)
}

impl FromStr for ServerUrl {
    type Err = ServerUrlError;
    fn from_str(text: &str) -> Result<Self, ServerUrlError> {
        Self::parse(text)
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written_alike() {
        for (text, shown) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("https://Chat.Example.org/", "https://chat.example.org"),
            ("https://example.org:443/chat/", "https://example.org/chat"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("127.example.org", "https://127.example.org"),
            ("localhost:8080", "http://localhost:8080"),
            ("chat.example.org", "https://chat.example.org"),
        ] {
            let server = ServerUrl::parse(text).expect(text);
            assert_eq!(server.to_string(), shown);
            assert_eq!(ServerUrl::parse(shown).as_ref(), Ok(&server));
        }
    }

    #[test]
    fn what_is_no_address_is_told() {
        for (text, error) in [
            ("", ServerUrlError::Malformed),
            ("ftp://a", ServerUrlError::Scheme),
            ("http://ann:secret@host", ServerUrlError::Secret),
            ("http://host:99999", ServerUrlError::Malformed),
            ("http://host:0", ServerUrlError::Malformed),
            ("http://a b", ServerUrlError::Malformed),
        ] {
            assert_eq!(ServerUrl::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn an_invites_link_names_its_server() {
        let server = ServerUrl::of_invite("http://127.0.0.1:8080/join/abc").expect("a server");
        assert_eq!(server.to_string(), "http://127.0.0.1:8080");
        assert_eq!(ServerUrl::of_invite("abc"), None);
        assert_eq!(
            server.socket("/socket?background=1"),
            "ws://127.0.0.1:8080/socket?background=1"
        );
    }
}
