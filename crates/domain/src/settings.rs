//! What a tenant may set for itself about its syncs. Where it has set nothing, the operator's configuration holds.

use serde::{Deserialize, Serialize};

/// A tenant's settings. Fields of a later version are ignored by an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TenantSettings {
    /// When deletions wait for a human.
    pub deletions: DeletionLimits,
    /// Days for which refused deletions are not asked about again.
    pub refused_days: u32,
    /// Days back and ahead that absences and attendances are read; none: the operator's `sync.window_days`.
    pub window_days: Option<u32>,
    /// Hours taken off a cursor; none: the operator's `sync.cursor_overlap_hours`.
    pub cursor_overlap_hours: Option<u32>,
    /// Days back that every scheduled sweep of absences and attendances reads.
    pub sweep_recent_days: u32,
    /// Days over which scheduled sweeps get through the rest of the window.
    pub sweep_cycle_days: u32,
}

/// How many records may go at once without a human.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeletionLimits {
    /// Employees: this share of those present, in per cent,
    pub employees_percent: u32,
    /// but never more than so many,
    pub employees_most: u32,
    /// and always so many.
    pub employees_least: u32,
    /// Absences and attendances: this share of those in the days read, in per cent,
    pub periods_percent: u32,
    /// but always so many.
    pub periods_least: u32,
}

impl Default for DeletionLimits {
    fn default() -> Self {
        Self { employees_percent: 5, employees_most: 10, employees_least: 3, periods_percent: 5, periods_least: 50 }
    }
}

impl Default for TenantSettings {
    fn default() -> Self {
        Self {
            deletions: DeletionLimits::default(),
            refused_days: 30,
            window_days: None,
            cursor_overlap_hours: None,
            sweep_recent_days: 14,
            sweep_cycle_days: 30,
        }
    }
}
