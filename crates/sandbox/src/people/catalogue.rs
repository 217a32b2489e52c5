//! The attributes this company knows: the vendor's standard ones and company-specific `dynamic_NNN`.

use crate::quirks::Language;
use crate::seed::Seed;

use super::org::UnitKind;

/// What an attribute holds, which decides its check and its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Id,
    Text,
    Choice(&'static [&'static str]),
    Hours,
    Date,
    /// A date that the vendor shows without a time.
    PlainDate,
    CreatedAt,
    ModifiedAt,
    Integer,
    Decimal,
    Money,
    List,
    Tags,
    Link,
    Multiline,
    Unit(UnitKind),
    Supervisor,
    CostCenters,
    HolidayCalendar,
    Entitlements,
    WorkSchedule,
    Picture,
}

impl Kind {
    /// The vendor's word for it.
    pub(crate) const fn type_name(self) -> &'static str {
        match self {
            Self::Id | Self::Integer => "integer",
            Self::Date | Self::PlainDate | Self::CreatedAt | Self::ModifiedAt => "date",
            Self::Decimal | Self::Money => "decimal",
            Self::List => "list",
            Self::Tags => "tags",
            Self::Link => "link",
            Self::Multiline => "multiline",
            _ => "standard",
        }
    }
}

/// One attribute with its labels.
#[derive(Debug, Clone)]
pub(crate) struct Attribute {
    pub(crate) key: String,
    pub(crate) kind: Kind,
    english: &'static str,
    german: &'static str,
    pub(crate) universal_id: Option<String>,
    pub(crate) options: &'static [&'static str],
}

impl Attribute {
    pub(crate) const fn label(&self, language: Language) -> &'static str {
        match language {
            Language::German => self.german,
            Language::English => self.english,
        }
    }

    pub(crate) fn is_custom(&self) -> bool {
        self.key.starts_with("dynamic_")
    }
}

/// All attributes in the order the vendor sends them.
#[derive(Debug, Clone)]
pub(crate) struct Catalogue(Vec<Attribute>);

