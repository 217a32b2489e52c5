//! Creating and changing employees: a person with an employment, or a change of each. Neither answer shows them whole, so they are
//! read again.

use gangway_egress::{Class, Method, Request};
use serde_json::{Map, Value, json};

use super::{
    super::{
        call::{About, id_in},
        client::Client,
        employee::{self, LARGEST_PAGE},
        person::Employment,
        scopes::Area,
    },
    answer::send,
    fields::{Plan, of_person},
    units,
};
use crate::{
    contract::{CreateEmployee, Error, ErrorKind, FieldProblem, UpdateEmployee, Values, WriteError, Written},
    personio::{
        limits::most_items,
        source::plain_id,
        write::{compare, fields::Verb, unseen},
    },
};

const PERSONS: &str = "/v2/persons";
const ONE: &str = "/v2/persons/{id}";
const EMPLOYMENT: &str = "/v2/persons/{id}/employments/{id}";

const CREATE: About = about("create an employee");
const UPDATE: About = about("change an employee");

const fn about(operation: &'static str) -> About {
    About {
        operation,
        missing_right: "the credential lacks the right to write employees in version 2 of Personio's API (personio:persons:write); tick \
                        \"Employees: Write\" on the credential's page in Personio's settings (Integrations > API credentials)",
        not_found: "Personio does not find what was named: the employee to change, or one that a value refers to",
    }
}

/// Creates an employee.
pub(in crate::personio) async fn create(client: &Client, request: CreateEmployee) -> Result<Written, WriteError> {
    let CreateEmployee { values, class } = request;
    let plan = Plan::read(Verb::Create, &values).map_err(WriteError::Invalid)?;
    let found = units::find(client, &CREATE, &plan, class).await?;
    let Plan { person: mut body, mut employment, .. } = plan;
    found.put(&[], &mut employment);
    if !employment.is_empty() {
        body.insert("employments".to_owned(), json!([employment]));
    }
    let post = Request::new(Method::Post, PERSONS, PERSONS, class);
    let response = send(client, &CREATE, Area::Persons, post, Some(&Value::Object(body))).await?;
    let Some(id) = id_in(&response) else {
        let message = "Personio accepted the new employee and names no id, so it must be looked for";
        return Err(WriteError::Unknown(Error::new(ErrorKind::Protocol, CREATE.operation, message)));
    };
    Ok(look(client, id, &values, class).await)
}

/// Changes an employee: the person first, then the employment.
pub(in crate::personio) async fn update(client: &Client, request: UpdateEmployee) -> Result<Written, WriteError> {
    let UpdateEmployee { external_id, values, class } = request;
    let id = plain_id(&external_id, UPDATE.operation).map_err(WriteError::refused)?.to_owned();
    if values == Values::default() {
        return Err(WriteError::Invalid(vec![FieldProblem::new("", "names nothing to change")]));
    }
    let plan = Plan::read(Verb::Update, &values).map_err(WriteError::Invalid)?;
    let found = units::find(client, &UPDATE, &plan, class).await?;
    let present = if plan.concerns_employment() {
        Some(present(client, &id, plan.needs_other_org_units(), class).await?)
    } else {
        None
    };
    let Plan { person, mut employment, .. } = plan;
    let changes_person = !person.is_empty();
    if changes_person {
        patch(client, ONE, ONE.replace("{id}", &id), person, class).await?;
    }
    if let Some(Present { employment_id, org_units }) = present {
        found.put(&org_units, &mut employment);
        let path = EMPLOYMENT.replacen("{id}", &id, 1).replacen("{id}", &employment_id, 1);
        if let Err(rest) = patch(client, EMPLOYMENT, path, employment, class).await {
            if !changes_person {
                return Err(rest);
            }
            let written = look(client, id, &of_person(&values), class).await;
            return Err(WriteError::Partly { written: Box::new(written), rest: Box::new(rest) });
        }
    }
    Ok(look(client, id, &values, class).await)
}

async fn patch(
    client: &Client,
    template: &'static str,
    path: String,
    body: Map<String, Value>,
    class: Class,
) -> Result<(), WriteError> {
    let request = Request::new(Method::Patch, template, path, class);
    send(client, &UPDATE, Area::Persons, request, Some(&Value::Object(body))).await.map(drop)
}

/// The employment that a change is meant for.
struct Present {
    employment_id: String,
    /// By the vendor's word for the type.
    org_units: Vec<(String, String)>,
}

async fn present(client: &Client, id: &str, needs_org_units: bool, class: Class) -> Result<Present, WriteError> {
    let refuse = |kind, message: &str| WriteError::refused(Error::new(kind, UPDATE.operation, message));
    let read = employee::employments(client, id, class).await;
    let document = read.map_err(|failure| WriteError::refused(failure.into()))?;
    let document = document.ok_or_else(|| refuse(ErrorKind::NotFound, UPDATE.not_found))?;
    let unreadable = || refuse(ErrorKind::Protocol, "the employment to change cannot be read; nothing was changed");
    let items = document.items(most_items(LARGEST_PAGE)).map_err(|_| unreadable())?;
    let employment = Employment::chosen(&items).map_err(|_| unreadable())?.ok_or_else(|| {
        refuse(
            ErrorKind::ConfigInvalid,
            "the employee has no employment in Personio, which has what is about work; add one there, then write again",
        )
    })?;
    let employment_id = employment.id().filter(|id| plain_id(id, UPDATE.operation).is_ok()).ok_or_else(unreadable)?;
    if employment.is_of_another(id) {
        return Err(unreadable());
    }
    let org_units = employment.org_units().map_err(|_| unreadable())?;
    if needs_org_units && org_units.is_none() {
        let message =
            "Personio does not show which department and team the employee has, and replaces both at once; write both";
        return Err(refuse(ErrorKind::ConfigInvalid, message));
    }
    Ok(Present { employment_id, org_units: org_units.unwrap_or_default() })
}

/// Reads the employee again and tells what became of each value. What cannot be read is no failure of the write.
async fn look(client: &Client, id: String, values: &Values, class: Class) -> Written {
    let outcomes = match employee::read_one(client, &id, class).await {
        Ok(Some(record)) => compare::outcomes(values, &record),
        Ok(None) | Err(_) => unseen(values),
    };
    let mut written = Written::accepted(id);
    written.outcomes = outcomes;
    written
}
