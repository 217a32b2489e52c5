//! `/v1/connections/{id}/mapping`: which attribute feeds which canonical field of employees.

use actix_web::{HttpResponse, get, put};
use chrono::{DateTime, Utc};
use gangway_app::{
    attributes::Attribute,
    mapping::{self, Candidate, ChosenBy, FieldFeed, FieldMapping, Fit, MappingView, SuggestedBy},
};
use gangway_domain::{
    id::ConnectionId,
    mapping::FieldKind,
    schema::{AttributeClass, AttributeType},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::attributes::{AttributeClassView, AttributeTypeView};
use crate::{
    answer,
    extract::{Authorized, Body, ConnectionsRead, ConnectionsWrite, IfMatch, PathId},
    problem::Result,
};

/// A connection's mapping.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Mapping)]
pub(crate) struct MappingAnswer {
    /// Raised when what feeds any field changes; the `ETag` is `"v<version>"`. 0: as the connector says.
    version: i64,
    /// The version that every stored record follows. Another one than `version` while a change is being applied.
    applied_version: i64,
    /// Stored records that do not follow `version` yet.
    n_behind: i64,
    updated_at: Option<DateTime<Utc>>,
    /// Every field that can be mapped.
    fields: Vec<FieldView>,
}

/// What feeds a field.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MappedField)]
pub(crate) struct FieldView {
    #[schema(example = "position")]
    field: &'static str,
    /// Shape of its values.
    #[schema(value_type = FieldKindView)]
    r#type: FieldKind,
    /// The attribute that feeds it; null when none does.
    attribute: Option<SourceView>,
    /// Who said so: the connector (`built_in`), the `tenant`, or nobody (`none`: nothing feeds it).
    chosen_by: ChosenByView,
    /// How well the attribute's type suits it.
    fit: Option<FitView>,
    /// Its attribute is sensitive: values are kept sealed, and shown in this field only with the scope `sensitive:read`.
    sealed: bool,
    /// Attributes that might feed it, the best first. Nothing is taken up by itself.
    candidates: Vec<CandidateView>,
}

/// An attribute that feeds a field, or might.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MappingSource)]
pub(crate) struct SourceView {
    #[schema(example = "atr_0193f1a2b3c47d5e8f9a0b1c2d3e4f50")]
    id: String,
    #[schema(example = "dynamic_305")]
    key: String,
    label: String,
    #[schema(value_type = AttributeTypeView)]
    r#type: AttributeType,
    #[schema(value_type = AttributeClassView)]
    class: AttributeClass,
    /// Whether its values are stored; only then can it feed a field.
    selected: bool,
}

/// An attribute that might feed a field.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MappingCandidate)]
pub(crate) struct CandidateView {
    attribute: SourceView,
    suggested_by: SuggestedByView,
    fit: FitView,
}

/// Who said what feeds a field.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MappingChosenBy)]
pub(crate) enum ChosenByView {
    BuiltIn,
    Tenant,
    None,
}

/// Why an attribute is suggested: the vendor's name that is the same in every account, or its label in one of six languages.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MappingSuggestedBy)]
pub(crate) enum SuggestedByView {
    UniversalId,
    Label,
}

/// How well an attribute's type suits a field. `converts`: values fit that can be read so, the others stay attributes.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MappingFit)]
pub(crate) enum FitView {
    Exact,
    Converts,
    Never,
}

/// Shape of a field's values.
#[derive(ToSchema)]
#[schema(as = FieldKind, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes the domain's type, which knows no OpenAPI")]
enum FieldKindView {
    Text,
    Word,
    Email,
    Date,
    Decimal,
    Reference,
    Person,
    CostCenters,
}

impl From<ChosenBy> for ChosenByView {
    fn from(by: ChosenBy) -> Self {
        match by {
            ChosenBy::BuiltIn => Self::BuiltIn,
            ChosenBy::Tenant => Self::Tenant,
            ChosenBy::Nobody => Self::None,
        }
    }
}

impl From<SuggestedBy> for SuggestedByView {
    fn from(by: SuggestedBy) -> Self {
        match by {
            SuggestedBy::UniversalId => Self::UniversalId,
            SuggestedBy::Label => Self::Label,
        }
    }
}

impl From<Fit> for FitView {
    fn from(fit: Fit) -> Self {
        match fit {
            Fit::Exact => Self::Exact,
            Fit::Converts => Self::Converts,
            Fit::Never => Self::Never,
        }
    }
}

impl From<Attribute> for SourceView {
    fn from(attribute: Attribute) -> Self {
        Self {
            id: attribute.id.to_string(),
            key: attribute.key,
            label: attribute.label,
            r#type: attribute.kind,
            class: attribute.class,
            selected: attribute.selected,
        }
    }
}

impl From<Candidate> for CandidateView {
    fn from(candidate: Candidate) -> Self {
        let Candidate { attribute, by, fit } = candidate;
        Self { attribute: attribute.into(), suggested_by: by.into(), fit: fit.into() }
    }
}

impl From<FieldMapping> for FieldView {
    fn from(mapping: FieldMapping) -> Self {
        let FieldMapping { field, kind, attribute, chosen_by, fit, is_sealed, candidates } = mapping;
        Self {
            field,
            r#type: kind,
            attribute: attribute.map(SourceView::from),
            chosen_by: chosen_by.into(),
            fit: fit.map(FitView::from),
            sealed: is_sealed,
            candidates: candidates.into_iter().map(CandidateView::from).collect(),
        }
    }
}

fn answer(view: MappingView) -> HttpResponse {
    let MappingView { mapping, n_behind, fields } = view;
    let fields = fields.into_iter().map(FieldView::from).collect();
    let answer = MappingAnswer {
        version: mapping.version,
        applied_version: mapping.applied_version,
        n_behind,
        updated_at: mapping.updated_at,
        fields,
    };
    answer::versioned(mapping.version, &answer)
}

/// What the tenant wants to feed a field.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FieldFeed, example = json!({"field": "position", "attribute": "dynamic_305"}))]
pub(super) struct FeedBody {
    #[schema(example = "position")]
    field: String,
    /// Key of the attribute; null for nothing.
    attribute: Option<String>,
}

impl From<FeedBody> for FieldFeed {
    fn from(feed: FeedBody) -> Self {
        let FeedBody { field, attribute } = feed;
        Self { field, attribute }
    }
}

/// The fields that the tenant wants fed by something else than the connector would. Fields left out are as the connector says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MappingPut {
    #[schema(max_items = 100)]
    fields: Vec<FeedBody>,
}

