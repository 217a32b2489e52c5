//! `/v1/connections/{id}/attributes`: what the account offers, how each attribute is classed, and the tenant's choice.

use actix_web::{HttpResponse, get, patch};
use chrono::{DateTime, Utc};
use gangway_app::attributes::{self, Attribute, Choice, Chosen};
use gangway_domain::{
    id::{AttributeId, ConnectionId},
    record::Stream,
    schema::{AttributeClass, AttributeType},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    answer::{self, Listing},
    extract::{Authorized, Body, ConnectionsRead, ConnectionsWrite, PathId, Query, WidePageParams, WidePageQuery},
    problem::Result,
    records::StreamView,
};

/// One field that the vendor account offers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Attribute)]
pub(crate) struct AttributeView {
    /// Identity.
    #[schema(example = "atr_0193f1a2b3c47d5e8f9a0b1c2d3e4f50")]
    id: String,
    /// On which records.
    #[schema(value_type = StreamView)]
    stream: Stream,
    /// The vendor's key.
    #[schema(example = "dynamic_305")]
    key: String,
    /// What an admin knows it by.
    label: String,
    /// Type of its values.
    #[schema(value_type = AttributeTypeView)]
    r#type: AttributeType,
    /// The name that is the same in every account of the vendor.
    universal_id: Option<String>,
    /// Choices of a list.
    options: Vec<String>,
    /// Made by the company rather than by the vendor.
    is_custom: bool,
    /// The field of our model that the connector has it feed; the mapping may say otherwise.
    canonical_field: Option<String>,
    /// `standard` is stored by default, `sensitive` only when selected, and then sealed.
    #[schema(value_type = AttributeClassView)]
    class: AttributeClass,
    /// Why it has that class.
    class_reason: String,
    /// Whether its values are stored.
    selected: bool,
    first_seen_at: DateTime<Utc>,
    last_seen_at: DateTime<Utc>,
    /// Since when the account no longer shows it.
    removed_at: Option<DateTime<Utc>>,
    /// Since when it comes on nobody's record any more, though it did: the last values are kept, and named in `stale`.
    restricted_at: Option<DateTime<Utc>>,
}

/// Type of an attribute's values.
#[derive(ToSchema)]
#[schema(as = AttributeType, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes the domain's type, which knows no OpenAPI")]
pub(super) enum AttributeTypeView {
    Text,
    Multiline,
    Date,
    Integer,
    Decimal,
    List,
    Tags,
    Link,
    Object,
    Unknown,
}

/// How an attribute's values are treated.
#[derive(ToSchema)]
#[schema(as = AttributeClass, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes the domain's type, which knows no OpenAPI")]
pub(super) enum AttributeClassView {
    Standard,
    Sensitive,
}

impl From<Attribute> for AttributeView {
    fn from(attribute: Attribute) -> Self {
        let Attribute {
            id,
            connection: _,
            stream,
            key,
            label,
            kind,
            universal_id,
            options,
            is_custom,
            canonical_field,
            class,
            class_reason,
            selected,
            position: _,
            first_seen_at,
            last_seen_at,
            removed_at,
            restricted_at,
        } = attribute;
        Self {
            id: id.to_string(),
            stream,
            key,
            label,
            r#type: kind,
            universal_id,
            options,
            is_custom,
            canonical_field,
            class,
            class_reason,
            selected,
            first_seen_at,
            last_seen_at,
            removed_at,
            restricted_at,
        }
    }
}

/// The tenant's choices, all or none.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AttributesUpdate {
    #[schema(min_items = 1, max_items = 1000)]
    attributes: Vec<AttributeChoice>,
}

/// A choice about one attribute, named by either `id` or `key`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"key": "dynamic_305", "selected": true}))]
pub(crate) struct AttributeChoice {
    #[schema(value_type = Option<String>)]
    id: Option<AttributeId>,
    key: Option<String>,
    /// Whether its values are stored.
    selected: Option<bool>,
    /// `sensitive` always; `standard` only for an attribute that was not recognised, and only with `sensitive:read`.
    #[schema(value_type = Option<AttributeClassView>)]
    class: Option<AttributeClass>,
}

/// The attributes after a choice.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AttributesChosen)]
pub(crate) struct ChosenView {
    data: Vec<AttributeView>,
    /// Full runs that were started, because records must be read again.
    runs: Vec<String>,
}

/// List attributes
///
#[utoipa::path(tag = "connections", operation_id = "list_attributes",
    params(("id" = String, Path, description = "The connection"), WidePageParams),
    responses((status = 200, description = "A page, in the vendor's order", body = Listing<AttributeView>)))]
#[get("/connections/{id}/attributes")]
pub(crate) async fn list(
    who: Authorized<ConnectionsRead>,
    id: PathId<ConnectionId>,
    query: Query<WidePageQuery>,
) -> Result<HttpResponse> {
    let WidePageQuery(page) = query.0;
    let page = attributes::page(&who.ctx, id.0, page.page()?).await?;
    Ok(Listing::of(page, AttributeView::from, |attribute| attribute.id.to_string()))
}

/// Choose attributes
///
/// Selects what is stored and corrects classes. Where the stream is synced, a full run starts. Making a sensitive attribute
/// standard shows its values to every reader, so it needs the scope `sensitive:read` too (403 `key.forbidden`).
#[utoipa::path(tag = "connections", operation_id = "choose_attributes",
    params(("id" = String, Path, description = "The connection")), request_body = AttributesUpdate,
    responses((status = 200, description = "All attributes after the choice", body = ChosenView)))]
#[patch("/connections/{id}/attributes")]
pub(crate) async fn choose(
    who: Authorized<ConnectionsWrite>,
    id: PathId<ConnectionId>,
    body: Body<AttributesUpdate>,
) -> Result<HttpResponse> {
    let choices = body
        .value
        .attributes
        .into_iter()
        .map(|AttributeChoice { id, key, selected, class }| Choice { id, key, selected, class })
        .collect();
    let Chosen { attributes, runs } = attributes::choose(&who.ctx, id.0, choices).await?;
    Ok(answer::plain(&ChosenView {
        data: attributes.into_iter().map(AttributeView::from).collect(),
        runs: runs.into_iter().map(|run| run.to_string()).collect(),
    }))
}
