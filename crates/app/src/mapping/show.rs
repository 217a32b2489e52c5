//! What feeds each canonical field, who said so, and what else might.

use gangway_domain::{
    id::ConnectionId,
    mapping::{Feed, FieldKind, MAPPABLE_FIELDS, Mapping},
    principal::Scope,
    record::Stream,
    schema::AttributeClass,
};
use gangway_storage::TenantTx;

use super::{
    suggest::{Candidate, candidates},
    transform::{Fit, compatibility},
};
use crate::{Ctx, Error, Result, attributes::Attribute};

/// Who said what feeds a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChosenBy {
    /// The connector.
    BuiltIn,
    /// The tenant.
    Tenant,
    /// Nobody: nothing feeds it.
    Nobody,
}

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldMapping {
    /// The field.
    pub field: &'static str,
    /// Shape of its values.
    pub kind: FieldKind,
    /// The attribute that feeds it, if the account has one.
    pub attribute: Option<Attribute>,
    /// Who said so.
    pub chosen_by: ChosenBy,
    /// How well that attribute's type suits it.
    pub fit: Option<Fit>,
    /// Its values are sealed, since the attribute is sensitive.
    pub is_sealed: bool,
    /// What else might feed it, the best first.
    pub candidates: Vec<Candidate>,
}

/// A connection's mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingView {
    /// The mapping.
    pub mapping: Mapping,
    /// Stored records that do not follow it yet.
    pub n_behind: i64,
    /// Every field that may be mapped, in the order of the canonical model.
    pub fields: Vec<FieldMapping>,
}

/// The mapping that holds.
///
/// # Errors
/// `object.not-found`.
pub async fn get(ctx: &Ctx, connection: ConnectionId) -> Result<MappingView> {
    ctx.require(Scope::ConnectionsRead)?;
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    tx.connections().find(connection).await?.ok_or_else(|| Error::not_found("connection"))?;
    let view = view(&tx, connection).await?;
    tx.commit().await?;
    Ok(view)
}

/// The view of a mapping as the transaction sees it.
pub(super) async fn view(tx: &TenantTx, connection: ConnectionId) -> Result<MappingView> {
    let attributes = tx.attributes().list_stream(connection, Stream::Employees).await?;
    let mapping = tx.mappings().get(connection).await?;
    let n_behind = if mapping.applied_version == mapping.version {
        0
    } else {
        tx.records().count_not_mapped_by(connection, Stream::Employees, mapping.version).await?
    };
    let fields = MAPPABLE_FIELDS.iter().map(|(field, kind)| one(field, *kind, &attributes, &mapping)).collect();
    Ok(MappingView { mapping, n_behind, fields })
}

fn one(field: &'static str, kind: FieldKind, attributes: &[Attribute], mapping: &Mapping) -> FieldMapping {
    let attribute = feeding(field, attributes, mapping).cloned();
    let chosen_by = match (mapping.feed(field), &attribute) {
        (Feed::BuiltIn, Some(_)) => ChosenBy::BuiltIn,
        (Feed::BuiltIn, None) => ChosenBy::Nobody,
        (Feed::Nothing | Feed::Attribute(_), _) => ChosenBy::Tenant,
    };
    FieldMapping {
        field,
        kind,
        // What a connector has feed a field fits it, whatever type the vendor gives it.
        fit: attribute.as_ref().map(|attribute| match chosen_by {
            ChosenBy::BuiltIn => Fit::Exact,
            ChosenBy::Tenant | ChosenBy::Nobody => compatibility(attribute.kind, kind),
        }),
        is_sealed: attribute.as_ref().is_some_and(|attribute| attribute.class == AttributeClass::Sensitive),
        attribute,
        chosen_by,
        candidates: candidates(field, kind, attributes, mapping),
    }
}

/// The attribute that feeds a field; one that the account still shows before one that it does not.
pub(super) fn feeding<'a>(field: &str, attributes: &'a [Attribute], mapping: &Mapping) -> Option<&'a Attribute> {
    let feeds =
        |attribute: &&Attribute| mapping.field_of(&attribute.key, attribute.canonical_field.as_deref()) == Some(field);
    attributes.iter().filter(feeds).min_by_key(|attribute| attribute.removed_at.is_some())
}
