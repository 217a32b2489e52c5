//! Absence types are read whole, bad ones set aside.

use std::sync::Arc;

use gangway_egress::Class;
use serde_json::{Value, json};

use super::{
    connection,
    vendor::{Script, list, token},
};
use crate::contract::ReadAbsenceTypes;

fn kind(id: usize) -> Value {
    json!({"type": "TimeOffType", "attributes": {"id": id, "name": "Urlaub", "category": "paid_vacation"}})
}

#[tokio::test]
async fn types_are_read_nested_and_flat() {
    let types = json!([
        {"type": "TimeOffType", "attributes": {"id": 5, "id_v2": "0191-bb", "name": "Urlaub", "category": "paid_vacation",
            "unit": "day", "approval_required": 1}},
        {"id": 6, "name": "Gleitzeit", "category": null, "unit": "hour"},
        {"name": "without an id"},
    ]);
    let connection = connection(Arc::new(Script::new([token("a"), list(&types)]))).await;
    let page = connection.source().unwrap().read_absence_types(ReadAbsenceTypes::new(Class::Sweep)).await.unwrap();
    assert!(page.next.is_none());
    assert_eq!((page.types.len(), page.bad.len()), (2, 1));
    let first = &page.types[0];
    assert_eq!((first.external.id.as_str(), first.also[0].id.as_str()), ("5", "0191-bb"));
    assert_eq!((first.name.as_deref(), first.category.as_deref()), (Some("Urlaub"), Some("paid_vacation")));
    assert_eq!((first.unit.as_deref(), first.approval_required), (Some("day"), Some(true)));
    assert_eq!((page.types[1].category.as_deref(), page.types[1].approval_required), (None, None));
}

#[tokio::test]
async fn many_types_are_read_page_by_page() {
    let page = |from: usize, n: usize| list(&(from..from + n).map(kind).collect());
    let connection = connection(Arc::new(Script::new([token("a"), page(0, 100), page(100, 60), page(100, 60)]))).await;
    let mut request = ReadAbsenceTypes::new(Class::Sweep);
    let mut n = 0;
    loop {
        let page = connection.source().unwrap().read_absence_types(request.clone()).await.unwrap();
        n += page.types.len();
        let Some(next) = page.next else { break };
        request = request.with_checkpoint(Some(next));
    }
    assert_eq!(n, 160);
}
