//! Every repository method, called by tenant B with tenant A's ids: nothing is found, nothing of A's changes.
//!
//! Both tenants hold the same names and vendor ids, so that a forgotten filter would find the other's row. Attempts that
//! do not fail are committed. A method that is not tried here fails the test.

use gangway_domain::{
    id::{EmployeeId, JobId},
    record::{RecordState, Stream},
    sync::RunState,
};
use gangway_storage::{
    Error, PageRequest, TenantTx,
    connections::Health,
    queue::JobFence,
    records::{Alias, Payload, RecordFilter},
};
use uuid::Uuid;

use super::{
    attempts::{Intruder, repository_methods},
    attempts_on_audit::reads_audit,
    attempts_on_persons::reads_persons,
    attempts_on_tokens::changes_tokens,
    held, mappings,
    seed::{self, HIDDEN, KEEPING, REQUEST, Seeded, at, external, seed, snapshot},
    support::{A, B, Storage, TestDb},
};

const FIRST: u64 = 100;

fn page<K>() -> PageRequest<K> {
    PageRequest { limit: FIRST, after: None }
}

async fn done(tx: TenantTx) {
    tx.commit().await.unwrap();
}

async fn assert_b_cannot_reach_a(test: &TestDb) {
    let Storage { db, a, b } = test.storage().await;
    let of_a = seed(&db, &a, 1).await;
    let of_b = seed(&db, &b, 2).await;
    let admin = test.admin().await;
    let before = snapshot(&admin, A).await;
    assert!(before.len() > 20, "control: A has rows: {before:#?}");

    let intruder = Intruder::new(db.clone(), b);
    reads_connections(&intruder, &of_a, &of_b).await;
    reads_syncs(&intruder, &of_a, &of_b).await;
    reads_records(&intruder, &of_a, &of_b).await;
    mappings::reads(&intruder, &of_a, &of_b).await;
    reads_logs_and_jobs(&intruder, &of_a, &of_b).await;
    changes_connections(&intruder, &of_a).await;
    mappings::changes(&intruder, &of_a).await;
    changes_syncs(&intruder, &of_a).await;
    changes_records(&intruder, &of_a).await;
    changes_logs_and_jobs(&intruder, &of_a).await;

    assert_eq!(snapshot(&admin, A).await, before, "A's rows are as they were");
    let untried: Vec<_> = repository_methods().difference(&intruder.tried()).cloned().collect();
    assert_eq!(untried, Vec::<String>::new(), "try these as the wrong tenant, too");

    // Control: the same calls by A itself do change what the picture shows.
    let tx = db.begin(&a).await.unwrap();
    tx.connections().set_discovered(of_a.connection, at()).await.unwrap();
    done(tx).await;
    assert_ne!(snapshot(&admin, A).await, before);
    assert_ne!(snapshot(&admin, B).await, Vec::<String>::new());
}

