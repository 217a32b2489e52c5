//! What the connector promises. The numbers and names come from the vendor's pages, read 2026-11-23; see
//! `docs/connectors/personio.md` for which page says what.

use gangway_domain::record::Stream;

use super::{
    DEFAULT_BASE_URL, Personio,
    source::{EMPLOYEES_PAGE_SIZE, PERIODS_PAGE_SIZE, list_path},
};
use crate::contract::{
    IdentityFormat, IdentityHeader, Manifest, ManifestLimits, PathLimit, StreamManifest, WindowLimit,
};

const NOTES: &[&str] = &[
    "An attribute that is not ticked under \"Readable employee attributes\" is missing from every answer, without an error.",
    "Attendances of version 1 were announced to end on 2026-08-30; when they are gone `auto` goes on through version 2, and with `api` = `v1` the sync says so.",
    "Deleted absences and attendances are not announced by Personio; they are found by comparing complete reads.",
    "What is written goes through the version of the API that the stream is read through, or that the id names which it refers to; version 1 changes no email address, so `auto` asks version 2 to, and version 2 takes no status.",
];

/// developer.personio.de, "Include our headers in your requests", read 2026-11-23: without them the vendor's support may refuse.
const IDENTITY: &[IdentityHeader] = &[
    IdentityHeader {
        setting: "partner_id",
        header: "x-personio-partner-id",
        help: "the partner's name in capitals and underscores, like ACME_SOFTWARE",
        format: IdentityFormat::UpperSnakeCase,
    },
    IdentityHeader {
        setting: "app_id",
        header: "x-personio-app-id",
        help: "the application's name in capitals and underscores, like ACME_SYNC",
        format: IdentityFormat::UpperSnakeCase,
    },
];

/// Version 2 counts by path, in token buckets of a second's worth (30 on persons and 10 on absences were seen by open-source clients; of the
/// others nobody knows, so that they are taken to be the smaller).
const V2_PATHS: &[(&str, u32)] = &[
    ("/v2/persons", 30),
    ("/v2/persons/{id}", 30),
    ("/v2/persons/{id}/employments", 30),
    ("/v2/persons/{id}/employments/{id}", 30),
    ("/v2/org-units", 10),
    ("/v2/legal-entities", 10),
    ("/v2/cost-centers", 10),
    ("/v2/workplaces", 10),
    ("/v2/absence-types", 10),
    ("/v2/absence-periods", 10),
    ("/v2/absence-periods/{id}", 10),
    ("/v2/absence-periods/{id}/breakdowns", 10),
    ("/v2/attendance-periods", 10),
    ("/v2/attendance-periods/{id}", 10),
];

/// The connector's manifest.
pub(super) fn manifest() -> Manifest {
    let limits = ManifestLimits {
        credential: WindowLimit::new(200, 60),
        paths: std::iter::once(PathLimit { template: list_path(Stream::Employees), limit: WindowLimit::new(15, 1) })
            .chain(
                V2_PATHS
                    .iter()
                    .map(|(template, per_second)| PathLimit { template, limit: WindowLimit::new(*per_second, 1) }),
            )
            .collect(),
        authentication: WindowLimit::new(60, 60),
        address: Some(WindowLimit::new(2_000, 60)),
        in_flight: 8,
    };
    let mut manifest = Manifest::of::<Personio>("Personio", "https://developer.personio.de/reference/auth", limits);
    manifest.origins = vec![DEFAULT_BASE_URL.to_owned()];
    manifest.streams = vec![
        StreamManifest {
            stream: Stream::Employees,
            windowed: false,
            supports_since: true,
            has_total: true,
            confirms_deletion: true,
            requires_permission: "Employees: Read, and each attribute under \"Readable employee attributes\"",
            requires_plan: None,
            page_size: EMPLOYEES_PAGE_SIZE,
        },
        StreamManifest {
            stream: Stream::Absences,
            windowed: true,
            supports_since: true,
            has_total: true,
            confirms_deletion: true,
            requires_permission: "Absences: Read",
            requires_plan: None,
            page_size: PERIODS_PAGE_SIZE,
        },
        StreamManifest {
            stream: Stream::Attendances,
            windowed: true,
            supports_since: true,
            has_total: true,
            confirms_deletion: false,
            requires_permission: "Attendances: Read",
            requires_plan: None,
            page_size: PERIODS_PAGE_SIZE,
        },
    ];
    manifest.proxy = super::proxy::PATHS.to_vec();
    manifest.webhooks = Some(super::v2::WEBHOOKS);
    manifest.identity = IDENTITY.to_vec();
    manifest.notes = NOTES.to_vec();
    manifest
}
