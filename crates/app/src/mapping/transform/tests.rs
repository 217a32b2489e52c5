//! What fits where.

use gangway_domain::{
    mapping::{FieldKind, MAPPABLE_FIELDS},
    schema::AttributeType,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Fit, compatibility, fit};

const KINDS: [FieldKind; 8] = [
    FieldKind::Text,
    FieldKind::Word,
    FieldKind::Email,
    FieldKind::Date,
    FieldKind::Decimal,
    FieldKind::Reference,
    FieldKind::Person,
    FieldKind::CostCenters,
];

#[track_caller]
fn fits(kind: FieldKind, value: &Value, expected: &Value) {
    assert_eq!(fit(kind, value).as_ref(), Ok(expected), "{kind:?} {value}");
}

#[track_caller]
fn refuses(kind: FieldKind, values: &[Value]) {
    for value in values {
        assert!(fit(kind, value).is_err(), "{kind:?} {value}");
    }
}

#[test]
fn nothing_stays_nothing() {
    for kind in KINDS {
        let nothing = if kind == FieldKind::CostCenters { json!([]) } else { Value::Null };
        for value in [Value::Null, json!(""), json!("  "), json!([]), json!([null]), json!({})] {
            fits(kind, &value, &nothing);
        }
    }
}

#[test]
fn text_is_kept_as_it_is_and_words_are_lowered() {
    fits(FieldKind::Text, &json!(" Head of IT "), &json!(" Head of IT "));
    fits(FieldKind::Text, &json!(7), &json!("7"));
    fits(FieldKind::Text, &json!(["Berlin"]), &json!("Berlin"));
    fits(FieldKind::Text, &json!({"id": 4, "name": "Berlin"}), &json!("Berlin"));
    fits(FieldKind::Word, &json!(" Internal "), &json!("internal"));
    refuses(FieldKind::Text, &[json!(["a", "b"]), json!({"x": 1}), json!([["a"]])]);
}

#[test]
fn dates_are_unambiguous() {
    for text in ["2026-11-24", "2026-11-24T00:00:00+01:00", "2026-11-24 08:00:00", "24.11.2026", " 2026-11-24 "] {
        fits(FieldKind::Date, &json!(text), &json!("2026-11-24"));
    }
    refuses(
        FieldKind::Date,
        &["11/24/2026", "2026-02-30", "0000-00-00", "soon", "2026-11-24x", "24.11.26x", "+12026-01-01"]
            .map(Value::from),
    );
    refuses(FieldKind::Date, &[json!(20_261_124), json!(true)]);
}

#[test]
fn decimals_lose_only_what_says_nothing() {
    for (text, expected) in [
        ("40", "40"),
        ("40.00", "40"),
        ("38,5", "38.5"),
        ("007", "7"),
        ("-0.0", "0"),
        ("-1.50", "-1.5"),
        ("0.1", "0.1"),
    ] {
        fits(FieldKind::Decimal, &json!(text), &json!(expected));
    }
    fits(FieldKind::Decimal, &json!(38.5), &json!("38.5"));
    refuses(FieldKind::Decimal, &["1.234,5", "1e3", "40 h", "--1", ".", "1.", ".5", "٤٠"].map(Value::from));
}

#[test]
fn references_keep_what_is_known_of_id_and_name() {
    fits(FieldKind::Reference, &json!("Berlin"), &json!({"id": null, "name": "Berlin"}));
    fits(FieldKind::Reference, &json!("12"), &json!({"id": null, "name": "12"}));
    fits(FieldKind::Person, &json!("12"), &json!({"id": "12", "name": null}));
    fits(FieldKind::Person, &json!("Ada Example"), &json!({"id": null, "name": "Ada Example"}));
    fits(FieldKind::Person, &json!(12), &json!({"id": "12", "name": null}));
    fits(FieldKind::Reference, &json!({"id": 3, "name": "IT"}), &json!({"id": "3", "name": "IT"}));
    refuses(FieldKind::Reference, &[json!({"x": 1}), json!(true), json!(["a", "b"])]);
}

