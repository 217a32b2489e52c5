//! What each error code means and what to do about it: the page at `/docs/errors` and `docs/errors.md`.

use gangway_domain::Code;

use crate::problem::status;

/// What happened, and what to do.
const fn explain(code: Code) -> &'static str {
    match code {
        Code::RequestMalformed => {
            "The body is not JSON, is nested too deeply or did not arrive whole, or a header cannot be read. `detail` names the place. \
             Send well-formed JSON."
        }
        Code::RequestInvalid => {
            "The request can be read, but values are wrong, missing or unknown. `errors` points at each one: a JSON pointer into the \
             body, or the name of a parameter. Correct them and send it again."
        }
        Code::RequestTooLarge => {
            "The body has more bytes than this server takes (1 MiB unless the operator set another limit). Send less at once."
        }
        Code::RequestUnsupportedMedia => {
            "Bodies are JSON: send `Content-Type: application/json` and no `Content-Encoding`."
        }
        Code::RouteNotFound => "No route has this path. `/docs` lists them all.",
        Code::RouteMethodNotAllowed => {
            "The path is a route, but not with this method. The `Allow` header names those it offers."
        }
        Code::KeyMissing => "Send an API key as `Authorization: Bearer gwt_…`.",
        Code::KeyInvalid => {
            "The key is mistyped, unknown, expired or revoked. Which of the last three is not told. Make a new one."
        }
        Code::KeyForbidden => {
            "The key is good, but lacks the scope that `detail` names, or is a tenant's key on an operator's route. Use another key."
        }
        Code::TenantRequired => {
            "An operator's key acts for one tenant at a time: name it in the header `Gangway-Tenant: ten_…`."
        }
        Code::TenantSuspended => "The operator suspended this tenant; its keys are refused until it is active again.",
        Code::NotFound => "There is no such object in this tenant. An object of another tenant looks the same.",
        Code::NameTaken => {
            "Names are unique here, and this one is taken. Choose another, or change the object that has it."
        }
        Code::SyncExists => "One sync reads each stream of a connection. `existing` is its id: change or run that one.",
        Code::SyncRunning => "A run of this sync is under way; `existing` is its id. Wait until it ends.",
        Code::VersionStale => {
            "Somebody changed the object since you read it: `If-Match` names an older version. Read it again, look at what changed, and repeat \
             your change with the new `ETag`."
        }
        Code::IdempotencyMismatch => {
            "This `Idempotency-Key` was used for another body within 24 hours. Use a new key for each new request."
        }
        Code::IdempotencyRunning => "The first request with this key has not ended yet. Ask again after `Retry-After`.",
        Code::OriginForbidden => {
            "A credential may be sent only to the addresses of its connector, or to those an operator allowed in \
             `connector.allowed_origins` (scheme, host and port)."
        }
        Code::CredentialRefused => {
            "The vendor does not accept the credential. Store a new one with `PUT /v1/connections/{id}/credential`."
        }
        Code::PermissionMissing => {
            "The credential works, but the vendor refused a right. `detail` names what to permit in the vendor's screens."
        }
        Code::VendorUnavailable => {
            "The vendor could not be reached, did not answer in time or failed. Try again later."
        }
        Code::VendorProtocol => {
            "The vendor's answer is not what its documentation says, or we refused to go on: the answer is larger than allowed, its pages \
             do not come to an end, or the place where a run had stopped cannot be read any more. `detail`, or the run's `error`, \
             says which. A run that is started again reads from the beginning; when that fails as well, send the `request_id` or the \
             run's id to whoever runs this server."
        }
        Code::VendorLimited => {
            "The vendor's limit is used up, the last authentication was less than 30 seconds ago, or five logins within a minute did not prove the credential. Try again after `Retry-After`."
        }
        Code::Unsupported => {
            "The connector does not offer what was asked for. `GET /v1/connectors/{id}` tells what it does."
        }
        Code::JobNotFailed => {
            "Only a job that gave up can be retried, and only while there is something left to do: this one is waiting, running \
             or done, or its run has been taken up again since."
        }
        Code::JobOutdated => {
            "A newer run of the sync has taken the place of the one that this job carried out; `existing` names it. Read that one, or start a new run."
        }
        Code::HeldOutdated => {
            "The batch of held deletions that the request names is no longer the sync's: a later full run saw the records again, or \
             held others. Read `GET /v1/syncs/{id}/held` and decide on what it shows."
        }
        Code::HeldDecided => "Somebody released or refused these deletions already. A full run looks anew.",
        Code::Unavailable => {
            "The database or another part of this server is away for a moment. Try again after `Retry-After`."
        }
        Code::Internal => {
            "A mistake of ours. Send the `request_id` to whoever runs this server: it finds the cause in the logs."
        }
    }
}

/// The page `docs/errors.md`.
pub fn errors_page() -> String {
    let mut page = String::from(
        "# Errors\n\n\
         Every failure is an RFC 9457 problem (`application/problem+json`) with `type`, `title`, `status`, `code`, `detail` and\n\
         `request_id`, and where they help `errors` (each wrong value with a pointer) and `existing` (the object in the way).\n\
         Decide by `code`: it never changes its meaning. `title` and `detail` are for people.\n\n\
         This page is generated from the codes; `tests/it/api/document.rs` compares them.\n",
    );
    page.extend(
        Code::ALL.iter().map(|code| {
            format!("\n## {code}\n\n{} · {}\n\n{}\n", status(*code).as_u16(), code.title(), explain(*code))
        }),
    );
    page
}

/// The same as HTML, each code an anchor that a problem's `type` leads to.
pub(crate) fn errors_html() -> String {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Gangway errors</title>\
         <style>body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}\
         code{background:#f2f2f2;padding:.1rem .3rem}</style></head><body><h1>Errors</h1>",
    );
    page.extend(Code::ALL.iter().map(|code| {
        let text = code_marks(explain(*code));
        let (status, title) = (status(*code).as_u16(), code.title());
        format!("<h2 id=\"{code}\">{code}</h2><p>{status} · {title}</p><p>{text}</p>")
    }));
    page.push_str("</body></html>");
    page
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
    fn every_code_has_its_anchor() {
        let html = errors_html();
        assert!(Code::ALL.iter().all(|code| html.contains(&format!("id=\"{code}\""))));
    }

    #[test]
    fn backticks_become_code() {
        assert_eq!(code_marks("a `b<c` d"), "a <code>b&lt;c</code> d");
    }
}
