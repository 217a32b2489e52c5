//! `/v1/events`: the tenant's log, read at a cursor.

use actix_web::{HttpResponse, get};
use chrono::{DateTime, Utc};
use gangway_app::events;
use gangway_domain::event::{Event, NewEvent};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    answer::Listing,
    extract::{Authorized, FromParams, PageQuery, Params, Query, RecordsRead},
    problem::Result,
};

/// A fact in the log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub(crate) struct EventView {
    /// Position in the log, from 1, without gaps.
    sequence: i64,
    /// Identity.
    #[schema(example = "evt_0193f1a2b3c47d5e8f9a0b1c2d3e4f50")]
    id: String,
    #[schema(example = "employee.updated")]
    r#type: String,
    /// The object it is about.
    subject: Option<String>,
    connection_id: Option<String>,
    run_id: Option<String>,
    /// Version of the credential in use.
    credential_version: Option<i32>,
    /// Old and new value per field, or counts. Sensitive values are never here: they say only that they changed.
    #[schema(value_type = Object)]
    data: Value,
    occurred_at: DateTime<Utc>,
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        let Event { sequence, fact } = event;
        let NewEvent { id, kind, subject: _, subject_label, connection, run, credential_version, data, occurred_at } =
            fact;
        Self {
            sequence,
            id: id.to_string(),
            r#type: kind,
            subject: subject_label,
            connection_id: connection.map(|id| id.to_string()),
            run_id: run.map(|id| id.to_string()),
            credential_version,
            data,
            occurred_at,
        }
    }
}

/// Which events.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventFilter {
    /// Only of these types, separated by commas.
    #[param(example = "employee.created,employee.updated")]
    r#type: Option<String>,
}

/// Which page of which events.
pub(crate) struct EventQuery {
    filter: EventFilter,
    page: PageQuery,
}

impl FromParams for EventQuery {
    fn from_params(params: &mut Params) -> Self {
        Self { filter: EventFilter { r#type: params.text("type") }, page: PageQuery::from_params(params) }
    }
}

/// Read events
///
/// In sequence. Keep the sequence of the last event and give it as `after` next time: nothing is skipped and nothing comes twice.
#[utoipa::path(tag = "events", operation_id = "list_events", params(EventFilter, PageQuery),
    responses((status = 200, description = "A page, in sequence", body = Listing<EventView>)))]
#[get("/events")]
pub(crate) async fn list(who: Authorized<RecordsRead>, query: Query<EventQuery>) -> Result<HttpResponse> {
    let EventQuery { filter, page } = query.0;
    let kinds: Vec<String> =
        filter.r#type.iter().flat_map(|types| types.split(',')).map(|kind| kind.trim().to_owned()).collect();
    let page = events::list(&who.ctx, &kinds, page.page()?).await?;
    Ok(Listing::of(page, EventView::from, |event| event.sequence.to_string()))
}