async fn reads_connections(intruder: &Intruder, of_a: &Seeded, of_b: &Seeded) {
    let tx = intruder.tries("connections.find").await;
    assert_eq!(tx.connections().find(of_a.connection).await.unwrap(), None);
    assert!(tx.connections().find(of_b.connection).await.unwrap().is_some(), "control");
    drop(tx);
    let tx = intruder.tries("connections.get").await;
    assert!(matches!(tx.connections().get(of_a.connection).await, Err(Error::NotFound(_))));
    drop(tx);
    let tx = intruder.tries("connections.get_for_update").await;
    assert!(matches!(tx.connections().get_for_update(of_a.connection).await, Err(Error::NotFound(_))));
    drop(tx);
    let tx = intruder.tries("connections.find_for_update").await;
    assert_eq!(tx.connections().find_for_update(of_a.connection).await.unwrap(), None);
    drop(tx);
    let tx = intruder.tries("connections.find_for_key_share").await;
    assert_eq!(tx.connections().find_for_key_share(of_a.connection).await.unwrap(), None);
    drop(tx);
    let tx = intruder.tries("connections.get_for_delete").await;
    assert!(matches!(tx.connections().get_for_delete(of_a.connection).await, Err(Error::NotFound(_))));
    drop(tx);
    let tx = intruder.tries("connections.list").await;
    let found: Vec<_> = tx.connections().list(page()).await.unwrap().items.iter().map(|one| one.id).collect();
    assert_eq!(found, [of_b.connection]);
    drop(tx);
    let tx = intruder.tries("credentials.get").await;
    assert!(matches!(tx.credentials().get(of_a.connection, 1).await, Err(Error::NotFound(_))));
    drop(tx);
    let tx = intruder.tries("tokens.find").await;
    assert_eq!(tx.tokens().find(of_a.token()).await.unwrap(), None);
    drop(tx);
    let tx = intruder.tries("attributes.list").await;
    assert_eq!(tx.attributes().list(of_a.connection).await.unwrap(), []);
    drop(tx);
    let tx = intruder.tries("attributes.list_not_in_clear").await;
    let attributes = tx.attributes().list_not_in_clear(&[of_a.connection], Stream::Employees).await.unwrap();
    assert_eq!(attributes, []);
    drop(tx);
    let tx = intruder.tries("attributes.list_hiding").await;
    let hiding = tx.attributes().list_hiding(Stream::Employees, HIDDEN).await.unwrap();
    assert_eq!(hiding, [of_b.connection], "and not A's, which hides it as well");
    drop(tx);
    let tx = intruder.tries("attributes.list_stream").await;
    assert_eq!(tx.attributes().list_stream(of_a.connection, Stream::Employees).await.unwrap(), []);
    drop(tx);
    let tx = intruder.tries("offices.list").await;
    assert_eq!(tx.offices().list(of_a.connection).await.unwrap(), []);
    drop(tx);
    let tx = intruder.tries("data_keys.list").await;
    let found: Vec<_> = tx.data_keys().list().await.unwrap().iter().map(|key| key.id).collect();
    assert_eq!(found, [of_b.data_key]);
    assert_ne!(found, [of_a.data_key]);
    drop(tx);
    let tx = intruder.tries("keys.find").await;
    assert_eq!(tx.keys().find(of_a.key).await.unwrap(), None);
    drop(tx);
    let tx = intruder.tries("keys.list").await;
    let found: Vec<_> = tx.keys().list(page()).await.unwrap().items.iter().map(|key| key.id).collect();
    assert_eq!(found, [of_b.key]);
}

