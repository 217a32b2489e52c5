//! Creating and changing employees through version 1: the body, the answer, and the look afterwards.
//!
//! The vendor accepts more than it keeps: unknown names of departments and unknown keys are left out, at most with a remark. So
//! every accepted write is checked by reading the employee again. Shapes are those of the vendor's reference
//! (developer.personio.de, read 2026-11-23); [`BodyStyle::Flat`] is for systems built after the third-party guide.

mod answer;
mod compare;
mod fields;

use std::collections::BTreeMap;

use async_trait::async_trait;
use gangway_domain::record::Stream;
use gangway_egress::{Body, Class, Method, Request};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use self::{answer::Accepted, fields::Verb};
use super::{
    PersonioConnection,
    source::{list_path, plain_id},
};
use crate::contract::{
    CreateEmployee, Error, ErrorKind, FieldProblem, Outcome, ReadOne, Remarks, Source as _, Target, UpdateEmployee,
    Values, WritableField, WriteError, Written,
};

const CREATE: &str = "create an employee";
const UPDATE: &str = "change an employee";
const ONE: &str = "/v1/company/employees/{id}";
/// Largest answer to a write: an id, and remarks.
const LARGEST_ANSWER_BYTES: usize = 256 * 1024;

/// How the bodies of writes are built.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BodyStyle {
    /// `{"employee": {…}}`, as Personio wants it.
    #[default]
    Wrapped,
    /// The fields themselves, as systems built after a widespread third-party guide want them.
    Flat,
}

#[async_trait]
impl Target for PersonioConnection {
    fn employee_fields(&self) -> &'static [WritableField] {
        fields::writable(self.body_style)
    }

    async fn create_employee(&self, request: CreateEmployee) -> Result<Written, WriteError> {
        let CreateEmployee { values, class } = request;
        let body = fields::body(self.body_style, Verb::Create, &values).map_err(WriteError::Invalid)?;
        let list = list_path(Stream::Employees);
        let accepted = self.write(CREATE, Method::Post, list, list.to_owned(), &body, class).await?;
        let Some(id) = accepted.id.clone() else {
            let message = "Personio accepted the new employee and names no id, so it must be looked for";
            return Err(WriteError::Unknown(Error::new(ErrorKind::Protocol, CREATE, message)));
        };
        Ok(self.look(id, &values, accepted, class).await)
    }

    async fn update_employee(&self, request: UpdateEmployee) -> Result<Written, WriteError> {
        let UpdateEmployee { external_id, values, class } = request;
        let id = plain_id(&external_id, UPDATE).map_err(WriteError::refused)?.to_owned();
        if values == Values::default() {
            return Err(WriteError::Invalid(vec![FieldProblem::new("", "names nothing to change")]));
        }
        let body = fields::body(self.body_style, Verb::Update, &values).map_err(WriteError::Invalid)?;
        let accepted = self.write(UPDATE, Method::Patch, ONE, ONE.replace("{id}", &id), &body, class).await?;
        Ok(self.look(id, &values, accepted, class).await)
    }
}

impl PersonioConnection {
    async fn write(
        &self,
        operation: &'static str,
        method: Method,
        template: &'static str,
        path: String,
        body: &Value,
        class: Class,
    ) -> Result<Accepted, WriteError> {
        let mut request = Request::new(method, template, path, class);
        request.body = Body::Json(SecretString::from(body.to_string()));
        request.max_answer_bytes = LARGEST_ANSWER_BYTES;
        match self.client.deliver(operation, request).await {
            Ok(response) => answer::judge(operation, &response),
            Err(undelivered) => Err(answer::unanswered(undelivered)),
        }
    }

    /// Reads the employee again and tells what became of each value. What cannot be read is no failure of the write.
    async fn look(&self, id: String, values: &Values, accepted: Accepted, class: Class) -> Written {
        let read = self.read_one(ReadOne::new(Stream::Employees, id.clone(), class)).await;
        let outcomes = match &read {
            Ok(Some(record)) => compare::outcomes(values, record),
            Ok(None) | Err(_) => unseen(values),
        };
        let mut written = Written::accepted(id);
        written.outcomes = outcomes;
        written.remarks = Remarks(accepted.remarks);
        written
    }
}

fn unseen(values: &Values) -> BTreeMap<String, Outcome> {
    compare::names(values).map(|name| (name, Outcome::Unseen)).collect()
}
