//! Creating and changing employees. The answer names an id at most, so the employee is read again.

use async_trait::async_trait;
use gangway_domain::record::Stream;
use gangway_egress::{Class, Method};

use super::{
    BodyStyle, Destination,
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
        source::{list_path, plain_id},
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
        fields::writable(self.body_style)
    }

    async fn create_employee(&self, request: CreateEmployee) -> Result<Written, WriteError> {
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

    async fn update_employee(&self, request: UpdateEmployee) -> Result<Written, WriteError> {
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
}

impl PersonioConnection {
    /// Whether the account takes more than employees: the guide knows no other writing.
    pub(in crate::personio) fn writes_periods(&self) -> bool {
        self.body_style == BodyStyle::Wrapped
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