impl Catalogue {
    pub(crate) fn new(seed: &Seed) -> Self {
        let standard = STANDARD.iter().map(|(key, kind, english, german)| Attribute {
            key: (*key).to_owned(),
            kind: *kind,
            english,
            german,
            universal_id: Some((*key).to_owned()),
            options: &[],
        });
        let mut number = 10_000 + seed.number("dynamic", 900_000);
        let custom = CUSTOM.iter().map(|(label, kind, universal_id, options)| {
            number += 1 + seed.number(label, 400);
            Attribute {
                key: format!("dynamic_{number}"),
                kind: *kind,
                english: label,
                german: label,
                universal_id: universal_id.map(str::to_owned),
                options,
            }
        });
        let custom: Vec<_> = custom.collect();
        Self(standard.chain(custom).collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Attribute> {
        self.0.iter()
    }

    pub(crate) fn find(&self, key: &str) -> Option<&Attribute> {
        self.0.iter().find(|attribute| attribute.key == key)
    }

    /// The key of a company-specific attribute by its label.
    pub(crate) fn custom_key(&self, label: &str) -> &str {
        let found = self.0.iter().find(|attribute| attribute.is_custom() && attribute.english == label);
        &found.expect("the label is one of the table below").key
    }
}

type Standard = (&'static str, Kind, &'static str, &'static str);
type Custom = (&'static str, Kind, Option<&'static str>, &'static [&'static str]);

const STANDARD: [Standard; 32] = [
    ("id", Kind::Id, "ID", "ID"),
    ("first_name", Kind::Text, "First name", "Vorname"),
    ("last_name", Kind::Text, "Last name", "Nachname"),
    ("preferred_name", Kind::Text, "Name (preferred)", "Name (bevorzugt)"),
    ("email", Kind::Text, "Email", "E-Mail"),
    ("gender", Kind::Choice(&["male", "female", "diverse"]), "Gender", "Geschlecht"),
    ("status", Kind::Choice(&["onboarding", "active", "leave", "inactive"]), "Status", "Status"),
    ("position", Kind::Text, "Position", "Position"),
    ("supervisor", Kind::Supervisor, "Supervisor", "Vorgesetzte:r"),
    ("employment_type", Kind::Choice(&["internal", "external"]), "Employment type", "Anstellungsart"),
    ("weekly_working_hours", Kind::Hours, "Weekly hours", "Wochenstunden"),
    ("hire_date", Kind::Date, "Hire date", "Einstellungsdatum"),
    ("contract_end_date", Kind::Date, "Contract ends", "Vertragsende"),
    ("termination_date", Kind::Date, "Termination date", "Kündigungsdatum"),
    ("termination_type", Kind::Text, "Termination type", "Art der Kündigung"),
    ("termination_reason", Kind::Text, "Termination reason", "Kündigungsgrund"),
    ("probation_period_end", Kind::Date, "Probation period end", "Ende der Probezeit"),
    ("last_working_day", Kind::Date, "Last day of work", "Letzter Arbeitstag"),
    ("created_at", Kind::CreatedAt, "created_at", "created_at"),
    ("last_modified_at", Kind::ModifiedAt, "Last modified", "Letzte Änderung"),
    ("subcompany", Kind::Unit(UnitKind::Subcompany), "Subcompany", "Gesellschaft"),
    ("office", Kind::Unit(UnitKind::Office), "Office", "Standort"),
    ("department", Kind::Unit(UnitKind::Department), "Department", "Abteilung"),
    ("team", Kind::Unit(UnitKind::Team), "Team", "Team"),
    ("cost_centers", Kind::CostCenters, "Cost center", "Kostenstelle"),
    ("holiday_calendar", Kind::HolidayCalendar, "Public holidays", "Feiertage"),
    ("absence_entitlement", Kind::Entitlements, "Absence entitlement", "Abwesenheitsanspruch"),
    ("work_schedule", Kind::WorkSchedule, "Work schedule", "Arbeitszeitmodell"),
    ("fix_salary", Kind::Money, "Fix salary", "Fixgehalt"),
    ("fix_salary_interval", Kind::Text, "Salary interval", "Gehaltsintervall"),
    ("hourly_salary", Kind::Money, "Hourly salary", "Stundenlohn"),
    ("profile_picture", Kind::Picture, "Profile Picture", "Profilbild"),
];

pub(crate) const IBAN: &str = "IBAN";
pub(crate) const BIRTHDAY: &str = "Geburtsdatum";
pub(crate) const SHIRT: &str = "T-Shirt-Größe";
pub(crate) const LANGUAGES: &str = "Language skills";
pub(crate) const EMERGENCY: &str = "Notfallkontakt";
pub(crate) const INSURANCE: &str = "Krankenkasse";
pub(crate) const TAX_ID: &str = "Steuer-ID";
pub(crate) const BONUS: &str = "Start bonus";
pub(crate) const PROFILE: &str = "LinkedIn";
pub(crate) const BADGE: &str = "Badge number";
pub(crate) const NOTES: &str = "Notes";
pub(crate) const PERMIT: &str = "Work permit valid until";

pub(crate) const SHIRTS: [&str; 5] = ["S", "M", "L", "XL", "3XL (Übergröße)"];
pub(crate) const TONGUES: [&str; 6] = ["Deutsch", "English", "Français", "Polski", "Svenska", "Türkçe"];
pub(crate) const INSURERS: [&str; 4] = ["Kasse Nord", "Kasse Süd", "Betriebskasse", "Privat"];

const CUSTOM: [Custom; 12] = [
    (IBAN, Kind::Text, Some("iban"), &[]),
    (BIRTHDAY, Kind::PlainDate, Some("date_of_birth"), &[]),
    (SHIRT, Kind::List, None, &SHIRTS),
    (LANGUAGES, Kind::Tags, None, &TONGUES),
    (EMERGENCY, Kind::Text, None, &[]),
    (INSURANCE, Kind::List, None, &INSURERS),
    (TAX_ID, Kind::Text, None, &[]),
    (BONUS, Kind::Decimal, None, &[]),
    (PROFILE, Kind::Link, None, &[]),
    (BADGE, Kind::Integer, None, &[]),
    (NOTES, Kind::Multiline, None, &[]),
    (PERMIT, Kind::Date, None, &[]),
];
