//! `identity.<connector>.…`: how the operator makes itself known to a vendor, in headers that the connector's manifest names.

use std::collections::BTreeMap;

use gangway_connector::{IdentityHeader, Manifest};

use super::reader::Reader;

/// What is sent to the vendor of each connector.
pub(super) fn identity(reader: &mut Reader<'_>) -> BTreeMap<String, Vec<(&'static str, String)>> {
    let registry = gangway_connector::registry();
    let connectors: Vec<_> = registry.list().map(|connector| connector.id()).collect();
    reader.members("identity", "connector", &connectors);
    registry.list().map(|connector| (connector.id().to_owned(), of(reader, &connector.manifest()))).collect()
}

fn of(reader: &mut Reader<'_>, Manifest { id, identity, .. }: &Manifest) -> Vec<(&'static str, String)> {
    let mut set = Vec::new();
    for IdentityHeader { setting, header: _, help, format } in identity {
        let name = format!("identity.{id}.{setting}");
        let cure = format!("write {help}");
        let Some(value) = reader.text(&name, &cure) else { continue };
        if format.takes(&value) {
            set.push((*setting, value));
        } else {
            reader.problem(&name, format!("`{value}` is not what the vendor takes"), &cure);
        }
    }
    set
}

#[cfg(test)]
mod tests {
    use crate::config::{Environment, Overrides, load};

    #[test]
    fn what_an_operator_sets_is_taken_and_the_rest_is_not_sent() {
        let environment = Environment::of([("GANGWAY__IDENTITY__PERSONIO__PARTNER_ID", "ACME_SOFTWARE")]);
        let loaded = load(None, &environment, &Overrides::default());
        assert_eq!(loaded.problems, []);
        assert_eq!(loaded.config.identity["personio"], [("partner_id", "ACME_SOFTWARE".to_owned())]);
        let app_id = loaded.shown.iter().find(|shown| shown.name == "identity.personio.app_id").unwrap();
        assert_eq!(app_id.value, "none");
    }

    #[test]
    fn what_the_vendor_would_not_take_is_refused_with_what_it_would() {
        for wrong in ["Acme", "ACME SOFTWARE", "9ACME", "ACME\r\nX: y", "ÄCME"] {
            let environment = Environment::of([("GANGWAY__IDENTITY__PERSONIO__APP_ID", wrong)]);
            let loaded = load(None, &environment, &Overrides::default());
            let told: Vec<_> =
                loaded.problems.iter().map(|problem| (problem.setting.as_str(), problem.cure.as_str())).collect();
            let cure = "write the application's name in capitals and underscores, like ACME_SYNC";
            assert_eq!(told, [("identity.personio.app_id", cure)], "{wrong}");
        }
        let nobody = Environment::of([("GANGWAY__IDENTITY__NOBODY__APP_ID", "ACME")]);
        assert_eq!(load(None, &nobody, &Overrides::default()).problems.len(), 1);
    }
}
