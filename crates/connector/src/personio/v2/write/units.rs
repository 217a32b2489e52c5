//! From the names of units to their ids, and to see that an id is one: each list that is needed is read anew, since a unit may have
//! been made just now.

use std::collections::{BTreeMap, HashMap};

use gangway_egress::Class;
use serde_json::{Map, Value, json};

use super::{
    super::{
        call::About,
        client::Client,
        units::{self, Kind},
    },
    fields::{Call, Named, Plan, Share, unit_kind},
};
use crate::{
    contract::{Error, ErrorKind, FieldProblem, WriteError},
    personio::client::Failure,
};

/// The ids of what a plan names.
pub(super) struct Found {
    /// None empties one.
    units: BTreeMap<Kind, Option<String>>,
    shares: Option<Vec<Value>>,
}

/// Finds them. Nothing was sent that changes anything, so every failure is a refusal.
pub(super) async fn find(client: &Client, about: &About, plan: &Plan, class: Class) -> Result<Found, WriteError> {
    let mut lists: BTreeMap<Kind, HashMap<String, Option<String>>> = BTreeMap::new();
    for (kind, named) in plan.named() {
        if lists.contains_key(&kind) {
            continue;
        }
        match units::names(client, kind, class).await {
            Ok(Some(names)) => drop(lists.insert(kind, names)),
            Ok(None) => {
                let message = format!(
                    "Personio does not show its {} to this credential, so what is named at {} cannot be found; give the credential \
                     the right to read them, or leave the field out",
                    kind.plural(),
                    named.pointer
                );
                return Err(WriteError::refused(Error::new(ErrorKind::Forbidden, about.operation, message)));
            }
            Err(failure) => return Err(WriteError::refused(failure.into())),
        }
    }
    let mut problems = Vec::new();
    let mut id = |kind: Kind, named: &Named| match lists.get(&kind).map_or(Err(UNKNOWN), |list| only(list, named)) {
        Ok(id) => Some(id),
        Err(message) => {
            let message = format!("{message} among Personio's {}", kind.plural());
            problems.push(FieldProblem::new(named.pointer.clone(), message));
            None
        }
    };
    let units = plan.units.iter().map(|(kind, named)| (*kind, named.as_ref().and_then(|named| id(*kind, named))));
    let units = units.collect();
    let mut share =
        |Share { center, weight }: &Share| Some(json!({"id": id(Kind::CostCenter, center)?, "weight": weight}));
    let shares = plan.shares.as_ref().map(|shares| shares.iter().filter_map(&mut share).collect());
    if problems.is_empty() { Ok(Found { units, shares }) } else { Err(WriteError::Invalid(problems)) }
}

const UNKNOWN: &str = "has a name that is not found";

/// The id of the only unit that is called so; names count letter for letter.
fn only(list: &HashMap<String, Option<String>>, named: &Named) -> Result<String, &'static str> {
    let has = |found: &Option<String>, name: &str| found.as_deref().map(str::trim) == Some(name);
    let with = |name: &str| list.iter().filter(|(_, found)| has(found, name)).map(|(id, _)| id).collect::<Vec<_>>();
    match &named.call {
        Call::Id(id) if list.contains_key(id) => Ok(id.clone()),
        Call::Id(_) => Err("has an `id` that is not found"),
        Call::Name(name) => match with(name).as_slice() {
            [] => Err(UNKNOWN),
            [id] => Ok((*id).clone()),
            _ => Err("has a name that several have, so that an `id` must be given beside it,"),
        },
        Call::Both { name, id } if list.get(id).is_some_and(|found| has(found, name)) => Ok(id.clone()),
        Call::Both { name, .. } if with(name).is_empty() => Err(UNKNOWN),
        Call::Both { .. } => Err("has an `id` that is not the one of its name"),
    }
}

/// The name of a unit with this id; none where no list has it, or the lists are not shown to the credential.
pub(in crate::personio) async fn name_of(
    client: &Client,
    field: &str,
    id: &str,
    class: Class,
) -> Result<Option<String>, Failure> {
    let Some(kind) = unit_kind(field) else { return Ok(None) };
    let names = units::names(client, kind, class).await?.unwrap_or_default();
    Ok(names.get(id).cloned().flatten().filter(|name| !name.trim().is_empty()))
}

impl Found {
    /// Puts the ids into an employment. `others` are the org units that it has: the list is replaced as a whole.
    pub(super) fn put(self, others: &[(String, String)], employment: &mut Map<String, Value>) {
        let Self { mut units, shares } = self;
        let reference = |id: Option<String>| id.map_or(Value::Null, |id| json!({ "id": id }));
        for (kind, key) in [(Kind::Workplace, "office"), (Kind::LegalEntity, "legal_entity")] {
            if let Some(id) = units.remove(&kind) {
                employment.insert(key.to_owned(), reference(id));
            }
        }
        if !units.is_empty() {
            let is_given = |word: &str| kind_of(word).is_some_and(|kind| units.contains_key(&kind));
            let kept = others.iter().filter(|(word, _)| !is_given(word));
            let kept = kept.map(|(word, id)| json!({"type": word, "id": id}));
            let given =
                units.iter().filter_map(|(kind, id)| Some(json!({"type": word_of(*kind)?, "id": id.as_ref()?})));
            employment.insert("org_units".to_owned(), kept.chain(given).collect());
        }
        if let Some(shares) = shares {
            employment.insert("cost_centers".to_owned(), shares.into());
        }
    }
}

fn kind_of(word: &str) -> Option<Kind> {
    match word.trim().to_lowercase().as_str() {
        "department" => Some(Kind::Department),
        "team" => Some(Kind::Team),
        _ => None,
    }
}

const fn word_of(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Department => Some("department"),
        Kind::Team => Some("team"),
        Kind::LegalEntity | Kind::CostCenter | Kind::Workplace => None,
    }
}