async fn reads_syncs(intruder: &Intruder, of_a: &Seeded, of_b: &Seeded) {
    let tx = intruder.tries("syncs.find").await;
    assert_eq!(tx.syncs().find(of_a.sync.id).await.unwrap(), None);
    drop(tx);
    let tx = intruder.tries("syncs.get").await;
    assert!(matches!(tx.syncs().get(of_a.sync.id).await, Err(Error::NotFound(_))));
    drop(tx);
    let tx = intruder.tries("syncs.get_locked").await;
    assert!(matches!(tx.syncs().get_locked(of_a.sync.id).await, Err(Error::NotFound(_))));
    drop(tx);
    let tx = intruder.tries("syncs.find_locked").await;
    assert_eq!(tx.syncs().find_locked(of_a.sync.id).await.unwrap(), None);
    drop(tx);
    let tx = intruder.tries("syncs.find_by_stream").await;
    assert_eq!(tx.syncs().find_by_stream(of_a.connection, Stream::Employees).await.unwrap(), None);
    drop(tx);
    let tx = intruder.tries("syncs.list").await;
    assert!(tx.syncs().list(Some(of_a.connection), page()).await.unwrap().items.is_empty());
    assert_eq!(tx.syncs().list(None, page()).await.unwrap().items, std::slice::from_ref(&of_b.sync));
    drop(tx);
    let tx = intruder.tries("syncs.get_tenant").await;
    assert_eq!(tx.syncs().get_tenant().await.unwrap().id, B);
    assert_eq!(tx.own_tenant().await.unwrap().id, B);
    drop(tx);
    let tx = intruder.tries("runs.find").await;
    assert_eq!(tx.runs().find(of_a.run.id).await.unwrap(), None);
    drop(tx);
    let tx = intruder.tries("runs.find_locked").await;
    assert_eq!(tx.runs().find_locked(of_a.run.id).await.unwrap(), None);
    drop(tx);
    let tx = intruder.tries("runs.find_running").await;
    assert_eq!(tx.runs().find_running(of_a.sync.id).await.unwrap(), None);
    drop(tx);
    let tx = intruder.tries("runs.list_sweeps").await;
    assert_eq!(tx.runs().list_sweeps(of_a.sync.id, None, 9).await.unwrap(), []);
    drop(tx);
    let tx = intruder.tries("runs.list_full").await;
    assert_eq!(tx.runs().list_full(of_a.sync.id, 9).await.unwrap(), []);
    drop(tx);
    let tx = intruder.tries("runs.list_witnesses").await;
    assert_eq!(tx.runs().list_witnesses(of_a.sync.id, of_b.run.id, 9).await.unwrap(), []);
    drop(tx);
    let tx = intruder.tries("syncs.find_kept_by").await;
    assert_eq!(tx.syncs().find_kept_by(of_a.sync.id).await.unwrap(), None);
    drop(tx);
    let tx = intruder.tries("runs.has_job").await;
    assert!(!tx.runs().has_job(of_a.run.id).await.unwrap());
    assert!(tx.runs().has_job(of_b.run.id).await.unwrap(), "control");
    drop(tx);
    let tx = intruder.tries("runs.is_another_failing").await;
    assert!(!tx.runs().is_another_failing(of_a.connection, of_b.sync.id).await.unwrap());
    drop(tx);
    let tx = intruder.tries("runs.list").await;
    assert!(tx.runs().list(of_a.sync.id, page()).await.unwrap().items.is_empty());
    drop(tx);
    let tx = intruder.tries("sweeps.count_seen").await;
    assert_eq!(tx.sweeps().count_seen(&of_a.run).await.unwrap(), 0);
    drop(tx);
    let tx = intruder.tries("sweeps.count_present").await;
    assert_eq!(tx.sweeps().count_present(&of_a.run).await.unwrap(), 0);
    drop(tx);
    let tx = intruder.tries("sweeps.list_unseen").await;
    assert_eq!(tx.sweeps().list_unseen(&of_a.run, None, at(), 9).await.unwrap(), []);
    drop(tx);
    let tx = intruder.tries("sweeps.list_unseen_twice").await;
    assert_eq!(tx.sweeps().list_unseen_twice(&of_a.run, &of_a.run, at(), 9).await.unwrap(), []);
    drop(tx);
    held::reads(intruder, of_a, of_b).await;
}

