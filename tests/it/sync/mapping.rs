//! A mapping reaches what is stored without asking the vendor, says nothing in the log, and opens nothing that is sealed.

use chrono::TimeDelta;
use gangway_app::{
    attributes::{self, Choice},
    connections,
    mapping::{self, FieldFeed, MappingView},
    queue::{self, ClaimRequest, JobFence, Outcome},
    records::{self, RecordQuery},
    syncs::{self, Progress},
};
use gangway_connector::ReadMode;
use gangway_domain::{
    Code,
    id::SyncId,
    principal::Scope,
    record::{RecordState, Stream},
    schema::AttributeClass,
    sync::RunMode,
};
use gangway_testkit::{Needle, on_both_databases};
use serde_json::{Value, json};

use super::{sensitive::select_salary, support::Bench};

on_both_databases! {
    async fn a_mapping_reaches_every_stored_record_and_the_vendor_is_not_asked(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = hired(&bench, 1..9).await;
        bench.vendor.remove(Stream::Employees, &["2"]);
        bench.run(sync, RunMode::Full).await;
        let (before, n_events) = (bench.record(Stream::Employees, "1").await, bench.db.count("event").await);
        let n_calls = calls(&bench);

        let changed = map(&bench, &[("position", Some("dynamic_3"))]).await;
        assert_eq!((changed.mapping.version, changed.mapping.applied_version, changed.n_behind), (1, 0, 8));
        remap(&bench).await;
        for id in 1..9 {
            let record = bench.record(Stream::Employees, &id.to_string()).await;
            assert_eq!(record.fields["position"], json!(format!("Chief Smith {id}")));
            assert!(!record.attributes.contains_key("dynamic_3"), "it has found its place");
        }
        let after = bench.record(Stream::Employees, "1").await;
        assert_eq!((after.version, after.changed_at), (before.version + 1, before.changed_at));
        assert_eq!(bench.record(Stream::Employees, "2").await.state, RecordState::Deleted);
        let settled = mapping::get(&bench.ctx, bench.connection).await.unwrap();
        assert_eq!((settled.mapping.applied_version, settled.n_behind), (1, 0));
        assert_eq!((calls(&bench), bench.db.count("event").await), (n_calls, n_events));

        let again = bench.run(sync, RunMode::Full).await;
        assert_eq!((again.counts.updated, again.counts.unchanged), (0, 7), "what was mapped is what would be read");
    }

    async fn what_is_selected_and_then_mapped_was_there_all_the_time(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = hired(&bench, 1..5).await;
        choose(&bench, "dynamic_3", false).await;
        bench.run_started(sync).await;
        // The run that reads what is selected now comes after the job that maps it.
        choose(&bench, "dynamic_3", true).await;
        map(&bench, &[("position", Some("dynamic_3"))]).await;
        remap(&bench).await;
        bench.vendor.change(Stream::Employees, "1", bench.now(), |one| {
            one.fields.insert("first_name".to_owned(), json!("Changed"));
        });
        bench.run_started(sync).await;
        let told: Vec<Value> = bench.events().await.into_iter()
            .filter(|event| event.fact.kind == "employee.updated")
            .map(|event| event.fact.data["changes"].clone())
            .collect();
        assert_eq!(told, [json!({"first_name": {"old": "First1", "new": "Changed"}})]);
        for record in bench.present(Stream::Employees).await {
            assert_eq!(record.fields["position"], json!(format!("Chief Smith {}", record.external.id)));
        }
        // From then on its changes are told.
        bench.vendor.change(Stream::Employees, "2", bench.now(), |one| {
            one.attributes.insert("dynamic_3".to_owned(), json!("Head"));
        });
        bench.run(sync, RunMode::Full).await;
        let last = bench.events().await.into_iter().rfind(|event| event.fact.kind == "employee.updated").unwrap();
        assert_eq!(last.fact.data["changes"], json!({"position": {"old": "Chief Smith 2", "new": "Head"}}));
    }

    async fn a_right_to_a_mapped_attribute_is_missed_when_it_is_lost(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = hired(&bench, 1..9).await;
        map(&bench, &[("position", Some("dynamic_3"))]).await;
        remap(&bench).await;
        bench.run(sync, RunMode::Full).await;
        bench.vendor.account().unsent = vec!["dynamic_3"];
        bench.vendor.remove(Stream::Employees, &["2"]);
        let run = bench.run(sync, RunMode::Full).await;
        assert_eq!(run.counts.deleted, 0);
        assert!(run.error_message.unwrap().contains("may have lost a right"));
        let told = bench.events().await.into_iter().rfind(|event| event.fact.kind == "attribute.restricted").unwrap();
        assert_eq!(told.fact.data["key"], "dynamic_3");
        assert_eq!(bench.run(sync, RunMode::Full).await.counts.deleted, 1, "who was told may decide");
    }

    async fn what_changed_while_a_right_was_away_is_told_though_it_was_mapped_meanwhile(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = hired(&bench, 1..5).await;
        bench.vendor.account().unsent = vec!["dynamic_3"];
        bench.vendor.change(Stream::Employees, "1", bench.now(), |one| {
            one.attributes.insert("dynamic_3".to_owned(), json!("Head"));
        });
        bench.run(sync, RunMode::Full).await;
        map(&bench, &[("position", Some("dynamic_3"))]).await;
        remap(&bench).await;
        let kept = bench.record(Stream::Employees, "1").await;
        assert_eq!((&kept.fields["position"], kept.stale), (&json!("Chief Smith 1"), vec!["position".to_owned()]));
        bench.vendor.account().unsent.clear();
        bench.run(sync, RunMode::Full).await;
        let told: Vec<Value> = bench.events().await.into_iter()
            .filter(|event| event.fact.kind == "employee.updated")
            .map(|event| event.fact.data["changes"].clone())
            .collect();
        assert_eq!(told, [json!({"position": {"old": "Chief Smith 1", "new": "Head"}})]);
    }

    async fn a_mapping_taken_back_while_a_right_is_away_loses_no_value(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = hired(&bench, 1..4).await;
        bench.vendor.account().unsent = vec!["dynamic_3"];
        map(&bench, &[("position", Some("dynamic_3"))]).await;
        bench.run(sync, RunMode::Full).await;
        remap(&bench).await;
        map(&bench, &[]).await;
        remap(&bench).await;
        let kept = bench.record(Stream::Employees, "1").await;
        assert_eq!(kept.attributes.get("dynamic_3"), Some(&json!("Chief Smith 1")), "{:?}", kept.fields);
        assert_eq!(kept.stale, ["attributes.dynamic_3"]);
        bench.vendor.account().unsent.clear();
        bench.vendor.change(Stream::Employees, "2", bench.now(), |one| {
            one.attributes.insert("dynamic_3".to_owned(), json!("Head"));
        });
        bench.run(sync, RunMode::Full).await;
        let told: Vec<Value> = bench.events().await.into_iter()
            .filter(|event| event.fact.kind == "employee.updated")
            .map(|event| event.fact.data["changes"].clone())
            .collect();
        assert_eq!(told, [json!({"attributes.dynamic_3": {"old": "Chief Smith 2", "new": "Head"}})]);
    }

    async fn a_mapping_taken_back_leaves_what_the_connector_says(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = hired(&bench, 1..4).await;
        let before = bench.record(Stream::Employees, "1").await;
        map(&bench, &[("position", Some("dynamic_3")), ("office", None)]).await;
        remap(&bench).await;
        let mapped = bench.record(Stream::Employees, "1").await;
        assert!(!mapped.fields.contains_key("office") && mapped.stale.is_empty());
        map(&bench, &[]).await;
        remap(&bench).await;
        let after = bench.record(Stream::Employees, "1").await;
        assert_eq!((after.fields, after.attributes, after.stale), (before.fields, before.attributes, before.stale));
        assert_eq!(bench.run(sync, RunMode::Full).await.counts.updated, 0);
    }

    async fn many_records_follow_in_turns_and_a_lost_lease_writes_nothing(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.account().page_size = 150;
        hired(&bench, 1..452).await;
        map(&bench, &[("position", Some("dynamic_3"))]).await;
        let dead = claim(&bench).await;
        bench.ack(dead, Outcome::Again).await;
        assert!(syncs::remap(&bench.ctx, bench.connection, &dead, &|| false).await.is_err());
        assert_eq!(behind(&bench).await, 451);

        let mut left = vec![451];
        loop {
            let fence = claim(&bench).await;
            let asked = std::sync::atomic::AtomicUsize::new(0);
            let once = || asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= 1;
            let progress = syncs::remap(&bench.ctx, bench.connection, &fence, &once).await.unwrap();
            let outcome = if progress == Progress::Done { Outcome::Done } else { Outcome::Again };
            bench.ack(fence, outcome).await;
            left.push(behind(&bench).await);
            if progress == Progress::Done {
                break;
            }
        }
        assert_eq!(left, [451, 251, 51, 0, 0]);
        for record in bench.present(Stream::Employees).await {
            assert_eq!(record.fields["position"], json!(format!("Chief Smith {}", record.external.id)));
        }
    }

    async fn a_change_amid_a_run_reaches_the_pages_before_and_after_it(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = hired(&bench, 1..9).await;
        let (run, fence) = bench.begin(sync, RunMode::Full).await;
        bench.execute_pages(run, &fence, 1).await.unwrap();
        map(&bench, &[("position", Some("dynamic_3"))]).await;
        bench.execute_pages(run, &fence, 1).await.unwrap();
        let half = bench.present(Stream::Employees).await;
        assert_eq!(half.iter().filter(|record| record.attributes.contains_key("dynamic_3")).count(), 5);
        remap(&bench).await;
        bench.execute(run, &fence).await.unwrap();
        bench.ack(fence, Outcome::Done).await;
        for record in bench.present(Stream::Employees).await {
            assert_eq!(record.fields["position"], json!(format!("Chief Smith {}", record.external.id)));
        }
        assert!(bench.claim().await.is_none(), "the change needs no run");
        assert!(!bench.kinds().await.contains(&"employee.updated".to_owned()));
    }

    async fn what_changed_at_the_vendor_is_told_once_and_what_was_mapped_is_not(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = hired(&bench, 1..5).await;
        bench.advance(TimeDelta::hours(30));
        bench.run(sync, RunMode::Incremental).await;
        bench.advance(TimeDelta::hours(30));
        map(&bench, &[("position", Some("dynamic_3"))]).await;
        // Read before the job has come to it.
        bench.vendor.change(Stream::Employees, "1", bench.now(), |one| {
            one.attributes.insert("dynamic_3".to_owned(), json!("Head"));
        });
        bench.run(sync, RunMode::Incremental).await;
        let last = bench.vendor.account().calls.last().unwrap().mode;
        assert!(matches!(last, ReadMode::Since(_)), "a mapping needs no vendor: {last:?}");
        let changes = |events: Vec<gangway_domain::event::Event>| -> Vec<Value> {
            let updated = events.into_iter().filter(|event| event.fact.kind == "employee.updated");
            updated.map(|event| event.fact.data["changes"].clone()).collect()
        };
        let told = json!({"position": {"old": "Chief Smith 1", "new": "Head"}});
        assert_eq!(changes(bench.events().await), std::slice::from_ref(&told));
        remap(&bench).await;
        bench.vendor.change(Stream::Employees, "1", bench.now(), |_| {});
        bench.run(sync, RunMode::Incremental).await;
        assert_eq!(changes(bench.events().await), [told]);
        assert_eq!(bench.record(Stream::Employees, "1").await.fields["position"], "Head");
    }

    async fn a_sensitive_attribute_stays_sealed_whatever_it_feeds(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = hired(&bench, 1..4).await;
        let run = select_salary(&bench, true).await.unwrap();
        let fence = bench.claim().await.unwrap();
        bench.execute(run, &fence).await.unwrap();
        bench.ack(fence, Outcome::Done).await;
        let mapped = map(&bench, &[("position", Some("dynamic_2"))]).await;
        assert!(mapped.fields.iter().any(|field| field.field == "position" && field.is_sealed));
        remap(&bench).await;

        let id = bench.record(Stream::Employees, "1").await.id;
        let plain = bench.with_permissions(&[Scope::RecordsRead]);
        assert!(!records::get(&plain, Stream::Employees, id).await.unwrap().fields.contains_key("position"));
        let trusted = bench.with_permissions(&[Scope::RecordsRead, Scope::SensitiveRead]);
        let seen = records::get(&trusted, Stream::Employees, id).await.unwrap();
        assert_eq!(seen.fields["position"], "canary-salary-1");

        bench.vendor.change(Stream::Employees, "1", bench.now(), |one| {
            one.attributes.insert("dynamic_2".to_owned(), json!("canary-salary-raised"));
        });
        bench.run(sync, RunMode::Full).await;
        let updated = bench.events().await.into_iter().rfind(|event| event.fact.kind == "employee.updated").unwrap();
        assert_eq!(updated.fact.data["changes"], json!({"attributes.dynamic_2": {"changed": true}}));
        let dump = bench.db.dump().await;
        for canary in ["canary-salary-1", "canary-salary-raised"] {
            assert_eq!(Needle::new(canary).find_in(dump.as_bytes()), Vec::<&str>::new());
        }
        let seen = records::get(&trusted, Stream::Employees, id).await.unwrap();
        assert_eq!(seen.fields["position"], "canary-salary-raised");

        // Nor does a preview compare it with anything, for those who may not see it.
        let wanted = || feeds(&[("team", Some("dynamic_2"))]);
        let reader = bench.with_permissions(&[Scope::RecordsRead, Scope::ConnectionsRead]);
        let refused = mapping::preview(&reader, bench.connection, wanted(), 0).await.unwrap_err();
        assert_eq!(refused.code, Code::KeyForbidden);
        assert!(refused.message.contains("sensitive:read"), "{}", refused.message);
        assert!(mapping::preview(&reader, bench.connection, feeds(&[("position", None)]), 0).await.is_err(), "what is sealed now");
        let trusted = bench.with_permissions(&[Scope::RecordsRead, Scope::ConnectionsRead, Scope::SensitiveRead]);
        let n_noted = bench.db.count("audit_entry").await;
        mapping::preview(&trusted, bench.connection, wanted(), 0).await.unwrap();
        assert_eq!(bench.db.count("audit_entry").await, n_noted + 1);
    }

    async fn a_field_is_closed_with_the_attribute_that_feeds_it_or_fed_it(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = hired(&bench, 1..4).await;
        map(&bench, &[("position", Some("dynamic_3"))]).await;
        remap(&bench).await;
        // Moved on, and not applied yet: records still hold what the first one gave.
        map(&bench, &[("position", Some("dynamic_1"))]).await;
        let choice = Choice {
            key: Some("dynamic_3".to_owned()),
            class: Some(AttributeClass::Sensitive),
            selected: Some(false),
            ..Choice::default()
        };
        let position = async || bench.record(Stream::Employees, "1").await.fields.get("position").cloned();
        assert_eq!(position().await, Some(json!("Chief Smith 1")), "control");
        bench.advance(TimeDelta::seconds(1));
        attributes::choose(&bench.ctx, bench.connection, vec![choice]).await.unwrap();
        assert_eq!(position().await, None);
        remap(&bench).await;
        assert_eq!(position().await, Some(json!("L")));
        assert_eq!(Needle::new("Chief Smith 1").find_in(bench.db.dump().await.as_bytes()), Vec::<&str>::new());

        let choice = Choice {
            key: Some("dynamic_1".to_owned()),
            class: Some(AttributeClass::Sensitive),
            ..Choice::default()
        };
        let fence = bench.claim().await.unwrap();
        let run = syncs::get(&bench.ctx, sync).await.unwrap().last_run.unwrap();
        bench.execute(run, &fence).await.unwrap();
        bench.ack(fence, Outcome::Done).await;
        attributes::choose(&bench.ctx, bench.connection, vec![choice]).await.unwrap();
        let id = bench.record(Stream::Employees, "1").await.id;
        let plain = bench.with_permissions(&[Scope::RecordsRead]);
        assert!(!records::get(&plain, Stream::Employees, id).await.unwrap().fields.contains_key("position"));
    }

    async fn nobody_is_found_by_a_field_whose_attribute_is_closed(db: TestDb) {
        let bench = Bench::on(db).await;
        hired(&bench, 1..4).await;
        let found = async |status: &str| {
            let query = RecordQuery { status: Some(status.to_owned()), ..RecordQuery::default() };
            bench.list(Stream::Employees, query).await.len()
        };
        map(&bench, &[("status", Some("dynamic_1"))]).await;
        remap(&bench).await;
        assert_eq!((found("l").await, found("active").await), (3, 0), "control");
        // Moved on, and not applied yet: the column still holds what the first one gave.
        map(&bench, &[("status", Some("dynamic_3"))]).await;
        assert_eq!(found("l").await, 3, "control");
        let close = |key: &str| Choice {
            key: Some(key.to_owned()),
            class: Some(AttributeClass::Sensitive),
            ..Choice::default()
        };
        bench.advance(TimeDelta::seconds(1));
        attributes::choose(&bench.ctx, bench.connection, vec![close("dynamic_1")]).await.unwrap();
        assert_eq!(found("l").await, 0);
        remap(&bench).await;
        assert_eq!(found("chief smith 1").await, 1);
        attributes::choose(&bench.ctx, bench.connection, vec![close("dynamic_3")]).await.unwrap();
        assert_eq!(found("chief smith 1").await, 0);
        map(&bench, &[]).await;
        remap(&bench).await;
        assert_eq!(found("active").await, 3, "what the connector says is open again");
    }

    async fn a_value_that_does_not_fit_stays_an_attribute_until_it_does(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = hired(&bench, 1..3).await;
        map(&bench, &[("hire_date", Some("dynamic_1"))]).await;
        remap(&bench).await;
        let record = bench.record(Stream::Employees, "1").await;
        assert_eq!((&record.fields["hire_date"], &record.attributes["dynamic_1"]), (&Value::Null, &json!("L")));
        bench.vendor.change(Stream::Employees, "1", bench.now(), |one| {
            one.attributes.insert("dynamic_1".to_owned(), json!("24.11.2026"));
        });
        bench.run(sync, RunMode::Full).await;
        let record = bench.record(Stream::Employees, "1").await;
        assert_eq!(record.fields["hire_date"], "2026-11-24");
        assert!(!record.attributes.contains_key("dynamic_1") && record.stale.is_empty());
    }

    async fn a_value_that_is_no_longer_sent_moves_along(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = hired(&bench, 1..3).await;
        bench.vendor.change(Stream::Employees, "1", bench.now(), |one| drop(one.attributes.remove("dynamic_3")));
        bench.run(sync, RunMode::Full).await;
        assert_eq!(bench.record(Stream::Employees, "1").await.stale, ["attributes.dynamic_3"]);
        map(&bench, &[("position", Some("dynamic_3"))]).await;
        remap(&bench).await;
        let moved = bench.record(Stream::Employees, "1").await;
        assert_eq!((&moved.fields["position"], &*moved.stale), (&json!("Chief Smith 1"), &["position".to_owned()][..]));
        assert!(!moved.attributes.contains_key("dynamic_3"));
        bench.run(sync, RunMode::Full).await;
        assert_eq!(bench.record(Stream::Employees, "1").await.fields["position"], "Chief Smith 1");
    }

    async fn records_without_a_sync_follow_as_well(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = hired(&bench, 1..4).await;
        syncs::delete(&bench.ctx, sync, None).await.unwrap();
        map(&bench, &[("position", Some("dynamic_3"))]).await;
        remap(&bench).await;
        assert_eq!(bench.record(Stream::Employees, "3").await.fields["position"], "Chief Smith 3");
    }

    async fn a_preview_tells_what_the_change_then_does_and_writes_nothing(db: TestDb) {
        let bench = Bench::on(db).await;
        hired(&bench, 1..6).await;
        bench.vendor.change(Stream::Employees, "5", bench.now(), |_| {});
        let (n_calls, n_audited) = (calls(&bench), bench.db.count("audit_entry").await);
        let wanted = [("position", Some("dynamic_3")), ("weekly_hours", Some("dynamic_1"))];
        let preview = mapping::preview(&bench.ctx, bench.connection, feeds(&wanted), 2).await.unwrap();
        assert_eq!((preview.n_examined, preview.n_unreadable, preview.sample.len()), (5, 0, 2));
        let counts: Vec<_> = preview.fields.iter().map(|it| (it.field, it.n_changed, it.n_misfits, it.misfit)).collect();
        assert_eq!(counts, [("position", 5, 0, None), ("weekly_hours", 0, 5, Some("is not a decimal"))]);
        assert_eq!((calls(&bench), bench.db.count("audit_entry").await), (n_calls, n_audited));
        assert_eq!(mapping::get(&bench.ctx, bench.connection).await.unwrap().mapping.version, 0);

        map(&bench, &wanted).await;
        remap(&bench).await;
        for previewed in preview.sample {
            let record = records::get(&bench.ctx, Stream::Employees, previewed.employee.uuid()).await.unwrap();
            for field in previewed.fields {
                let (_, new) = field.values;
                assert_eq!(record.fields.get(field.field).cloned().unwrap_or_default(), new, "{}", field.field);
            }
        }
    }
}

