//! Scheme, host and port: the unit that connectors declare and operators allow.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use url::{Host, Url};

/// HTTP or HTTPS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// Plain text: only for origins an operator listed.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// As in a URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Scheme, host and port in one spelling: lower case, IDNA, numeric addresses as such, no trailing dot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    scheme: Scheme,
    host: Host<String>,
    port: u16,
}

/// Why a text is no origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OriginError {
    /// Not a URL.
    #[error("not a URL; write an origin as https://host or https://host:port")]
    NotAUrl,
    /// Neither http nor https.
    #[error("the scheme must be https (or http where an operator allows it)")]
    Scheme,
    /// No host.
    #[error("the host is missing")]
    Host,
    /// User name or password in the URL.
    #[error("a URL with a user name or password is not allowed")]
    UserInfo,
    /// Path, query or fragment.
    #[error("an origin has no path, query or fragment")]
    NotBare,
    /// Port 0.
    #[error("port 0 is not a port")]
    Port,
}

impl Origin {
    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host.
    pub fn host(&self) -> &Host<String> {
        &self.host
    }

    /// The port, also when it is the scheme's own.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The origin of a URL, whatever its path and query.
    ///
    /// # Errors
    /// [`OriginError`] for other schemes, user names, and a missing host.
    pub fn of(url: &Url) -> Result<Self, OriginError> {
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(OriginError::Scheme),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OriginError::UserInfo);
        }
        let host = match url.host().ok_or(OriginError::Host)? {
            Host::Domain(name) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                if name.is_empty() || name.split('.').any(str::is_empty) {
                    return Err(OriginError::Host);
                }
                Host::Domain(name.to_owned())
            }
            Host::Ipv4(address) => Host::Ipv4(address),
            Host::Ipv6(address) => Host::Ipv6(address),
        };
        let port = url.port().unwrap_or(scheme.default_port());
        if port == 0 {
            return Err(OriginError::Port);
        }
        Ok(Self { scheme, host, port })
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The parser drops tabs and line breaks silently and reads a backslash as a slash: such a text is a trick.
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(OriginError::NotAUrl);
        }
        let url = Url::parse(text).map_err(|_| OriginError::NotAUrl)?;
        let origin = Self::of(&url)?;
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(OriginError::NotBare);
        }
        Ok(origin)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.host)?;
        if self.port == self.scheme.default_port() { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_one_spelling() {
        for (text, canonical) in [
            ("https://api.vendor.example", "https://api.vendor.example"),
            ("HTTPS://API.Vendor.Example:443/", "https://api.vendor.example"),
            ("https://api.vendor.example.", "https://api.vendor.example"),
            ("http://localhost:80", "http://localhost"),
            ("https://localhost:80", "https://localhost:80"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("http://0x7f.1:8090", "http://127.0.0.1:8090"),
            ("https://[0:0:0:0:0:0:0:1]:8443", "https://[::1]:8443"),
        ] {
            let origin: Origin = text.parse().unwrap();
            assert_eq!(origin.to_string(), canonical, "{text}");
            assert_eq!(canonical.parse::<Origin>().unwrap(), origin);
            assert_eq!(serde_json::from_value::<Origin>(serde_json::to_value(&origin).unwrap()).unwrap(), origin);
        }
    }

    #[test]
    fn refuses_everything_beside_scheme_host_and_port() {
        for (text, error) in [
            ("api.vendor.example", OriginError::NotAUrl),
            ("", OriginError::NotAUrl),
            ("https://", OriginError::NotAUrl),
            ("https://ven dor.example", OriginError::NotAUrl),
            ("https://vendor.example\\@evil.example", OriginError::NotAUrl),
            ("ht\ntps://vendor.example", OriginError::NotAUrl),
            ("ftp://vendor.example", OriginError::Scheme),
            ("file:///etc/passwd", OriginError::Scheme),
            ("https://vendor.example@evil.example", OriginError::UserInfo),
            ("https://:secret@evil.example", OriginError::UserInfo),
            ("https://vendor.example/v1", OriginError::NotBare),
            ("https://vendor.example/?a=b", OriginError::NotBare),
            ("https://vendor.example?", OriginError::NotBare),
            ("https://vendor.example/#x", OriginError::NotBare),
            ("https://vendor.example:0", OriginError::Port),
            ("https://vendor..example", OriginError::Host),
            ("https://vendor.example..", OriginError::Host),
        ] {
            assert_eq!(text.parse::<Origin>(), Err(error), "{text:?}");
        }
    }
}
