//! What the tenant's choice of attributes leaves to be seen. Records are written by a new choice when they are read again; until
//! then their readers do not see what the choice takes back.

use std::collections::{BTreeSet, HashMap};

use gangway_domain::{id::ConnectionId, record::Stream};
use gangway_storage::{TenantTx, attributes::NotInClear, records::Record};

use super::RecordView;
use crate::{Result, syncs};

/// The connections whose records must not be found by one of these canonical fields, since their readers do not see it.
pub(super) async fn hiding(
    tx: &TenantTx,
    stream: Stream,
    fields: impl Iterator<Item = &'static str>,
) -> Result<Vec<ConnectionId>> {
    let mut hiding = Vec::new();
    if syncs::has_catalogue(stream) {
        for field in fields {
            hiding.extend(tx.attributes().list_hiding(stream, field).await?);
        }
    }
    Ok(hiding)
}

/// The attributes that readers may not see in clear, by connection.
pub(super) struct Choice(HashMap<ConnectionId, Vec<NotInClear>>);

impl Choice {
    /// The choices behind these records of one stream.
    pub(super) async fn of(tx: &TenantTx, stream: Stream, records: &[Record]) -> Result<Self> {
        let connections: BTreeSet<ConnectionId> = records.iter().map(|record| record.connection).collect();
        let mut hidden: HashMap<ConnectionId, Vec<NotInClear>> = HashMap::new();
        if syncs::has_catalogue(stream) && !connections.is_empty() {
            let connections: Vec<ConnectionId> = connections.into_iter().collect();
            for attribute in tx.attributes().list_not_in_clear(&connections, stream).await? {
                hidden.entry(attribute.connection).or_default().push(attribute);
            }
        }
        Ok(Self(hidden))
    }

    /// Takes from the view what must not be seen.
    pub(super) fn apply(&self, view: &mut RecordView) {
        for NotInClear { connection: _, key, canonical_field, is_sealed } in
            self.0.get(&view.connection).into_iter().flatten()
        {
            view.attributes.remove(key);
            if let Some(field) = canonical_field {
                view.fields.remove(field);
                if field == "supervisor" {
                    view.supervisor = None;
                }
            }
            if *is_sealed {
                continue;
            }
            if let Some(sensitive) = &mut view.sensitive {
                sensitive.remove(key);
            }
            view.stale.retain(|name| {
                name.strip_prefix(syncs::ATTRIBUTE_PREFIX) != Some(key) && Some(name) != canonical_field.as_ref()
            });
        }
    }
}
