//! Creating and changing employees, through the version of the API that the config says. An answer names an id at most, so the
//! employee is read again.

use async_trait::async_trait;
use gangway_domain::record::Stream;
use gangway_egress::{Class, Method};

use super::{
    Destination,
    answer::{About, Accepted},
    compare,
    fields::{self, Verb},
    unseen,
};
use crate::{
    contract::{
        CreateEmployee, Error, ErrorKind, FieldProblem, ReadOne, Remarks, Source as _, Target, UpdateEmployee, Values,
        WritableField, WriteError, Written,
    },
    personio::{
        PersonioConnection,
        api::Version,
        source::{bare_list, list_path, plain_id},
        v2::write as v2,
    },
};

const ONE: &str = "/v1/company/employees/{id}";

const CREATE: About = about("create an employee");
const UPDATE: About = about("change an employee");

const fn about(operation: &'static str) -> About {
    About {
        operation,
        missing_right: "the credential lacks the right to write employees; tick \"Employees: Write\" on the credential's page \
                        in Personio's settings (Integrations > API credentials)",
        not_found: "Personio does not find what was named: the employee to change, or one that a value refers to",
        pointer: fields::pointer,
    }
}

#[async_trait]
impl Target for PersonioConnection {
    fn employee_fields(&self) -> &'static [WritableField] {
        match (self.writes(Stream::Employees), self.may_route()) {
            (Version::V2, _) => v2::EMPLOYEE_FIELDS,
            (Version::V1, true) => fields::writable_with_email(),
            (Version::V1, false) => fields::writable(self.body_style),
        }
    }

    async fn create_employee(&self, request: CreateEmployee) -> Result<Written, WriteError> {
        if self.writes(Stream::Employees) == Version::V2 {
            return v2::create_employee(&self.v2, request).await;
        }
        let class = request.class;
        match self.create_in_v1(request.clone()).await {
            Err(error) if self.has_v1_ended(&error, class).await => v2::create_employee(&self.v2, request).await,
            ended => ended,
        }
    }

    async fn update_employee(&self, request: UpdateEmployee) -> Result<Written, WriteError> {
        if self.writes(Stream::Employees) == Version::V2 {
            return v2::update_employee(&self.v2, request).await;
        }
        if self.may_route() && request.values.fields.contains_key("email") {
            return self.update_with_email(request).await;
        }
        self.update_in_v1_or_after(request).await
    }
}

impl PersonioConnection {
    async fn create_in_v1(&self, request: CreateEmployee) -> Result<Written, WriteError> {
        let CreateEmployee { values, class } = request;
        let body = fields::body(self.body_style, Verb::Create, &values).map_err(WriteError::Invalid)?;
        let list = list_path(Stream::Employees);
        let destination = Destination::list(Method::Post, list);
        let accepted = self.write(&CREATE, destination, Some(&body), class).await?;
        let Some(id) = accepted.id.clone() else {
            let message = "Personio accepted the new employee and names no id, so it must be looked for";
            return Err(WriteError::Unknown(Error::new(ErrorKind::Protocol, CREATE.operation, message)));
        };
        Ok(self.look(id, &values, accepted, class).await)
    }

    async fn update_in_v1(&self, request: UpdateEmployee) -> Result<Written, WriteError> {
        let UpdateEmployee { external_id, values, class } = request;
        let id = plain_id(&external_id, UPDATE.operation).map_err(WriteError::refused)?.to_owned();
        if values == Values::default() {
            return Err(WriteError::Invalid(vec![FieldProblem::new("", "names nothing to change")]));
        }
        let body = fields::body(self.body_style, Verb::Update, &values).map_err(WriteError::Invalid)?;
        let destination = Destination::one(Method::Patch, ONE, &id);
        let accepted = self.write(&UPDATE, destination, Some(&body), class).await?;
        Ok(self.look(id, &values, accepted, class).await)
    }

    async fn update_in_v1_or_after(&self, request: UpdateEmployee) -> Result<Written, WriteError> {
        let class = request.class;
        match self.update_in_v1(request.clone()).await {
            Err(error) if self.has_v1_ended(&error, class).await => v2::update_employee(&self.v2, request).await,
            ended => ended,
        }
    }

    /// Version 1 changes no email address: that value goes to version 2, and the others to version 1 after it.
    async fn update_with_email(&self, request: UpdateEmployee) -> Result<Written, WriteError> {
        let UpdateEmployee { external_id, values, class } = request;
        let mut rest = values;
        let email = Values { fields: rest.fields.remove_entry("email").into_iter().collect(), ..Values::default() };
        let mut problems = v2::employee_problems(&email);
        if rest != Values::default() {
            problems.extend(fields::body(self.body_style, Verb::Update, &rest).err().into_iter().flatten());
        }
        if !problems.is_empty() {
            return Err(WriteError::Invalid(problems));
        }
        let email = UpdateEmployee::new(external_id.clone(), email, class);
        let mut written = v2::update_employee(&self.v2, email).await?;
        if rest == Values::default() {
            return Ok(written);
        }
        match self.update_in_v1_or_after(UpdateEmployee::new(external_id, rest, class)).await {
            Ok(others) => {
                written.outcomes.extend(others.outcomes);
                written.remarks = others.remarks;
                Ok(written)
            }
            Err(rest) => Err(WriteError::Partly { written: Box::new(written), rest: Box::new(rest) }),
        }
    }

    /// Whether a refusal means that version 1 has ended and version 2 may be asked instead: "not found" is also said of an employee.
    async fn has_v1_ended(&self, error: &WriteError, class: Class) -> bool {
        let is_missing = matches!(error, WriteError::Refused { error, .. }
            if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Unsupported));
        if !is_missing || !self.may_route() {
            return false;
        }
        let list = self.client.json(UPDATE.operation, bare_list(Stream::Employees, 1, 0, class)).await;
        list.is_err_and(|failure| self.may_turn_to_v2(&failure))
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
