//! The units of the company: departments with teams, offices, subcompanies, cost centres, schedules and calendars.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::seed::Seed;

/// A unit with the id this company gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unit {
    pub(crate) id: u64,
    pub(crate) name: String,
}

impl Unit {
    pub(crate) fn value(&self) -> Value {
        json!({"id": self.id, "name": self.name})
    }
}

/// Which list a unit belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnitKind {
    Department,
    Team,
    Office,
    Subcompany,
}

impl UnitKind {
    /// The vendor's name of the object's type.
    pub(crate) const fn type_name(self) -> &'static str {
        match self {
            Self::Department => "Department",
            Self::Team => "Team",
            Self::Office => "Office",
            Self::Subcompany => "Subcompany",
        }
    }
}

/// All units of the company.
#[derive(Debug, Clone)]
pub(crate) struct Organisation {
    pub(crate) departments: Vec<Unit>,
    pub(crate) teams: Vec<Unit>,
    pub(crate) offices: Vec<Unit>,
    pub(crate) subcompanies: Vec<Unit>,
    pub(crate) cost_centers: Vec<Unit>,
    pub(crate) schedules: Vec<Unit>,
    calendars: Vec<Unit>,
}

/// Departments and the positions found in each; one per report of the head of the company.
pub(crate) const DEPARTMENTS: [(&str, &[&str]); 8] = [
    ("Engineering", &["Softwareentwicklerin", "Backend Engineer", "Site Reliability Engineer", "QA Engineer"]),
    ("Vertrieb", &["Account Executive", "Vertriebsmitarbeiter", "Sales Operations Manager"]),
    ("Marketing", &["Content Manager", "Performance Marketing Manager", "Grafikdesigner"]),
    ("Customer Support", &["Support Specialist", "Customer Success Manager"]),
    ("People & Culture", &["HR Business Partner", "Recruiterin", "Payroll Specialist"]),
    ("Finanzen", &["Buchhalterin", "Controller", "Financial Analyst"]),
    ("Produkt", &["Product Manager", "UX Researcher", "Product Designer"]),
    ("Logistik & Betrieb", &["Lagerist", "Einkäuferin", "Facility Manager"]),
];

const TEAMS: [&str; 24] = [
    "Plattform",
    "Mobile",
    "Daten",
    "DACH",
    "Nordics",
    "Partner",
    "Marke",
    "Web",
    "Veranstaltungen",
    "First Level",
    "Second Level",
    "Onboarding",
    "Recruiting",
    "Entgelt",
    "Weiterbildung",
    "Rechnungswesen",
    "Steuern",
    "Planung",
    "Kern",
    "Wachstum",
    "Forschung",
    "Wareneingang",
    "Versand",
    "Gebäude",
];

/// Offices with the public holidays that hold there (name, country, state).
const OFFICES: [(&str, &str, &str, &str); 6] = [
    ("München", "Deutschland (Bayern) Feiertage", "DE", "Bayern"),
    ("Berlin", "Deutschland (Berlin) Feiertage", "DE", "Berlin"),
    ("Köln", "Deutschland (Nordrhein-Westfalen) Feiertage", "DE", "Nordrhein-Westfalen"),
    ("Zürich", "Schweiz (Zürich) Feiertage", "CH", "Zürich"),
    ("Malmö", "Sverige helgdagar", "SE", ""),
    ("Łódź", "Polska dni wolne", "PL", ""),
];

impl Organisation {
    pub(crate) fn new(seed: &Seed) -> Self {
        let units = |label: &str, names: &[&str]| -> Vec<Unit> {
            let first = 10_000 + seed.number(label, 80_000);
            let ids = (0_u64..).map(|index| first + index * 13 + seed.number(&format!("{label}-{index}"), 13));
            names.iter().zip(ids).map(|(name, id)| Unit { id, name: (*name).to_owned() }).collect()
        };
        let company = &seed.company;
        Self {
            departments: units("departments", &DEPARTMENTS.map(|(name, _)| name)),
            teams: units("teams", &TEAMS),
            offices: units("offices", &OFFICES.map(|(city, ..)| city)),
            subcompanies: units(
                "subcompanies",
                &[&format!("{company} GmbH"), &format!("{company} Schweiz AG"), &format!("{company} Nordic AB")],
            ),
            cost_centers: units(
                "cost_centers",
                &["100 Zentrale", "200 Entwicklung", "300 Markt", "400 Betrieb", "900"],
            ),
            schedules: units(
                "schedules",
                &["Vollzeit 40 Stunden", "Teilzeit 4 Tage", "Teilzeit vormittags", "Werkstudent"],
            ),
            calendars: units("calendars", &OFFICES.map(|(_, calendar, ..)| calendar)),
        }
    }

    pub(crate) fn units(&self, kind: UnitKind) -> &[Unit] {
        match kind {
            UnitKind::Department => &self.departments,
            UnitKind::Team => &self.teams,
            UnitKind::Office => &self.offices,
            UnitKind::Subcompany => &self.subcompanies,
        }
    }

    /// The holiday calendar of the office with this index.
    pub(crate) fn calendar(&self, office: usize) -> Value {
        match (self.calendars.get(office), OFFICES.get(office)) {
            (Some(unit), Some((_, name, country, state))) => {
                let state = if state.is_empty() { Value::Null } else { Value::from(*state) };
                json!({"id": unit.id, "name": name, "country": country, "state": state})
            }
            _ => Value::Null,
        }
    }

    /// The schedule that fits `hours` a week.
    pub(crate) fn schedule(&self, hours: f64) -> Value {
        let (index, days) = match hours {
            h if h >= 36.0 => (0, ["08:00"; 5]),
            h if h >= 30.0 => (1, ["08:00", "08:00", "08:00", "08:00", "00:00"]),
            h if h >= 20.0 => (2, ["04:00"; 5]),
            _ => (3, ["08:00", "08:00", "00:00", "00:00", "00:00"]),
        };
        let [monday, tuesday, wednesday, thursday, friday] = days;
        self.schedules.get(index).map_or(Value::Null, |unit| {
            json!({
                "id": unit.id, "name": unit.name, "valid_from": null,
                "monday": monday, "tuesday": tuesday, "wednesday": wednesday, "thursday": thursday, "friday": friday,
                "saturday": "00:00", "sunday": "00:00",
            })
        })
    }
}