/// Read the mapping
///
/// Which attribute feeds which field of employees, who said so, and which might.
#[utoipa::path(tag = "connections", operation_id = "get_mapping",
    params(("id" = String, Path, description = "The connection")),
    responses((status = 200, description = "The mapping", body = MappingAnswer)))]
#[get("/connections/{id}/mapping")]
pub(crate) async fn read(who: Authorized<ConnectionsRead>, id: PathId<ConnectionId>) -> Result<HttpResponse> {
    Ok(answer(mapping::get(&who.ctx, id.0).await?))
}

/// Replace the mapping
///
/// Says which fields are fed by another attribute than the connector has them fed by, or by none. Stored records follow by a job
/// (`remap-records`) that asks the vendor nothing; no events are written, since nothing changed at the vendor. An attribute can
/// feed a field when it is selected, and one field only. A sensitive one stays sealed.
#[utoipa::path(tag = "connections", operation_id = "put_mapping",
    params(("id" = String, Path, description = "The connection")), request_body = MappingPut,
    responses((status = 200, description = "The mapping after the change", body = MappingAnswer)))]
#[put("/connections/{id}/mapping")]
pub(crate) async fn put(
    who: Authorized<ConnectionsWrite>,
    id: PathId<ConnectionId>,
    seen: IfMatch,
    body: Body<MappingPut>,
) -> Result<HttpResponse> {
    let feeds = body.value.fields.into_iter().map(FieldFeed::from).collect();
    Ok(answer(mapping::update(&who.ctx, id.0, seen.0, feeds).await?))
}
