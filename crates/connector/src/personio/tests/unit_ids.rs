//! Units called by their ids alone: version 2 takes ids, and for version 1 they become names.

use std::sync::Arc;

use gangway_egress::Response;
use serde_json::{Value, json};

use super::{
    super::ApiVersion,
    v2_attendances::problem,
    v2_writes::{
        begun, employment, employment_alone, person, pointers, sent, token, units, update, v1_changed, v1_employee,
    },
    vendor::{self, Script, answer, list},
    writes::sent_body,
};
use crate::contract::{ErrorKind, Outcome, WriteError, Written};

type Ended = (Result<Written, WriteError>, Arc<Script>);

#[tokio::test]
async fn version_2_takes_an_id_that_its_list_has() {
    let twins = || units(&[("40", "Sales"), ("41", "Sales")]);
    let shown = || employment_alone(&json!({"org_units": [{"type": "department", "id": "41"}]}));
    for wanted in [json!({"id": "41"}), json!({"id": "41", "name": null}), json!({"id": "41", "name": "Sales"})] {
        let answers = [twins(), employment(&json!({})), answer(204, ""), person(&json!({})), shown(), twins()];
        let (written, script) = update(ApiVersion::V2, begun(answers), &json!({"department": wanted.clone()})).await;
        assert_eq!(written.unwrap().outcomes["department"], Outcome::Kept, "{wanted}");
        let sent = sent_body(&script, 3);
        assert!(sent["org_units"].as_array().unwrap().contains(&json!({"type": "department", "id": "41"})), "{sent}");
    }
    let centers = || units(&[("1", "A"), ("2", "B")]);
    let shares = json!([{"id": "1", "percentage": 60}, {"name": "B", "percentage": 40}]);
    let kept = employment_alone(
        &json!({"org_units": [], "cost_centers": [{"id": "1", "weight": 60}, {"id": "2", "weight": 40}]}),
    );
    let answers = [centers(), employment(&json!({})), answer(204, ""), person(&json!({})), kept, centers()];
    let (written, _) = update(ApiVersion::V2, begun(answers), &json!({"cost_centers": shares})).await;
    assert_eq!(written.unwrap().outcomes["cost_centers"], Outcome::Kept);

    // A name is no id, and what no list has is not sent.
    for wanted in [json!({"id": "Sales"}), json!({"id": "99"}), json!({"id": "41", "name": "Support"})] {
        let (refused, script) = update(ApiVersion::V2, begun([twins()]), &json!({"department": wanted.clone()})).await;
        let Err(WriteError::Invalid(problems)) = refused else { panic!("{wanted}: {refused:?}") };
        assert_eq!((pointers(&problems), sent(&script).len()), (vec!["/fields/department"], 2), "{wanted}");
    }
}

fn staff(id: u64, units: &Value) -> Value {
    let mut attributes = json!({"id": {"value": id}});
    for (key, unit) in units.as_object().unwrap() {
        attributes[key] = json!({"value": {"type": "Unit", "attributes": {"id": unit[0], "name": unit[1]}}});
    }
    json!({"type": "Employee", "attributes": attributes})
}

async fn by_v1(fields: &Value, answers: impl IntoIterator<Item = Response>) -> Ended {
    let answers = std::iter::once(vendor::token("b")).chain(answers);
    update(ApiVersion::V1, Script::new(answers), fields).await
}

#[tokio::test]
async fn version_1_is_given_the_name_that_its_employees_show() {
    let fields =
        json!({"department": {"id": "40"}, "legal_entity": {"id": "3"}, "office": {"name": "Berlin", "id": "9"}});
    let first = list(&json!([staff(1, &json!({"department": ["40", "Sales"], "subcompany": [4, "GmbH"]}))]));
    let second = list(&json!([staff(2, &json!({"department": ["41", "Support"], "subcompany": [3, "Ltd"]}))]));
    let shown = v1_employee(&json!({
        "department": {"type": "Department", "attributes": {"id": 40, "name": "Sales"}},
        "subcompany": {"type": "Subcompany", "attributes": {"id": 3, "name": "Ltd"}}, "office": "Berlin",
    }));
    let (written, script) = by_v1(&fields, [first, second, v1_changed(), shown]).await;
    let written = written.unwrap();
    assert!(written.outcomes.values().all(|outcome| *outcome == Outcome::Kept), "{written:?}");
    let body = json!({"employee": {"department": "Sales", "subcompany": "Ltd", "office": "Berlin"}});
    assert_eq!(sent_body(&script, 3), body, "a name that is given counts, whatever the id beside it");
    let asked = script.sent.lock().unwrap()[2].query.clone();
    assert!(asked.contains(&("offset".to_owned(), "1".to_owned())), "{asked:?}");
    let attributes: Vec<_> = asked.iter().filter(|(key, _)| key == "attributes[]").map(|(_, value)| value).collect();
    assert_eq!(attributes, ["id", "subcompany"], "what is found is not asked for again");
}

