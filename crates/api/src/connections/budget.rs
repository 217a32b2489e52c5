//! `GET /v1/connections/{id}/budget`.

use actix_web::{HttpResponse, get};
use chrono::{DateTime, Utc};
use gangway_app::budgets::{self, BudgetView as Budget};
use gangway_domain::id::ConnectionId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    answer,
    extract::{Authorized, ConnectionsRead, PathId},
    problem::Result,
};

/// How much of the vendor's limit is in use right now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Budget)]
pub(crate) struct BudgetView {
    /// Requests per window.
    limit: u32,
    /// The window in seconds.
    window_seconds: u64,
    /// Slots held: requests under way, and those answered less than a window ago.
    held: u32,
    /// Requests under way.
    in_flight: u32,
    /// Callers waiting, by class.
    waiting: WaitingView,
    /// When the vendor last answered 429.
    last_429_at: Option<DateTime<Utc>>,
    /// Until when nothing is sent, because the vendor said so.
    blocked_until: Option<DateTime<Utc>>,
    /// Until when all calls keep their distance, because a process was lost together with the shared count and what it sent is not
    /// known.
    unsure_until: Option<DateTime<Utc>>,
}

/// Callers waiting, highest class first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Waiting)]
pub(crate) struct WaitingView {
    interactive: usize,
    flow: usize,
    webhook_follow_up: usize,
    incremental: usize,
    sweep: usize,
}

impl From<Budget> for BudgetView {
    fn from(budget: Budget) -> Self {
        let budgets::WaitingByClass { interactive, flow, webhook_follow_up, incremental, sweep } = budget.waiting;
        Self {
            limit: budget.limit,
            window_seconds: budget.window_s,
            held: budget.held,
            in_flight: budget.in_flight,
            waiting: WaitingView { interactive, flow, webhook_follow_up, incremental, sweep },
            last_429_at: budget.last_429_at,
            blocked_until: budget.blocked_until,
            unsure_until: budget.unsure_until,
        }
    }
}

/// Read the vendor budget
#[utoipa::path(tag = "connections", operation_id = "get_budget",
    params(("id" = String, Path, description = "The connection")),
    responses((status = 200, description = "The budget right now", body = BudgetView)))]
#[get("/connections/{id}/budget")]
pub(crate) async fn read(who: Authorized<ConnectionsRead>, id: PathId<ConnectionId>) -> Result<HttpResponse> {
    Ok(answer::plain(&BudgetView::from(budgets::view(&who.ctx, id.0).await?)))
}
