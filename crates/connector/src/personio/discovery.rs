//! Which attributes the account offers to this credential: the vendor's list, or, where that is forbidden or absent, the
//! union of keys over a bounded number of employees.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use gangway_domain::{
    record::Stream,
    schema::{AttributeType, Catalogue, DiscoveredAttribute, DiscoveryMethod},
};
use gangway_egress::{Class, Method, Request};
use serde_json::value::RawValue;

use super::{
    PersonioConnection,
    api::Version,
    attempt::Attempt,
    authentication,
    client::{Client, Failure},
    employee::{canonical_field, is_custom},
    envelope::{Document, Unlisted},
    item::Item,
    json::{Shape, TOO_MANY_MEMBERS, first_elements, is_empty, member, members, shape, text},
    limits::{MAX_ATTRIBUTES, MAX_DISCOVERY_BYTES, MAX_OPTIONS, fitted, is_usable_key, most_items},
    source::{EMPLOYEES_PAGE_SIZE, bare_list},
    v2,
    value::{self, unwrapped},
};
use crate::contract::{DiscoverRequest, Discovery, Error, ErrorKind, Result};

const OPERATION: &str = "discover attributes";
/// The list and its older name.
const LIST_PATHS: [&str; 2] = ["/v1/company/employees/attributes", "/v1/company/employees/custom-attributes"];
/// Most pages read for the union of keys: 2,000 employees. The vendor sends every permitted key on every employee.
const MOST_PAGES: u64 = 20;
/// Pages without a new key after which the union is complete enough.
const QUIET_PAGES: u32 = 2;
/// Who is looked at in version 2: attributes of the company's own are the person's, and employments all have the same members.
const SAMPLE: v2::employee::Sample =
    v2::employee::Sample { persons: v2::employee::LARGEST_PAGE, pages: 4, employments: 3 };

#[async_trait]
impl Discovery for PersonioConnection {
    async fn discover(&self, request: DiscoverRequest) -> Result<Catalogue> {
        let DiscoverRequest { class, api_version } = request;
        let mut attempt = self.attempt(Stream::Employees, api_version.as_deref(), class);
        loop {
            let found = match attempt.version {
                Version::V1 => self.found_in_v1(&attempt, class).await,
                Version::V2 => self.union_of_v2(class).await.map(|union| (DiscoveryMethod::UnionOfKeys, union)),
            };
            match found {
                Ok((method, attributes)) => {
                    return Ok(Catalogue { stream: Stream::Employees, method, attributes });
                }
                Err(failure) => attempt.give_way(failure).await.map_err(|(_, failure)| Error::from(failure))?,
            }
        }
    }
}

impl PersonioConnection {
    async fn found_in_v1(
        &self,
        attempt: &Attempt<'_>,
        class: Class,
    ) -> Result<(DiscoveryMethod, Vec<DiscoveredAttribute>), Failure> {
        // The list of attributes may outlive the employees, who are then read through version 2.
        if attempt.is_free()
            && let Err(failure) = self.client.json(OPERATION, bare_list(Stream::Employees, 1, 0, class)).await
            && attempt.is_about_the_version(&failure.error)
        {
            return Err(failure);
        }
        match listed(&self.client, class).await? {
            Listing::Shown(attributes) => Ok((DiscoveryMethod::Listed, attributes)),
            Listing::Withheld(refusal) => {
                let union = union_of_keys(&self.client, class).await.map_err(|failure| blamed(refusal, failure))?;
                Ok((DiscoveryMethod::UnionOfKeys, union))
            }
        }
    }

    /// The keys of some employees of version 2, which has no list of attributes: it sends every permitted one of everybody.
    async fn union_of_v2(&self, class: Class) -> Result<Vec<DiscoveredAttribute>, Failure> {
        let mut union = Union::default();
        for record in v2::employee::sample(&self.v2, SAMPLE, class).await? {
            let raw: &RawValue = serde_json::from_slice(&record.raw)
                .map_err(|_| Error::new(ErrorKind::Protocol, OPERATION, "an employee is not JSON"))?;
            union.add(raw)?;
        }
        Ok(union.attributes)
    }
}

