//! `/v1/audit-log`: who did what to which object, and whether anybody changed that since.

use actix_web::{HttpResponse, get};
use chrono::{DateTime, Utc};
use gangway_app::{
    FieldError,
    audit::{self, AuditEntry, AuditFilter, Broken, Listed, Log, Place, Question, Verdict},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    answer::{self, Listing},
    extract::{AuditRead, Authorized, FromParams, MOMENT, PageQuery, Params, Query, moment},
    problem::{Problem, Result},
};

/// An entry of the audit log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(crate) struct AuditEntryView {
    /// Identity.
    #[schema(example = "aud_0193f1a2b3c47d5e8f9a0b1c2d3e4f50")]
    id: String,
    /// Place in the chain, from 1, without gaps; null until it is chained, within a minute or two.
    sequence: Option<i64>,
    /// Link of the chain, in hexadecimal: note the last one elsewhere to have it compared later.
    link: Option<String>,
    /// Who: `key:key_…`, `job:job_…`, `user:usr_…` or `cli`.
    #[schema(example = "key:key_0193f1a2b3c47d5e8f9a0b1c2d3e4f50")]
    principal: String,
    /// Did what.
    #[schema(example = "connection.create")]
    action: String,
    /// To which object.
    #[schema(example = "con_0193f1a2b3c47d5e8f9a0b1c2d3e4f50")]
    object: String,
    /// More about it; never secrets or values of people.
    #[schema(value_type = Option<Object>)]
    detail: Value,
    /// In which request.
    request_id: Option<String>,
    at: DateTime<Utc>,
}

impl From<Listed> for AuditEntryView {
    fn from(listed: Listed) -> Self {
        let Listed { place, entry } = listed;
        let AuditEntry { id, principal, action, object, detail, request, at } = entry;
        let (sequence, link) = place.map(|Place { sequence, link }| (sequence, link)).unzip();
        let request_id = request.map(|id| id.to_string());
        Self { id: id.to_string(), sequence, link, principal, action, object, detail, request_id, at }
    }
}

/// What a verification of the audit log found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditVerdict)]
pub(crate) struct VerdictView {
    /// Whether every link that was looked at holds.
    ok: bool,
    /// Entries whose links hold.
    n_verified: u64,
    /// Entries that have no place in the chain yet.
    n_unchained: u64,
    /// The end of the chain: note it elsewhere.
    #[schema(required)]
    end: Option<PlaceView>,
    /// The first link that does not hold.
    #[schema(required)]
    broken: Option<BrokenView>,
    /// Give it as `after` to verify the rest of a long log; null when all is verified or a link is broken.
    #[schema(required)]
    next: Option<String>,
}

/// A place in the chain.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditPlace)]
pub(crate) struct PlaceView {
    sequence: i64,
    /// In hexadecimal.
    link: String,
}

/// A link that does not hold.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BrokenLink)]
pub(crate) struct BrokenView {
    /// Its place.
    sequence: i64,
    /// The entry found there.
    entry_id: Option<String>,
    #[schema(value_type = ReasonView)]
    reason: &'static str,
}

/// Why a link does not hold.
#[derive(ToSchema)]
#[schema(as = BrokenReason, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes the use case's type, which knows no OpenAPI")]
enum ReasonView {
    /// The entry at this place is not the one that was chained.
    Changed,
    /// There is no entry at this place any more.
    Removed,
    /// There is an entry behind the end of the chain.
    Added,
    /// The chain does not lead through the link that was noted elsewhere.
    NotAsNoted,
}

impl From<Verdict> for VerdictView {
    fn from(verdict: Verdict) -> Self {
        let Verdict { n_verified, n_unchained, end, broken, next } = verdict;
        Self {
            ok: broken.is_none(),
            n_verified,
            n_unchained,
            end: end.map(|Place { sequence, link }| PlaceView { sequence, link }),
            broken: broken.map(|Broken { sequence, entry, reason }| BrokenView {
                sequence,
                entry_id: entry.map(|id| id.to_string()),
                reason: reason.as_str(),
            }),
            next: next.map(|sequence| sequence.to_string()),
        }
    }
}

