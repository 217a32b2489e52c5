//! What the account looks like in another version of the vendor's API.

use gangway_connector::{ReadPage, SourceRecord};
use gangway_domain::record::ExternalId;
use serde_json::json;

use super::vendor::{Account, Object};

/// A version of the API.
pub(super) const ONE: &str = "one";
/// Another one.
pub(super) const TWO: &str = "two";
/// Absences of [`TWO`].
const SOURCE_OF_TWO: &str = "fake.v2";

impl Account {
    /// The same as [`TWO`] shows it: absences by halves, under other names; employees under the same, with less.
    pub(super) fn show_in_two(&self, object: &Object) -> Vec<SourceRecord> {
        let mut shown = object.clone();
        if object.employee.is_none() {
            shown.fields.remove("first_name");
            shown.fields.insert("last_name".to_owned(), json!("PERSON"));
            shown.attributes.remove("dynamic_1");
            return vec![self.show(&shown)];
        }
        let half = |half: &str| {
            let mut record = self.show(object);
            record.external = ExternalId { source: SOURCE_OF_TWO.to_owned(), id: format!("{}-{half}", object.id) };
            record
        };
        vec![half("a"), half("b")]
    }

    /// The version that a page is read through.
    pub(super) fn version(&self, request: &ReadPage) -> Option<&'static str> {
        let preferred = self.versions.iter().find(|version| Some(**version) == request.api_version.as_deref());
        let mut versions = preferred.into_iter().chain(&self.versions);
        versions.find(|version| !self.ended.contains(version)).copied()
    }
}
