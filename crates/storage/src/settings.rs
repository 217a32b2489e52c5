//! What tenants set for themselves: one row each, none before the first change.

use chrono::{DateTime, Utc};
use gangway_domain::settings::TenantSettings;
use sea_orm::FromQueryResult;

use crate::{
    Error, Result, TenantTx,
    micros::{from_micros, to_micros},
};

/// The tenant's settings.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a>(pub(crate) &'a TenantTx);

/// Settings with their version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredSettings {
    /// What is set.
    pub settings: TenantSettings,
    /// Raised at each change; 0 before the first.
    pub version: i64,
    /// When they last changed.
    pub updated_at: Option<DateTime<Utc>>,
}

#[derive(FromQueryResult)]
struct Row {
    settings: String,
    version: i64,
    updated_at: i64,
}

impl Settings<'_> {
    /// The settings; the defaults before the first change.
    pub async fn get(&self) -> Result<StoredSettings> {
        let sql = "SELECT settings, version, updated_at FROM tenant_setting WHERE tenant_id = $1";
        let rows: Vec<Row> = self.0.query(sql, vec![self.0.tenant().uuid().into()]).await?;
        let Some(Row { settings, version, updated_at }) = rows.into_iter().next() else {
            return Ok(StoredSettings { settings: TenantSettings::default(), version: 0, updated_at: None });
        };
        let settings = serde_json::from_str(&settings)
            .map_err(|_| Error::corrupt("tenant_setting", "settings are not what they should be"))?;
        Ok(StoredSettings { settings, version, updated_at: Some(from_micros(updated_at)?) })
    }

    /// The settings for a change: who changes them too waits for the end of this transaction, which has to store them or be rolled back.
    pub async fn get_for_update(&self) -> Result<StoredSettings> {
        // Before the first change there is no row to lock.
        let sql = "INSERT INTO tenant_setting (tenant_id, settings, version, updated_at) VALUES ($1, '{}', 0, 0)
                   ON CONFLICT (tenant_id) DO UPDATE SET version = tenant_setting.version";
        self.0.execute(sql, vec![self.0.tenant().uuid().into()]).await?;
        let stored = self.get().await?;
        Ok(StoredSettings { updated_at: stored.updated_at.filter(|_| stored.version > 0), ..stored })
    }

    /// Stores settings whose version is one more than the caller has seen.
    ///
    /// # Errors
    /// [`Error::Stale`] when somebody changed them in between.
    pub async fn update(&self, settings: &TenantSettings, version: i64, at: DateTime<Utc>) -> Result<()> {
        let sql = "INSERT INTO tenant_setting (tenant_id, settings, version, updated_at) VALUES ($1, $2, $3, $4)
                   ON CONFLICT (tenant_id) DO UPDATE SET settings = excluded.settings, version = excluded.version,
                     updated_at = excluded.updated_at
                   WHERE tenant_setting.version = excluded.version - 1";
        let text = serde_json::to_string(settings)
            .map_err(|_| Error::corrupt("tenant_setting", "settings cannot be written as JSON"))?;
        let values = vec![self.0.tenant().uuid().into(), text.into(), version.into(), to_micros(at).into()];
        let changed = self.0.execute(sql, values).await?;
        // A first row of a higher version means that the row went away with its tenant.
        if changed.rows_affected() == 1 { Ok(()) } else { Err(Error::Stale) }
    }
}
