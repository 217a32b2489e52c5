//! Data minimisation: what is not selected is not kept, and what is sensitive is never kept in clear.

use gangway_app::{
    attributes::{self, Choice},
    audit, records,
};
use gangway_domain::{id::EmployeeId, principal::Scope, record::Stream, schema::AttributeClass, sync::RunMode};
use gangway_testkit::{Needle, on_both_databases};
use serde_json::json;

use super::{
    support::{Bench, everything},
    vendor::absence,
};

on_both_databases! {
    async fn what_was_told_in_clear_is_closed_with_its_attribute(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..4, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        bench.vendor.change(Stream::Employees, "1", bench.now(), |one| {
            one.attributes.insert("dynamic_1".to_owned(), json!("XXL"));
            one.fields.insert("first_name".to_owned(), json!("Changed"));
        });
        bench.vendor.hire(4..5, bench.now());
        bench.run(sync, RunMode::Full).await;
        let told = async || {
            let mut told: Vec<_> = bench.events().await.into_iter()
                .filter(|event| event.fact.kind.starts_with("employee."))
                .map(|event| event.fact.data["changes"].clone())
                .collect();
            let id = bench.record(Stream::Employees, "1").await.id;
            let history = records::history(&bench.ctx, EmployeeId::from_uuid(id), everything()).await.unwrap().items;
            told.extend(history.into_iter().filter_map(|entry| entry.fact.data.get("changes").cloned()));
            told
        };
        let clear = json!({"old": "L", "new": "XXL"});
        let before = told().await;
        assert_eq!(before.len(), 3, "{before:?}");
        assert_eq!(before.iter().filter(|changes| changes["attributes.dynamic_1"] == clear).count(), 2, "control");
        let choice = Choice { key: Some("dynamic_1".to_owned()), class: Some(AttributeClass::Sensitive), ..Choice::default() };
        bench.advance(chrono::TimeDelta::seconds(1));
        attributes::choose(&bench.ctx, bench.connection, vec![choice]).await.unwrap();
        for changes in told().await {
            let is_new = changes["first_name"]["old"].is_null();
            let told = (!is_new).then(|| json!({"changed": true}));
            assert_eq!(changes.get("attributes.dynamic_1"), told.as_ref(), "of somebody new not even that there is one: {changes}");
            assert!(changes["first_name"]["new"].is_string(), "nothing else is closed: {changes}");
        }
    }

    async fn a_sensitive_attribute_is_not_kept_unless_selected(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..4, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        let record = bench.record(Stream::Employees, "1").await;
        assert_eq!(record.attributes.keys().collect::<Vec<_>>(), ["dynamic_1"]);
        assert_eq!(record.sensitive, Some([].into()));
        let raw = raw(&bench, Stream::Employees, "1").await;
        assert_eq!(raw, json!({"id": "1", "dynamic_1": "L"}));
    }

    async fn a_selected_sensitive_attribute_is_sealed_and_events_only_say_that_it_changed(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..4, bench.now());
        select_salary(&bench, true).await;
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        bench.vendor.change(Stream::Employees, "1", bench.now(), |employee| {
            employee.attributes.insert("dynamic_2".into(), json!("canary-salary-raised"));
        });
        bench.run(sync, RunMode::Incremental).await;

        let record = bench.record(Stream::Employees, "1").await;
        assert_eq!(record.sensitive.unwrap()["dynamic_2"], json!("canary-salary-raised"));
        let updated = bench.events().await.into_iter().find(|event| event.fact.kind == "employee.updated").unwrap();
        assert_eq!(updated.fact.data, json!({"changes": {"attributes.dynamic_2": {"changed": true}}}));
        let dump = bench.db.dump().await;
        assert_eq!(Needle::new("canary-salary").find_in(dump.as_bytes()), Vec::<&str>::new());
    }

    async fn only_a_reader_with_the_scope_sees_it_and_the_reading_is_noted(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..2, bench.now());
        select_salary(&bench, true).await;
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        let id = bench.record(Stream::Employees, "1").await.id;
        let before = sensitive_readings(&bench).await;

        let plain = bench.with_permissions(&[Scope::RecordsRead]);
        assert_eq!(records::get(&plain, Stream::Employees, id).await.unwrap().sensitive, None);
        let trusted = bench.with_permissions(&[Scope::RecordsRead, Scope::SensitiveRead]);
        let seen = records::get(&trusted, Stream::Employees, id).await.unwrap().sensitive.unwrap();
        assert_eq!(seen["dynamic_2"], json!("canary-salary-1"));
        assert_eq!(sensitive_readings(&bench).await - before, 1);
    }

    async fn a_choice_taken_back_removes_what_was_kept(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..4, bench.now());
        select_salary(&bench, true).await;
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        let n_events = bench.db.count("event").await;
        // The choice itself starts the full run that applies it.
        let run = select_salary(&bench, false).await.unwrap();
        let fence = bench.claim().await.unwrap();
        bench.execute(run, &fence).await.unwrap();

        let record = bench.record(Stream::Employees, "1").await;
        assert_eq!(record.sensitive, Some([].into()));
        assert_eq!(raw(&bench, Stream::Employees, "1").await, json!({"id": "1", "dynamic_1": "L"}));
        // What we keep is our business, not a change of the person: the run's own event is all there is.
        assert_eq!(bench.db.count("event").await, n_events + 1);
    }

    async fn a_choice_made_while_a_run_reads_is_applied_by_another(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..9, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        let (run, fence) = bench.begin(sync, RunMode::Full).await;
        bench.execute_pages(run, &fence, 1).await.unwrap();
        assert!(select_salary(&bench, true).await.is_none());
        bench.execute(run, &fence).await.unwrap();
        bench.ack(fence, gangway_app::queue::Outcome::Done).await;

        let fence = bench.claim().await.unwrap();
        let next = gangway_app::syncs::get(&bench.ctx, sync).await.unwrap().last_run.unwrap();
        assert_ne!(next, run);
        bench.execute(next, &fence).await.unwrap();
        for record in bench.present(Stream::Employees).await {
            assert!(record.sensitive.unwrap().contains_key("dynamic_2"));
        }
    }

    async fn free_text_of_absences_is_not_told_by_events(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = bench.sync(Stream::Absences).await;
        bench.run(sync, RunMode::Full).await;
        bench.vendor.add(Stream::Absences, absence(1, 1, "2026-11-24", bench.now()));
        bench.run(sync, RunMode::Full).await;
        let created = bench.events().await.into_iter().find(|event| event.fact.kind == "absence.created").unwrap();
        let changes = created.fact.data["changes"].as_object().unwrap();
        assert!(changes.contains_key("starts_on") && !changes.contains_key("comment"), "nor that there is one: {changes:?}");
        assert!(!created.fact.data.to_string().contains("canary-comment"));
    }

    async fn free_text_of_absences_is_sealed_and_its_reading_is_noted(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.add(Stream::Absences, absence(1, 1, "2026-11-24", bench.now()));
        let sync = bench.sync(Stream::Absences).await;
        bench.run(sync, RunMode::Full).await;
        let id = bench.record(Stream::Absences, "1").await.id;
        let n_read = sensitive_readings(&bench).await;

        let plain = bench.with_permissions(&[Scope::RecordsRead]);
        let seen = records::get(&plain, Stream::Absences, id).await.unwrap();
        assert!(seen.sensitive_fields.is_none() && !seen.fields.contains_key("comment"), "without the scope");
        assert_eq!(sensitive_readings(&bench).await, n_read);
        let trusted = bench.with_permissions(&[Scope::RecordsRead, Scope::SensitiveRead]);
        let seen = records::get(&trusted, Stream::Absences, id).await.unwrap();
        assert_eq!(seen.sensitive_fields, Some([("comment".to_owned(), json!("canary-comment"))].into()));
        assert_eq!(sensitive_readings(&bench).await, n_read + 1);
        let dump = bench.db.dump().await;
        assert_eq!(Needle::new("canary-comment").find_in(dump.as_bytes()), Vec::<&str>::new());
    }

    async fn free_text_that_is_no_longer_sent_stays_and_one_taken_out_goes(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.add(Stream::Absences, absence(1, 1, "2026-11-24", bench.now()));
        let sync = bench.sync(Stream::Absences).await;
        bench.run(sync, RunMode::Full).await;
        bench.vendor.change(Stream::Absences, "1", bench.now(), |it| drop(it.fields.remove("comment")));
        bench.run(sync, RunMode::Full).await;
        let kept = bench.record(Stream::Absences, "1").await;
        assert_eq!(kept.stale, ["comment"]);
        let plain = bench.with_permissions(&[Scope::RecordsRead]);
        let seen = records::get(&plain, Stream::Absences, kept.id).await.unwrap();
        assert_eq!(seen.stale, Vec::<String>::new(), "who may not see it does not learn that there is one");
        assert_eq!(kept.sensitive_fields.unwrap()["comment"], json!("canary-comment"));

        bench.vendor.change(Stream::Absences, "1", bench.now(), |it| drop(it.fields.insert("comment".into(), json!(null))));
        bench.run(sync, RunMode::Full).await;
        let n_read = sensitive_readings(&bench).await;
        let emptied = bench.record(Stream::Absences, "1").await;
        assert_eq!((emptied.stale, emptied.sensitive_fields), (vec![], Some([].into())));
        assert_eq!(sensitive_readings(&bench).await, n_read, "there was nothing to read");
        let updated = bench.events().await.into_iter().rfind(|event| event.fact.kind == "absence.updated").unwrap();
        assert_eq!(updated.fact.data, json!({"changes": {"comment": {"changed": true}}}));
    }

    async fn a_kept_value_that_becomes_sensitive_is_not_named_to_all(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..2, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        bench.vendor.change(Stream::Employees, "1", bench.now(), |one| drop(one.attributes.remove("dynamic_1")));
        bench.run(sync, RunMode::Full).await;
        let kept = bench.record(Stream::Employees, "1").await;
        assert_eq!(kept.stale, ["attributes.dynamic_1"], "control");
        let key = Some("dynamic_1".to_owned());
        let choice = Choice { key, class: Some(AttributeClass::Sensitive), selected: Some(true), ..Choice::default() };
        attributes::choose(&bench.ctx, bench.connection, vec![choice]).await.unwrap();
        // Before any run has written the record anew.
        let plain = bench.with_permissions(&[Scope::RecordsRead]);
        let seen = records::get(&plain, Stream::Employees, kept.id).await.unwrap();
        assert_eq!((seen.stale, seen.attributes.get("dynamic_1")), (Vec::new(), None));
    }

    async fn a_stream_without_a_list_of_attributes_keeps_the_vendors_bytes_whole(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.add(Stream::Absences, absence(1, 7, "2026-11-24", bench.now()));
        let sync = bench.sync(Stream::Absences).await;
        bench.run(sync, RunMode::Full).await;
        let raw = raw(&bench, Stream::Absences, "1").await;
        assert_eq!((&raw["comment"], &raw["starts_on"]), (&json!("canary-comment"), &json!("2026-11-24")));
        let dump = bench.db.dump().await;
        assert!(!dump.contains(r#"{"id":"1","comment""#), "they are sealed");
    }

    async fn an_attribute_that_no_list_names_is_not_kept_and_is_shown_for_choosing(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..2, bench.now());
        bench.vendor.change(Stream::Employees, "1", bench.now(), |employee| {
            employee.attributes.insert("dynamic_9".into(), json!("canary-unlisted"));
        });
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        assert!(!bench.record(Stream::Employees, "1").await.attributes.contains_key("dynamic_9"));
        assert_eq!(raw(&bench, Stream::Employees, "1").await, json!({"id": "1", "dynamic_1": "L"}));
        let known = attributes::list(&bench.ctx, bench.connection).await.unwrap();
        let found = known.iter().find(|attribute| attribute.key == "dynamic_9").unwrap();
        assert!(!found.selected);
    }
}

