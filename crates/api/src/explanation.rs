//! What each error code means and what to do about it: the pages at `/docs/errors` and `docs/errors.md`.

use gangway_domain::Code;

use crate::problem::status;

/// Why it happened, and what to do.
struct Explanation {
    cause: &'static str,
    cure: &'static str,
}

#[expect(clippy::too_many_lines, reason = "one entry for each code")]
const fn explain(code: Code) -> Explanation {
    let (cause, cure) = match code {
        Code::RequestMalformed => (
            "The body is not JSON, is nested too deeply or did not arrive whole, or a header cannot be read. \
             `detail` names the place.",
            "Send well-formed JSON.",
        ),
        Code::RequestInvalid => (
            "The request can be read, but values are wrong, missing or unknown.",
            "`errors` points at each one: a JSON pointer into the body, or the name of a parameter. Correct them \
             and send it again.",
        ),
        Code::RequestTooLarge => ("The body has more bytes than this server takes (1 MiB).", "Send less at once."),
        Code::UrlTooLong => (
            "The path with its query has more than 8,192 bytes.",
            "Ask for less at once; what is long belongs into a body.",
        ),
        Code::HeadersTooLarge => (
            "The request has more than 64 header fields, or more than 16,384 bytes of them.",
            "Send only the headers that are needed; cookies are not.",
        ),
        Code::RateLimited => (
            "Each key, and each address that asks without a good one, may ask so many times in a window. \
             `RateLimit-Policy` names both numbers, and `RateLimit` what is left.",
            "Wait as long as `Retry-After` says, and spread requests. The operator of this server sets the \
             numbers (`api.key_requests` and its neighbours).",
        ),
        Code::RequestUnsupportedMedia => (
            "The body is announced as something else than JSON, or as compressed.",
            "Send `Content-Type: application/json` and no `Content-Encoding`.",
        ),
        Code::RouteNotFound => ("No route has this path.", "Look it up in `/docs`, which lists them all."),
        Code::RouteMethodNotAllowed => {
            ("The path is a route, but not with this method.", "Use a method that the `Allow` header names.")
        }
        Code::KeyMissing => ("The request carries no API key.", "Send one as `Authorization: Bearer gwt_…`."),
        Code::KeyInvalid => (
            "The key is mistyped, unknown, expired or revoked. Which of the last three is not told.",
            "Use another key, or make a new one.",
        ),
        Code::KeyForbidden => (
            "The key is good, but lacks the scope that `detail` names, or is a tenant's key on an operator's \
             route.",
            "Use a key that has the scope; whoever made this one can make another.",
        ),
        Code::TenantRequired => (
            "An operator's key acts for one tenant at a time, and the request names none.",
            "Name it in the header `Gangway-Tenant: ten_…`.",
        ),
        Code::TenantSuspended => (
            "The operator suspended this tenant; its keys are refused until it is active again.",
            "Ask the operator to resume it.",
        ),
        Code::NotFound => (
            "There is no such object in this tenant. An object of another tenant looks the same.",
            "Check the id, and which tenant the key belongs to.",
        ),
        Code::NameTaken => {
            ("Names are unique here, and this one is taken.", "Choose another, or change the object that has it.")
        }
        Code::SyncExists => (
            "One sync reads each stream of a connection, and there is one already; `existing` is its id.",
            "Change or run that one.",
        ),
        Code::SyncRunning => ("A run of this sync is under way; `existing` is its id.", "Wait until it ends."),
        Code::VersionStale => (
            "Somebody changed the object since you read it: `If-Match` names an older version.",
            "Read it again, look at what changed, and repeat your change with the new `ETag`.",
        ),
        Code::IdempotencyMismatch => {
            ("This `Idempotency-Key` was used for another body within 24 hours.", "Use a new key for each new request.")
        }
        Code::IdempotencyRunning => {
            ("The first request with this `Idempotency-Key` has not ended yet.", "Ask again after `Retry-After`.")
        }
        Code::IdempotencyGone => (
            "The first request with this `Idempotency-Key` was carried out, its answer was lost, and what it made has been deleted since.",
            "Use a new key to make another one.",
        ),
        Code::OriginForbidden => (
            "A credential may be sent only to the addresses of its connector, or to those an operator allowed \
             (scheme, host and port).",
            "Correct `base_url`, or have the operator add the origin to `connector.allowed_origins`.",
        ),
        Code::CredentialRefused => (
            "The vendor does not accept the credential.",
            "Store a new one with `PUT /v1/connections/{id}/credential`.",
        ),
        Code::PermissionMissing => (
            "The credential works, but the vendor refused a right.",
            "Permit in the vendor's screens what `detail` names.",
        ),
        Code::VendorUnavailable => {
            ("The vendor could not be reached, did not answer in time or failed.", "Try again later.")
        }
        Code::VendorProtocol => (
            "The vendor's answer is not what its documentation says, or we refused to go on: the answer is larger \
             than allowed, its pages do not come to an end, or the place where a run had stopped cannot be read \
             any more. `detail`, or the run's `error`, says which.",
            "Start the run again: it reads from the beginning. When that fails as well, send the `request_id` or \
             the run's id to whoever runs this server.",
        ),
        Code::VendorLimited => (
            "The vendor's limit is used up, the last authentication was less than 30 seconds ago, or ten logins \
             within a minute did not prove the credential.",
            "Try again after `Retry-After`.",
        ),
        Code::Unsupported => {
            ("The connector does not offer what was asked for.", "Look up in `GET /v1/connectors/{id}` what it does.")
        }
        Code::JobNotFailed => (
            "Only a job that gave up can be retried, and only while there is something left to do: this one is \
             waiting, running or done, or its run has been taken up again since.",
            "Nothing: the work is done or under way.",
        ),
        Code::JobOutdated => (
            "A newer run of the sync has taken the place of the one that this job carried out; `existing` names \
             it.",
            "Read that one, or start a new run.",
        ),
        Code::HeldOutdated => (
            "The batch of held deletions that the request names is no longer the sync's: a later full run saw the \
             records again, or held others.",
            "Read `GET /v1/syncs/{id}/held` and decide on what it shows.",
        ),
        Code::HeldDecided => {
            ("Somebody released or refused these deletions already.", "Nothing, or start a full run, which looks anew.")
        }
        Code::Unavailable => (
            "The database is away for a moment, or takes nothing new: too many wait for it, or the disk under it is full. \
                 `detail` says which.",
            "Try again after `Retry-After`; what was refused was not stored. On a full disk whoever runs this server must \
                 make room.",
        ),
        Code::Internal => {
            ("A mistake of ours.", "Send the `request_id` to whoever runs this server: it finds the cause in the logs.")
        }
    };
    Explanation { cause, cure }
}