/// Employees with a job title as an attribute of the company's own, read once, bytes and all.
async fn hired(bench: &Bench, ids: std::ops::Range<u32>) -> SyncId {
    {
        let mut account = bench.vendor.account();
        account.sends_fields = true;
        account.catalogue =
            Some(vec![("dynamic_1", "Shirt size"), ("dynamic_2", "Salary"), ("dynamic_3", "Job title")]);
    }
    connections::discover(&bench.ctx, bench.connection).await.unwrap();
    bench.vendor.hire(ids.clone(), bench.now());
    for id in ids {
        bench.vendor.change(Stream::Employees, &id.to_string(), bench.now(), |one| {
            one.attributes.insert("dynamic_3".to_owned(), json!(format!("Chief Smith {id}")));
            one.fields.insert("position".to_owned(), json!("Smith"));
        });
    }
    let sync = bench.sync(Stream::Employees).await;
    bench.run(sync, RunMode::Full).await;
    sync
}

async fn choose(bench: &Bench, key: &str, selected: bool) {
    let choice = Choice { key: Some(key.to_owned()), selected: Some(selected), ..Choice::default() };
    bench.advance(TimeDelta::seconds(1));
    attributes::choose(&bench.ctx, bench.connection, vec![choice]).await.unwrap();
}

