//! Absence periods as a caller sees them, and what version 1 sees of them.

use serde_json::{Value, json};

use crate::testing::body;
use crate::v2::testing::{V2, refusal};

const PATH: &str = "/v2/absence-periods";

/// The UUID of a type by its place in the company.
fn kind(v2: &V2, place: usize) -> Value {
    v2.all("/v2/absence-types")[place]["id"].clone()
}

const VACATION: usize = 0;
const SICK: usize = 1;
const IN_HOURS: usize = 5;

fn absence(v2: &V2, place: usize, start: &str, end: &str) -> Value {
    json!({
        "person": {"id": v2.person_ids()[0]}, "absence_type": {"id": kind(v2, place)},
        "starts_from": {"date_time": start, "type": "FIRST_HALF"}, "ends_at": {"date_time": end, "type": "SECOND_HALF"},
    })
}

fn with(mut base: Value, more: &Value) -> Value {
    base.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    base
}

fn made(v2: &V2, given: &Value) -> String {
    let answer = v2.send("POST", PATH, given);
    assert_eq!(answer.status, 201, "{given} {:?}", answer.body);
    format!("{PATH}/{}", body(&answer)["id"].as_str().unwrap())
}

#[test]
fn types_have_ids_of_their_own() {
    let v2 = V2::new();
    let types = v2.all("/v2/absence-types?limit=3");
    assert_eq!(types.len(), 7);
    assert_eq!((&types[VACATION]["unit"], &types[IN_HOURS]["unit"]), (&json!("DAILY"), &json!("HOURLY")));
    assert_eq!(v2.ok(&format!("/v2/absence-types/{}", types[2]["id"].as_str().unwrap())), types[2]);
}

#[test]
fn absences_are_those_of_version_1_with_an_exclusive_end() {
    let v2 = V2::new();
    let shown = v2.all(&format!("{PATH}?limit=60"));
    let absences = v2.bench.handle.absences();
    assert_eq!(shown.len(), absences.len());
    for (shown, absence) in shown.iter().zip(&absences) {
        assert_eq!(shown["person"]["id"], absence.employee_id.to_string());
        assert_eq!(shown["starts_from"]["date_time"], format!("{}T00:00:00", absence.start_date));
        let after = absence.end_date.succ_opt().unwrap();
        assert_eq!(shown["ends_at"]["date_time"], format!("{after}T00:00:00"));
        assert_eq!(shown["approval"]["status"], absence.status.to_uppercase());
        assert_eq!(shown["timezone_id"], "Europe/Berlin");
        if shown["absence_type"]["id"] != kind(&v2, IN_HOURS) {
            let halves = (&shown["starts_from"]["type"], &shown["ends_at"]["type"]);
            let start = if absence.half_day_start { "SECOND_HALF" } else { "FIRST_HALF" };
            let end = if absence.half_day_end { "FIRST_HALF" } else { "SECOND_HALF" };
            assert_eq!(halves, (&json!(start), &json!(end)));
        }
    }
    assert_eq!(v2.ok(&format!("{PATH}/{}", shown[7]["id"].as_str().unwrap())), shown[7]);
    let v1 = v2.bench.ok("/v1/company/time-offs?limit=200");
    let told = |item: &Value| item["attributes"]["id_v2"].clone();
    assert!(v1["data"].as_array().unwrap().iter().zip(&shown).all(|(item, shown)| told(item) == shown["id"]));
    let v1 = v2.bench.ok("/v1/company/time-off-types");
    assert_eq!(told(&v1["data"][SICK]), kind(&v2, SICK));
    assert_eq!(v2.get(&format!("{PATH}?limit=101")).status, 400);
}

#[test]
fn each_filter_narrows_the_list() {
    let v2 = V2::new();
    v2.bench.advance_s(60);
    let absences = v2.bench.handle.absences();
    let n = |query: &str| v2.all(&format!("{PATH}?{query}")).len();
    let one = &absences[5];
    v2.bench.handle.change_absence(one.id, &json!({"comment": "neu"})).unwrap();
    let person = one.employee_id;
    assert_eq!(n(&format!("person.id={person}")), absences.iter().filter(|a| a.employee_id == person).count());
    let type_id = v2.all(&format!("{PATH}?updated_at.gte=2026-06-15T10:01:00"))[0]["absence_type"]["id"].clone();
    let of_type = absences.iter().filter(|a| a.time_off_type_id == one.time_off_type_id).count();
    assert_eq!(n(&format!("absence_type.id={}", type_id.as_str().unwrap())), of_type);
    let day = one.start_date;
    let from = absences.iter().filter(|a| a.start_date >= day).count();
    assert_eq!(n(&format!("starts_from.date_time.gte={day}T00:00:00")), from);
    let to = absences.iter().filter(|a| a.end_date < day).count();
    assert_eq!(n(&format!("ends_at.date_time.lte={day}T00:00:00")), to);
    assert_eq!((n("updated_at.gte=2026-06-15T10:01:00"), n("updated_at.gte=2026-06-15T08:01:00Z")), (1, 1));
    assert_eq!((n("person.id=x"), n("absence_type.id=x")), (0, 0));
    for bad in ["starts_from.date_time.gte=soon", "ends_at.date_time.lte=2026-01-01", "updated_at.lte=1"] {
        assert_eq!(refusal(&v2.get(&format!("{PATH}?{bad}"))).0, 400, "{bad}");
    }
}

