//! What a tenant ended in, in a form in which two tenants of one account can be compared: ids of ours named by what they stand
//! for, times of ours left out.

use std::collections::{BTreeMap, HashMap};

use gangway_app::{
    PageRequest, attributes, events, queue,
    records::{self, RecordQuery, RecordView},
    syncs,
};
use gangway_domain::record::{RecordState, Stream};
use serde_json::{Value, json};

use super::stage::{Stage, Tenant};

const fn everything<K>() -> PageRequest<K> {
    PageRequest { limit: 1_000, after: None }
}

/// Records, events, attributes, cursor, runs and jobs of a tenant.
pub(super) async fn read(tenant: &Tenant) -> Value {
    let Tenant { ctx, connection, sync } = tenant;
    let mut names = HashMap::from([(connection.to_string(), "connection".to_owned())]);
    names.insert(sync.to_string(), "sync".to_owned());
    let runs = syncs::list_runs(ctx, *sync, everything()).await.unwrap().items;
    for (place, run) in runs.iter().enumerate() {
        names.insert(run.id.to_string(), format!("run {} from the end", place + 1));
    }
    let mut records = Vec::new();
    for state in [RecordState::Present, RecordState::Deleted, RecordState::Hidden] {
        let query = RecordQuery { state: Some(state), ..RecordQuery::default() };
        records.extend(records::list(ctx, Stream::Employees, query, everything()).await.unwrap().items);
    }
    records.sort_by(|a, b| a.external.cmp(&b.external));
    for record in &records {
        names.insert(records::wire_id(record.stream, record.id), format!("employee {}", record.external.id));
        if let Some(person) = record.person {
            names.insert(person.to_string(), format!("person of {}", record.external.id));
        }
    }
    let events = events::list(ctx, &[], everything()).await.unwrap().items;
    let jobs = queue::list_jobs(ctx, None, everything()).await.unwrap().items;
    let attributes = attributes::list(ctx, *connection).await.unwrap();
    let sync = syncs::get(ctx, *sync).await.unwrap();
    let mut state = json!({
        "records": records.iter().map(plain_record).collect::<Vec<_>>(),
        "events": events.iter().map(|event| {
            let fact = &event.fact;
            let run = fact.run.map(|run| run.to_string());
            json!([event.sequence, fact.kind, fact.subject_label, run, fact.credential_version, fact.data])
        }).collect::<Vec<_>>(),
        "attributes": attributes.iter().map(|attribute| {
            json!([attribute.key, attribute.label, attribute.selected, format!("{:?}", attribute.class)])
        }).collect::<Vec<_>>(),
        "sync": [sync.cursor, sync.first_completed_at.is_some(), sync.version],
        "runs": runs.iter().map(|run| {
            json!([run.mode, run.state, run.counts, run.total, run.since, run.error_code, run.error_message])
        }).collect::<Vec<_>>(),
        "jobs": jobs.iter().map(|job| json!([job.kind, job.state.as_str()])).collect::<Vec<_>>(),
    });
    name(&mut state, &names);
    state
}

/// Leaves out since when runs read, which follows from when the one before began.
pub(super) fn forget_when(state: &mut Value) {
    state["sync"][0].take();
    for run in state["runs"].as_array_mut().unwrap() {
        run[4].take();
    }
}

fn plain_record(record: &RecordView) -> Value {
    let wire = |id| records::wire_id(Stream::Employees, id);
    json!({
        "id": wire(record.id),
        "external": record.external,
        "fields": record.fields,
        "attributes": record.attributes,
        "sensitive": record.sensitive,
        "stale": record.stale,
        "person": record.person.map(|person| person.to_string()),
        "supervisor": record.supervisor.map(|supervisor| wire(supervisor.uuid())),
        "state": record.state,
        "version": record.version,
        "first_seen_run": record.first_seen_run.to_string(),
        "is_deleted": record.deleted_at.is_some(),
    })
}

fn name(value: &mut Value, names: &HashMap<String, String>) {
    match value {
        Value::String(text) => {
            if let Some(name) = names.get(text) {
                text.clone_from(name);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| name(value, names)),
        Value::Object(fields) => fields.values_mut().for_each(|value| name(value, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// How many rows of each table name a tenant: what no interface shows would be among them.
pub(super) async fn rows(stage: &Stage, tenant: &Tenant) -> BTreeMap<String, usize> {
    let id = tenant.ctx.tenant().uuid();
    let (bytes, text) = (id.simple().to_string(), id.hyphenated().to_string());
    let mut rows = BTreeMap::new();
    for line in stage.db.dump().await.lines().filter(|line| line.contains(&bytes) || line.contains(&text)) {
        let (table, _) = line.split_once(": ").unwrap();
        *rows.entry(table.to_owned()).or_default() += 1;
    }
    assert!(rows.len() > 10, "{rows:?}");
    rows
}