async fn reads_records(intruder: &Intruder, of_a: &Seeded, of_b: &Seeded) {
    let (id, vendor_id) = (of_a.record.id, vec![external().id]);
    let tx = intruder.tries("records.find").await;
    assert!(tx.records().find(Stream::Employees, id).await.unwrap().is_none());
    drop(tx);
    let tx = intruder.tries("records.list").await;
    let all = tx.records().list(Stream::Employees, &RecordFilter::default(), page()).await.unwrap();
    assert_eq!(all.items.iter().map(|record| record.id).collect::<Vec<_>>(), [of_b.record.id]);
    let filter = RecordFilter { connection: Some(of_a.connection), ..RecordFilter::default() };
    assert!(tx.records().list(Stream::Employees, &filter, page()).await.unwrap().items.is_empty());
    let filter = RecordFilter { employee: Some(vec![(of_a.connection, external().id)]), ..RecordFilter::default() };
    assert!(tx.records().list(Stream::Employees, &filter, page()).await.unwrap().items.is_empty());
    drop(tx);
    let tx = intruder.tries("records.list_by_ids").await;
    assert!(tx.records().list_by_ids(&[id]).await.unwrap().is_empty());
    drop(tx);
    let tx = intruder.tries("records.list_known").await;
    assert!(tx.records().list_known(of_a.connection, Stream::Employees, &vendor_id).await.unwrap().is_empty());
    drop(tx);
    let tx = intruder.tries("records.list_payloads").await;
    assert!(tx.records().list_payloads(&[id]).await.unwrap().is_empty());
    drop(tx);
    let tx = intruder.tries("records.list_not_kept_by").await;
    let others = tx.records().list_not_kept_by(of_a.connection, Stream::Employees, "", 9).await.unwrap();
    assert!(others.is_empty());
    drop(tx);
    let tx = intruder.tries("records.list_sensitive").await;
    assert!(tx.records().list_sensitive(&[id]).await.unwrap().is_empty());
    drop(tx);
    let tx = intruder.tries("records.find_raw").await;
    assert_eq!(tx.records().find_raw(id).await.unwrap(), None);
    drop(tx);
    let tx = intruder.tries("records.list_beside").await;
    assert!(tx.records().list_beside(&[id], true).await.unwrap().is_empty());
    drop(tx);
    let tx = intruder.tries("records.list_employee_names").await;
    assert!(tx.records().list_employee_names(EmployeeId::from_uuid(id)).await.unwrap().is_empty());
    drop(tx);
    let tx = intruder.tries("records.list_employees_by_name").await;
    let names = [(of_a.connection, external().id)];
    let found = tx.records().list_employees_by_name(&names).await.unwrap();
    assert!(found.values().all(|employee| employee.uuid() == of_b.record.id), "{found:?}");
    drop(tx);
    reads_persons(intruder, of_a, of_b).await;
    let tx = intruder.tries("quarantine.list").await;
    assert!(tx.quarantine().list(of_a.connection, page()).await.unwrap().items.is_empty());
    drop(tx);
    let tx = intruder.tries("quarantine.list_open_ids").await;
    assert!(tx.quarantine().list_open_ids(of_a.connection, Stream::Employees).await.unwrap().is_empty());
    drop(tx);
    let tx = intruder.tries("quarantine.count_open").await;
    assert_eq!(tx.quarantine().count_open(of_a.connection, Stream::Employees).await.unwrap(), 0);
    drop(tx);
    let tx = intruder.tries("quarantine.list_open_among").await;
    let fingerprint = seed::quarantined(of_a.quarantined, of_a.connection, of_a.run.id).fingerprint;
    let open = tx.quarantine().list_open_among(of_a.connection, Stream::Employees, &[fingerprint]).await.unwrap();
    assert!(open.is_empty());
}

async fn reads_logs_and_jobs(intruder: &Intruder, of_a: &Seeded, of_b: &Seeded) {
    let tx = intruder.tries("events.list").await;
    let found: Vec<_> = tx.events().list(&[], page()).await.unwrap().items.iter().map(|one| one.event.id).collect();
    assert_eq!(found, [of_b.event]);
    assert_ne!(found, [of_a.event]);
    drop(tx);
    let tx = intruder.tries("events.list_by_subject").await;
    assert!(tx.events().list_by_subject(of_a.record.id, page()).await.unwrap().items.is_empty());
    drop(tx);
    reads_audit(intruder, of_b).await;
    let tx = intruder.tries("jobs.find").await;
    assert_eq!(tx.jobs().find(of_a.job).await.unwrap(), None);
    drop(tx);
    let tx = intruder.tries("jobs.get").await;
    assert!(matches!(tx.jobs().get(of_a.job).await, Err(Error::NotFound(_))));
    drop(tx);
    let tx = intruder.tries("jobs.list").await;
    let found: Vec<_> = tx.jobs().list(None, page()).await.unwrap().items.iter().map(|job| job.id).collect();
    assert!(found.contains(&of_b.job) && !found.contains(&of_a.job), "{found:?}");
    drop(tx);
    let tx = intruder.tries("jobs.find_waiting").await;
    let waiting = tx.jobs().find_waiting("syncs", "employees").await.unwrap().unwrap();
    assert_eq!(waiting.id, of_b.job, "the same key of A's job does not hide B's");
    drop(tx);
    let tx = intruder.tries("jobs.repetition_of").await;
    let mut view = tx.jobs().get(of_b.job).await.unwrap();
    view.id = of_a.job;
    let repeated = tx.jobs().repetition_of(&view, JobId::from_uuid(Uuid::from_u128(1)), at()).await;
    assert!(matches!(repeated, Err(Error::NotFound(_))), "{repeated:?}");
    drop(tx);
    let tx = intruder.tries("fence").await;
    let fenced = tx.fence(&JobFence { job: of_a.job, epoch: 0 }).await;
    assert!(matches!(fenced, Err(Error::LeaseLost)), "{fenced:?}");
}