/// The page `docs/errors.md`.
pub fn errors_page() -> String {
    let mut page = String::from(
        "# Errors\n\n\
         Every failure is an RFC 9457 problem (`application/problem+json`) with `type`, `title`, `status`, `code`, `detail` and\n\
         `request_id`, and where they help `errors` (each wrong value with a pointer) and `existing` (the object in the way).\n\
         Decide by `code`: it never changes its meaning. `title` and `detail` are for people; `type` leads to the code's page here.\n\n\
         This page is generated from the codes; `tests/it/api/document.rs` compares them.\n",
    );
    page.extend(Code::ALL.iter().map(|code| {
        let Explanation { cause, cure } = explain(*code);
        let (status, title) = (status(*code).as_u16(), code.title());
        format!("\n## {code}\n\n{status} · {title}\n\n{cause}\n\n*What to do:* {cure}\n")
    }));
    page
}

/// Where a code is explained.
pub(crate) fn address(code: Code) -> String {
    format!("/docs/errors/{code}")
}

/// The page of one code.
pub(crate) fn code_html(code: Code) -> String {
    let inner = format!("<h1>{code}</h1>{}<p><a href=\"/docs/errors\">All codes</a></p>", told(code));
    document(code.as_str(), &inner)
}

/// The page of all codes.
pub(crate) fn errors_html() -> String {
    let mut inner = String::from("<h1>Errors</h1>");
    inner.extend(Code::ALL.iter().map(|code| {
        let address = address(*code);
        format!("<h2 id=\"{code}\"><a href=\"{address}\">{code}</a></h2>{}", told(*code))
    }));
    document("Errors", &inner)
}

fn told(code: Code) -> String {
    let Explanation { cause, cure } = explain(code);
    let (status, title) = (status(code).as_u16(), code.title());
    format!("<p>{status} · {title}</p><p>{}</p><p><b>What to do:</b> {}</p>", code_marks(cause), code_marks(cure))
}

fn document(title: &str, inner: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} · Gangway</title>\
         <style>body{{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}}\
         code{{background:#f2f2f2;padding:.1rem .3rem}}</style></head><body>{inner}</body></html>"
    )
}

/// Backticks as `<code>`; the texts hold no other markup.
fn code_marks(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(index, part)| {
        let escaped = part.replace('&', "&amp;").replace('<', "&lt;");
        if index % 2 == 1 { format!("<code>{escaped}</code>") } else { escaped }
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_cause_and_a_cure_in_sentences() {
        let html = errors_html();
        for code in Code::ALL {
            let Explanation { cause, cure } = explain(*code);
            for text in [cause, cure] {
                assert!(text.len() > 10 && text.ends_with('.') && text.matches('`').count() % 2 == 0, "{code}: {text}");
            }
            assert!(html.contains(&format!("id=\"{code}\"")), "{code}");
        }
    }

    #[test]
    fn backticks_become_code() {
        assert_eq!(code_marks("a `b<c` d"), "a <code>b&lt;c</code> d");
    }
}
