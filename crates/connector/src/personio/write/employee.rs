//! Creating, changing and deleting employees, through the version of the API that the config says. An answer names an id at most, so the
//! employee is read again.

use async_trait::async_trait;
use gangway_domain::record::Stream;
use gangway_egress::{Class, Method};

use super::{
    BodyStyle, Destination,
    answer::{About, Accepted},
    compare,
    fields::{self, Verb},
    unseen,
    version::is_about_the_version,
};
use crate::{
    contract::{
        CreateEmployee, DeleteEmployee, Deletion, Error, ErrorKind, FieldProblem, ReadOne, Remarks, Source as _,
        Target, UpdateEmployee, Values, WritableField, WriteError, Written,
    },
    personio::{
        PersonioConnection,
        api::Version,
        source::{list_path, plain_id},
        v2::write as v2,
    },
};

const ONE: &str = "/v1/company/employees/{id}";

const CREATE: About = about("create an employee");
const UPDATE: About = about("change an employee");

const NO_DELETION: &str = "version 1 of Personio's API deletes no employee; set `api` to `auto` in the connection's config, so that version 2 \
                           is asked to, or end the employment in Personio";
const NO_DELETION_FLAT: &str =
    "systems with `body_style: flat` have no call that deletes an employee; end the employment there";

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
    fn employee_fields(&self, api_version: Option<&str>) -> &'static [WritableField] {
        match (self.writes(Stream::Employees, api_version), self.may_route()) {
            (Version::V2, _) => v2::EMPLOYEE_FIELDS,
            (Version::V1, true) => fields::writable_with_email(),
            (Version::V1, false) => fields::writable(self.body_style),
        }
    }

    async fn create_employee(&self, request: CreateEmployee) -> Result<Written, WriteError> {
        if self.writes(Stream::Employees, request.api_version.as_deref()) == Version::V2 {
            return v2::create_employee(&self.v2, request).await;
        }
        let CreateEmployee { values: _, api_version, class } = &request;
        match self.create_in_v1(&request).await {
            Err(error) if self.has_v1_ended(&error, api_version.as_deref(), *class).await => {
                v2::create_employee(&self.v2, request).await
            }
            ended => ended,
        }
    }

    async fn update_employee(&self, request: UpdateEmployee) -> Result<Written, WriteError> {
        if self.writes(Stream::Employees, request.api_version.as_deref()) == Version::V2 {
            return v2::update_employee(&self.v2, request).await;
        }
        plain_id(&request.external_id, UPDATE.operation).map_err(WriteError::refused)?;
        let named = self.with_names(Verb::Update, &request.values, request.class).await?;
        if self.may_route() && request.values.fields.contains_key("email") {
            return self.update_with_email(request, named).await;
        }
        self.update_in_v1_or_after(request, &named).await
    }

    fn keeps_employees(&self) -> Option<&'static str> {
        match self.body_style {
            BodyStyle::Flat => Some(NO_DELETION_FLAT),
            BodyStyle::Wrapped if self.writes(Stream::Employees, None) == Version::V2 || self.may_route() => None,
            BodyStyle::Wrapped => Some(NO_DELETION),
        }
    }

    async fn delete_employee(&self, request: DeleteEmployee) -> Result<Deletion, WriteError> {
        if let Some(reason) = self.keeps_employees() {
            return Err(WriteError::refused(Error::new(ErrorKind::Unsupported, "delete an employee", reason)));
        }
        v2::delete_employee(&self.v2, request).await
    }
}

impl PersonioConnection {
    async fn create_in_v1(&self, request: &CreateEmployee) -> Result<Written, WriteError> {
        let CreateEmployee { values, api_version: _, class } = request;
        let named = self.with_names(Verb::Create, values, *class).await?;
        let body = fields::body(self.body_style, Verb::Create, &named).map_err(WriteError::Invalid)?;
        let list = list_path(Stream::Employees);
        let destination = Destination::list(Method::Post, list);
        let accepted = self.write(&CREATE, destination, Some(&body), *class).await?;
        let Some(id) = accepted.id.clone() else {
            let message = "Personio accepted the new employee and names no id, so it must be looked for";
            return Err(WriteError::Unknown(Error::new(ErrorKind::Protocol, CREATE.operation, message)));
        };
        Ok(self.look(id, values, accepted, *class).await)
    }

    /// `named` are the values with the names of units that are called by their ids.
    async fn update_in_v1(&self, request: &UpdateEmployee, named: &Values) -> Result<Written, WriteError> {
        let UpdateEmployee { external_id, values, api_version: _, class } = request;
        let id = plain_id(external_id, UPDATE.operation).map_err(WriteError::refused)?.to_owned();
        if *values == Values::default() {
            return Err(WriteError::Invalid(vec![FieldProblem::new("", "names nothing to change")]));
        }
        let body = fields::body(self.body_style, Verb::Update, named).map_err(WriteError::Invalid)?;
        let destination = Destination::one(Method::Patch, ONE, &id);
        let accepted = self.write(&UPDATE, destination, Some(&body), *class).await?;
        Ok(self.look(id, values, accepted, *class).await)
    }

    async fn update_in_v1_or_after(&self, request: UpdateEmployee, named: &Values) -> Result<Written, WriteError> {
        let UpdateEmployee { api_version, class, .. } = &request;
        match self.update_in_v1(&request, named).await {
            Err(error) if self.has_v1_ended(&error, api_version.as_deref(), *class).await => {
                v2::update_employee(&self.v2, request).await
            }
            ended => ended,
        }
    }

    /// Version 1 changes no email address: that value goes to version 2, and the others to version 1 after it.
    async fn update_with_email(&self, request: UpdateEmployee, mut named: Values) -> Result<Written, WriteError> {
        let UpdateEmployee { external_id, values: mut rest, api_version, class } = request;
        let email = Values { fields: rest.fields.remove_entry("email").into_iter().collect(), ..Values::default() };
        named.fields.remove("email");
        let mut problems = v2::employee_problems(&email);
        if rest != Values::default() {
            problems.extend(fields::body(self.body_style, Verb::Update, &named).err().into_iter().flatten());
        }
        if !problems.is_empty() {
            return Err(WriteError::Invalid(problems));
        }
        let email = UpdateEmployee::new(external_id.clone(), email, class);
        let mut written = v2::update_employee(&self.v2, email).await?;
        if rest == Values::default() {
            return Ok(written);
        }
        let rest = UpdateEmployee::new(external_id, rest, class).with_api_version(api_version);
        match self.update_in_v1_or_after(rest, &named).await {
            Ok(others) => {
                written.outcomes.extend(others.outcomes);
                written.remarks = others.remarks;
                Ok(written)
            }
            Err(rest) => Err(WriteError::Partly { written: Box::new(written), rest: Box::new(rest) }),
        }
    }

    /// Whether a refusal means that version 1 has ended and version 2 may be asked instead: "not found" is also said of an employee.
    async fn has_v1_ended(&self, error: &WriteError, held: Option<&str>, class: Class) -> bool {
        is_about_the_version(Version::V1, error) && self.turns(Stream::Employees, held, class).await
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
