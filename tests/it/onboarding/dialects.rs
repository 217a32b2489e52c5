//! The vendor's documents disagree with a widespread guide; both descriptions of the same company give the same people.

use gangway_sandbox::{Config, Dialect};
use gangway_testkit::{TestApp, TestDb, on_both_databases};
use serde_json::Value;

const NOT_IN_THE_GUIDE: &[&str] = &["preferred_name", "termination_date", "last_working_day"];

/// What a client sees of everybody, without ids and times of ours.
async fn people_of(db: TestDb, dialect: Dialect) -> Vec<Value> {
    let sandbox = Config::new(250, 1).with_dialect(dialect).without_rate_limit();
    let app = TestApp::on(db).sandbox(sandbox).unpaced().start().await;
    let tenant = app.onboard("Acme").await;
    let run = app.sync(&tenant, "employees", "full").await;
    assert_eq!((run["state"].as_str(), run["counts"]["quarantined"].as_i64()), (Some("completed"), Some(0)), "{run}");
    let mut people = app.client.list(&tenant.key, "/v1/employees").await;
    for person in &mut people {
        let person = person.as_object_mut().unwrap();
        // Not in the guide's bodies at all, or ours. Without labels a company's own attributes can't be judged, so they count
        // as sensitive and are not kept until somebody selects them.
        for other in ["id", "person_id", "first_seen_at", "updated_at", "picture_url", "attributes", "stale"] {
            person.remove(other);
        }
        for other in NOT_IN_THE_GUIDE {
            person.remove(*other);
        }
        person["origin"].as_object_mut().unwrap().remove("connection_id");
        if let Some(supervisor) = person["supervisor"].as_object_mut() {
            supervisor.retain(|key, _| key == "id");
        }
        // The guide knows no status for people who are still to come.
        if person["status"] == "onboarding" {
            person.insert("status".to_owned(), "active".into());
        }
    }
    people.sort_by_key(|person| person["origin"]["external_id"].as_str().unwrap().parse::<u64>().unwrap());
    app.stop().await;
    people
}

on_both_databases! {
    async fn both_dialects_give_the_same_people(db: TestDb) {
        let vendor = people_of(TestDb::sqlite().await, Dialect::Vendor).await;
        let guide = people_of(db, Dialect::Guide).await;
        assert_eq!((vendor.len(), guide.len()), (250, 250));
        for (vendor, guide) in vendor.iter().zip(&guide) {
            assert_eq!(vendor, guide);
        }
    }
}
