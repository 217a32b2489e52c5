//! Parameters of the query: each known one once, unknown ones refused, all mistakes told at once.

use std::{collections::BTreeMap, str::FromStr};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use futures::future::{Ready, ready};
use gangway_app::FieldError;
use gangway_app::PageRequest;

use crate::{
    limits::{MISTAKES, PAGE_ROWS as MAX_LIMIT, PARAMETER_CHARACTERS as LONGEST},
    problem::{Problem, Result},
};

/// Rows of a page when nothing is asked.
const DEFAULT_LIMIT: u64 = 50;

/// A query, read.
pub(crate) struct Query<T>(pub(crate) T);

/// What a query can be read as.
pub(crate) trait FromParams: Sized {
    /// Takes its parameters; mistakes are noted in `params`, and the value is then not used.
    fn from_params(params: &mut Params) -> Self;
}

impl<T: FromParams> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut params = Params::read(request.query_string());
        let value = T::from_params(&mut params);
        ready(params.finish().map(|()| Self(value)))
    }
}

/// The parameters not yet taken, and what was wrong with those that were.
#[derive(Debug)]
pub(crate) struct Params {
    pairs: BTreeMap<String, String>,
    problems: Vec<FieldError>,
}

impl Params {
    /// Reads a query that may hold nothing.
    pub(super) fn of_nothing(query: &str) -> Result<()> {
        Self::read(query).finish()
    }

    fn read(query: &str) -> Self {
        let mut params = Self { pairs: BTreeMap::new(), problems: Vec::new() };
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if params.pairs.insert(name.clone().into_owned(), value.into_owned()).is_some() {
                params.refuse(&name, "may be given once");
            }
        }
        params
    }

    /// Takes a parameter's text.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        let text = self.pairs.remove(name)?;
        if text.chars().count() > LONGEST || text.contains('\0') {
            self.refuse(name, "must have at most 500 characters, none of them U+0000");
            return None;
        }
        Some(text)
    }

    /// Takes a parameter's text that must be there.
    pub(crate) fn required(&mut self, name: &str) -> Option<String> {
        if !self.pairs.contains_key(name) {
            self.refuse(name, "is needed");
            return None;
        }
        self.text(name)
    }

    /// Takes a parameter that `parse` reads; `wanted` says what would be right.
    pub(crate) fn parsed<T>(&mut self, name: &str, wanted: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let text = self.text(name)?;
        let value = parse(&text);
        if value.is_none() {
            self.refuse(name, wanted);
        }
        value
    }

    fn refuse(&mut self, name: &str, message: &str) {
        if self.problems.len() < MISTAKES {
            self.problems.push(FieldError { pointer: name.to_owned(), message: message.to_owned() });
        }
    }

    fn finish(mut self) -> Result<()> {
        let unknown: Vec<String> = self.pairs.keys().cloned().collect();
        for name in unknown {
            self.refuse(&name, "is not a parameter of this route");
        }
        if self.problems.is_empty() { Ok(()) } else { Err(Problem::invalid(self.problems)) }
    }
}

/// Which page of a listing.
#[derive(Debug, Clone, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// Rows at most, 50 when left out.
    #[param(required = false, minimum = 1, maximum = 200, default = 50, value_type = u64)]
    limit: u64,
    /// `next` of the page before; left out for the first.
    #[param(required = false)]
    after: Option<String>,
}

impl FromParams for PageQuery {
    fn from_params(params: &mut Params) -> Self {
        Self::or_limit(params, DEFAULT_LIMIT)
    }
}

impl PageQuery {
    fn or_limit(params: &mut Params, default: u64) -> Self {
        let limit = params.parsed("limit", "must be a whole number from 1 to 200", |text| {
            is_plain(text).then(|| text.parse().ok())?.filter(|limit| (1..=MAX_LIMIT).contains(limit))
        });
        Self { limit: limit.unwrap_or(default), after: params.text("after") }
    }

    /// The page, after an id.
    pub(crate) fn page<K: FromStr>(&self) -> Result<PageRequest<K>> {
        let refused = || {
            let message = "must be the `next` of a page of this listing".to_owned();
            Problem::invalid(vec![FieldError { pointer: "after".to_owned(), message }])
        };
        let read = |text: &str| {
            let is_signed = text.starts_with(['+', '-']);
            if is_signed { None } else { text.parse().ok() }
        };
        let after = self.after.as_deref().map(|text| read(text).ok_or_else(refused)).transpose()?;
        Ok(PageRequest { limit: self.limit, after })
    }
}

/// Digits only: the parser would take a plus, which a query can also mean as a space.
fn is_plain(number: &str) -> bool {
    number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Which page of a listing that is mostly read whole.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read as those of any page")]
pub(crate) struct WidePageParams {
    /// Rows at most, 200 when left out.
    #[param(required = false, minimum = 1, maximum = 200, default = 200)]
    limit: u64,
    /// `next` of the page before; left out for the first.
    after: Option<String>,
}

/// The same, read.
pub(crate) struct WidePageQuery(pub(crate) PageQuery);

impl FromParams for WidePageQuery {
    fn from_params(params: &mut Params) -> Self {
        Self(PageQuery::or_limit(params, MAX_LIMIT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<PageQuery> {
        let mut params = Params::read(query);
        let page = PageQuery::from_params(&mut params);
        params.finish().map(|()| page)
    }

    #[test]
    fn limits_have_bounds() {
        assert_eq!(read("").unwrap().limit, 50);
        assert_eq!(read("limit=200").unwrap().limit, 200);
        for query in ["limit=0", "limit=201", "limit=-1", "limit=x", "limit=", "limit=%2B5", "limit=1&limit=2"] {
            assert!(read(query).is_err(), "{query}");
        }
    }

    #[test]
    fn every_unknown_parameter_is_named() {
        let problem = read("limt=3&x=1").unwrap_err();
        let names: Vec<_> = problem.fields.iter().map(|field| field.pointer.as_str()).collect();
        assert_eq!(names, ["limt", "x"]);
    }

    #[test]
    fn a_cursor_of_another_listing_is_refused() {
        let page = read("after=syn_00000000000000000000000000000000").unwrap();
        assert!(page.page::<gangway_domain::id::ConnectionId>().is_err());
        assert!(page.page::<gangway_domain::id::SyncId>().is_ok());
        for after in ["%2B5", "-5", "x"] {
            assert!(read(&format!("after={after}")).unwrap().page::<i64>().is_err(), "{after}");
        }
        assert_eq!(read("after=5").unwrap().page::<i64>().unwrap().after, Some(5));
    }
}
