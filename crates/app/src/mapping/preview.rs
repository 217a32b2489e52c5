//! What a mapping would do to the people we hold, from what we hold: nothing is written and nobody is asked.

use std::collections::HashMap;

use gangway_connector::SourceRecord;
use gangway_domain::{
    id::{ConnectionId, EmployeeId},
    mapping::{Feed, FieldKind, MAPPABLE_FIELDS, Mapping},
    principal::Scope,
    record::{RecordState, Stream},
};
use gangway_storage::{
    PageRequest, TenantTx,
    records::{Payload, Record, RecordFilter},
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    change::{FieldFeed, judge, proposed},
    transform::fit,
};
use crate::{
    Ctx, Error, Result,
    attributes::{Attribute, Selection, Treatment},
    audit,
    syncs::{self, SealedPart},
};

/// Records that a preview looks at.
const EXAMINED: u64 = 200;

/// One field of one record.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldPreview {
    /// The field.
    pub field: &'static str,
    /// Whether it would hold something else.
    pub is_changed: bool,
    /// What it holds now and what it would hold.
    pub values: (Value, Value),
    /// Whether the attribute's value fits the field; one that does not stays an attribute.
    pub fits: bool,
}

/// One record of the sample.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordPreview {
    /// The employee.
    pub employee: EmployeeId,
    /// The fields that the change is about.
    pub fields: Vec<FieldPreview>,
}

/// What a change would do to one field, over all records looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldCount {
    /// The field.
    pub field: &'static str,
    /// Its values would be sealed.
    pub is_sealed: bool,
    /// Records on which it would hold something else.
    pub n_changed: u64,
    /// Records on which it would hold nothing, though it holds something now.
    pub n_emptied: u64,
    /// Records whose attribute has a value that does not fit.
    pub n_misfits: u64,
    /// Why the first of them does not.
    pub misfit: Option<&'static str>,
}

/// What a change would do.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// Records looked at.
    pub n_examined: u64,
    /// Records among them whose bytes cannot be read again.
    pub n_unreadable: u64,
    /// By field, in the order of the canonical model.
    pub fields: Vec<FieldCount>,
    /// The first records.
    pub sample: Vec<RecordPreview>,
}

/// One field's old and new value on a record, whoever looks.
struct Trial {
    old: Value,
    new: Value,
    misfit: Option<&'static str>,
}

impl Trial {
    fn is_changed(&self) -> bool {
        self.old != self.new && !(is_nothing(&self.old) && is_nothing(&self.new))
    }
}

impl FieldCount {
    const fn of(field: &'static str, is_sealed: bool) -> Self {
        Self { field, is_sealed, n_changed: 0, n_emptied: 0, n_misfits: 0, misfit: None }
    }

    fn add(&mut self, trial: &Trial) {
        self.n_changed += u64::from(trial.is_changed());
        self.n_emptied += u64::from(is_nothing(&trial.new) && !is_nothing(&trial.old));
        self.n_misfits += u64::from(trial.misfit.is_some());
        self.misfit = self.misfit.or(trial.misfit);
    }
}