/// What became of the vendor's list.
enum Listing {
    Shown(Vec<DiscoveredAttribute>),
    /// It is forbidden or absent, although employees may be readable.
    Withheld(Option<Error>),
}

/// Whose failure it is when employees are not readable either. A token that is accepted nowhere cannot be replaced twice in a
/// row, and waiting for the next would hide that.
fn blamed(refusal: Option<Error>, failure: Failure) -> Failure {
    let error = &failure.error;
    let waits_for_login = error.operation == authentication::OPERATION && error.kind == ErrorKind::RateLimited;
    match refusal {
        Some(refusal) if waits_for_login && refusal.kind == ErrorKind::Unauthenticated => refusal.into(),
        _ => failure,
    }
}

async fn listed(client: &Client, class: Class) -> Result<Listing, Failure> {
    for path in LIST_PATHS {
        let mut get = Request::new(Method::Get, path, path, class);
        get.max_answer_bytes = MAX_DISCOVERY_BYTES;
        match client.json(OPERATION, get).await {
            Ok(document) => return Ok(Listing::Shown(read_list(&document)?)),
            Err(failure) => match failure.status {
                // The status led to a login, and that failed for a reason of its own.
                _ if failure.error.operation == authentication::OPERATION
                    && failure.error.kind != ErrorKind::RateLimited =>
                {
                    return Err(failure);
                }
                // If the token itself were bad, reading employees would say so.
                Some(401 | 403) => return Ok(Listing::Withheld(Some(failure.error))),
                Some(404 | 405 | 410 | 501) => {}
                _ => return Err(failure),
            },
        }
    }
    Ok(Listing::Withheld(None))
}

fn read_list(document: &Document) -> Result<Vec<DiscoveredAttribute>> {
    let items = document.items(MAX_ATTRIBUTES).map_err(|unlisted| match unlisted {
        Unlisted::TooMany(_) => too_many(),
        Unlisted::Shape(_) => unlisted.into_error(OPERATION),
    })?;
    let mut known = HashSet::with_capacity(items.len());
    let mut attributes: Vec<DiscoveredAttribute> = Vec::with_capacity(items.len());
    for item in items {
        let Some(attribute) = listed_attribute(item) else { continue };
        if known.insert(attribute.key.clone()) {
            attributes.push(attribute);
        }
    }
    Ok(attributes)
}

/// One entry of the list; an entry without a usable key says nothing.
fn listed_attribute(raw: &RawValue) -> Option<DiscoveredAttribute> {
    let item = Item::open(raw).ok()?;
    let words = |name: &str| {
        let value = item.value(name).ok().flatten().filter(|raw| shape(raw) == Shape::Text)?;
        text(value).ok().filter(|text| !text.is_empty())
    };
    let key = words("key").filter(|key| is_usable_key(key))?;
    let options = item.value("options").ok().flatten().and_then(|raw| first_elements(raw, MAX_OPTIONS).ok());
    let options = options.map(|options| options.taken).unwrap_or_default();
    Some(DiscoveredAttribute {
        label: fitted(&words("label").unwrap_or_else(|| key.clone())),
        kind: words("type").map_or(AttributeType::Unknown, |kind| attribute_type(&kind)),
        universal_id: words("universal_id").as_deref().map(fitted),
        options: options.into_iter().filter_map(option_text).map(|option| fitted(&option)).collect(),
        is_custom: is_custom(&key),
        canonical_field: canonical_field(&key).map(str::to_owned),
        key,
    })
}

fn option_text(raw: &RawValue) -> Option<String> {
    match shape(raw) {
        Shape::Text => text(raw).ok(),
        Shape::Number => Some(raw.get().to_owned()),
        Shape::Object => {
            let members = members(raw).ok()?;
            ["label", "name", "value"].iter().find_map(|key| text(member(&members, key)?).ok())
        }
        _ => None,
    }
}

fn attribute_type(name: &str) -> AttributeType {
    match name {
        "standard" | "text" | "string" => AttributeType::Text,
        "multiline" => AttributeType::Multiline,
        "date" => AttributeType::Date,
        "integer" | "int" => AttributeType::Integer,
        "decimal" | "double" | "float" | "number" => AttributeType::Decimal,
        "list" => AttributeType::List,
        "tags" => AttributeType::Tags,
        "link" => AttributeType::Link,
        "object" => AttributeType::Object,
        _ => AttributeType::Unknown,
    }
}