/// Which entries.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters, which are read as the use case's filter")]
pub(crate) struct AuditParams {
    /// Only this action.
    #[param(example = "connection.create")]
    action: Option<String>,
    /// Only about this object.
    object: Option<String>,
    /// Only by this principal, as an entry shows it.
    principal: Option<String>,
    /// Not earlier than this moment.
    since: Option<DateTime<Utc>>,
    /// Earlier than this moment.
    until: Option<DateTime<Utc>>,
}

/// Which page of which entries.
pub(crate) struct AuditQuery {
    filter: AuditFilter,
    page: PageQuery,
}

impl FromParams for AuditQuery {
    fn from_params(params: &mut Params) -> Self {
        let filter = AuditFilter {
            action: params.text("action"),
            object: params.text("object"),
            principal: params.text("principal"),
            since: params.parsed("since", MOMENT, moment),
            until: params.parsed("until", MOMENT, moment),
        };
        Self { filter, page: PageQuery::from_params(params) }
    }
}

/// Read the audit log
///
/// In the order of its chain, then entries that have no place in it yet; one that gets its place meanwhile may come twice. To read on
/// later, give the last `sequence` as `after`: nothing is skipped.
#[utoipa::path(tag = "audit", operation_id = "list_audit_log", params(AuditParams, PageQuery),
    responses((status = 200, description = "A page, in the order of the chain", body = Listing<AuditEntryView>)))]
#[get("/audit-log")]
pub(crate) async fn list(who: Authorized<AuditRead>, query: Query<AuditQuery>) -> Result<HttpResponse> {
    let AuditQuery { filter, page } = query.0;
    let Log { items, next } = audit::list(&who.ctx, &filter, page.page()?).await?;
    let data = items.into_iter().map(AuditEntryView::from).collect();
    Ok(Listing::part(data, next.map(|next| next.to_string())))
}

/// From where on, and what was noted elsewhere.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct VerifyParams {
    /// `next` of the verification before; left out for the first.
    #[param(required = false, value_type = Option<String>)]
    after: Option<i64>,
    /// A place whose link you noted.
    #[param(minimum = 1)]
    sequence: Option<i64>,
    /// That link.
    #[param(pattern = "^[0-9a-f]{64}$")]
    link: Option<String>,
}

impl FromParams for VerifyParams {
    fn from_params(params: &mut Params) -> Self {
        let place = |text: &str| {
            let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
            is_plain.then(|| text.parse().ok())?
        };
        Self {
            after: params.parsed("after", "must be the `next` of a verification", place),
            sequence: params.parsed("sequence", "must be a whole number from 1", |text| {
                place(text).filter(|sequence| *sequence > 0)
            }),
            link: params.parsed("link", "must have 64 hexadecimal digits in lower case", |text| {
                let is_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
                (text.len() == 64 && is_hex).then(|| text.to_owned())
            }),
        }
    }
}

/// Verify the audit log
///
/// Computes the chain anew, up to 50,000 entries per request, and names the first link that does not hold.
#[utoipa::path(tag = "audit", operation_id = "verify_audit_log", params(VerifyParams),
    responses((status = 200, description = "Whether the chain holds", body = VerdictView)))]
#[get("/audit-log/verify")]
pub(crate) async fn verify(who: Authorized<AuditRead>, query: Query<VerifyParams>) -> Result<HttpResponse> {
    let VerifyParams { after, sequence, link } = query.0;
    let noted = match (sequence, link) {
        (Some(sequence), Some(link)) => Some((sequence, link)),
        (None, None) => None,
        (Some(_), None) => return Err(beside("link", "sequence")),
        (None, Some(_)) => return Err(beside("sequence", "link")),
    };
    let verdict = audit::verify(&who.ctx, Question { after: after.unwrap_or_default(), noted }).await?;
    Ok(answer::plain(&VerdictView::from(verdict)))
}

fn beside(missing: &str, given: &str) -> Problem {
    let message = format!("is needed beside `{given}`");
    Problem::invalid(vec![FieldError { pointer: missing.to_owned(), message }])
}