async fn changes_connections(intruder: &Intruder, of_a: &Seeded) {
    let theirs = seed::connection(of_a.connection, "Taken over");
    let tx = intruder.tries("connections.update").await;
    assert!(matches!(tx.connections().update(&theirs).await, Err(Error::Stale)));
    done(tx).await;
    let tx = intruder.tries("connections.set_health").await;
    let health = Health { state: theirs.state, reason: Some("taken over".to_owned()), checked_at: Some(at()) };
    tx.connections().set_health(of_a.connection, &health).await.unwrap();
    done(tx).await;
    let tx = intruder.tries("connections.set_pause").await;
    tx.connections().set_pause(of_a.connection, 9, Some(at())).await.unwrap();
    done(tx).await;
    let tx = intruder.tries("connections.set_discovered").await;
    tx.connections().set_discovered(of_a.connection, at()).await.unwrap();
    done(tx).await;
    let tx = intruder.tries("connections.delete").await;
    assert!(matches!(tx.connections().delete(of_a.connection).await, Err(Error::NotFound(_))));
    done(tx).await;
    let tx = intruder.tries("credentials.create").await;
    let credential = seed::credential(of_a.credential, of_a.connection, 9);
    assert!(matches!(tx.credentials().create(&credential).await, Err(Error::MissingReference)));
    drop(tx);
    let tx = intruder.tries("credentials.set_authenticated").await;
    tx.credentials().set_authenticated(of_a.credential, at()).await.unwrap();
    done(tx).await;
    changes_tokens(intruder, of_a).await;
    let tx = intruder.tries("attributes.create").await;
    assert!(matches!(tx.attributes().create(&of_a.attribute).await, Err(Error::MissingReference)));
    drop(tx);
    let tx = intruder.tries("attributes.close_custom").await;
    tx.attributes().close_custom(of_a.connection, "taken over").await.unwrap();
    done(tx).await;
    let tx = intruder.tries("attributes.update").await;
    assert!(matches!(tx.attributes().update(&of_a.attribute).await, Err(Error::NotFound(_))));
    done(tx).await;
    let tx = intruder.tries("attributes.touch").await;
    tx.attributes().touch(of_a.connection, &[of_a.attribute.id], at() + chrono::TimeDelta::days(1)).await.unwrap();
    done(tx).await;
    let tx = intruder.tries("offices.upsert").await;
    let offices = vec![("1".to_owned(), "Taken over".to_owned())];
    assert!(matches!(tx.offices().upsert(of_a.connection, offices).await, Err(Error::MissingReference)));
    drop(tx);
    let tx = intruder.tries("offices.set_time_zone").await;
    assert!(!tx.offices().set_time_zone(of_a.connection, "1", Some("UTC")).await.unwrap());
    done(tx).await;
    let tx = intruder.tries("keys.create").await;
    let key = seed::api_key(of_a.key, B);
    // Whoever could present the hash of A's key would be A; as B's key it is refused.
    assert!(matches!(tx.keys().create(&key, &[1; 32]).await, Err(Error::Taken)));
    drop(tx);
    let tx = intruder.tries("keys.revoke").await;
    tx.keys().revoke(of_a.key, at()).await.unwrap();
    done(tx).await;
    // The same id in B's own name space is another connection.
    let tx = intruder.tries("connections.create").await;
    tx.connections().create(&theirs).await.unwrap();
    done(tx).await;
    let tx = intruder.tries("connections.delete").await;
    tx.connections().delete(of_a.connection).await.unwrap();
    done(tx).await;
}

