//! The names of units that are called by their ids alone, since version 1 takes names only and lists no units.
//!
//! Where version 2 may be asked, its lists have them. What these do not have, or do not show to the credential, is looked for in the
//! units of employees, as far as a few pages go. That ids are the same in both versions is not published, so whoever looks at what
//! became of a unit compares the id that was asked for.

use std::collections::BTreeMap;

use gangway_domain::record::Stream;
use gangway_egress::Class;
use serde_json::{Value, json};

use super::fields::{self, Verb};
use crate::{
    contract::{FieldProblem, SourceRecord, Values, WriteError},
    personio::{
        PersonioConnection,
        api::Version::{V1, V2},
        attempt::is_about,
        client::Failure,
        employee::RULES,
        limits::most_items,
        source::{EMPLOYEES_PAGE_SIZE, bare_list, read_or_set_aside},
        v2::write as v2,
    },
};

const OPERATION: &str = "look for a unit";
/// Most pages of employees that are looked through for a unit: 1,000 of them.
const MOST_PAGES: u32 = 10;

/// Ids of units, by field.
type Wanted = BTreeMap<&'static str, String>;

impl PersonioConnection {
    /// The values with a name for each unit. Nothing is asked while something else is wrong with them.
    pub(super) async fn with_names(&self, verb: Verb, values: &Values, class: Class) -> Result<Values, WriteError> {
        let mut wanted: Wanted = fields::by_id_alone(self.body_style, verb, values).into_iter().collect();
        let mut named = values.clone();
        if wanted.is_empty() {
            return Ok(named);
        }
        let mut others = values.clone();
        others.fields.retain(|field, _| !wanted.contains_key(field.as_str()));
        let problems = self.problems(verb, others);
        if !problems.is_empty() {
            return Err(WriteError::Invalid(problems));
        }
        let mut found = self.named_by_v2(&wanted, class).await.map_err(refused)?;
        wanted.retain(|field, _| !found.contains_key(field));
        if !wanted.is_empty() {
            match self.named_by_employees(&mut wanted, class).await {
                Ok(more) => found.extend(more),
                // Once version 1 has ended, it is version 2's lists that count.
                Err(failure) if self.may_route() && is_about(V1, &failure.error) => {}
                Err(failure) => return Err(refused(failure)),
            }
        }
        if !wanted.is_empty() {
            let message = "has an `id` that is not found, and version 1 of Personio's API takes names only; write the `name` beside it";
            let problem = |field: &&str| FieldProblem::new(format!("/fields/{field}"), message);
            return Err(WriteError::Invalid(wanted.keys().map(problem).collect()));
        }
        for (field, name) in found {
            if let Some(unit) = named.fields.get_mut(field).and_then(Value::as_object_mut) {
                unit.insert("name".to_owned(), name.into());
            }
        }
        Ok(named)
    }

    /// What is wrong with values that name their units.
    fn problems(&self, verb: Verb, mut values: Values) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        if verb == Verb::Update && self.may_route() {
            let fields = values.fields.remove_entry("email").into_iter().collect();
            problems.extend(v2::employee_problems(&Values { fields, ..Values::default() }));
        }
        problems.extend(fields::body(self.body_style, verb, &values).err().into_iter().flatten());
        problems
    }

    async fn named_by_v2(&self, wanted: &Wanted, class: Class) -> Result<BTreeMap<&'static str, String>, Failure> {
        let mut found = BTreeMap::new();
        if !self.may_route() {
            return Ok(found);
        }
        for (field, id) in wanted {
            match v2::name_of_unit(&self.v2, field, id, class).await {
                Ok(name) => found.extend(name.map(|name| (*field, name))),
                // A credential of version 1 alone: employees may still have it.
                Err(failure) if is_about(V2, &failure.error) => break,
                Err(failure) => return Err(failure),
            }
        }
        Ok(found)
    }

    /// Takes what it finds out of `wanted`.
    async fn named_by_employees(
        &self,
        wanted: &mut Wanted,
        class: Class,
    ) -> Result<BTreeMap<&'static str, String>, Failure> {
        let mut found = BTreeMap::new();
        let mut offset = 0;
        for _ in 0..MOST_PAGES {
            let mut list = bare_list(Stream::Employees, EMPLOYEES_PAGE_SIZE, offset, class);
            let keys = RULES.iter().filter(|rule| wanted.contains_key(rule.field)).flat_map(|rule| rule.keys);
            let keys = std::iter::once(&"id").chain(keys);
            list.query.extend(keys.map(|key| ("attributes[]".to_owned(), (*key).to_owned())));
            let document = self.client.json(OPERATION, list).await?;
            let items = document.items(most_items(EMPLOYEES_PAGE_SIZE));
            let items = items.map_err(|unlisted| unlisted.into_error(OPERATION))?;
            for item in &items {
                let Ok(record) = read_or_set_aside(Stream::Employees, &document, item) else { continue };
                wanted.retain(|field, id| match name_in(&record, field, id) {
                    Some(name) => {
                        found.insert(*field, name);
                        false
                    }
                    None => true,
                });
            }
            offset += u64::try_from(items.len()).unwrap_or(u64::MAX);
            let is_end = items.is_empty() || document.metadata.total.is_some_and(|total| offset >= total);
            if wanted.is_empty() || is_end {
                break;
            }
        }
        Ok(found)
    }
}

/// The name of an employee's unit, if it is the one with this id.
fn name_in(record: &SourceRecord, field: &str, id: &str) -> Option<String> {
    let unit = record.fields.get(field).filter(|unit| unit.get("id") == Some(&json!(id)))?;
    unit.get("name").and_then(Value::as_str).filter(|name| !name.trim().is_empty()).map(str::to_owned)
}

fn refused(failure: Failure) -> WriteError {
    WriteError::refused(failure.into())
}
