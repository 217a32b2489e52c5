//! Which attributes a canonical field might be fed by: those that the vendor's universal id names so, then those whose label
//! does, in six languages.
//!
//! Pure. A suggestion changes nothing: the tenant takes it up or does not.

use std::{collections::BTreeMap, sync::LazyLock};

use gangway_domain::mapping::{FieldKind, Mapping};

use super::{
    field_names::NAMES,
    transform::{Fit, compatibility},
};
use crate::attributes::{Attribute, words};

/// Why an attribute is suggested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SuggestedBy {
    /// The vendor calls it so in every account.
    UniversalId,
    /// Its label does.
    Label,
}

/// An attribute that might feed a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The attribute.
    pub attribute: Attribute,
    /// Why it is suggested.
    pub by: SuggestedBy,
    /// How well its type suits the field.
    pub fit: Fit,
}

/// The candidates for a field, the best first: those that feed no other field and whose type can fit.
pub(super) fn candidates(field: &str, kind: FieldKind, attributes: &[Attribute], mapping: &Mapping) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = attributes
        .iter()
        .filter(|attribute| attribute.removed_at.is_none())
        .filter(|attribute| mapping.field_of(&attribute.key, attribute.canonical_field.as_deref()).is_none())
        .filter_map(|attribute| {
            let fit = compatibility(attribute.kind, kind);
            let by = if attribute.universal_id.as_deref().is_some_and(|id| means(id, field)) {
                SuggestedBy::UniversalId
            } else if means(&attribute.label, field) {
                SuggestedBy::Label
            } else {
                return None;
            };
            (fit != Fit::Never).then(|| Candidate { attribute: attribute.clone(), by, fit })
        })
        .collect();
    // Stable: among equals the vendor's order counts.
    found.sort_by_key(|candidate| (candidate.by, std::cmp::Reverse(candidate.fit)));
    found
}

/// Whether a text is a name of the field.
fn means(text: &str, field: &str) -> bool {
    let spoken = words(text).join(" ");
    FIELDS.get(&spoken).is_some_and(|fields| fields.contains(&field))
}