async fn changes_syncs(intruder: &Intruder, of_a: &Seeded) {
    let tx = intruder.tries("syncs.create").await;
    assert!(matches!(tx.syncs().create(&of_a.sync).await, Err(Error::MissingReference)));
    drop(tx);
    let tx = intruder.tries("syncs.update").await;
    let mut sync = of_a.sync.clone();
    sync.version += 1;
    assert!(matches!(tx.syncs().update(&sync).await, Err(Error::Stale)));
    done(tx).await;
    let tx = intruder.tries("syncs.update_progress").await;
    assert!(matches!(tx.syncs().update_progress(&sync).await, Err(Error::NotFound(_))));
    done(tx).await;
    let tx = intruder.tries("syncs.set_kept_by").await;
    tx.syncs().set_kept_by(of_a.sync.id, Some("v9")).await.unwrap();
    done(tx).await;
    let tx = intruder.tries("syncs.delete_cursors").await;
    tx.syncs().delete_cursors(of_a.connection, at()).await.unwrap();
    done(tx).await;
    let tx = intruder.tries("syncs.delete").await;
    assert!(!tx.syncs().delete(of_a.sync.id).await.unwrap());
    done(tx).await;
    let tx = intruder.tries("runs.create").await;
    assert!(matches!(tx.runs().create(&of_a.run).await, Err(Error::MissingReference)));
    drop(tx);
    let tx = intruder.tries("runs.update").await;
    let mut run = of_a.run.clone();
    run.state = RunState::Failed;
    assert!(matches!(tx.runs().update(&run).await, Err(Error::NotFound(_))));
    done(tx).await;
    let tx = intruder.tries("sweeps.upsert_sightings").await;
    let sighted = tx.sweeps().upsert_sightings(of_a.run.id, &[of_a.record.id]).await;
    assert!(matches!(sighted, Err(Error::MissingReference)), "{sighted:?}");
    drop(tx);
    let tx = intruder.tries("sweeps.begin").await;
    tx.sweeps().begin(of_a.run.id, at()).await.unwrap();
    done(tx).await;
    let tx = intruder.tries("sweeps.prune").await;
    tx.sweeps().prune(&of_a.run, &[]).await.unwrap();
    done(tx).await;
    held::changes(intruder, of_a).await;
}

