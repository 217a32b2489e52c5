//! Vendor tokens, sealed, with the lease under which one process at a time asks for a new one.
//!
//! The lease runs on the database's clock, since processes differ; the pause between authentications and the expiry are
//! the vendor's times and are judged by the caller.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use gangway_domain::id::CredentialId;
use sea_orm::{FromQueryResult, Value};
use uuid::Uuid;

use crate::{
    Error, Result, SystemTx, TenantTx,
    micros::{from_micros_opt, to_micros},
};

/// The vendor tokens of one tenant.
#[derive(Debug, Clone, Copy)]
pub struct Tokens<'a>(pub(crate) &'a TenantTx);

/// The vendor tokens of all tenants.
#[derive(Debug, Clone, Copy)]
pub struct SystemTokens<'a>(pub(crate) &'a SystemTx);

impl SystemTokens<'_> {
    /// Ends the lease of every login under way. Only for a process that knows itself to be the sole one.
    pub async fn expire_leases(&self) -> Result<u64> {
        let sql = "UPDATE vendor_token SET lease_owner = NULL, lease_until = NULL WHERE lease_owner IS NOT NULL";
        Ok(self.0.execute(sql, Vec::new()).await?.rows_affected())
    }
}

/// Which token: one for each credential version and API of its vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenKey<'a> {
    /// The credential version.
    pub credential: CredentialId,
    /// The vendor's API, by the connector's name for it.
    pub api: &'a str,
}

/// A token, and who is getting a new one.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Token {
    /// The token, sealed.
    pub sealed: Option<Vec<u8>>,
    /// When the vendor stops accepting it.
    pub expires_at: Option<DateTime<Utc>>,
    /// The rights that the vendor named with it.
    pub scope: Option<String>,
    /// Somebody is authenticating right now.
    pub is_leased: bool,
    /// When somebody last began to authenticate.
    pub attempted_at: Option<DateTime<Utc>>,
    /// What kind of failure the last attempt ended with, and why.
    pub last_failure: Option<(String, String)>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("expires_at", &self.expires_at)
            .field("is_leased", &self.is_leased)
            .finish_non_exhaustive()
    }
}

/// A token as it is stored.
#[derive(Clone)]
pub struct NewToken {
    /// The token, sealed.
    pub sealed: Vec<u8>,
    /// When the vendor stops accepting it.
    pub expires_at: DateTime<Utc>,
    /// The rights that the vendor named with it.
    pub scope: Option<String>,
}

impl fmt::Debug for NewToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewToken").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

#[derive(Debug, FromQueryResult)]
struct Row {
    sealed: Option<Vec<u8>>,
    scope: Option<String>,
    expires_at: Option<i64>,
    is_leased: i32,
    attempted_at: Option<i64>,
    last_error: Option<String>,
    last_error_kind: Option<String>,
}

