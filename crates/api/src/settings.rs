//! `/v1/settings`: what a tenant sets for itself about its syncs.

use actix_web::{HttpResponse, get, patch};
use chrono::{DateTime, Utc};
use gangway_app::{
    StoredSettings,
    settings::{self, Change, SettingsPatch},
};
use gangway_domain::settings::{DeletionLimits, TenantSettings};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    answer,
    extract::{Authorized, Body, ConnectionsRead, ConnectionsWrite, IfMatch},
    problem::Result,
};

/// A tenant's settings.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Settings)]
pub(crate) struct SettingsView {
    deletions: DeletionLimitsView,
    /// Days for which refused deletions are not asked about again.
    refused_days: u32,
    /// Days back and ahead that absences and attendances are read; null: as the operator configured.
    window_days: Option<u32>,
    /// Hours taken off a cursor; null: as the operator configured.
    cursor_overlap_hours: Option<u32>,
    /// Days back that every scheduled sweep of absences and attendances reads.
    sweep_recent_days: u32,
    /// Days over which scheduled sweeps get through the rest of the window.
    sweep_cycle_days: u32,
    /// Raised at each change, 0 before the first; the `ETag` is `"v<version>"`.
    version: i64,
    updated_at: Option<DateTime<Utc>>,
}

/// How many records may go at once without a human. Whatever they say, an account that would be emptied waits.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeletionLimits)]
pub(crate) struct DeletionLimitsView {
    /// Employees: this share of those present, in per cent,
    employees_percent: u32,
    /// but never more than so many,
    employees_most: u32,
    /// and always so many.
    employees_least: u32,
    /// Absences and attendances: this share of those in the days read, in per cent,
    periods_percent: u32,
    /// but always so many.
    periods_least: u32,
}

impl From<StoredSettings> for SettingsView {
    fn from(stored: StoredSettings) -> Self {
        let StoredSettings { settings, version, updated_at } = stored;
        let TenantSettings {
            deletions,
            refused_days,
            window_days,
            cursor_overlap_hours,
            sweep_recent_days,
            sweep_cycle_days,
        } = settings;
        let DeletionLimits { employees_percent, employees_most, employees_least, periods_percent, periods_least } =
            deletions;
        let deletions =
            DeletionLimitsView { employees_percent, employees_most, employees_least, periods_percent, periods_least };
        Self {
            deletions,
            refused_days,
            window_days,
            cursor_overlap_hours,
            sweep_recent_days,
            sweep_cycle_days,
            version,
            updated_at,
        }
    }
}

/// What changes; members left out stay.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettingsUpdate {
    #[serde(default)]
    deletions: DeletionLimitsUpdate,
    #[schema(minimum = 1, maximum = 366)]
    refused_days: Option<u32>,
    /// Null: as the operator configured.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 3660)]
    window_days: Change,
    /// Null: as the operator configured.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 0, maximum = 336)]
    cursor_overlap_hours: Change,
    #[schema(minimum = 1, maximum = 366)]
    sweep_recent_days: Option<u32>,
    #[schema(minimum = 2, maximum = 366)]
    sweep_cycle_days: Option<u32>,
}

/// Limits that change.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeletionLimitsUpdate {
    #[schema(minimum = 0, maximum = 100)]
    employees_percent: Option<u32>,
    #[schema(minimum = 0, maximum = 1_000_000)]
    employees_most: Option<u32>,
    #[schema(minimum = 0, maximum = 1_000_000)]
    employees_least: Option<u32>,
    #[schema(minimum = 0, maximum = 100)]
    periods_percent: Option<u32>,
    #[schema(minimum = 0, maximum = 1_000_000)]
    periods_least: Option<u32>,
}

/// Read the tenant's settings
#[utoipa::path(tag = "settings", operation_id = "get_settings",
    responses((status = 200, description = "The settings", body = SettingsView)))]
#[get("/settings")]
pub(crate) async fn read(who: Authorized<ConnectionsRead>) -> Result<HttpResponse> {
    let stored = settings::get(&who.ctx).await?;
    Ok(answer::versioned(stored.version, &SettingsView::from(stored)))
}

/// Change the tenant's settings
///
/// Runs that have begun keep what they began with.
#[utoipa::path(tag = "settings", operation_id = "update_settings", request_body = SettingsUpdate,
    responses((status = 200, description = "The changed settings", body = SettingsView)))]
#[patch("/settings")]
pub(crate) async fn update(
    who: Authorized<ConnectionsWrite>,
    seen: IfMatch,
    body: Body<SettingsUpdate>,
) -> Result<HttpResponse> {
    let SettingsUpdate {
        deletions,
        refused_days,
        window_days,
        cursor_overlap_hours,
        sweep_recent_days,
        sweep_cycle_days,
    } = body.value;
    let DeletionLimitsUpdate { employees_percent, employees_most, employees_least, periods_percent, periods_least } =
        deletions;
    let patch = SettingsPatch {
        employees_percent,
        employees_most,
        employees_least,
        periods_percent,
        periods_least,
        refused_days,
        window_days,
        cursor_overlap_hours,
        sweep_recent_days,
        sweep_cycle_days,
    };
    let stored = settings::update(&who.ctx, seen.0, patch).await?;
    Ok(answer::versioned(stored.version, &SettingsView::from(stored)))
}