fn feeds(pairs: &[(&str, Option<&str>)]) -> Vec<FieldFeed> {
    pairs
        .iter()
        .map(|(field, key)| FieldFeed { field: (*field).to_owned(), attribute: key.map(str::to_owned) })
        .collect()
}

async fn map(bench: &Bench, pairs: &[(&str, Option<&str>)]) -> MappingView {
    mapping::update(&bench.ctx, bench.connection, None, feeds(pairs)).await.unwrap()
}

/// Claims the job that applies the mapping.
async fn claim(bench: &Bench) -> JobFence {
    let request = ClaimRequest {
        queue: "mappings".to_owned(),
        owner: "test".to_owned(),
        slots: 1,
        turn: 0,
        lease: std::time::Duration::from_hours(1),
    };
    queue::claim(&bench.app, &request).await.unwrap().first().expect("a job waits").fence
}

async fn remap(bench: &Bench) {
    let fence = claim(bench).await;
    assert_eq!(syncs::remap(&bench.ctx, bench.connection, &fence, &|| false).await.unwrap(), Progress::Done);
    bench.ack(fence, Outcome::Done).await;
}

async fn behind(bench: &Bench) -> i64 {
    mapping::get(&bench.ctx, bench.connection).await.unwrap().n_behind
}

/// Calls that the vendor got.
fn calls(bench: &Bench) -> usize {
    let account = bench.vendor.account();
    account.calls.len() + account.single_reads.len()
}