/// What `wanted` would give for stored people; the first `n_sample` are shown one by one.
///
/// # Errors
/// `object.not-found`, `request.invalid` as [`super::update`] would answer; `key.forbidden` where a value that is or would be sealed takes
/// part, and the scope `sensitive:read` is missing.
pub async fn preview(ctx: &Ctx, connection: ConnectionId, wanted: Vec<FieldFeed>, n_sample: usize) -> Result<Preview> {
    ctx.require(Scope::ConnectionsRead)?;
    ctx.require(Scope::RecordsRead)?;
    let app = ctx.app();
    let keys = app.keys.tenant(app, ctx.scope()).await?;
    let tx = app.db.begin_read(ctx.scope()).await?;
    let found = tx.connections().find(connection).await?.ok_or_else(|| Error::not_found("connection"))?;
    let known = tx.attributes().list_stream(connection, Stream::Employees).await?;
    let before = tx.mappings().get(connection).await?;
    let after = proposed(&before, judge(&wanted, &known)?, &known);
    let fields: Vec<(&str, FieldKind)> = MAPPABLE_FIELDS
        .iter()
        .filter(|(field, _)| before.feed(field) != after.feed(field))
        .map(|(field, kind)| (*field, *kind))
        .collect();
    let selection = Selection::mapped(&known, Some(after.clone()));
    let is_sensitive = fields.iter().any(|(field, _)| {
        let is_sealed = |mapping| is_sealed(field, mapping, &selection, &known);
        // Records that do not follow the present mapping yet hold what an attribute before gave.
        let former = before.fields.get(*field).into_iter().flat_map(|mapped| &mapped.former);
        let was_sealed = former.map(|key| selection.treatment(key)).any(|how| how != Treatment::Store);
        is_sealed(&before) || is_sealed(&after) || was_sealed
    });
    // Not even whether a value differs from another is told: that shows what it is.
    if is_sensitive {
        ctx.require(Scope::SensitiveRead)?;
    }

    let records = sample(&tx, connection).await?;
    let ids: Vec<Uuid> = records.iter().map(|record| record.id).collect();
    let payloads: HashMap<Uuid, Payload> =
        tx.records().list_payloads(&ids).await?.into_iter().map(|payload| (payload.record, payload)).collect();
    let mut preview = Preview {
        n_examined: 0,
        n_unreadable: 0,
        fields: fields
            .iter()
            .map(|(field, _)| FieldCount::of(field, is_sealed(field, &after, &selection, &known)))
            .collect(),
        sample: Vec::new(),
    };
    for record in records {
        preview.n_examined += 1;
        let source = match payloads.get(&record.id) {
            Some(payload) => syncs::read_stored(ctx, &keys, &tx, &found.connector, &record, payload).await?,
            None => None,
        };
        let Some((source, sealed)) = source else {
            preview.n_unreadable += 1;
            continue;
        };
        let mut shown = Vec::with_capacity(fields.len());
        for ((field, kind), count) in fields.iter().zip(&mut preview.fields) {
            let old = old_value(field, *kind, &record, &sealed, &before, &known);
            let (new, misfit) = new_value(field, *kind, &source, after.feed(field), &selection);
            let trial = Trial { old, new, misfit };
            count.add(&trial);
            shown.push(FieldPreview {
                field,
                is_changed: trial.is_changed(),
                fits: trial.misfit.is_none(),
                values: (trial.old, trial.new),
            });
        }
        if preview.sample.len() < n_sample {
            preview.sample.push(RecordPreview { employee: EmployeeId::from_uuid(record.id), fields: shown });
        }
    }
    tx.commit().await?;
    if is_sensitive {
        let tx = app.db.begin(ctx.scope()).await?;
        let detail = serde_json::json!({ "records": preview.n_examined });
        audit::record(ctx, &tx, "sensitive.read", &connection.to_string(), detail).await?;
        tx.commit().await?;
    }
    Ok(preview)
}

/// The first present employees of the connection.
async fn sample(tx: &TenantTx, connection: ConnectionId) -> Result<Vec<Record>> {
    let filter =
        RecordFilter { connection: Some(connection), state: Some(RecordState::Present), ..RecordFilter::default() };
    let page = PageRequest { limit: EXAMINED, after: None };
    Ok(tx.records().list(Stream::Employees, &filter, page).await?.items)
}

/// Whether a field's values are kept sealed, or not at all, under a mapping.
fn is_sealed(field: &str, mapping: &Mapping, selection: &Selection, known: &[Attribute]) -> bool {
    known.iter().any(|attribute| {
        mapping.field_of(&attribute.key, attribute.canonical_field.as_deref()) == Some(field)
            && selection.treatment(&attribute.key) != Treatment::Store
    })
}

/// What a field holds now, whether in clear or sealed under the key of the attribute that feeds it.
fn old_value(
    field: &str,
    kind: FieldKind,
    record: &Record,
    sealed: &SealedPart,
    mapping: &Mapping,
    known: &[Attribute],
) -> Value {
    if let Some(value) = record.fields.get(field) {
        return value.clone();
    }
    let feeds =
        |attribute: &&Attribute| mapping.field_of(&attribute.key, attribute.canonical_field.as_deref()) == Some(field);
    let value = known.iter().filter(feeds).find_map(|attribute| sealed.attributes.get(&attribute.key));
    value.and_then(|value| fit(kind, value).ok()).unwrap_or_default()
}

/// What a field would hold, and why the attribute's value does not fit if it does not.
fn new_value(
    field: &str,
    kind: FieldKind,
    source: &SourceRecord,
    feed: &Feed,
    selection: &Selection,
) -> (Value, Option<&'static str>) {
    match feed {
        Feed::Nothing => (Value::Null, None),
        Feed::BuiltIn => {
            // Bytes that a full run has not reached yet may hold what is no longer kept.
            let mut feeding = source.attributes.iter().filter(|it| it.canonical_field.as_deref() == Some(field));
            let is_dropped =
                feeding.any(|it| selection.knows(&it.key) && selection.treatment(&it.key) == Treatment::Drop);
            (source.fields.get(field).filter(|_| !is_dropped).cloned().unwrap_or_default(), None)
        }
        Feed::Attribute(key) => match source.attributes.iter().find(|attribute| attribute.key == *key) {
            None => (Value::Null, None),
            Some(attribute) => match fit(kind, &attribute.value) {
                Ok(value) => (value, None),
                Err(misfit) => (Value::Null, Some(misfit.0)),
            },
        },
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}
