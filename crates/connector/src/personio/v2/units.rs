//! Names of the units that employments call by id alone: departments, teams, legal entities, cost centres, workplaces.
//!
//! Each list is asked for when an id is met that is not known, at most once a page. One that the credential may not read, or
//! that is not there (three are betas), leaves its units without names and is not asked for again.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Mutex, PoisonError},
};

use gangway_domain::record::Stream;
use gangway_egress::Class;
use serde_json::Value;

use super::{client::Client, list::List, scopes::Area};
use crate::{
    contract::{Error, ErrorKind},
    personio::{
        client::Failure,
        item::Item,
        value::{self, plain_text},
    },
};

const OPERATION: &str = "read the names of units";
const PAGE_SIZE: u32 = 100;
/// More than any account has: a server that invents units for ever must not keep a run going.
const MOST_PAGES: u32 = 100;

/// A kind of unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Department,
    Team,
    LegalEntity,
    CostCenter,
    Workplace,
}

impl Kind {
    /// Which list has its units, and what narrows it (developer.personio.de, v2.0 reference, read 2026-11-23; the type of org
    /// units on 2026-11-27).
    fn list(self) -> (List, Vec<(String, String)>) {
        let list = |path, area, is_beta| List { stream: Stream::Employees, operation: OPERATION, path, area, is_beta };
        let of_type = |name: &str| vec![("type".to_owned(), name.to_owned())];
        match self {
            Self::Department => (list("/v2/org-units", Area::Persons, true), of_type("department")),
            Self::Team => (list("/v2/org-units", Area::Persons, true), of_type("team")),
            Self::LegalEntity => (list("/v2/legal-entities", Area::Persons, false), Vec::new()),
            Self::CostCenter => (list("/v2/cost-centers", Area::CostCenters, true), Vec::new()),
            Self::Workplace => (list("/v2/workplaces", Area::Persons, true), Vec::new()),
        }
    }
}

impl Kind {
    /// What its units are called, for messages.
    pub(super) const fn plural(self) -> &'static str {
        match self {
            Self::Department => "departments",
            Self::Team => "teams",
            Self::LegalEntity => "legal entities",
            Self::CostCenter => "cost centers",
            Self::Workplace => "workplaces",
        }
    }
}

/// Names by kind and id.
#[derive(Default)]
pub(super) struct Units(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// None where no list names it.
    names: HashMap<(Kind, String), Option<String>>,
    withheld: HashSet<Kind>,
}

impl Units {
    /// Makes sure that these are known.
    pub(super) async fn learn(
        &self,
        client: &Client,
        wanted: HashSet<(Kind, String)>,
        class: Class,
    ) -> Result<(), Failure> {
        let mut unknown: BTreeMap<Kind, Vec<String>> = BTreeMap::new();
        {
            let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            for (kind, id) in wanted {
                let unit = (kind, id);
                if !known.withheld.contains(&kind) && !known.names.contains_key(&unit) {
                    unknown.entry(kind).or_default().push(unit.1);
                }
            }
        }
        for (kind, ids) in unknown {
            let listed = names(client, kind, class).await?;
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            known.names.extend(ids.into_iter().map(|id| ((kind, id), None)));
            match listed {
                Some(listed) => known.names.extend(listed.into_iter().map(|(id, name)| ((kind, id), name))),
                None => drop(known.withheld.insert(kind)),
            }
        }
        Ok(())
    }

    pub(super) fn name(&self, kind: Kind, id: &str) -> Option<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.names.get(&(kind, id.to_owned())).cloned().flatten()
    }
}

/// The names of a kind; none where the vendor does not give them to this credential.
pub(super) async fn names(
    client: &Client,
    kind: Kind,
    class: Class,
) -> Result<Option<HashMap<String, Option<String>>>, Failure> {
    let (list, filter) = kind.list();
    let mut names = HashMap::new();
    let mut checkpoint = None;
    for _ in 0..MOST_PAGES {
        let listed = match list.page(client, checkpoint.as_ref(), class, PAGE_SIZE, filter.clone()).await {
            Ok(listed) => listed,
            Err(Failure { error, .. })
                if matches!(error.kind, ErrorKind::Forbidden | ErrorKind::NotFound | ErrorKind::Unsupported) =>
            {
                return Ok(None);
            }
            Err(failure) => return Err(failure),
        };
        for item in listed.items()? {
            let Ok(item) = Item::open(item) else { continue };
            let Ok(id) = item.id() else { continue };
            let name = item.value("name").ok().flatten().and_then(|raw| plain_text(raw).ok());
            names.insert(id, name.as_ref().and_then(Value::as_str).map(str::to_owned));
        }
        match listed.next {
            Some(next) => checkpoint = Some(next),
            None => return Ok(Some(names)),
        }
    }
    let message = "Personio sends more units than any account can have";
    Err(Error::new(ErrorKind::Protocol, OPERATION, message).into())
}

/// The id in `{id}`, if there is one.
pub(super) fn id_of(raw: &serde_json::value::RawValue) -> Option<String> {
    value::id(raw).ok().flatten()
}