/// Chooses; answers the full run that the choice started.
pub(super) async fn select_salary(bench: &Bench, selected: bool) -> Option<gangway_domain::id::SyncRunId> {
    let choice = Choice { key: Some("dynamic_2".to_owned()), selected: Some(selected), ..Choice::default() };
    bench.advance(chrono::TimeDelta::seconds(1));
    let chosen = attributes::choose(&bench.ctx, bench.connection, vec![choice]).await.unwrap();
    chosen.runs.first().copied()
}

/// How often the audit log says that sensitive values were read.
async fn sensitive_readings(bench: &Bench) -> usize {
    let entries = audit::list(&bench.ctx, &audit::AuditFilter::default(), everything()).await.unwrap().items;
    entries.into_iter().filter(|listed| listed.entry.action == "sensitive.read").count()
}

/// The vendor's bytes as kept.
pub(super) async fn raw(bench: &Bench, stream: Stream, external_id: &str) -> serde_json::Value {
    let record = bench.record(stream, external_id).await;
    let keys = bench.app.keys.tenant(&bench.app, bench.ctx.scope()).await.unwrap();
    let tx = bench.app.db.begin_read(bench.ctx.scope()).await.unwrap();
    let sealed = tx.records().find_raw(record.id).await.unwrap().unwrap();
    let opened = keys.open(&tx, "record", record.id, "raw", &sealed).await.unwrap();
    tx.commit().await.unwrap();
    serde_json::from_slice(&opened).unwrap()
}