#[tokio::test]
async fn an_id_that_nobody_has_is_refused_before_anything_is_sent() {
    let fields = json!({"department": {"id": "99"}});
    let page = |id: u64| list(&json!([staff(id, &json!({"department": ["40", "Sales"]}))]));
    let (refused, script) = by_v1(&fields, [page(1), list(&json!([]))]).await;
    let Err(WriteError::Invalid(problems)) = refused else { panic!("{refused:?}") };
    assert_eq!((pointers(&problems), sent(&script).len()), (vec!["/fields/department"], 3));
    assert!(problems[0].message.contains("`name`"), "{problems:?}");
    // A list without an end is left after ten pages.
    let (refused, script) = by_v1(&fields, (0..50).map(page)).await;
    assert!(matches!(refused, Err(WriteError::Invalid(_))), "{refused:?}");
    assert_eq!(sent(&script).len(), 11);
    let (refused, _) = by_v1(&fields, [answer(500, "")]).await;
    assert!(matches!(&refused, Err(WriteError::Refused { error, .. }) if error.kind == ErrorKind::Unavailable));
    // What is wrong beside it needs no look.
    for wrong in [json!({"position": 7}), json!({"team": {"id": "4"}}), json!({"email": "neu@example.org"})] {
        let mut wrong = wrong;
        wrong["department"] = json!({"id": "40"});
        let (refused, script) = by_v1(&wrong, []).await;
        assert!(matches!(&refused, Err(WriteError::Invalid(problems)) if problems.len() == 1), "{refused:?}");
        assert!(sent(&script).is_empty());
    }
}

#[tokio::test]
async fn auto_looks_in_the_lists_of_version_2_first() {
    let fields = json!({"department": {"id": "40"}});
    let shown = || v1_employee(&json!({"department": {"id": 40, "name": "Sales"}}));
    let answers = [token(), units(&[("40", "Sales")]), vendor::token("b"), v1_changed(), shown()];
    let (written, script) = update(ApiVersion::Auto, Script::new(answers), &fields).await;
    assert_eq!(written.unwrap().outcomes["department"], Outcome::Kept);
    assert_eq!(sent(&script)[1], "GET /v2/org-units");
    assert_eq!(sent_body(&script, 3), json!({"employee": {"department": "Sales"}}));

    // An id that means another unit in version 1 does not go unseen.
    let another = v1_employee(&json!({"department": {"id": 77, "name": "Sales"}}));
    let answers = [token(), units(&[("40", "Sales")]), vendor::token("b"), v1_changed(), another];
    let (written, _) = update(ApiVersion::Auto, Script::new(answers), &fields).await;
    assert_eq!(written.unwrap().outcomes["department"], Outcome::Ignored);

    // Nothing of a change that has an address too is sent before the unit is found.
    let both = json!({"department": {"id": "99"}, "email": "neu@example.org"});
    let answers = [token(), units(&[("40", "Sales")]), vendor::token("b"), list(&json!([]))];
    let (refused, script) = update(ApiVersion::Auto, Script::new(answers), &both).await;
    let Err(WriteError::Invalid(problems)) = refused else { panic!("{refused:?}") };
    assert_eq!(pointers(&problems), ["/fields/department"]);
    assert!(sent(&script).iter().all(|call| !call.starts_with("PATCH")));

    // Where they do not have it, or are not given to the credential, employees may.
    let employees = || list(&json!([staff(1, &json!({"department": ["40", "Sales"]}))]));
    let no_grant = answer(400, json!({"error": "invalid_client"}).to_string());
    for answers in [vec![token(), units(&[])], vec![token(), problem(403)], vec![no_grant]] {
        let answers = answers.into_iter().chain([vendor::token("b"), employees(), v1_changed(), shown()]);
        let (written, script) = update(ApiVersion::Auto, Script::new(answers), &fields).await;
        assert_eq!(written.unwrap().outcomes["department"], Outcome::Kept);
        let body = sent_body(&script, sent(&script).len() - 2);
        assert_eq!(body, json!({"employee": {"department": "Sales"}}));
    }
    let (refused, script) = update(ApiVersion::Auto, begun([answer(502, "")]), &fields).await;
    assert!(matches!(&refused, Err(WriteError::Refused { error, .. }) if error.kind == ErrorKind::Unavailable));
    assert!(sent(&script).iter().all(|call| !call.starts_with("PATCH")));
}