async fn union_of_keys(client: &Client, class: Class) -> Result<Vec<DiscoveredAttribute>, Failure> {
    let mut union = Union::default();
    let mut offset = 0;
    let mut quiet = 0;
    for _ in 0..MOST_PAGES {
        let mut list = bare_list(Stream::Employees, EMPLOYEES_PAGE_SIZE, offset, class);
        list.max_answer_bytes = MAX_DISCOVERY_BYTES;
        let document = client.json(OPERATION, list).await?;
        let most = most_items(EMPLOYEES_PAGE_SIZE);
        let items = document.items(most).map_err(|unlisted| unlisted.into_error(OPERATION))?;
        let known = union.attributes.len();
        for item in &items {
            union.add(item)?;
        }
        quiet = if union.attributes.len() == known { quiet + 1 } else { 0 };
        offset += u64::try_from(items.len()).unwrap_or(u64::MAX);
        if items.is_empty() || quiet >= QUIET_PAGES || document.metadata.total.is_some_and(|total| offset >= total) {
            break;
        }
    }
    Ok(union.attributes)
}

fn too_many() -> Error {
    let message =
        format!("Personio lists more than {MAX_ATTRIBUTES} attributes, the most that are taken of one account");
    Error::new(ErrorKind::Protocol, OPERATION, message)
}

/// Keys seen so far, in the order of first sight.
#[derive(Default)]
pub(super) struct Union {
    pub(super) attributes: Vec<DiscoveredAttribute>,
    places: HashMap<String, usize>,
}

impl Union {
    /// Adds the keys of one employee; one that cannot be read has none. Fails when there are too many.
    pub(super) fn add(&mut self, raw: &RawValue) -> Result<()> {
        let item = match Item::take_apart(raw) {
            Ok(item) => item,
            Err((_, TOO_MANY_MEMBERS)) => return Err(too_many()),
            Err(_) => return Ok(()),
        };
        for entry in &item.members {
            let Ok(opened) = unwrapped(entry.value) else { continue };
            let key = &*entry.key;
            if !is_usable_key(key) {
                continue;
            }
            let named = opened.kind().as_deref().map_or(AttributeType::Unknown, attribute_type);
            let kind = match (named, opened.value) {
                // The vendor calls every built-in attribute "standard", also objects and numbers written as text.
                (AttributeType::Unknown | AttributeType::Text, Some(value)) => refined(named, value),
                (named, _) => named,
            };
            if let Some(known) = self.places.get(key).and_then(|place| self.attributes.get_mut(*place)) {
                if known.kind == AttributeType::Unknown {
                    known.kind = kind;
                }
                continue;
            }
            if self.attributes.len() >= MAX_ATTRIBUTES {
                return Err(too_many());
            }
            self.places.insert(key.to_owned(), self.attributes.len());
            self.attributes.push(DiscoveredAttribute {
                key: key.to_owned(),
                label: fitted(opened.label().as_deref().filter(|label| !label.is_empty()).unwrap_or(key)),
                kind,
                universal_id: opened.universal_id().as_deref().map(fitted),
                options: Vec::new(),
                is_custom: is_custom(key),
                canonical_field: canonical_field(key).map(str::to_owned),
            });
        }
        Ok(())
    }
}

/// A type from a value, where the vendor names none.
fn refined(named: AttributeType, raw: &RawValue) -> AttributeType {
    if is_empty(raw) {
        return named;
    }
    match shape(raw) {
        Shape::Object | Shape::Array => AttributeType::Object,
        _ if named != AttributeType::Unknown => named,
        Shape::Number if raw.get().contains(['.', 'e', 'E']) => AttributeType::Decimal,
        Shape::Number => AttributeType::Integer,
        Shape::Text => match text(raw) {
            Ok(text) if value::date_part(&text).is_some() => AttributeType::Date,
            Ok(text) if text.starts_with("https://") || text.starts_with("http://") => AttributeType::Link,
            Ok(text) if text.contains('\n') => AttributeType::Multiline,
            _ => AttributeType::Text,
        },
        Shape::Bool => AttributeType::Text,
        Shape::Null => named,
    }
}
