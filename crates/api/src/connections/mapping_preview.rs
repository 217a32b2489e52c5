//! `POST /v1/connections/{id}/mapping/preview`: what a mapping would do, before it does.

use actix_web::{HttpResponse, post};
use gangway_app::{
    Error,
    mapping::{self, FieldCount, FieldFeed, FieldPreview, Preview, RecordPreview},
};
use gangway_domain::id::ConnectionId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::mapping::FeedBody;
use crate::{
    answer,
    extract::{Authorized, Body, ConnectionsRead, PathId},
    problem::Result,
};

/// Records shown when the request does not say how many.
const SAMPLE: usize = 10;
/// Records shown at most.
const LARGEST_SAMPLE: usize = 50;

/// A mapping to be tried, as for `PUT …/mapping`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MappingPreviewRequest {
    #[schema(max_items = 100)]
    fields: Vec<FeedBody>,
    /// How many records are shown one by one; 10 when left out.
    #[schema(minimum = 0, maximum = 50)]
    sample: Option<u64>,
}

/// What a mapping would do to the first 200 people we hold.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MappingPreview)]
pub(crate) struct PreviewView {
    /// Records looked at.
    n_examined: u64,
    /// Records among them whose stored bytes cannot be read again: they follow at the next full run.
    n_unreadable: u64,
    /// The fields that something else would feed.
    fields: Vec<CountView>,
    /// The first records, one by one.
    sample: Vec<SampleView>,
}

/// What would happen to a field.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MappingPreviewField)]
pub(crate) struct CountView {
    field: &'static str,
    /// Its values would be sealed.
    sealed: bool,
    /// Records on which it would hold something else.
    n_changed: u64,
    /// Records on which it would hold nothing, though it holds something now.
    n_emptied: u64,
    /// Records whose attribute has a value that does not fit; it would stay an attribute.
    n_misfits: u64,
    /// What is wrong with the first of those.
    misfit: Option<&'static str>,
}

/// One record of the sample.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MappingPreviewRecord)]
pub(crate) struct SampleView {
    employee_id: String,
    fields: Vec<ValueView>,
}

/// One field of a record.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MappingPreviewValue)]
pub(crate) struct ValueView {
    field: &'static str,
    /// Whether it would hold something else.
    changed: bool,
    /// Whether the attribute's value fits.
    fits: bool,
    #[schema(value_type = Option<Object>)]
    old: Value,
    #[schema(value_type = Option<Object>)]
    new: Value,
}

impl From<Preview> for PreviewView {
    fn from(preview: Preview) -> Self {
        let Preview { n_examined, n_unreadable, fields, sample } = preview;
        Self {
            n_examined,
            n_unreadable,
            fields: fields.into_iter().map(CountView::from).collect(),
            sample: sample.into_iter().map(SampleView::from).collect(),
        }
    }
}

impl From<FieldCount> for CountView {
    fn from(count: FieldCount) -> Self {
        let FieldCount { field, is_sealed, n_changed, n_emptied, n_misfits, misfit } = count;
        Self { field, sealed: is_sealed, n_changed, n_emptied, n_misfits, misfit }
    }
}

impl From<RecordPreview> for SampleView {
    fn from(record: RecordPreview) -> Self {
        let RecordPreview { employee, fields } = record;
        Self { employee_id: employee.to_string(), fields: fields.into_iter().map(ValueView::from).collect() }
    }
}

impl From<FieldPreview> for ValueView {
    fn from(preview: FieldPreview) -> Self {
        let FieldPreview { field, is_changed, values, fits } = preview;
        let (old, new) = values;
        Self { field, changed: is_changed, fits, old, new }
    }
}

/// Preview a mapping
///
/// Tries a mapping on people we hold: nothing is written, and the vendor is not asked. Needs the scope `records:read` too, and
/// `sensitive:read` where a value that is or would be sealed takes part.
#[utoipa::path(tag = "connections", operation_id = "preview_mapping",
    params(("id" = String, Path, description = "The connection")), request_body = MappingPreviewRequest,
    responses((status = 200, description = "What it would do", body = PreviewView)))]
#[post("/connections/{id}/mapping/preview")]
pub(crate) async fn show(
    who: Authorized<ConnectionsRead>,
    id: PathId<ConnectionId>,
    body: Body<MappingPreviewRequest>,
) -> Result<HttpResponse> {
    let MappingPreviewRequest { fields, sample } = body.value;
    let n_sample = sample.map_or(SAMPLE, |sample| usize::try_from(sample).unwrap_or(usize::MAX));
    if n_sample > LARGEST_SAMPLE {
        return Err(Error::invalid("/sample", format!("must lie between 0 and {LARGEST_SAMPLE}")).into());
    }
    let feeds = fields.into_iter().map(FieldFeed::from).collect();
    let preview = mapping::preview(&who.ctx, id.0, feeds, n_sample).await?;
    Ok(answer::plain(&PreviewView::from(preview)))
}