impl Tokens<'_> {
    /// The token at hand, if there ever was one.
    pub async fn find(&self, key: TokenKey<'_>) -> Result<Option<Token>> {
        self.read(key, "").await
    }

    /// The same, its row made if it is missing and locked until the transaction ends.
    pub async fn lock(&self, key: TokenKey<'_>) -> Result<Token> {
        let sql = "INSERT INTO vendor_token (tenant_id, credential_id, api) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        self.0.execute(sql, self.values(key)).await?;
        let lock = if self.0.is_postgres() { " FOR UPDATE" } else { "" };
        self.read(key, lock).await?.ok_or(Error::NotFound("credential"))
    }

    /// Gives `owner` the lease for `span`, and notes the attempt. Call [`Self::lock`] before.
    pub async fn lease(&self, key: TokenKey<'_>, owner: Uuid, span: TimeDelta, at: DateTime<Utc>) -> Result<()> {
        let sql = format!(
            "UPDATE vendor_token SET lease_owner = $4, lease_until = {} + $5, attempted_at = $6, last_error = NULL,
             last_error_kind = NULL WHERE tenant_id = $1 AND credential_id = $2 AND api = $3",
            self.now()
        );
        let mut values = self.values(key);
        values.extend([owner.into(), span.num_microseconds().unwrap_or(i64::MAX / 2).into(), to_micros(at).into()]);
        self.0.execute(&sql, values).await?;
        Ok(())
    }

    /// Prolongs a lease to `span` from now. Answers whether `owner` still had it.
    pub async fn renew_lease(&self, key: TokenKey<'_>, owner: Uuid, span: TimeDelta) -> Result<bool> {
        let sql = format!(
            "UPDATE vendor_token SET lease_until = {} + $5
             WHERE tenant_id = $1 AND credential_id = $2 AND api = $3 AND lease_owner = $4",
            self.now()
        );
        let mut values = self.values(key);
        values.extend([owner.into(), span.num_microseconds().unwrap_or(i64::MAX / 2).into()]);
        Ok(self.0.execute(&sql, values).await?.rows_affected() == 1)
    }

    /// Stores the token got under a lease, and ends the lease. Answers whether `owner` still had it.
    pub async fn complete(&self, key: TokenKey<'_>, owner: Uuid, token: NewToken, at: DateTime<Utc>) -> Result<bool> {
        let NewToken { sealed, expires_at, scope } = token;
        let sql =
            "UPDATE vendor_token SET sealed = $5, expires_at = $6, obtained_at = $7, scope = $8, lease_owner = NULL,
             lease_until = NULL WHERE tenant_id = $1 AND credential_id = $2 AND api = $3 AND lease_owner = $4";
        let mut values = self.values(key);
        values.extend([owner.into(), sealed.into(), to_micros(expires_at).into(), to_micros(at).into(), scope.into()]);
        Ok(self.0.execute(sql, values).await?.rows_affected() == 1)
    }

    /// Ends a lease without a token, and notes what kind of failure it was and why.
    pub async fn fail(&self, key: TokenKey<'_>, owner: Uuid, kind: &str, message: String) -> Result<()> {
        let sql =
            "UPDATE vendor_token SET lease_owner = NULL, lease_until = NULL, last_error_kind = $5, last_error = $6
             WHERE tenant_id = $1 AND credential_id = $2 AND api = $3 AND lease_owner = $4";
        let mut values = self.values(key);
        values.extend([owner.into(), kind.into(), message.into()]);
        self.0.execute(sql, values).await?;
        Ok(())
    }

    /// Replaces the token without a lease. Call [`Self::lock`] before, and compare.
    pub async fn replace(
        &self,
        key: TokenKey<'_>,
        sealed: Vec<u8>,
        expires_at: DateTime<Utc>,
        at: DateTime<Utc>,
    ) -> Result<()> {
        let sql = "UPDATE vendor_token SET sealed = $4, expires_at = $5, obtained_at = $6
             WHERE tenant_id = $1 AND credential_id = $2 AND api = $3";
        let mut values = self.values(key);
        values.extend([sealed.into(), to_micros(expires_at).into(), to_micros(at).into()]);
        self.0.execute(sql, values).await?;
        Ok(())
    }

    async fn read(&self, key: TokenKey<'_>, lock: &str) -> Result<Option<Token>> {
        let sql = format!(
            "SELECT sealed, expires_at, scope, CASE WHEN lease_until > {} THEN 1 ELSE 0 END AS is_leased, attempted_at, last_error,
             last_error_kind FROM vendor_token WHERE tenant_id = $1 AND credential_id = $2 AND api = $3{lock}",
            self.now()
        );
        let row = self.0.query::<Row>(&sql, self.values(key)).await?.into_iter().next();
        row.map(|Row { sealed, scope, expires_at, is_leased, attempted_at, last_error, last_error_kind }| {
            Ok(Token {
                sealed,
                scope,
                expires_at: from_micros_opt(expires_at)?,
                is_leased: is_leased == 1,
                attempted_at: from_micros_opt(attempted_at)?,
                last_failure: last_error_kind.zip(last_error),
            })
        })
        .transpose()
    }

    fn values(self, key: TokenKey<'_>) -> Vec<Value> {
        let TokenKey { credential, api } = key;
        vec![self.0.tenant().uuid().into(), credential.uuid().into(), api.into()]
    }

    /// The database's clock in microseconds.
    fn now(self) -> &'static str {
        if self.0.is_postgres() {
            "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
        } else {
            "CAST(unixepoch('subsec') * 1000000 AS INTEGER)"
        }
    }
}
