//! The typed contract an author fulfils, and the JSON-speaking one the host holds.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use gangway_domain::record::{ExternalId, Stream};
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::{
    connection::{Connection, Runtime},
    error::{Error, ErrorKind, Result},
    fields::{self, FieldProblem},
    manifest::Manifest,
    notice::Notices,
    record::SourceRecord,
};

/// What an author writes for a vendor.
#[async_trait]
pub trait Connector: Send + Sync + 'static {
    /// Stable id, also the prefix of its id spaces.
    const ID: &'static str;
    /// What a connection can be told; unknown fields are refused.
    type Config: DeserializeOwned + JsonSchema + Send;
    /// What a connection authenticates with; secrets as `SecretString`.
    type Credential: DeserializeOwned + JsonSchema + Send;

    /// Describes the connector.
    fn manifest(&self) -> Manifest;

    /// Finds mistakes in a config that its type allows.
    fn config_problems(&self, _config: &Self::Config) -> Vec<FieldProblem> {
        Vec::new()
    }

    /// Finds mistakes in a credential that its type allows. Messages never hold a value.
    fn credential_problems(&self, _credential: &Self::Credential) -> Vec<FieldProblem> {
        Vec::new()
    }

    /// What the vendor counts requests by (a client id); not a secret.
    fn credential_identity(&self, credential: &Self::Credential) -> String;

    /// Where requests go.
    fn base_url(&self, config: &Self::Config) -> Result<Url>;

    /// Reads a record again from the bytes that it once handed over, as it reads one on a page. Members may have been cut out
    /// of them, that of the id too, so the id is given. Asks nobody.
    fn read_stored(&self, stream: Stream, external: &ExternalId, raw: Bytes) -> Result<SourceRecord>;

    /// The ability to read what the vendor sends of its own accord.
    fn notices(&self) -> Option<&dyn Notices> {
        None
    }

    /// Makes a connection. Sends nothing.
    async fn connect(
        &self,
        config: Self::Config,
        credential: Self::Credential,
        runtime: Runtime,
    ) -> Result<Arc<dyn Connection>>;
}

/// What the host holds: any [`Connector`], speaking JSON.
#[async_trait]
pub trait AnyConnector: Send + Sync {
    /// Stable id.
    fn id(&self) -> &'static str;

    /// Describes the connector.
    fn manifest(&self) -> Manifest;

    /// Finds every mistake in a config.
    fn check_config(&self, config: &Value) -> Result<(), Vec<FieldProblem>>;

    /// Finds every mistake in a credential, without repeating a value.
    fn check_credential(&self, credential: &Value) -> Result<(), Vec<FieldProblem>>;

    /// Where requests go.
    fn base_url(&self, config: &Value) -> Result<Url>;

    /// Reads a record again from the bytes that it once handed over. Asks nobody.
    fn read_stored(&self, stream: Stream, external: &ExternalId, raw: Bytes) -> Result<SourceRecord>;

    /// What the vendor counts requests by, from the credential's JSON text.
    fn credential_identity(&self, credential: &SecretString) -> Result<String>;

    /// The ability to read what the vendor sends of its own accord.
    fn notices(&self) -> Option<&dyn Notices>;

    /// Makes a connection from config and the credential's JSON text. Sends nothing.
    async fn connect(&self, config: &Value, credential: &SecretString, runtime: Runtime)
    -> Result<Arc<dyn Connection>>;
}

#[async_trait]
impl<C: Connector> AnyConnector for C {
    fn id(&self) -> &'static str {
        C::ID
    }

    fn manifest(&self) -> Manifest {
        Connector::manifest(self)
    }

    fn check_config(&self, config: &Value) -> Result<(), Vec<FieldProblem>> {
        read_config(self, config).map(drop)
    }

    fn check_credential(&self, credential: &Value) -> Result<(), Vec<FieldProblem>> {
        fields::read(credential, |credential| Connector::credential_problems(self, credential)).map(drop)
    }

    fn base_url(&self, config: &Value) -> Result<Url> {
        let config = read_config(self, config).map_err(|problems| invalid("config", "base url", &problems))?;
        Connector::base_url(self, &config)
    }

    fn read_stored(&self, stream: Stream, external: &ExternalId, raw: Bytes) -> Result<SourceRecord> {
        Connector::read_stored(self, stream, external, raw)
    }

    fn credential_identity(&self, credential: &SecretString) -> Result<String> {
        let credential = read_credential(self, credential)?;
        Ok(Connector::credential_identity(self, &credential))
    }

    fn notices(&self) -> Option<&dyn Notices> {
        Connector::notices(self)
    }

    async fn connect(
        &self,
        config: &Value,
        credential: &SecretString,
        runtime: Runtime,
    ) -> Result<Arc<dyn Connection>> {
        let config = read_config(self, config).map_err(|problems| invalid("config", "connect", &problems))?;
        let credential = read_credential(self, credential)?;
        Connector::connect(self, config, credential, runtime).await
    }
}

fn read_config<C: Connector>(connector: &C, config: &Value) -> Result<C::Config, Vec<FieldProblem>> {
    fields::read(config, |config| connector.config_problems(config))
}

fn read_credential<C: Connector>(connector: &C, credential: &SecretString) -> Result<C::Credential> {
    let value: Value = serde_json::from_str(credential.expose_secret())
        .map_err(|_| invalid("credential", "connect", &[FieldProblem::new("", "must be JSON")]))?;
    fields::read(&value, |credential| connector.credential_problems(credential))
        .map_err(|problems| invalid("credential", "connect", &problems))
}

fn invalid(what: &str, operation: &'static str, problems: &[FieldProblem]) -> Error {
    let list: Vec<String> =
        problems.iter().map(|problem| format!("{what}{} {}", problem.pointer, problem.message)).collect();
    Error::new(ErrorKind::ConfigInvalid, operation, list.join("; "))
}