async fn changes_records(intruder: &Intruder, of_a: &Seeded) {
    let id = of_a.record.id;
    let tx = intruder.tries("records.upsert").await;
    assert!(matches!(tx.records().upsert(vec![of_a.record.clone()]).await, Err(Error::MissingReference)));
    drop(tx);
    let tx = intruder.tries("records.upsert_payloads").await;
    let payload = Payload { record: id, raw: vec![9], sensitive: None };
    assert!(matches!(tx.records().upsert_payloads(vec![payload]).await, Err(Error::MissingReference)));
    drop(tx);
    let tx = intruder.tries("records.upsert_aliases").await;
    let alias = Alias { external: external(), record: id };
    let named = tx.records().upsert_aliases(of_a.connection, Stream::Employees, vec![alias]).await;
    assert!(matches!(named, Err(Error::MissingReference)), "{named:?}");
    drop(tx);
    let tx = intruder.tries("records.bury").await;
    assert_eq!(tx.records().bury(&[id], RecordState::Deleted, at()).await.unwrap(), Vec::<Uuid>::new());
    done(tx).await;
    let tx = intruder.tries("persons.create").await;
    tx.persons().create(&[of_a.person], at() + chrono::TimeDelta::days(1)).await.unwrap();
    done(tx).await;
    let tx = intruder.tries("persons.link").await;
    assert!(matches!(tx.persons().link(vec![seed::link(of_a)]).await, Err(Error::MissingReference)));
    drop(tx);
    let tx = intruder.tries("quarantine.upsert").await;
    let quarantined = seed::quarantined(of_a.quarantined, of_a.connection, of_a.run.id);
    assert!(matches!(tx.quarantine().upsert(vec![quarantined]).await, Err(Error::MissingReference)));
    drop(tx);
    let tx = intruder.tries("quarantine.delete_of_run").await;
    tx.quarantine().delete_of_run(&of_a.run).await.unwrap();
    done(tx).await;
    let tx = intruder.tries("quarantine.resolve").await;
    tx.quarantine().resolve(of_a.connection, Stream::Employees, &["8".to_owned()], at()).await.unwrap();
    done(tx).await;
    let tx = intruder.tries("quarantine.prune").await;
    let later = at() + chrono::TimeDelta::days(365);
    assert_eq!(tx.quarantine().prune(of_a.connection, Stream::Employees, later).await.unwrap(), 0);
    done(tx).await;
    let tx = intruder.tries("persons.delete_orphans").await;
    assert_eq!(tx.persons().delete_orphans().await.unwrap(), 1, "B's own, made above");
    done(tx).await;
}

async fn changes_logs_and_jobs(intruder: &Intruder, of_a: &Seeded) {
    // Names and ids of one tenant mean nothing in another: each of these makes or changes B's own row.
    let tx = intruder.tries("audit.create").await;
    tx.audit().create(&seed::audit_entry(of_a.audit)).await.unwrap();
    done(tx).await;
    let mut tx = intruder.tries("append_event").await;
    tx.append_event(seed::event(of_a.event, of_a.record.id), vec![9]);
    done(tx).await;
    let tx = intruder.tries("idempotency.note").await;
    assert!(tx.idempotency().note(seed::claim(1), "key_x").await.is_err(), "A's claim is none of B's");
    drop(tx);
    let tx = intruder.tries("idempotency.delete").await;
    tx.idempotency().delete(seed::claim(1)).await.unwrap();
    done(tx).await;
    let tx = intruder.tries("idempotency.complete").await;
    tx.idempotency().complete(REQUEST, 500, vec![9]).await.unwrap();
    done(tx).await;
    let tx = intruder.tries("idempotency.claim").await;
    let known = tx.idempotency().claim(seed::claim(3), &[2], at(), KEEPING).await.unwrap();
    let own = gangway_storage::idempotency::Known::Answered { status: 201, answer: vec![2] };
    assert_eq!(known, own, "A's answer is not B's");
    done(tx).await;
    // A job's id is global, since a claim names jobs of many tenants: the second one is dropped, A's stays.
    let mut tx = intruder.tries("enqueue").await;
    let mut job = seed::new_job(of_a.job);
    job.dedupe_key = Some("other".to_owned());
    tx.enqueue(job);
    done(tx).await;
    let tx = intruder.tries("jobs.find").await;
    assert_eq!(tx.jobs().find(of_a.job).await.unwrap(), None);
}

#[tokio::test]
async fn tenant_b_cannot_find_or_change_anything_of_tenant_a_on_postgres() {
    let Some(db) = TestDb::postgres().await else { return };
    assert_b_cannot_reach_a(&db).await;
}

#[tokio::test]
async fn tenant_b_cannot_find_or_change_anything_of_tenant_a_on_sqlite() {
    assert_b_cannot_reach_a(&TestDb::sqlite().await).await;
}
