//! A request as the routes see it: no server types, so that tests build one by hand.

use std::net::IpAddr;

use bytes::Bytes;

/// The parts of a request that an answer may depend on.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) authorization: Option<String>,
    pub(crate) headers: Headers,
    pub(crate) body: Bytes,
    pub(crate) peer: IpAddr,
}

/// The headers that version 2 looks at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Headers {
    pub(crate) host: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) beta: Option<String>,
}

impl Request {
    /// A request without body or token.
    #[cfg(test)]
    pub(crate) fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: Vec::new(),
            authorization: None,
            headers: Headers::default(),
            body: Bytes::new(),
            peer: IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        }
    }

    /// The last value of a parameter; an empty one counts as absent.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let value = self.query.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty())
    }

    /// All values of a list parameter, written `name[]` or `name[3]`.
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        let listed =
            |key: &str| key.strip_prefix(name).is_some_and(|rest| rest.starts_with('[') && rest.ends_with(']'));
        self.query.iter().filter(|(key, _)| listed(key)).map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.authorization.as_deref()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_parameters_need_brackets() {
        let mut request = Request::new("GET", "/");
        request.query =
            [("a[]", "1"), ("a", "2"), ("a[0]", "3"), ("b", "")].map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec();
        assert_eq!(request.list("a"), ["1", "3"]);
        assert_eq!(request.parameter("a"), Some("2"));
        assert_eq!(request.parameter("b"), None);
    }

    #[test]
    fn only_bearer_tokens_are_taken() {
        let mut request = Request::new("GET", "/");
        request.authorization = Some("Basic eA==".into());
        assert_eq!(request.bearer(), None);
        request.authorization = Some("bearer papi-x".into());
        assert_eq!(request.bearer(), Some("papi-x"));
    }
}
