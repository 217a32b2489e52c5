//! Everything that is answered to those who go by the third-party guide.

use serde_json::{Value, json};

use crate::config::{Config, Dialect, Limits, RateLimit};
use crate::testing::Bench;

use super::is;

pub(super) fn drive() {
    let guide = |config: Config| config.with_dialect(Dialect::Guide).without_rate_limit();
    let bench = Bench::of(guide);
    let people = bench.handle.people();
    for target in [
        "/v1/company/employees",
        "/v1/company/employees?updated_since=2020-01-01",
        "/v1/company/employees?updated_since=gestern",
        "/v1/company/employees/1",
        "/v1/company/time-offs?start_date=2020-01-01&end_date=2040-01-01",
        "/v1/company/time-offs",
        "/v1/company/attendances?start_date=2020-01-01&end_date=2040-01-01",
        "/v1/nothing",
    ] {
        bench.get(target);
    }
    for person in &people {
        let path = format!("/v1/company/employees/{}", person["id"]);
        is(&bench.get(&path), 200);
        bench.get(&format!("{path}/profile-picture/64"));
    }
    let person = json!({"email": "neu@acme.example", "first_name": "A", "last_name": "B", "hire_date": "2026-01-01"});
    is(&bench.post("/v1/company/employees", &person), 200);
    is(&bench.post("/v1/company/employees", &json!({})), 422);
    let path = format!("/v1/company/employees/{}", people[0]["id"]);
    is(&bench.send("PATCH", &path, &json!({"position": "Chef"})), 200);
    is(&bench.send("DELETE", &path, &Value::Null), 405);
    is(&bench.post("/v1/auth", &json!({"client_id": "x", "client_secret": "y"})), 401);
    let running =
        json!({"employee_id": people[0]["id"], "date": "2026-06-15", "start_time": "08:00", "end_time": null});
    bench.handle.add_attendance(&running).unwrap();
    bench.get("/v1/company/attendances?start_date=2026-06-15&end_date=2026-06-15");
    let limits = Limits { limit: 1, ..Limits::default() };
    let mut bench = Bench::of(|config| Config { rate_limit: RateLimit::On(limits), ..guide(config) });
    bench.get("/v1/company/employees");
    is(&bench.get("/v1/company/employees"), 429);
    bench.token = String::new();
    is(&bench.get("/v1/company/employees"), 401);
}
