//! The tenant's choice: which attributes are stored, and corrections of their class.

use std::collections::HashMap;

use gangway_domain::{
    id::{AttributeId, ConnectionId, SyncRunId},
    principal::Scope,
    record::Stream,
    schema::AttributeClass,
    sync::Sync,
};
use gangway_storage::{TenantTx, attributes::Attribute};
use serde_json::json;

use super::{Selection, classify::UNSURE};
use crate::{Ctx, Error, FieldError, Result, audit, syncs};

/// Marks a class that a human chose; discovery leaves it alone.
pub(super) const CHOSEN: &str = "chosen by the tenant";

/// A choice about one attribute, named by id or by key.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// By id.
    pub id: Option<AttributeId>,
    /// By the vendor's key.
    pub key: Option<String>,
    /// Whether its values are stored.
    pub selected: Option<bool>,
    /// How its values are treated.
    pub class: Option<AttributeClass>,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// All attributes of the connection.
    pub attributes: Vec<Attribute>,
    /// Full runs started, since records must be read again.
    pub runs: Vec<SyncRunId>,
}

/// Applies choices, all or none, and starts the full runs that they need in the same transaction, where syncs exist.
///
/// Making an attribute standard shows its values to every reader of records, so only who may see sensitive ones can do that.
///
/// # Errors
/// `object.not-found`, `key.forbidden` for lowering a class without `sensitive:read`, `request.invalid` naming each choice that
/// cannot be made.
pub async fn choose(ctx: &Ctx, connection: ConnectionId, choices: Vec<Choice>) -> Result<Chosen> {
    ctx.require(Scope::ConnectionsWrite)?;
    let app = ctx.app();
    let mut tx = app.db.begin(ctx.scope()).await?;
    let syncs = syncs::lock_of_connection(&tx, connection).await?;
    let before = tx.attributes().list(connection).await?;
    let mut after = before.clone();
    let (mut problems, mut chosen) = (Vec::new(), HashMap::new());
    for (index, choice) in choices.iter().enumerate() {
        match apply(&mut after, choice, index) {
            Ok(attribute) => problems.extend(chosen.insert(attribute, index).map(|first| twice(choice, first, index))),
            Err(problem) => problems.push(problem),
        }
    }
    if after.iter().zip(&before).any(|(new, old)| new.class == AttributeClass::Standard && new.class != old.class) {
        ctx.require(Scope::SensitiveRead)?;
    }
    if !problems.is_empty() {
        return Err(Error::invalid_fields(problems));
    }
    let changed: Vec<&Attribute> =
        after.iter().zip(&before).filter(|(new, old)| new != old).map(|(new, _)| new).collect();
    for attribute in &changed {
        tx.attributes().update(attribute).await?;
    }
    if !changed.is_empty() {
        let detail = json!(
            changed
                .iter()
                .map(|attribute| json!({
                    "attribute": attribute.id, "selected": attribute.selected, "class": attribute.class,
                }))
                .collect::<Vec<_>>()
        );
        audit::record(ctx, &tx, "attribute.choose", &connection.to_string(), detail).await?;
    }
    let runs = read_again(ctx, &mut tx, connection, &syncs, &before, &after).await?;
    tx.commit().await?;
    Ok(Chosen { attributes: after, runs })
}

/// Starts the full runs that another choice needs. The caller has locked the syncs.
pub(super) async fn read_again(
    ctx: &Ctx,
    tx: &mut TenantTx,
    connection: ConnectionId,
    syncs: &[Sync],
    before: &[Attribute],
    after: &[Attribute],
) -> Result<Vec<SyncRunId>> {
    let mut runs = Vec::new();
    for stream in Stream::ALL {
        let chosen = selection_of(after, stream);
        if selection_of(before, stream).version() == chosen.version() {
            continue;
        }
        match syncs.iter().find(|sync| sync.stream == stream) {
            // A run under way is followed by a full one when it ends.
            Some(sync) => runs.extend(syncs::start_full_unless_running(ctx, tx, sync.clone()).await?),
            None => syncs::enqueue_choice(ctx, tx, connection, stream, chosen.version()).await?,
        }
    }
    Ok(runs)
}

fn selection_of(attributes: &[Attribute], stream: Stream) -> Selection {
    let own: Vec<Attribute> = attributes.iter().filter(|attribute| attribute.stream == stream).cloned().collect();
    Selection::of(&own)
}

fn twice(choice: &Choice, first: usize, index: usize) -> FieldError {
    let field = if choice.id.is_some() { "id" } else { "key" };
    FieldError {
        pointer: format!("/attributes/{index}/{field}"),
        message: format!("names the attribute that `/attributes/{first}` names already"),
    }
}

fn apply(attributes: &mut [Attribute], choice: &Choice, index: usize) -> std::result::Result<AttributeId, FieldError> {
    let Choice { id, key, selected, class } = choice;
    let problem = |field: &str, message: &str| FieldError {
        pointer: format!("/attributes/{index}{field}"),
        message: message.to_owned(),
    };
    let named = match (id, key) {
        (Some(id), None) => attributes.iter_mut().find(|attribute| attribute.id == *id),
        (None, Some(key)) => attributes.iter_mut().find(|attribute| attribute.key == *key),
        _ => return Err(problem("", "name the attribute by either `id` or `key`")),
    };
    let field = if id.is_some() { "/id" } else { "/key" };
    let attribute = named.ok_or_else(|| problem(field, "is not an attribute of this connection; discover it first"))?;
    if selected.is_none() && class.is_none() {
        return Err(problem("", "choose `selected` or `class`"));
    }
    match class {
        Some(class) if *class == attribute.class => {}
        Some(AttributeClass::Standard) if !may_lower(attribute) => {
            return Err(problem(
                "/class",
                "is sensitive for what it is about; only an attribute that was not recognised can be made standard",
            ));
        }
        Some(AttributeClass::Sensitive) => {
            attribute.class = AttributeClass::Sensitive;
            CHOSEN.clone_into(&mut attribute.class_reason);
        }
        Some(AttributeClass::Standard) => {
            attribute.class = AttributeClass::Standard;
            CHOSEN.clone_into(&mut attribute.class_reason);
        }
        None => {}
    }
    if let Some(selected) = selected {
        attribute.selected = *selected;
    }
    Ok(attribute.id)
}

/// Unsure or chosen classes may be lowered; those with a subject may not. Judged anew, so that raising a class by hand is
/// no way around it.
fn may_lower(attribute: &Attribute) -> bool {
    if attribute.class_reason == UNSURE {
        return true;
    }
    let Attribute { key, label, kind, universal_id, options, is_custom, canonical_field, .. } = attribute.clone();
    let found = gangway_domain::schema::DiscoveredAttribute {
        key,
        label,
        kind,
        universal_id,
        options,
        is_custom,
        canonical_field,
    };
    let (class, reason) = super::classify(&found);
    class == AttributeClass::Standard || reason == UNSURE
}
