//! A record that we hold, as another mapping has it: read again from the vendor's bytes, through the same intake as a page.
//!
//! Pure. Nothing changed at the vendor, so nothing here is an event. A value that the vendor no longer sends moves with its attribute;
//! where nobody knows which that is, it keeps its place only while what feeds that place stays the same.

use gangway_connector::AnyConnector;
use gangway_storage::records::Record;
use gangway_vault::HashKey;
use serde_json::Value;

use super::{
    columns, intake,
    merge::{self, ATTRIBUTE_PREFIX, Merged},
    sealed::SealedPart,
};
use crate::attributes::{Selection, Treatment};

/// What records are read again with.
pub(super) struct Reader<'a> {
    /// Who handed the bytes over.
    pub(super) connector: &'a dyn AnyConnector,
    /// For the record's hash.
    pub(super) hash_key: &'a HashKey,
    /// The choice and the mapping to follow.
    pub(super) selection: &'a Selection,
}

/// A record that follows the mapping.
pub(super) struct Rebuilt {
    /// The record.
    pub(super) record: Record,
    /// What is to be sealed of it.
    pub(super) sealed: SealedPart,
    /// The vendor's bytes, what is not selected cut out.
    pub(super) raw: Vec<u8>,
}

/// Rebuilds an employee's record; none when its bytes cannot be read again.
pub(super) fn rebuild(reader: &Reader<'_>, old: &Record, old_sealed: &SealedPart, raw: &[u8]) -> Option<Rebuilt> {
    let Reader { connector, hash_key, selection } = reader;
    let source = connector.read_stored(old.stream, &old.external, raw.to_vec().into()).ok()?;
    let incoming = intake::take_in(source, old.stream, selection, hash_key);
    let base = without_moved(old.clone(), selection);
    let Merged { fields, attributes, sealed, stale, changes: _ } =
        merge::again(&base, old_sealed, &incoming, selection);
    let shows = fields != old.fields || attributes != old.attributes || stale != old.stale || sealed != *old_sealed;
    let text = |field: &str| fields.get(field).and_then(Value::as_str);
    // Bytes that another choice kept may lack what this one selects: they are no reading of all that it wants.
    let holds_all = old.kept_by == selection.version() && !old.hash.is_empty();
    let record = Record {
        version: if shows { old.version + 1 } else { old.version },
        email: text("email").and_then(columns::email),
        status: text("status").map(columns::status),
        kept_by: selection.version().to_owned(),
        mapped_by: selection.mapping_version(),
        hash: if holds_all { incoming.hash.to_vec() } else { Vec::new() },
        fields,
        attributes,
        stale,
        ..old.clone()
    };
    Some(Rebuilt { record, sealed, raw: incoming.raw() })
}

/// The record without the fields that something else feeds since the version of the mapping that it follows. An old value in one, of
/// which the vendor's bytes know nothing any more, goes back to the attribute that it came from, where that is certain.
pub(super) fn without_moved(mut record: Record, selection: &Selection) -> Record {
    let version = record.mapped_by;
    if version == selection.mapping_version() {
        return record;
    }
    let moved = selection.mapping().into_iter().flat_map(|mapping| &mapping.fields);
    for (field, mapped) in moved.filter(|(_, mapped)| mapped.changed_in > version) {
        let value = record.fields.remove(field);
        let n_stale = record.stale.len();
        record.stale.retain(|name| name != field);
        let is_old = record.stale.len() < n_stale;
        if let (true, Some(value), Some(key)) = (is_old, value, mapped.source_at(version))
            && selection.treatment(key) == Treatment::Store
            && !record.attributes.contains_key(key)
        {
            record.attributes.insert(key.to_owned(), value);
            record.stale.push(format!("{ATTRIBUTE_PREFIX}{key}"));
        }
    }
    record.email = record.email.filter(|_| record.fields.contains_key("email"));
    record.status = record.status.filter(|_| record.fields.contains_key("status"));
    // What is held is no longer what was read: the next reading must write it again.
    record.hash = Vec::new();
    record.mapped_by = selection.mapping_version();
    record
}
