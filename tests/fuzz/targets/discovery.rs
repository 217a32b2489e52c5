//! Lists of attributes, and what is made of them.

use gangway_connector::DiscoverRequest;
use gangway_egress::Class;

use super::{
    Target, texts,
    vendor::{Account, assert_discreet, now, status},
    way,
};

pub(super) const TARGET: Target = Target { name: "discovery", seeds, run };

/// The first byte says with which status the list is answered.
fn seeds() -> Vec<Vec<u8>> {
    texts(&[
        r#"A{"success":true,"data":[{"key":"first_name","label":"First name","type":"standard","universal_id":"first_name"},{"key":"dynamic_1","label":"Gehalt","type":"decimal","universal_id":null,"options":[]},{"key":"dynamic_2","label":"Shirt size","type":"list","options":["S","M",{"value":"L"}]}]}"#,
        r#"A{"success":true,"data":{"first_name":{"label":"Vorname","type":"standard"},"dynamic_3":{"label":"Naissance","type":"date"}}}"#,
        r#"A{"success":true,"data":[{"type":"Employee","attributes":{"id":{"label":"ID","value":1,"type":"integer","universal_id":"id"},"dynamic_9":{"label":"IBAN","value":"x","type":"standard"}}}]}"#,
        r#"A["first_name","last_name"]"#,
        r#"A{"success":false,"error":{"code":0,"message":"no"}}"#,
    ])
}

fn run(input: &[u8]) -> u64 {
    let (number, body) = input.split_first().map_or((0, input), |(number, body)| (*number, body));
    let account = Account::get();
    account.answers(status(number), "application/json", body);
    let discovery = account.connection.discovery().expect("Personio lists attributes");
    match now(discovery.discover(DiscoverRequest::new(Class::Interactive))) {
        Ok(catalogue) => {
            let mut classes = Vec::new();
            for attribute in &catalogue.attributes {
                assert!(!attribute.key.is_empty() && !attribute.key.contains('\0'), "{attribute:?}");
                assert!(attribute.label.chars().count() <= 500 && !attribute.label.contains('\0'), "{attribute:?}");
                let (class, reason) = gangway_app::attributes::classify(attribute);
                classes.push((format!("{class:?}"), reason.len(), format!("{:?}", attribute.kind)));
            }
            classes.sort_unstable();
            classes.dedup();
            way((format!("{:?}", catalogue.method), classes))
        }
        Err(error) => {
            assert_discreet(&format!("{error} {error:?}"));
            way((format!("{:?}", error.kind), &error.message))
        }
    }
}
