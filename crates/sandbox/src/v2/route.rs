//! The endpoints of version 2: addresses, methods, scopes, and which of them want to be asked for as a beta.

/// An endpoint with the ids of its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route<'a> {
    Token,
    Revoke,
    Persons,
    Person(&'a str),
    Employments(&'a str),
    Employment { person: &'a str, id: &'a str },
    OrgUnits,
    OrgUnit(&'a str),
    LegalEntities,
    LegalEntity(&'a str),
    CostCenters,
    Workplaces,
    AbsenceTypes,
    AbsenceType(&'a str),
    AbsencePeriods,
    AbsencePeriod(&'a str),
    Breakdowns(&'a str),
    AttendancePeriods,
    AttendancePeriod(&'a str),
    Documents,
    Webhooks,
    Webhook(&'a str),
    WebhookActivity(&'a str),
    WebhookEvents(&'a str),
    Redelivery(&'a str),
    Ping(&'a str),
    TestEvent(&'a str),
}

impl<'a> Route<'a> {
    pub(super) fn parse(path: &'a str) -> Option<Self> {
        let segments: Vec<&str> = path.strip_prefix("/v2/")?.trim_end_matches('/').split('/').collect();
        Some(match *segments.as_slice() {
            ["auth", "token"] => Self::Token,
            ["auth", "revoke"] => Self::Revoke,
            ["persons"] => Self::Persons,
            ["persons", id] => Self::Person(id),
            ["persons", id, "employments"] => Self::Employments(id),
            ["persons", person, "employments", id] => Self::Employment { person, id },
            ["org-units"] => Self::OrgUnits,
            ["org-units", id] => Self::OrgUnit(id),
            ["legal-entities"] => Self::LegalEntities,
            ["legal-entities", id] => Self::LegalEntity(id),
            ["cost-centers"] => Self::CostCenters,
            ["workplaces"] => Self::Workplaces,
            ["absence-types"] => Self::AbsenceTypes,
            ["absence-types", id] => Self::AbsenceType(id),
            ["absence-periods"] => Self::AbsencePeriods,
            ["absence-periods", id] => Self::AbsencePeriod(id),
            ["absence-periods", id, "breakdowns"] => Self::Breakdowns(id),
            ["attendance-periods"] => Self::AttendancePeriods,
            ["attendance-periods", id] => Self::AttendancePeriod(id),
            ["document-management", "documents"] => Self::Documents,
            ["webhooks"] => Self::Webhooks,
            ["webhooks", id] => Self::Webhook(id),
            ["webhooks", id, "activity"] => Self::WebhookActivity(id),
            ["webhooks", id, "events"] => Self::WebhookEvents(id),
            ["webhooks", id, "redelivery"] => Self::Redelivery(id),
            ["webhooks", id, "ping"] => Self::Ping(id),
            ["webhooks", id, "test-event"] => Self::TestEvent(id),
            _ => return None,
        })
    }

    /// The path with ids replaced.
    pub(super) const fn template(self) -> &'static str {
        match self {
            Self::Token => "/v2/auth/token",
            Self::Revoke => "/v2/auth/revoke",
            Self::Persons => "/v2/persons",
            Self::Person(_) => "/v2/persons/{id}",
            Self::Employments(_) => "/v2/persons/{id}/employments",
            Self::Employment { .. } => "/v2/persons/{id}/employments/{id}",
            Self::OrgUnits => "/v2/org-units",
            Self::OrgUnit(_) => "/v2/org-units/{id}",
            Self::LegalEntities => "/v2/legal-entities",
            Self::LegalEntity(_) => "/v2/legal-entities/{id}",
            Self::CostCenters => "/v2/cost-centers",
            Self::Workplaces => "/v2/workplaces",
            Self::AbsenceTypes => "/v2/absence-types",
            Self::AbsenceType(_) => "/v2/absence-types/{id}",
            Self::AbsencePeriods => "/v2/absence-periods",
            Self::AbsencePeriod(_) => "/v2/absence-periods/{id}",
            Self::Breakdowns(_) => "/v2/absence-periods/{id}/breakdowns",
            Self::AttendancePeriods => "/v2/attendance-periods",
            Self::AttendancePeriod(_) => "/v2/attendance-periods/{id}",
            Self::Documents => "/v2/document-management/documents",
            Self::Webhooks => "/v2/webhooks",
            Self::Webhook(_) => "/v2/webhooks/{id}",
            Self::WebhookActivity(_) => "/v2/webhooks/{id}/activity",
            Self::WebhookEvents(_) => "/v2/webhooks/{id}/events",
            Self::Redelivery(_) => "/v2/webhooks/{id}/redelivery",
            Self::Ping(_) => "/v2/webhooks/{id}/ping",
            Self::TestEvent(_) => "/v2/webhooks/{id}/test-event",
        }
    }

    /// One of each.
    #[cfg(test)]
    const ALL: [Self; 27] = [
        Self::Token,
        Self::Revoke,
        Self::Persons,
        Self::Person(""),
        Self::Employments(""),
        Self::Employment { person: "", id: "" },
        Self::OrgUnits,
        Self::OrgUnit(""),
        Self::LegalEntities,
        Self::LegalEntity(""),
        Self::CostCenters,
        Self::Workplaces,
        Self::AbsenceTypes,
        Self::AbsenceType(""),
        Self::AbsencePeriods,
        Self::AbsencePeriod(""),
        Self::Breakdowns(""),
        Self::AttendancePeriods,
        Self::AttendancePeriod(""),
        Self::Documents,
        Self::Webhooks,
        Self::Webhook(""),
        Self::WebhookActivity(""),
        Self::WebhookEvents(""),
        Self::Redelivery(""),
        Self::Ping(""),
        Self::TestEvent(""),
    ];

    /// The paths that take a method.
    #[cfg(test)]
    pub(super) fn taking(method: &str) -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().filter(move |route| route.takes(method)).map(Self::template)
    }

    pub(super) fn takes(self, method: &str) -> bool {
        let methods: &[&str] = match self {
            Self::Token | Self::Revoke | Self::Redelivery(_) | Self::Ping(_) | Self::TestEvent(_) => &["POST"],
            Self::Persons | Self::AbsencePeriods | Self::AttendancePeriods | Self::Webhooks => &["GET", "POST"],
            Self::Person(_) | Self::AbsencePeriod(_) | Self::AttendancePeriod(_) | Self::Webhook(_) => {
                &["GET", "PATCH", "DELETE"]
            }
            Self::Employment { .. } => &["GET", "PATCH"],
            _ => &["GET"],
        };
        methods.contains(&method)
    }

    /// The area whose scope it needs. For org units, legal entities and workplaces the vendor's own list names none, so they
    /// need that of persons, whose details they are.
    pub(super) const fn area(self) -> &'static str {
        match self {
            Self::CostCenters => "cost-centers",
            Self::AbsenceTypes
            | Self::AbsenceType(_)
            | Self::AbsencePeriods
            | Self::AbsencePeriod(_)
            | Self::Breakdowns(_) => "absences",
            Self::AttendancePeriods | Self::AttendancePeriod(_) => "attendances",
            Self::Documents => "documents",
            Self::Webhooks
            | Self::Webhook(_)
            | Self::WebhookActivity(_)
            | Self::WebhookEvents(_)
            | Self::Redelivery(_)
            | Self::Ping(_)
            | Self::TestEvent(_) => "webhooks",
            _ => "persons",
        }
    }

    /// Whether it is not there without the header `Beta: true`.
    pub(super) const fn is_beta(self) -> bool {
        matches!(self, Self::OrgUnits | Self::CostCenters | Self::Workplaces)
    }

    /// Whether it answers a missing right with 401 instead of 403.
    pub(super) const fn is_about_persons(self) -> bool {
        matches!(self, Self::Persons | Self::Person(_) | Self::Employments(_) | Self::Employment { .. })
    }
}