#[test]
fn a_written_absence_waits_for_its_approval_unless_that_is_skipped() {
    let v2 = V2::new();
    let vacation = made(&v2, &absence(&v2, VACATION, "2027-03-01T00:00:00", "2027-03-06T00:00:00"));
    assert_eq!(v2.ok(&vacation)["approval"]["status"], "PENDING");
    let last = v2.bench.handle.absences().pop().unwrap();
    assert_eq!((last.end_date.to_string(), last.days_count), ("2027-03-05".to_owned(), 5.0));
    let id = last.id;
    assert_eq!(v2.bench.ok(&format!("/v1/company/time-offs/{id}"))["data"]["attributes"]["status"], "pending");

    let given = absence(&v2, VACATION, "2027-04-01T00:00:00", "2027-04-02T00:00:00");
    let skipped = v2.send("POST", &format!("{PATH}?skip_approval=true"), &given);
    assert_eq!(body(&skipped)["approval"]["status"], "APPROVED");
    let sick = made(&v2, &absence(&v2, SICK, "2027-05-03T00:00:00", "2027-05-04T00:00:00"));
    assert_eq!(v2.ok(&sick)["approval"]["status"], "APPROVED", "nobody approves these");
}

#[test]
fn halves_hours_and_no_end_are_kept() {
    let v2 = V2::new();
    let half = json!({"starts_from": {"date_time": "2027-03-01T00:00:00", "type": "SECOND_HALF"}});
    let half = made(&v2, &with(absence(&v2, SICK, "", "2027-03-02T00:00:00"), &half));
    assert_eq!(v2.ok(&half)["starts_from"]["type"], "SECOND_HALF");
    let breakdown = v2.ok(&format!("{half}/breakdowns"));
    assert_eq!(
        breakdown["_data"],
        json!([{"date": "2027-03-01", "effective_duration": {"unit": "DAY", "value": 0.5}}])
    );

    let hours = made(&v2, &absence(&v2, IN_HOURS, "2027-03-02T09:00:00", "2027-03-02T11:30:00"));
    let shown = v2.ok(&hours);
    assert_eq!(shown["ends_at"], json!({"date_time": "2027-03-02T11:30:00"}));
    assert_eq!(
        v2.ok(&format!("{hours}/breakdowns"))["_data"][0]["effective_duration"],
        json!({"unit": "HOUR", "value": 2.5})
    );
    let id = v2.bench.handle.absences().pop().unwrap().id;
    v2.bench.handle.change_absence(id, &json!({"end_date": "2027-03-03"})).unwrap();
    assert_eq!(v2.ok(&hours)["ends_at"]["date_time"], "2027-03-04T00:00:00", "the hours no longer fit");

    let open = made(&v2, &with(absence(&v2, SICK, "2027-06-01T00:00:00", ""), &json!({"ends_at": null})));
    assert_eq!(v2.ok(&open)["ends_at"], Value::Null);
    assert_eq!(v2.send("PATCH", &open, &json!({"ends_at": {"date_time": "2027-06-03T00:00:00"}})).status, 204);
    assert_eq!(v2.ok(&open)["ends_at"]["date_time"], "2027-06-03T00:00:00");
}

#[test]
fn an_absence_that_cannot_be_is_refused() {
    let v2 = V2::new();
    let week = absence(&v2, VACATION, "2027-03-01T00:00:00", "2027-03-06T00:00:00");
    made(&v2, &week);
    let before = v2.bench.handle.absences();
    let day = |start: &str, end: &str| absence(&v2, VACATION, start, end);
    let one_day = day("2027-05-03T00:00:00", "2027-05-04T00:00:00");
    let halves = json!({
        "starts_from": {"date_time": "2027-05-03T00:00:00", "type": "SECOND_HALF"},
        "ends_at": {"date_time": "2027-05-04T00:00:00", "type": "FIRST_HALF"},
    });
    for (given, status) in [
        (json!([]), 400),
        (json!({}), 400),
        (with(one_day.clone(), &json!({"starts_from": null})), 400),
        (day("2027-05-03T00:00:00Z", "2027-05-04T00:00:00"), 400),
        (with(one_day.clone(), &json!({"ends_at": {"date_time": "2027-05-04T00:00:00", "type": "HALF"}})), 400),
        (with(one_day.clone(), &json!({"person": {"id": "1"}})), 422),
        (with(one_day.clone(), &json!({"absence_type": {"id": "1"}})), 422),
        (day("2027-05-03T00:00:00", "2027-05-03T00:00:00"), 422),
        (day("2027-05-03T09:00:00", "2027-05-04T00:00:00"), 422),
        (with(one_day, &halves), 422),
        (week, 409),
        (day("2027-03-05T00:00:00", "2027-03-07T00:00:00"), 409),
    ] {
        assert_eq!(refusal(&v2.send("POST", PATH, &given)).0, status, "{given}");
    }
    assert_eq!(v2.bench.handle.absences(), before);
    made(&v2, &day("2027-03-06T00:00:00", "2027-03-08T00:00:00"));
}

#[test]
fn a_change_and_a_removal_say_nothing() {
    let v2 = V2::new();
    let path = made(&v2, &absence(&v2, SICK, "2027-03-01T00:00:00", "2027-03-06T00:00:00"));
    let longer = json!({"ends_at": {"date_time": "2027-03-13T00:00:00", "type": "SECOND_HALF"}, "comment": "länger"});
    let answer = v2.send("PATCH", &path, &longer);
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    let shown = v2.ok(&path);
    assert_eq!((&shown["ends_at"]["date_time"], &shown["comment"]), (&json!("2027-03-13T00:00:00"), &json!("länger")));
    let breakdown = v2.all(&format!("{path}/breakdowns?limit=4"));
    assert_eq!(breakdown.len(), 10, "weekends do not count");
    assert_eq!(v2.send("DELETE", &path, &Value::Null).status, 204);
    assert_eq!((v2.get(&path).status, v2.send("DELETE", &path, &Value::Null).status), (404, 404));
}
