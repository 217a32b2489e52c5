//! Addresses without what is secret in them. A text whose parts are not certain is not shown at all: in a mistyped address
//! a password may stand anywhere.

use url::Url;

/// The URL, if it has one of these schemes and its host did not end early: an unescaped `/` or `#` in a password does that.
pub(super) fn parse(text: &str, schemes: &[&str]) -> Option<Url> {
    let (scheme, _) = text.split_once("://")?;
    let url = Url::parse(text).ok()?;
    let is_known = schemes.iter().any(|known| known.eq_ignore_ascii_case(scheme));
    (is_known && !url.path().contains('@') && url.fragment().is_none()).then_some(url)
}

/// The address without login, and without the values of its query.
pub(crate) fn address(text: &str, schemes: &[&str]) -> Option<String> {
    let url = parse(text, schemes)?;
    let host = url.host_str().filter(|host| !host.is_empty())?;
    // An unescaped `?` in a password makes its rest the query, and its beginning the port.
    if url.query().is_some_and(|query| query.contains('@')) {
        return None;
    }
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let query = if url.query().is_some() { "?***" } else { "" };
    Some(format!("{}://{host}{port}{}{query}", url.scheme(), url.path()))
}

/// A list's member as a message may quote it: nothing before the last `@`.
pub(super) fn quoted(text: &str) -> String {
    text.rsplit_once('@').map_or_else(|| text.to_owned(), |(_, after)| format!("…@{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_understood_is_shown() {
        let shown = |text| address(text, &["postgres"]);
        assert_eq!(shown("postgres://a:b@db:5433/x?y=z").as_deref(), Some("postgres://db:5433/x?***"));
        for text in [
            "a:secret@db/x",
            "postgres:a:secret@db/x",
            "postgres:///x",
            "mysql://a:secret@db/x",
            "postgres://a:12/secret@db/x",
            "postgres://a:12?secret@db/x",
            "postgres://a:12#secret",
            "secret",
        ] {
            assert_eq!(shown(text), None, "{text}");
        }
    }

    #[test]
    fn a_socket_is_an_address_too() {
        assert!(parse("postgres:///x?host=/run/postgresql", &["postgres"]).is_some());
        assert!(parse("postgres://db/x?user=a@b", &["postgres"]).is_some());
    }

    #[test]
    fn a_quoted_member_has_no_login() {
        assert_eq!(quoted("https://a:secret@api.example.com"), "…@api.example.com");
        assert_eq!(quoted("api.example.com"), "api.example.com");
    }
}
