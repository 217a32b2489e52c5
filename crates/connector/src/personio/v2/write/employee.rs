//! Creating, changing and deleting employees: a person with an employment, or a change of each. No answer shows them whole, so they are
//! read again.
//!
//! Personio makes an employment with its person and deletes it with them: no published call adds one to a person, or takes one away
//! (developer.personio.de, reference, `post_v2-persons` and its neighbours, read 2026-11-28).

use gangway_egress::{Class, Method, Request};
use serde_json::{Map, Value, json};

use super::{
    super::{
        call::{About, id_in},
        client::Client,
        employee::{self, EMPLOYMENT, LARGEST_PAGE},
        person::Employment,
        scopes::Area,
    },
    answer::send,
    fields::{Plan, of_person},
    units,
};
use crate::{
    contract::{
        CreateEmployee, DeleteEmployee, Deletion, Error, ErrorKind, FieldProblem, UpdateEmployee, Values, WriteError,
        Written,
    },
    personio::{
        limits::most_items,
        source::plain_id,
        write::{compare, fields::Verb, unseen},
    },
};

const PERSONS: &str = "/v2/persons";
const ONE: &str = "/v2/persons/{id}";

const CREATE: About = about("create an employee");
const UPDATE: About = about("change an employee");
const DELETE: About = about("delete an employee");

const fn about(operation: &'static str) -> About {
    About {
        operation,
        missing_right: "the credential lacks the right to write employees in version 2 of Personio's API (personio:persons:write); tick \
                        \"Employees: Write\" on the credential's page in Personio's settings (Integrations > API credentials)",
        not_found: "Personio does not find what was named: the employee, or one that a value refers to",
    }
}

/// Creates an employee.
pub(in crate::personio) async fn create(client: &Client, request: CreateEmployee) -> Result<Written, WriteError> {
    let CreateEmployee { values, api_version: _, class } = request;
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
    Ok(look(client, id, None, &values, class).await)
}

/// Changes an employee: the person first, then the employment.
pub(in crate::personio) async fn update(client: &Client, request: UpdateEmployee) -> Result<Written, WriteError> {
    let UpdateEmployee { external_id, values, api_version: _, class } = request;
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
    let Some(Present { employment_id, org_units }) = present else {
        return Ok(look(client, id, None, &values, class).await);
    };
    found.put(&org_units, &mut employment);
    let path = EMPLOYMENT.replacen("{id}", &id, 1).replacen("{id}", &employment_id, 1);
    match patch(client, EMPLOYMENT, path, employment, class).await {
        // After the change another one may count: one that begins later, for instance.
        Ok(()) => Ok(look(client, id, Some(&employment_id), &values, class).await),
        Err(rest) if changes_person => {
            let written = look(client, id, None, &of_person(&values), class).await;
            Err(WriteError::Partly { written: Box::new(written), rest: Box::new(rest) })
        }
        Err(rest) => Err(rest),
    }
}

/// Deletes an employee, with their employment and whatever else is theirs.
pub(in crate::personio) async fn delete(client: &Client, request: DeleteEmployee) -> Result<Deletion, WriteError> {
    let DeleteEmployee { external_id, class } = request;
    let id = plain_id(&external_id, DELETE.operation).map_err(WriteError::refused)?;
    let delete = Request::new(Method::Delete, ONE, ONE.replace("{id}", id), class);
    match send(client, &DELETE, Area::Persons, delete, None).await {
        Ok(_) => {}
        // Where there is no list either, nothing is said about anybody.
        Err(WriteError::Refused { error, .. })
            if error.kind == ErrorKind::NotFound && employee::probe(client, class).await.is_ok() =>
        {
            return Ok(Deletion::Gone);
        }
        Err(error) => return Err(error),
    }
    Ok(match employee::person(client, id, class).await {
        Ok(None) => Deletion::Gone,
        Ok(Some(_)) => Deletion::StillThere,
        Err(_) => Deletion::Unseen,
    })
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
            "the employee has no employment in Personio, which has what is about work, and Personio's API adds none to somebody who \
             is there; add one in Personio, then write again",
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

/// Reads the employee again, with the employment that was changed, and tells what became of each value. What cannot be read is no
/// failure of the write.
async fn look(client: &Client, id: String, employment_id: Option<&str>, values: &Values, class: Class) -> Written {
    let outcomes = match employee::read_one_with(client, &id, employment_id, class).await {
        Ok(Some(record)) => compare::outcomes(values, &record),
        Ok(None) | Err(_) => unseen(values),
    };
    let mut written = Written::accepted(id);
    written.outcomes = outcomes;
    written
}