static FIELDS: LazyLock<BTreeMap<String, Vec<&'static str>>> = LazyLock::new(|| {
    let mut fields: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
    for (field, names) in NAMES {
        // A field's own name is among those that vendors use.
        for name in names.split(';').chain([*field]) {
            let of_name = fields.entry(words(name).join(" ")).or_default();
            if !of_name.contains(field) {
                of_name.push(field);
            }
        }
    }
    fields
});

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use gangway_domain::{
        id::{AttributeId, ConnectionId},
        mapping::{Feed, MAPPABLE_FIELDS, MappedField, field_kind},
        record::Stream,
        schema::{AttributeClass, AttributeType},
    };
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn attribute(key: &str, label: &str, kind: AttributeType) -> Attribute {
        Attribute {
            id: AttributeId::from_uuid(Uuid::nil()),
            connection: ConnectionId::from_uuid(Uuid::nil()),
            stream: Stream::Employees,
            key: key.to_owned(),
            label: label.to_owned(),
            kind,
            universal_id: None,
            options: Vec::new(),
            is_custom: true,
            canonical_field: None,
            class: AttributeClass::Standard,
            class_reason: String::new(),
            selected: true,
            position: 0,
            first_seen_at: DateTime::<Utc>::UNIX_EPOCH,
            last_seen_at: DateTime::<Utc>::UNIX_EPOCH,
            removed_at: None,
            restricted_at: None,
        }
    }

    fn nobody_said() -> Mapping {
        Mapping::built_in(ConnectionId::from_uuid(Uuid::nil()))
    }

    fn keys(field: &str, attributes: &[Attribute], mapping: &Mapping) -> Vec<(String, SuggestedBy)> {
        candidates(field, field_kind(field).unwrap(), attributes, mapping)
            .into_iter()
            .map(|candidate| (candidate.attribute.key, candidate.by))
            .collect()
    }

    #[test]
    fn labels_are_understood_in_six_languages_with_and_without_accents() {
        for (field, labels) in [
            (
                "cost_centers",
                [
                    "Kostenstelle",
                    "Cost centre",
                    "Centre de coûts",
                    "Centro de coste",
                    "Centro di costo",
                    "Kostenplaats",
                ],
            ),
            (
                "hire_date",
                [
                    "Eintrittsdatum",
                    "Start date",
                    "Date d\u{2019}entrée",
                    "Fecha de contratacion",
                    "Data di assunzione",
                    "Datum indiensttreding",
                ],
            ),
            (
                "position",
                ["Stellenbezeichnung", "Job title", "Intitulé du poste", "Puesto", "Mansione", "Functietitel"],
            ),
            (
                "supervisor",
                [
                    "Führungskraft",
                    "Line manager",
                    "Supérieur hiérarchique",
                    "Jefe directo",
                    "Responsabile",
                    "Leidinggevende",
                ],
            ),
            ("office", ["Buero", "Work location", "Lieu de travail", "Centro de trabajo", "Sede", "Vestiging"]),
            (
                "weekly_hours",
                [
                    "Wochenstunden",
                    "WeeklyHours",
                    "Heures hebdomadaires",
                    "Horas semanales",
                    "Ore settimanali",
                    "Uren per week",
                ],
            ),
            ("gender", ["Geschlecht", "Gender", "Genre", "Género", "Genere", "Geslacht"]),
        ] {
            for label in labels {
                let known = [attribute("dynamic_1", label, AttributeType::Text)];
                assert_eq!(
                    keys(field, &known, &nobody_said()),
                    [("dynamic_1".to_owned(), SuggestedBy::Label)],
                    "{label}"
                );
            }
        }
    }

    #[test]
    fn the_universal_id_goes_before_the_label_and_the_better_type_before_the_other() {
        let mut named = attribute("dynamic_3", "Von", AttributeType::Text);
        named.universal_id = Some("hire_date".to_owned());
        let known = [
            attribute("dynamic_1", "Start date", AttributeType::Text),
            attribute("dynamic_2", "Hire date", AttributeType::Date),
            named,
        ];
        let expected = [
            ("dynamic_3", SuggestedBy::UniversalId),
            ("dynamic_2", SuggestedBy::Label),
            ("dynamic_1", SuggestedBy::Label),
        ];
        assert_eq!(keys("hire_date", &known, &nobody_said()), expected.map(|(key, by)| (key.to_owned(), by)));
    }

    #[test]
    fn what_feeds_a_field_already_is_gone_or_never_fits_is_not_suggested() {
        let known = [attribute("dynamic_1", "Start date", AttributeType::Date)];
        let mut mapping = nobody_said();
        let feed = Feed::Attribute("dynamic_1".to_owned());
        mapping.fields.insert(
            "termination_date".to_owned(),
            MappedField { feed, changed_in: 1, former: Vec::new(), replaced: None },
        );
        assert_eq!(keys("hire_date", &known, &mapping), []);
        let built_in = Attribute { canonical_field: Some("hire_date".to_owned()), ..known[0].clone() };
        assert_eq!(keys("hire_date", &[built_in], &nobody_said()), []);
        let gone = Attribute { removed_at: Some(DateTime::<Utc>::UNIX_EPOCH), ..known[0].clone() };
        assert_eq!(keys("hire_date", &[gone], &nobody_said()), []);
        let tags = Attribute { kind: AttributeType::Tags, ..known[0].clone() };
        assert_eq!(keys("hire_date", &[tags], &nobody_said()), []);
    }

    #[test]
    fn every_field_that_may_be_mapped_has_names_and_no_name_means_two_of_them() {
        for (field, _) in MAPPABLE_FIELDS {
            assert!(NAMES.iter().any(|(named, _)| named == field), "{field}");
        }
        assert_eq!(NAMES.len(), MAPPABLE_FIELDS.len());
        let twice: Vec<_> = FIELDS.iter().filter(|(_, fields)| fields.len() > 1).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }

    proptest! {
        #[test]
        fn no_label_panics(label in any::<String>(), universal_id in any::<Option<String>>()) {
            let mut one = attribute("dynamic_1", &label, AttributeType::Text);
            one.universal_id = universal_id;
            for (field, kind) in MAPPABLE_FIELDS {
                candidates(field, *kind, std::slice::from_ref(&one), &nobody_said());
            }
        }
    }
}
