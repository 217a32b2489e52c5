//! The class of attributes as admins name them.

use gangway_domain::schema::{AttributeClass, AttributeType, DiscoveredAttribute};

use super::{classify, classify::UNSURE};

pub(super) fn custom(label: &str) -> DiscoveredAttribute {
    DiscoveredAttribute {
        key: "dynamic_305".to_owned(),
        label: label.to_owned(),
        kind: AttributeType::Text,
        universal_id: None,
        options: Vec::new(),
        is_custom: true,
        canonical_field: None,
    }
}

pub(super) fn class(label: &str) -> AttributeClass {
    classify(&custom(label)).0
}

#[test]
fn what_law_or_sense_protects_is_sensitive_in_english_and_german() {
    for label in [
        "Salary",
        "Fix salary",
        "Gehalt",
        "Grundgehalt (brutto)",
        "Gehaltsgruppe",
        "Lohnsteuerklasse",
        "Stundenlohn",
        "Bonus",
        "Start bonus",
        "Pay grade",
        "IBAN",
        "Bank account",
        "Bankverbindung",
        "BIC",
        "Kontonummer",
        "Date of birth",
        "Geburtsdatum",
        "Geburtsort",
        "Age",
        "Home address",
        "Anschrift",
        "Straße und Hausnummer",
        "PLZ",
        "Private phone",
        "Private E-Mail",
        "Handy (privat)",
        "Krankenkasse",
        "Health insurance",
        "Schwerbehinderung",
        "Grad der Behinderung",
        "GdB",
        "Disability",
        "Allergies",
        "Religion",
        "Konfession",
        "Kirchensteuer",
        "Kirchensteuermerkmal",
        "Nationality",
        "Nationalität",
        "Staatsangehörigkeit",
        "Work permit valid until",
        "Aufenthaltstitel",
        "Visa",
        "Steuer-ID",
        "Tax ID",
        "Sozialversicherungsnummer",
        "SV-Nummer",
        "Social security number",
        "Passport number",
        "Personalausweis",
        "Marital status",
        "Familienstand",
        "Children",
        "Anzahl Kinder",
        "Kinderfreibetrag",
        "Emergency contact",
        "Notfallkontakt",
        "Ethnicity",
        "Migrationshintergrund",
        "Trade union member",
        "Gewerkschaft",
        "Sexual orientation",
        "Pronouns",
        "Führungszeugnis",
        "Performance rating",
        "Kündigungsgrund",
    ] {
        assert_eq!(class(label), AttributeClass::Sensitive, "{label}");
    }
}

#[test]
fn what_is_plainly_about_work_is_standard() {
    for label in [
        "T-Shirt size",
        "T-Shirt-Größe",
        "Hoodie size",
        "LinkedIn",
        "LinkedIn profile",
        "Badge number",
        "Personalnummer",
        "Personnel number",
        "Employee ID",
        "Language skills",
        "Sprachkenntnisse",
        "Laptop",
        "Laptop serial number",
        "Desk number",
        "Parkplatz",
        "Job title",
        "Squad",
        "Buddy",
        "GitHub username",
        "Office floor",
        "Kostenstelle",
        "Probation period end",
        "Work schedule",
    ] {
        assert_eq!(class(label), AttributeClass::Standard, "{label}");
    }
}

#[test]
fn anything_else_is_sensitive_because_nobody_can_be_sure() {
    for label in [
        "",
        "Notes",
        "Bemerkung",
        "Sonstiges",
        "XJ-12",
        "Number",
        "ID",
        "Hobby",
        "備考",
        "Shirt and shoe preferences of the spouse's cat",
    ] {
        assert_eq!(class(label), AttributeClass::Sensitive, "{label}");
    }
    assert_eq!(classify(&custom("Hobby")).1, UNSURE);
}

#[test]
fn free_text_is_never_harmless() {
    for kind in [AttributeType::Multiline, AttributeType::Object, AttributeType::Unknown] {
        assert_eq!(classify(&DiscoveredAttribute { kind, ..custom("Laptop") }).0, AttributeClass::Sensitive);
    }
}

#[test]
fn the_vendors_universal_name_beats_a_harmless_label() {
    let attribute = DiscoveredAttribute { universal_id: Some("iban".to_owned()), ..custom("Badge number") };
    assert_eq!(classify(&attribute).0, AttributeClass::Sensitive);
    let attribute = DiscoveredAttribute { universal_id: Some("date_of_birth".to_owned()), ..custom("Start date") };
    assert_eq!(classify(&attribute).0, AttributeClass::Sensitive);
}

#[test]
fn the_vendors_own_names_are_read_too() {
    let own = |key: &str| DiscoveredAttribute { key: key.to_owned(), is_custom: false, ..custom(key) };
    for key in ["fix_salary", "fix_salary_interval", "hourly_salary", "termination_reason", "absence_entitlement"] {
        assert_eq!(classify(&own(key)).0, AttributeClass::Sensitive, "{key}");
    }
    for key in ["holiday_calendar", "work_schedule", "probation_period_end", "last_modified_at"] {
        assert_eq!(classify(&own(key)).0, AttributeClass::Standard, "{key}");
    }
}

#[test]
fn canonical_fields_are_standard() {
    let attribute = DiscoveredAttribute { canonical_field: Some("email".to_owned()), ..custom("Email") };
    assert_eq!(classify(&attribute).0, AttributeClass::Standard);
}
