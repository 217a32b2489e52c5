//! Writing employees, absences and attendances: the choice of the version, and through version 1 each body, the answer, and the look
//! afterwards. Version 2 is written in [`v2::write`](super::v2::write).
//!
//! The vendor accepts more than it keeps: unknown names of departments and unknown keys are left out, at most with a remark. So
//! every accepted write is compared with what the vendor shows of it then. Shapes are those of the vendor's reference
//! (developer.personio.de, read 2026-11-23); [`BodyStyle::Flat`] is for systems built after the third-party guide, which
//! knows writing of employees only.

pub(super) mod absence;
mod answer;
pub(super) mod attendance;
pub(super) mod compare;
mod employee;
pub(super) mod fields;
mod names;
pub(super) mod period;
mod rows;
mod version;

use std::collections::BTreeMap;

use gangway_egress::{Body, Class, Method, Request, Response};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use self::answer::{About, Accepted};
use super::PersonioConnection;
use crate::contract::{Outcome, Values, WriteError};

/// Largest answer to a write: an id, a record, or what became of each row.
const LARGEST_ANSWER_BYTES: usize = 1024 * 1024;

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

/// Where a write goes.
#[derive(Debug)]
struct Destination {
    method: Method,
    template: &'static str,
    path: String,
    query: Option<(&'static str, String)>,
}

impl Destination {
    fn list(method: Method, path: &'static str) -> Self {
        Self { method, template: path, path: path.to_owned(), query: None }
    }

    /// `id` is one that may go into a path.
    fn one(method: Method, template: &'static str, id: &str) -> Self {
        Self { method, template, path: template.replace("{id}", id), query: None }
    }
}

impl PersonioConnection {
    async fn write(
        &self,
        about: &About,
        destination: Destination,
        body: Option<&Value>,
        class: Class,
    ) -> Result<Accepted, WriteError> {
        let response = self.send_write(about, destination, body, class).await?;
        answer::judge(about, &response)
    }

    /// Deletes; an accepting answer may say nothing.
    async fn delete(&self, about: &About, destination: Destination, class: Class) -> Result<(), WriteError> {
        let response = self.send_write(about, destination, None, class).await?;
        if response.status == 204 || (response.status == 200 && response.body.is_empty()) {
            return Ok(());
        }
        answer::judge(about, &response).map(drop)
    }

    /// The vendor's answer to a write, whatever it says.
    async fn send_write(
        &self,
        about: &About,
        destination: Destination,
        body: Option<&Value>,
        class: Class,
    ) -> Result<Response, WriteError> {
        let Destination { method, template, path, query } = destination;
        let mut request = Request::new(method, template, path, class);
        request.query.extend(query.map(|(name, value)| (name.to_owned(), value)));
        if let Some(body) = body {
            request.body = Body::Json(SecretString::from(body.to_string()));
        }
        request.max_answer_bytes = LARGEST_ANSWER_BYTES;
        self.client.deliver(about.operation, request).await.map_err(answer::unanswered)
    }
}

pub(super) fn unseen(values: &Values) -> BTreeMap<String, Outcome> {
    compare::names(values).map(|name| (name, Outcome::Unseen)).collect()
}