#[test]
fn cost_centers_are_a_list_whatever_they_come_as() {
    let one = |id: Value, name: Value, percentage: Value| json!({"id": id, "name": name, "percentage": percentage});
    fits(FieldKind::CostCenters, &json!("4711"), &json!([one(Value::Null, json!("4711"), Value::Null)]));
    fits(
        FieldKind::CostCenters,
        &json!(["A", {"id": 1, "name": "B", "percentage": "60,0"}]),
        &json!([one(Value::Null, json!("A"), Value::Null), one(json!("1"), json!("B"), json!("60"))]),
    );
    refuses(FieldKind::CostCenters, &[json!(["A", true]), json!([{"name": "A", "percentage": "most"}])]);
}

#[test]
fn emails_are_addresses() {
    fits(FieldKind::Email, &json!(" Ada@Example.org "), &json!("Ada@Example.org"));
    refuses(FieldKind::Email, &["ada", "@example.org", "ada@", "a b@example.org", "a@b@c"].map(Value::from));
}

#[test]
fn types_that_never_fit_are_known_beforehand() {
    assert_eq!(compatibility(AttributeType::Date, FieldKind::Date), Fit::Exact);
    assert_eq!(compatibility(AttributeType::Text, FieldKind::Date), Fit::Converts);
    for (from, to) in [
        (AttributeType::Tags, FieldKind::Date),
        (AttributeType::Object, FieldKind::Decimal),
        (AttributeType::Date, FieldKind::Reference),
        (AttributeType::Integer, FieldKind::Email),
    ] {
        assert_eq!(compatibility(from, to), Fit::Never, "{from:?} {to:?}");
    }
    for (field, kind) in MAPPABLE_FIELDS {
        assert_ne!(compatibility(AttributeType::Text, *kind), Fit::Never, "{field}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[0-9.,-]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("id|name|label|value|percentage", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Whether a value has the shape that records promise for the field.
fn has_shape(kind: FieldKind, value: &Value) -> bool {
    let is_reference = |value: &Value, members: usize| {
        let object = value.as_object();
        object.is_some_and(|object| {
            object.len() == members && object.values().all(|value| value.is_null() || value.is_string())
        })
    };
    match (kind, value) {
        (FieldKind::CostCenters, Value::Array(items)) => items.iter().all(|item| is_reference(item, 3)),
        (FieldKind::CostCenters, _) => false,
        (_, Value::Null) => true,
        (FieldKind::Reference | FieldKind::Person, value) => is_reference(value, 2),
        (_, value) => value.is_string(),
    }
}

proptest! {
    #[test]
    fn whatever_fits_has_the_fields_shape_and_fits_again(value in any_json()) {
        for kind in KINDS {
            if let Ok(fitted) = fit(kind, &value) {
                prop_assert!(has_shape(kind, &fitted), "{:?} {}", kind, fitted);
                prop_assert_eq!(fit(kind, &fitted), Ok(fitted));
            }
        }
    }

    #[test]
    fn every_date_survives_both_ways_of_writing_it(days in -700_000_i32..2_900_000) {
        let date = chrono::NaiveDate::from_num_days_from_ce_opt(days.clamp(1, 2_900_000)).unwrap();
        let expected = json!(date.to_string());
        fits(FieldKind::Date, &json!(date.format("%Y-%m-%d").to_string()), &expected);
        fits(FieldKind::Date, &json!(date.format("%d.%m.%Y").to_string()), &expected);
    }

    #[test]
    fn every_decimal_keeps_its_value(whole in 0_u64..1_000_000_000, fraction in 0_u32..1_000) {
        let fitted = fit(FieldKind::Decimal, &json!(format!("{whole},{fraction:03}"))).unwrap();
        let expected = format!("{whole}.{fraction:03}");
        prop_assert_eq!(fitted.as_str().unwrap(), expected.trim_end_matches('0').trim_end_matches('.'));
    }
}
