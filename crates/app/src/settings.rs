//! What a tenant sets for itself about its syncs.

use gangway_domain::{
    principal::Scope,
    settings::{DeletionLimits, TenantSettings},
};
use gangway_storage::{self as storage, settings::StoredSettings};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::{Ctx, FieldError, Result, audit};

/// What becomes of a value that the operator's configuration stands in for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Change {
    /// It stays.
    #[default]
    Keep,
    /// The operator's configuration holds.
    Reset,
    /// This one.
    To(u32),
}

/// A number, or null for the operator's.
impl<'de> Deserialize<'de> for Change {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Reset, Self::To))
    }
}

/// What changes; none stays.
#[derive(Debug, Clone, Copy, Default)]
pub struct SettingsPatch {
    /// Employees that may go at once, in per cent.
    pub employees_percent: Option<u32>,
    /// Employees that may go at once, at most.
    pub employees_most: Option<u32>,
    /// Employees that may always go at once.
    pub employees_least: Option<u32>,
    /// Absences or attendances that may go at once, in per cent.
    pub periods_percent: Option<u32>,
    /// Absences or attendances that may always go at once.
    pub periods_least: Option<u32>,
    /// Days for which refused deletions are not asked about again.
    pub refused_days: Option<u32>,
    /// Days back and ahead.
    pub window_days: Change,
    /// Hours taken off a cursor.
    pub cursor_overlap_hours: Change,
    /// Days back that every scheduled sweep reads.
    pub sweep_recent_days: Option<u32>,
    /// Days over which the rest is swept.
    pub sweep_cycle_days: Option<u32>,
}

/// The tenant's settings.
pub async fn get(ctx: &Ctx) -> Result<StoredSettings> {
    ctx.require(Scope::ConnectionsRead)?;
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    let stored = tx.settings().get().await?;
    tx.commit().await?;
    Ok(stored)
}

/// Changes settings; `if_version` is the version the caller has seen. Runs that have begun keep what they began with.
///
/// # Errors
/// `request.invalid` with every value out of its range; `object.stale`.
pub async fn update(ctx: &Ctx, if_version: Option<i64>, patch: SettingsPatch) -> Result<StoredSettings> {
    ctx.require(Scope::ConnectionsWrite)?;
    let app = ctx.app();
    let tx = app.db.begin(ctx.scope()).await?;
    let before = tx.settings().get_for_update().await?;
    if if_version.is_some_and(|version| version != before.version) {
        return Err(storage::Error::Stale.into());
    }
    let settings = apply(before.settings, patch)?;
    if settings == before.settings {
        return Ok(before);
    }
    let (version, now) = (before.version + 1, app.now());
    tx.settings().update(&settings, version, now).await?;
    audit::record(ctx, &tx, "settings.update", &ctx.tenant().to_string(), Value::Null).await?;
    tx.commit().await?;
    Ok(StoredSettings { settings, version, updated_at: Some(now) })
}

fn apply(before: TenantSettings, patch: SettingsPatch) -> Result<TenantSettings> {
    let mut problems = Vec::new();
    let mut take = |pointer: &str, new: Option<u32>, old: u32, least: u32, most: u32| {
        let Some(new) = new else { return old };
        if !(least..=most).contains(&new) {
            let message = format!("must be a whole number from {least} to {most}");
            problems.push(FieldError { pointer: pointer.to_owned(), message });
        }
        new
    };
    let old = before.deletions;
    let deletions = DeletionLimits {
        employees_percent: take("/deletions/employees_percent", patch.employees_percent, old.employees_percent, 0, 100),
        employees_most: take("/deletions/employees_most", patch.employees_most, old.employees_most, 0, 1_000_000),
        employees_least: take("/deletions/employees_least", patch.employees_least, old.employees_least, 0, 1_000_000),
        periods_percent: take("/deletions/periods_percent", patch.periods_percent, old.periods_percent, 0, 100),
        periods_least: take("/deletions/periods_least", patch.periods_least, old.periods_least, 0, 1_000_000),
    };
    let mut take_optional = |pointer: &str, change: Change, old: Option<u32>, least: u32, most: u32| match change {
        Change::Keep => old,
        Change::Reset => None,
        Change::To(new) => Some(take(pointer, Some(new), new, least, most)),
    };
    let window_days = take_optional("/window_days", patch.window_days, before.window_days, 1, 3_660);
    let overlap = patch.cursor_overlap_hours;
    let cursor_overlap_hours = take_optional("/cursor_overlap_hours", overlap, before.cursor_overlap_hours, 0, 24 * 14);
    let settings = TenantSettings {
        deletions,
        refused_days: take("/refused_days", patch.refused_days, before.refused_days, 1, 366),
        window_days,
        cursor_overlap_hours,
        sweep_recent_days: take("/sweep_recent_days", patch.sweep_recent_days, before.sweep_recent_days, 1, 366),
        sweep_cycle_days: take("/sweep_cycle_days", patch.sweep_cycle_days, before.sweep_cycle_days, 2, 366),
    };
    if problems.is_empty() { Ok(settings) } else { Err(crate::Error::invalid_fields(problems)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_stays_and_null_is_the_operators() {
        let before = TenantSettings { window_days: Some(30), ..TenantSettings::default() };
        let same = apply(before, SettingsPatch::default()).unwrap();
        assert_eq!(same, before);
        let patch = SettingsPatch { window_days: Change::Reset, employees_most: Some(50), ..SettingsPatch::default() };
        let after = apply(before, patch).unwrap();
        assert_eq!((after.window_days, after.deletions.employees_most), (None, 50));
    }

    #[test]
    fn every_value_out_of_range_is_pointed_at() {
        let patch = SettingsPatch {
            employees_percent: Some(101),
            refused_days: Some(0),
            window_days: Change::To(0),
            cursor_overlap_hours: Change::To(999),
            ..SettingsPatch::default()
        };
        let error = apply(TenantSettings::default(), patch).unwrap_err();
        let pointers: Vec<&str> = error.fields.iter().map(|field| field.pointer.as_str()).collect();
        assert_eq!(
            pointers,
            ["/deletions/employees_percent", "/window_days", "/cursor_overlap_hours", "/refused_days"]
        );
    }
}
