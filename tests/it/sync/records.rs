//! Reading what was synced.

use gangway_app::{
    attributes::{self, Choice},
    records::{self, RecordQuery},
};
use gangway_domain::{Code, id::EmployeeId, principal::Scope, record::Stream, sync::RunMode};
use gangway_storage::PageRequest;
use gangway_testkit::on_both_databases;
use serde_json::json;

use super::{
    support::{Bench, everything},
    vendor::absence,
};

on_both_databases! {
    async fn pages_follow_each_other_without_gap_or_repetition(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..12, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let page = PageRequest { limit: 4, after };
            let page = records::list(&bench.ctx, Stream::Employees, RecordQuery::default(), page).await.unwrap();
            seen.extend(page.items.iter().map(|record| record.id));
            after = seen.last().copied();
            if !page.has_more {
                break;
            }
        }
        let all: Vec<_> = bench.present(Stream::Employees).await.into_iter().map(|record| record.id).collect();
        assert_eq!((seen.len(), &seen), (11, &all));
    }

    async fn employees_are_found_by_email_in_any_case_status_and_time(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..4, bench.now());
        bench.vendor.change(Stream::Employees, "2", bench.now(), |it| drop(it.fields.insert("status".into(), json!("inactive"))));
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        bench.advance(chrono::TimeDelta::hours(1));
        bench.vendor.change(Stream::Employees, "3", bench.now(), |it| drop(it.fields.insert("position".into(), json!("CTO"))));
        bench.run(sync, RunMode::Incremental).await;

        let ids = |records: Vec<records::RecordView>| records.into_iter().map(|it| it.external.id).collect::<Vec<_>>();
        let email = RecordQuery { email: Some(" PERSON1@example.ORG".into()), ..RecordQuery::default() };
        assert_eq!(ids(bench.list(Stream::Employees, email).await), ["1"]);
        let status = RecordQuery { status: Some("inactive".into()), ..RecordQuery::default() };
        assert_eq!(ids(bench.list(Stream::Employees, status).await), ["2"]);
        let since = RecordQuery {
            updated_since: Some(bench.now() - chrono::TimeDelta::minutes(5)),
            ..RecordQuery::default()
        };
        assert_eq!(ids(bench.list(Stream::Employees, since).await), ["3"]);
        let nowhere = gangway_domain::id::ConnectionId::from_uuid(uuid::Uuid::nil());
        let elsewhere = RecordQuery { connection: Some(nowhere), ..RecordQuery::default() };
        assert!(bench.list(Stream::Employees, elsewhere).await.is_empty());
    }

    async fn nobody_is_found_by_a_field_that_the_choice_hides_from_its_readers(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.account().catalogue = Some(vec![("email", "Email"), ("status", "Status")]);
        bench.vendor.hire(1..4, bench.now());
        for id in ["1", "2", "3"] {
            bench.vendor.change(Stream::Employees, id, bench.now(), |it| {
                let fed = ["email", "status"].map(|key| (key.to_owned(), it.fields[key].clone()));
                it.attributes.extend(fed);
            });
        }
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        let other = bench.connect("HR elsewhere").await;
        let other_sync = bench.sync_of(other, Stream::Employees).await;
        bench.run(other_sync, RunMode::Full).await;
        let by_email = RecordQuery { email: Some("person1@example.org".into()), ..RecordQuery::default() };
        let by_status = RecordQuery { status: Some("active".into()), ..RecordQuery::default() };
        let found = async |query: &RecordQuery| bench.list(Stream::Employees, query.clone()).await.len();
        assert_eq!((found(&by_email).await, found(&by_status).await), (2, 6), "control");

        // From the choice on, not from the end of the run that applies it.
        bench.advance(chrono::TimeDelta::seconds(1));
        let choice = Choice { key: Some("email".to_owned()), selected: Some(false), ..Choice::default() };
        attributes::choose(&bench.ctx, bench.connection, vec![choice]).await.unwrap();
        let left = bench.list(Stream::Employees, by_email.clone()).await;
        assert_eq!(left.iter().map(|record| record.connection).collect::<Vec<_>>(), [other]);
        assert_eq!(found(&by_status).await, 6, "the other field is not hidden");
    }

    async fn an_absence_leads_to_its_employee_whichever_came_first(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.add(Stream::Absences, absence(1, 1, "2026-11-24", bench.now()));
        bench.vendor.add(Stream::Absences, absence(2, 2, "2026-12-24", bench.now()));
        let absences = bench.sync(Stream::Absences).await;
        bench.run(absences, RunMode::Full).await;
        assert_eq!(bench.record(Stream::Absences, "1").await.employee, None);

        bench.vendor.hire(1..3, bench.now());
        let employees = bench.sync(Stream::Employees).await;
        bench.run(employees, RunMode::Full).await;
        let employee = bench.record(Stream::Employees, "1").await;
        let id = EmployeeId::from_uuid(employee.id);
        assert_eq!(bench.record(Stream::Absences, "1").await.employee, Some(id));

        let of = |query: RecordQuery| async {
            bench.list(Stream::Absences, query).await.into_iter().map(|it| it.external.id).collect::<Vec<_>>()
        };
        assert_eq!(of(RecordQuery { employee: Some(id), ..RecordQuery::default() }).await, ["1"]);
        let unknown = Some(EmployeeId::from_uuid(uuid::Uuid::nil()));
        assert!(of(RecordQuery { employee: unknown, ..RecordQuery::default() }).await.is_empty());
        let december = "2026-12-01".parse().ok();
        assert_eq!(of(RecordQuery { from: december, ..RecordQuery::default() }).await, ["2"]);
        assert_eq!(of(RecordQuery { to: december, ..RecordQuery::default() }).await, ["1"]);
    }

    async fn a_history_opens_with_the_first_sight_of_the_record(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..3, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        let first = bench.run(sync, RunMode::Full).await;
        bench.vendor.change(Stream::Employees, "1", bench.now(), |it| drop(it.fields.insert("position".into(), json!("CTO"))));
        bench.run(sync, RunMode::Incremental).await;
        let id = EmployeeId::from_uuid(bench.record(Stream::Employees, "1").await.id);

        let history = records::history(&bench.ctx, id, everything()).await.unwrap().items;
        let kinds: Vec<&str> = history.iter().map(|entry| entry.fact.kind.as_str()).collect();
        assert_eq!(kinds, ["employee.first_seen", "employee.updated"]);
        assert_eq!(history[0].fact.run, Some(first.id));
        let page = records::history(&bench.ctx, id, PageRequest { limit: 1, after: None }).await.unwrap();
        assert_eq!((page.items.len(), page.has_more), (1, true));
        let rest = records::history(&bench.ctx, id, PageRequest { limit: 1, after: Some(0) }).await.unwrap();
        assert_eq!((rest.items[0].fact.kind.as_str(), rest.has_more), ("employee.updated", false));
    }

    async fn readers_need_their_scope_and_the_right_stream(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..2, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        let id = bench.record(Stream::Employees, "1").await.id;
        let nobody = bench.with_permissions(&[Scope::ConnectionsRead]);
        let code = |outcome: Result<records::RecordView, gangway_app::Error>| outcome.unwrap_err().code;
        assert_eq!(code(records::get(&nobody, Stream::Employees, id).await), Code::KeyForbidden);
        assert_eq!(code(records::get(&bench.ctx, Stream::Absences, id).await), Code::NotFound);
        let wrong = records::list(
            &bench.ctx,
            Stream::Absences,
            RecordQuery { from: "2026-12-01".parse().ok(), to: "2026-11-01".parse().ok(), ..RecordQuery::default() },
            everything(),
        );
        assert_eq!(wrong.await.unwrap_err().code, Code::RequestInvalid);
    }

    async fn the_log_has_no_gaps_and_is_read_by_type(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..9, bench.now());
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        for id in 1..9 {
            bench.vendor.change(Stream::Employees, &id.to_string(), bench.now(), |it| {
                drop(it.fields.insert("position".into(), json!("CTO")));
            });
        }
        bench.run(sync, RunMode::Incremental).await;
        let sequences: Vec<i64> = bench.events().await.iter().map(|event| event.sequence).collect();
        assert_eq!(sequences, (1..=10).collect::<Vec<i64>>());
        let kinds = ["employee.updated".to_owned()];
        let page = PageRequest { limit: 5, after: Some(3) };
        let page = gangway_app::events::list(&bench.ctx, &kinds, page).await.unwrap();
        assert_eq!((page.items.len(), page.has_more, page.items[0].sequence), (5, true, 4));
        let unknown = gangway_app::events::list(&bench.ctx, &["employee.fired".to_owned()], everything()).await;
        assert_eq!(unknown.unwrap_err().code, Code::RequestInvalid);
    }
}
