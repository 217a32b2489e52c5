//! Take up what an account offers: new attributes with their class, changed labels, and those no longer shown.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use gangway_connector::{DiscoverRequest, ErrorKind};
use gangway_domain::{
    Code,
    connection::Connection,
    id::{ConnectionId, SyncRunId},
    record::Stream,
    schema::{AttributeClass, AttributeType, Catalogue, DiscoveredAttribute, DiscoveryMethod},
};
use gangway_storage::{TenantTx, attributes::Attribute};
use serde_json::json;

use super::{
    Selection, append_event,
    choose::{CHOSEN, read_again},
    classify,
};
use crate::{Ctx, Error, Result, connections::Opened, seal::TenantKeys, syncs};

/// Place of an attribute that no list has named: behind all others.
pub(super) const UNLISTED: i32 = i32::MAX;
/// Attributes of a stream that are taken up from records alone. A vendor that makes keys up would fill table and log.
const MOST_UNLISTED: usize = 1_000;
/// Why an attribute is closed that was known before the connection was led to another account, where its key may mean
/// something else. Ends with a list that names it.
const OF_ANOTHER_ACCOUNT: &str = "known of another account, and not listed by this one";

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refreshed {
    /// How the attributes were found.
    pub method: DiscoveryMethod,
    /// How many the account shows.
    pub n_attributes: usize,
    /// Keys not seen before, or shown again.
    pub added: Vec<String>,
    /// Keys no longer shown.
    pub removed: Vec<String>,
    /// Full runs started, since other values are kept now.
    pub runs: Vec<SyncRunId>,
}

/// Asks the account what it offers, stores it, and starts the full runs that it needs where syncs exist. `None` when the
/// connector has no discovery.
///
/// # Errors
/// As the vendor failed.
pub async fn discover(ctx: &Ctx, opened: &Opened) -> Result<Option<Refreshed>> {
    let Some(discovery) = opened.remote.discovery() else { return Ok(None) };
    let catalogue = discovery.discover(request(ctx, opened).await?).await?;
    let id = opened.connection.id;
    let keys = ctx.app().keys.tenant(ctx.app(), ctx.scope()).await?;
    let mut tx = ctx.app().db.begin(ctx.scope()).await?;
    let syncs = syncs::lock_of_connection(&tx, id).await?;
    let before = tx.attributes().list(id).await?;
    let refreshed = store(ctx, &keys, &mut tx, opened, &catalogue).await?;
    let after = tx.attributes().list(id).await?;
    let runs = read_again(ctx, &mut tx, id, &syncs, &before, &after).await?;
    tx.commit().await?;
    Ok(Some(Refreshed { runs, ..refreshed }))
}

