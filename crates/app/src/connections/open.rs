//! Opening a connection: the only place where a vendor credential exists in clear.

use std::{fmt, sync::Arc, time::Duration};

use gangway_connector::{self as contract, Manifest, Runtime};
use gangway_domain::{
    connection::Connection,
    id::{ConnectionId, CredentialId},
};
use gangway_egress::{Class, HttpPort, Origin, PortError, VendorPortConfig};
use gangway_storage::{TenantTx, credentials::Credential};
use secrecy::SecretString;

use super::{
    connector,
    credential::{SEAL_FIELD, SEAL_KIND, unknown_connector},
    tokens::{Joining, SealedTokens},
};
use crate::{
    App, Ctx, Error, Result,
    budgets::{self, Budget},
    seal::TenantKeys,
};

/// A connection that can be asked. Holds no secret that its `Debug` would show.
#[derive(Clone)]
pub struct Opened {
    /// The connection as stored.
    pub connection: Connection,
    /// The vendor account.
    pub remote: Arc<dyn contract::Connection>,
    /// What the connector promises.
    pub manifest: Manifest,
    /// Priority that its calls should have.
    pub class: Class,
    /// The credential version in use.
    pub credential: CredentialId,
    /// What its calls draw on.
    pub(crate) budget: Budget,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("connection", &self.connection.id)
            .field("credential_version", &self.connection.credential_version)
            .finish_non_exhaustive()
    }
}

impl Opened {
    /// The version of the credential in use.
    pub const fn credential_version(&self) -> i32 {
        self.connection.credential_version
    }

    /// Reading records.
    ///
    /// # Errors
    /// `connection.unsupported` when the connector offers none.
    pub fn source(&self) -> Result<&dyn contract::Source> {
        self.remote
            .source()
            .ok_or_else(|| Error::new(gangway_domain::Code::Unsupported, "The connector reads no records."))
    }
}

/// Opens a connection: unseals the credential in use, and binds the way out to its origin, budget and token.
///
/// Asks no permission: callers have asked for theirs. Sends nothing.
///
/// # Errors
/// `object.not-found`, `connection.origin-forbidden` when an operator took the origin off the list since.
pub async fn open(ctx: &Ctx, id: ConnectionId, class: Class) -> Result<Opened> {
    let app = ctx.app();
    let keys = app.keys.tenant(app, ctx.scope()).await?;
    let tx = app.db.begin_read(ctx.scope()).await?;
    let connection = tx.connections().find(id).await?.ok_or_else(|| Error::not_found("connection"))?;
    let credential = tx.credentials().get(id, connection.credential_version).await?;
    let secret = unseal(&keys, &tx, &credential).await?;
    tx.commit().await?;

    let connector = connector(app, &connection.connector).ok_or_else(|| unknown_connector(&connection.connector))?;
    let manifest = connector.manifest();
    let budget = budgets::of(app, ctx.tenant(), &credential, &manifest).await?;
    let port = app
        .egress
        .vendor_port(VendorPortConfig {
            base_url: connector.base_url(&connection.config)?,
            allowed_origins: manifest.origins.iter().filter_map(|origin| origin.parse::<Origin>().ok()).collect(),
            budget_key: budget.key,
            policy: Arc::clone(&budget.policy),
            budgets: app.budgets.clone(),
            max_wait: Duration::from_secs(app.config.budget_wait_seconds),
            headers: identity(app, &manifest),
        })
        .map_err(|error| match error {
            // Settings and manifest were checked at the start.
            PortError::Header(_) => Error::internal(error),
            error => {
                Error::new(gangway_domain::Code::OriginForbidden, format!("The connection cannot be used: {error}."))
            }
        })?;
    let port = Arc::new(port);
    // A first login happens through this very port: from then on it draws on the account's shared budget.
    let joining = (credential.authenticated_at.is_none())
        .then(|| Joining { port: Arc::clone(&port), budget: budgets::shared(app, &credential, &manifest) });
    let tokens = Arc::new(SealedTokens::new(ctx.clone(), credential.id, joining));
    let http: Arc<dyn HttpPort> = port;

    let runtime = Runtime::new(http, tokens, Arc::clone(&app.clock));
    let remote = connector.connect(&connection.config, &secret, runtime).await?;
    Ok(Opened { connection, remote, manifest, class, credential: credential.id, budget })
}

/// The headers by which the vendor is to know whose software asks.
fn identity(app: &App, manifest: &Manifest) -> Vec<(&'static str, String)> {
    let Some(set) = app.config.identity.get(manifest.id) else { return Vec::new() };
    let header =
        |setting: &str| manifest.identity.iter().find(|known| known.setting == setting).map(|known| known.header);
    set.iter().filter_map(|(setting, value)| Some((header(setting)?, value.clone()))).collect()
}

/// The credential in clear; `tx` is the transaction that read it.
pub(super) async fn unseal(keys: &TenantKeys, tx: &TenantTx, credential: &Credential) -> Result<SecretString> {
    let clear = keys.open(tx, SEAL_KIND, credential.id.uuid(), SEAL_FIELD, &credential.sealed).await?;
    std::str::from_utf8(&clear).map(SecretString::from).map_err(|_| Error::internal("an opened credential is not text"))
}
