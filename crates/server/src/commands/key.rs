//! `gangway key create`, `list` and `revoke`, through the same use cases as the API; `rewrap` is a file of its own.

use std::process::ExitCode;

use anyhow::Context as _;
use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Utc};
use gangway_app::{App, Ctx, keys, keys::NewKey, seal::Mode};
use gangway_domain::{id::KeyId, id::TenantId, principal::ApiKey};
use gangway_storage::PageRequest;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    assemble,
    cli::{KeyCommand, KeyOwner},
    config::Config,
    print,
};

/// Creates, lists or revokes API keys, or rewraps data keys.
///
/// # Errors
/// When an id or a time can't be read, there is no such tenant or key, or the database does not answer.
pub async fn run(command: &KeyCommand, config: &Config) -> anyhow::Result<ExitCode> {
    let app = assemble::one_shot(config).await?;
    match command {
        KeyCommand::Create { owner, name, expires, scopes, .. } => {
            let expires_at = expires.as_deref().map(|text| moment(text, app.now())).transpose()?;
            let scopes = (!scopes.is_empty()).then(|| scopes.iter().copied().collect());
            let new = NewKey { name: name.clone(), scopes, expires_at };
            let (_, text) = create(&app, owner, new).await?;
            print::line(text.expose_secret());
        }
        KeyCommand::List { owner, .. } => {
            for key in list(&app, owner).await? {
                print::line(&format!("{}  {}  {}", key.id, state(&key, app.now()), key.name));
            }
        }
        KeyCommand::Revoke { id, owner, .. } => {
            let id: KeyId = id.parse().with_context(|| format!("`{id}` is no key's id"))?;
            match tenant(&app, owner).await? {
                None => keys::revoke_operator(&assemble::operator(&app), id).await,
                Some(ctx) => keys::revoke(&ctx, id).await,
            }
            .map_err(super::explain)?;
            print::line(&format!("{id} is revoked"));
        }
        KeyCommand::Rewrap { dry_run, .. } => {
            return super::key_rewrap::run(&app, if *dry_run { Mode::DryRun } else { Mode::Write }).await;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn create(app: &App, owner: &KeyOwner, new: NewKey) -> anyhow::Result<(ApiKey, SecretString)> {
    match tenant(app, owner).await? {
        None => keys::create_operator(&assemble::operator(app), new).await,
        Some(ctx) => keys::create(&ctx, new).await,
    }
    .map_err(super::explain)
}

async fn list(app: &App, owner: &KeyOwner) -> anyhow::Result<Vec<ApiKey>> {
    let Some(ctx) = tenant(app, owner).await? else {
        return keys::list_operator(&assemble::operator(app)).await.map_err(super::explain);
    };
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = keys::list(&ctx, PageRequest { limit: 200, after }).await.map_err(super::explain)?;
        after = page.items.last().map(|key| key.id);
        all.extend(page.items);
        if !page.has_more || after.is_none() {
            return Ok(all);
        }
    }
}

/// The tenant's context, or nothing for the operator.
async fn tenant(app: &App, owner: &KeyOwner) -> anyhow::Result<Option<Ctx>> {
    let Some(id) = &owner.tenant else { return Ok(None) };
    let id: TenantId = id.parse().with_context(|| format!("`{id}` is no tenant's id"))?;
    let ctx = assemble::operator(app).for_tenant(id).await.map_err(super::explain)?;
    Ok(Some(ctx))
}

fn state(key: &ApiKey, now: DateTime<Utc>) -> &'static str {
    if key.revoked_at.is_some() {
        "revoked"
    } else if key.expires_at.is_some_and(|at| at <= now) {
        "expired"
    } else {
        "active"
    }
}

/// Reads a time, a day (its end, UTC) or a span from now.
fn moment(text: &str, now: DateTime<Utc>) -> anyhow::Result<DateTime<Utc>> {
    let span = |digits: &str, unit: fn(i64) -> Option<Duration>| {
        digits.parse().ok().and_then(unit).and_then(|span| now.checked_add_signed(span))
    };
    let read = if let Some(days) = text.strip_suffix('d') {
        span(days, Duration::try_days)
    } else if let Some(hours) = text.strip_suffix('h') {
        span(hours, Duration::try_hours)
    } else if let Ok(day) = text.parse::<NaiveDate>() {
        day.succ_opt().map(|next| next.and_time(NaiveTime::MIN).and_utc())
    } else {
        DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc())
    };
    read.with_context(|| format!("`{text}` is no time; write 2027-01-31T00:00:00Z, 2027-01-31, 90d or 12h"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_days_and_spans() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        for (text, expected) in [
            ("2027-01-31T10:00:00+01:00", "2027-01-31T09:00:00+00:00"),
            ("2027-01-31", "2027-02-01T00:00:00+00:00"),
            ("1d", "2027-01-16T08:00:00+00:00"),
            ("12h", "2027-01-15T20:00:00+00:00"),
        ] {
            assert_eq!(moment(text, now).unwrap().to_rfc3339(), expected, "{text}");
        }
        for text in ["", "soon", "d", "-", "99999999999999999999d", "9223372036854775807h"] {
            assert!(moment(text, now).is_err(), "{text}");
        }
    }
}