/// The same at the start of a run: an account that does not let us list its attributes keeps those already known, and keys
/// seen on records come in by `note_seen`.
///
/// # Errors
/// As the vendor failed, refusals of the list apart; a transient one when the connection got another credential meanwhile.
pub async fn refresh(ctx: &Ctx, opened: &Opened) -> Result<Option<Refreshed>> {
    let Some(discovery) = opened.remote.discovery() else { return Ok(None) };
    match discovery.discover(request(ctx, opened).await?).await {
        Ok(catalogue) => {
            let keys = ctx.app().keys.tenant(ctx.app(), ctx.scope()).await?;
            let mut tx = ctx.app().db.begin(ctx.scope()).await?;
            let refreshed = store(ctx, &keys, &mut tx, opened, &catalogue).await.map_err(|mut error| {
                error.is_transient |= error.code == Code::VersionStale;
                error
            })?;
            tx.commit().await?;
            Ok(Some(refreshed))
        }
        Err(error) if matches!(error.kind, ErrorKind::Forbidden | ErrorKind::NotFound | ErrorKind::Unsupported) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Asks for what the version of the vendor's API tells that employees are held from.
async fn request(ctx: &Ctx, opened: &Opened) -> Result<DiscoverRequest> {
    let held = syncs::api_versions(ctx, opened.connection.id).await?.remove(&Stream::Employees);
    Ok(DiscoverRequest::new(opened.class).with_api_version(held))
}

/// Closes what is known of one account's own attributes, since another account is asked from now on; records follow without
/// waiting for a run. The caller holds the connection's row, and its syncs.
pub(crate) async fn forget_account(ctx: &Ctx, tx: &mut TenantTx, connection: ConnectionId) -> Result<()> {
    tx.attributes().close_custom(connection, OF_ANOTHER_ACCOUNT).await?;
    for stream in Stream::ALL.into_iter().filter(|stream| syncs::has_catalogue(*stream)) {
        let selection = super::selection(ctx, tx, connection, stream).await?;
        syncs::enqueue_choice(ctx, tx, connection, stream, selection.version()).await?;
    }
    Ok(())
}

async fn store(
    ctx: &Ctx,
    keys: &TenantKeys,
    tx: &mut TenantTx,
    opened: &Opened,
    catalogue: &Catalogue,
) -> Result<Refreshed> {
    // Locks the connection: two discoveries at once would both judge the same attributes.
    let connection = tx.connections().get_for_update(opened.connection.id).await?;
    if connection.credential_version != opened.credential_version() {
        let message =
            "The connection got another credential while its account was asked; discover its attributes again.";
        return Err(Error::new(Code::VersionStale, message));
    }
    let refreshed = apply(ctx, keys, tx, &connection, catalogue).await?;
    tx.connections().set_discovered(connection.id, ctx.app().now()).await?;
    Ok(refreshed)
}

async fn apply(
    ctx: &Ctx,
    keys: &TenantKeys,
    tx: &mut TenantTx,
    connection: &Connection,
    catalogue: &Catalogue,
) -> Result<Refreshed> {
    let Catalogue { stream, method, attributes } = catalogue;
    let now = ctx.app().now();
    // The first discovery is a load, not a change: it is told by the answer, not by an event per attribute.
    let is_first = connection.discovered_at.is_none();
    let mut known: BTreeMap<String, Attribute> = tx
        .attributes()
        .list_stream(connection.id, *stream)
        .await?
        .into_iter()
        .map(|attribute| (attribute.key.clone(), attribute))
        .collect();
    let mut refreshed =
        Refreshed { method: *method, n_attributes: 0, added: Vec::new(), removed: Vec::new(), runs: Vec::new() };
    let mut unchanged = Vec::new();
    let mut seen = HashSet::new();

    for (place, found) in attributes.iter().enumerate() {
        // Among duplicates the first one counts.
        if !syncs::holds_key(&found.key) || !seen.insert(found.key.as_str()) {
            continue;
        }
        let position = i32::try_from(place).unwrap_or(i32::MAX);
        match known.remove(&found.key) {
            None => {
                let attribute = new_attribute(ctx, connection.id, *stream, found, position);
                // One that a page has taken up just now stays closed until the next list.
                if !tx.attributes().create(&attribute).await? {
                    continue;
                }
                refreshed.added.push(attribute.key.clone());
                if !is_first {
                    let data = event_data(&attribute);
                    append_event(ctx, keys, tx, connection, "attribute.added", Some(attribute.id), data);
                }
            }
            Some(before) => {
                let mut after = updated(&before, found, position);
                if after == before {
                    unchanged.push(before.id);
                    continue;
                }
                after.last_seen_at = now;
                tx.attributes().update(&after).await?;
                if before.removed_at.is_some() {
                    refreshed.added.push(after.key.clone());
                    append_event(ctx, keys, tx, connection, "attribute.added", Some(after.id), event_data(&after));
                }
            }
        }
    }
    tx.attributes().touch(connection.id, &unchanged, now).await?;
    refreshed.n_attributes = seen.len();
    // Keys merely not seen on the records read are no proof that they are gone, nor is a list that never named them. An account
    // without any attribute is none: an empty list is a fault of the answer.
    if seen.is_empty() && !known.is_empty() {
        tracing::warn!(connection.id = %connection.id, stream = stream.as_str(), "the vendor lists no attribute at all; what is known stays");
    } else if *method == DiscoveryMethod::Listed {
        let is_gone = |attribute: &Attribute| attribute.removed_at.is_none() && attribute.position != UNLISTED;
        for mut gone in known.into_values().filter(is_gone) {
            gone.removed_at = Some(now);
            tx.attributes().update(&gone).await?;
            append_event(ctx, keys, tx, connection, "attribute.removed", Some(gone.id), event_data(&gone));
            refreshed.removed.push(gone.key);
        }
    }
    Ok(refreshed)
}

/// Takes up keys that came on records though no list named them: sensitive and not selected, until a human decides. Answers
/// those that are new, for the caller to tell the log about; their events say [`event_data`].
///
/// Call it in the page's transaction, which holds the stream's sync, with keys that its [`Selection::knows`] not. It locks no
/// more than that: whoever waits for the sync may hold the connection.
pub(crate) async fn note_seen(
    ctx: &Ctx,
    tx: &TenantTx,
    connection: ConnectionId,
    stream: Stream,
    selection: &Selection,
    keys: &BTreeSet<String>,
) -> Result<Vec<Attribute>> {
    let mut room = MOST_UNLISTED.saturating_sub(selection.n_unlisted());
    let mut added = Vec::new();
    for key in keys {
        if room == 0 {
            break;
        }
        let found = DiscoveredAttribute {
            key: key.clone(),
            label: key.clone(),
            kind: AttributeType::Unknown,
            universal_id: None,
            options: Vec::new(),
            is_custom: true,
            canonical_field: None,
        };
        let attribute = Attribute {
            class: AttributeClass::Sensitive,
            class_reason: "seen on records, named by no list".to_owned(),
            selected: false,
            ..new_attribute(ctx, connection, stream, &found, UNLISTED)
        };
        if tx.attributes().create(&attribute).await? {
            room -= 1;
            added.push(attribute);
        }
    }
    Ok(added)
}

/// The keys that the account lists, in order.
pub(crate) async fn listed_keys(tx: &TenantTx, connection: ConnectionId, stream: Stream) -> Result<Vec<String>> {
    let known = tx.attributes().list_stream(connection, stream).await?;
    let listed = known.into_iter().filter(|it| it.removed_at.is_none() && it.position != UNLISTED);
    let mut keys: Vec<String> = listed.map(|attribute| attribute.key).collect();
    keys.sort_unstable();
    Ok(keys)
}

fn new_attribute(
    ctx: &Ctx,
    connection: ConnectionId,
    stream: Stream,
    found: &DiscoveredAttribute,
    position: i32,
) -> Attribute {
    let (class, class_reason) = classify(found);
    let DiscoveredAttribute { key, label, kind, universal_id, options, is_custom, canonical_field } = found.clone();
    let now = ctx.app().now();
    Attribute {
        id: ctx.app().new_id(),
        connection,
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
        selected: class == AttributeClass::Standard,
        position,
        first_seen_at: now,
        last_seen_at: now,
        removed_at: None,
        restricted_at: None,
    }
}

/// The attribute as it is now: described anew, and classed anew unless a human chose the class.
fn updated(before: &Attribute, found: &DiscoveredAttribute, position: i32) -> Attribute {
    let found = &with_what_is_known(before, found);
    let DiscoveredAttribute { key: _, label, kind, universal_id, options, is_custom, canonical_field } = found.clone();
    let mut after = Attribute {
        label,
        kind,
        universal_id,
        options,
        is_custom,
        canonical_field,
        position,
        removed_at: None,
        ..before.clone()
    };
    if before.class_reason != CHOSEN {
        let (class, reason) = classify(found);
        // As if it were new, unless somebody has chosen about this account's.
        if before.class_reason == OF_ANOTHER_ACCOUNT && !before.selected {
            after.selected = class == AttributeClass::Standard;
        }
        // A label that turned sensitive closes the attribute again: nobody agreed to that.
        if class == AttributeClass::Sensitive && before.class == AttributeClass::Standard {
            after.selected = false;
        }
        after.class = class;
        after.class_reason = reason;
    }
    after
}

/// A key that comes without its label says nothing new of an attribute that had one: it is judged by what was told of it, or a
/// discovery that knows keys alone would close what was agreed to.
fn with_what_is_known(before: &Attribute, found: &DiscoveredAttribute) -> DiscoveredAttribute {
    if found.label != found.key || before.label == before.key {
        return found.clone();
    }
    DiscoveredAttribute {
        label: before.label.clone(),
        kind: before.kind,
        universal_id: found.universal_id.clone().or_else(|| before.universal_id.clone()),
        options: if found.options.is_empty() { before.options.clone() } else { found.options.clone() },
        ..found.clone()
    }
}

/// What the events about an attribute tell.
pub(crate) fn event_data(attribute: &Attribute) -> serde_json::Value {
    json!({
        "stream": attribute.stream,
        "key": attribute.key,
        "label": attribute.label,
        "class": attribute.class,
        "selected": attribute.selected,
    })
}
