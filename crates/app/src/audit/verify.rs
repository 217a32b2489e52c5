//! Verifying a tenant's audit log: every link is computed anew, and the first that does not hold is named.

use gangway_domain::{id::AuditId, principal::Scope};
use gangway_storage::{
    TenantTx,
    audit_chain::{ChainState, Chained},
};
use gangway_vault::{ChainKey, constant_time_eq};

use super::chain::{GENESIS, canonical, hex, key};
use crate::{Ctx, FieldError, Result};

/// Entries verified per call at most.
pub const MOST: u64 = 50_000;
/// Entries read per query.
const BATCH: u64 = 1_000;

/// What to verify.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// Only what comes after this place; an earlier call verified what is before.
    pub after: i64,
    /// A place and its link that were noted elsewhere.
    pub noted: Option<(i64, String)>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Entries whose links hold.
    pub n_verified: u64,
    /// Entries that have no place yet.
    pub n_unchained: u64,
    /// The end of the chain, to be noted elsewhere.
    pub end: Option<Place>,
    /// The first link that does not hold.
    pub broken: Option<Broken>,
    /// Where to go on; none at the end or at a broken link.
    pub next: Option<i64>,
}

/// A place in the chain with its link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub sequence: i64,
    /// In hexadecimal.
    pub link: String,
}

/// A link that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Its place.
    pub sequence: i64,
    /// The entry found there.
    pub entry: Option<AuditId>,
    /// What is wrong.
    pub reason: Reason,
}

/// Why a link does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The entry at this place is not the one that was chained: changed, exchanged for another or moved here.
    Changed,
    /// There is no entry at this place any more.
    Removed,
    /// There is an entry behind the end of the chain: its place was not given by us.
    Added,
    /// The chain does not lead to the link that was noted elsewhere.
    NotAsNoted,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::Changed, Self::Removed, Self::Added, Self::NotAsNoted];

    /// Stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Added => "added",
            Self::NotAsNoted => "not_as_noted",
        }
    }
}

/// Verifies the tenant's audit log from a place on, at most [`MOST`] entries at a time.
///
/// # Errors
/// `request.invalid` when the place lies behind the end of the log.
pub async fn verify(ctx: &Ctx, question: Question) -> Result<Verdict> {
    ctx.require(Scope::AuditRead)?;
    let key = key(ctx).await?;
    let Question { after, noted } = question;
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    // What is chained from here on is left to the next call.
    let state = tx.audit().find_chain_state().await?;
    if after > state.end.sequence.max(state.highest) {
        let message = "must be a place in the log, as `next` of an earlier verification".to_owned();
        let error = FieldError { pointer: "after".to_owned(), message };
        return Err(crate::Error::invalid_fields(vec![error]));
    }
    let mut walk = Walk { ctx, key: &key, n_verified: 0, sequence: after, previous: GENESIS };
    let broken = match noted {
        Some((sequence, link)) => not_as_noted(&tx, sequence, &link).await?,
        None => None,
    };
    let broken = match broken {
        Some(broken) => Some(broken),
        None => walk.finish(&tx, &state).await?,
    };
    tx.commit().await?;
    let ChainState { end, highest: _, n_unchained } = state;
    let is_over = broken.is_some() || walk.sequence >= end.sequence;
    Ok(Verdict {
        n_verified: walk.n_verified,
        n_unchained: u64::try_from(n_unchained).unwrap_or_default(),
        end: (end.sequence > 0).then(|| Place { sequence: end.sequence, link: hex(&end.link) }),
        broken,
        next: (!is_over).then_some(walk.sequence),
    })
}

/// Whether the chain still leads through a link that somebody wrote down.
async fn not_as_noted(tx: &TenantTx, sequence: i64, noted: &str) -> Result<Option<Broken>> {
    let found = tx.audit().find_chained(sequence).await?;
    let link = found.as_ref().and_then(|entry| entry.link.as_deref()).map(hex);
    let is_same = link.is_some_and(|link| constant_time_eq(link.as_bytes(), noted.as_bytes()));
    let broken = Broken { sequence, entry: found.map(|entry| entry.id), reason: Reason::NotAsNoted };
    Ok((!is_same).then_some(broken))
}

struct Walk<'a> {
    ctx: &'a Ctx,
    key: &'a ChainKey,
    n_verified: u64,
    /// The last place whose link holds.
    sequence: i64,
    previous: [u8; 32],
}

impl Walk<'_> {
    async fn finish(&mut self, tx: &TenantTx, state: &ChainState) -> Result<Option<Broken>> {
        if let Some(broken) = self.begin(tx).await? {
            return Ok(Some(broken));
        }
        while self.sequence < state.end.sequence && self.n_verified < MOST {
            let entries = tx.audit().list_chained(self.sequence, BATCH.min(MOST - self.n_verified)).await?;
            if entries.is_empty() {
                return Ok(Some(self.missing()));
            }
            for entry in entries.iter().take_while(|entry| entry.sequence <= Some(state.end.sequence)) {
                if let Some(broken) = self.step(entry) {
                    return Ok(Some(broken));
                }
            }
            if entries.iter().all(|entry| entry.sequence > Some(state.end.sequence)) {
                return Ok(Some(self.missing()));
            }
        }
        if self.sequence < state.end.sequence {
            return Ok(None);
        }
        if state.end.sequence > 0 && !constant_time_eq(&state.end.link, &self.previous) {
            let entry = tx.audit().find_chained(self.sequence).await?.map(|entry| entry.id);
            return Ok(Some(Broken { sequence: self.sequence, entry, reason: Reason::Changed }));
        }
        if state.highest > state.end.sequence {
            let found = tx.audit().list_chained(state.end.sequence, 1).await?.pop();
            let sequence = found.as_ref().and_then(|entry| entry.sequence).unwrap_or(state.highest);
            return Ok(Some(Broken { sequence, entry: found.map(|entry| entry.id), reason: Reason::Added }));
        }
        Ok(None)
    }

    /// Takes up the link of the place to go on from.
    async fn begin(&mut self, tx: &TenantTx) -> Result<Option<Broken>> {
        if self.sequence == 0 {
            return Ok(None);
        }
        let Some(entry) = tx.audit().find_chained(self.sequence).await? else {
            self.sequence -= 1;
            return Ok(Some(self.missing()));
        };
        match entry.link.as_deref().map(<[u8; 32]>::try_from) {
            Some(Ok(link)) => {
                self.previous = link;
                Ok(None)
            }
            _ => Ok(Some(Broken { sequence: self.sequence, entry: Some(entry.id), reason: Reason::Changed })),
        }
    }

    fn step(&mut self, entry: &Chained) -> Option<Broken> {
        let expected = self.sequence + 1;
        if entry.sequence != Some(expected) {
            return Some(self.missing());
        }
        let link = self.key.link(&self.previous, &canonical(self.ctx.tenant(), expected, entry));
        if !constant_time_eq(entry.link.as_deref().unwrap_or_default(), &link) {
            return Some(Broken { sequence: expected, entry: Some(entry.id), reason: Reason::Changed });
        }
        self.sequence = expected;
        self.previous = link;
        self.n_verified += 1;
        None
    }

    const fn missing(&self) -> Broken {
        Broken { sequence: self.sequence + 1, entry: None, reason: Reason::Removed }
    }
}

/// Verifies a whole log, however long.
pub async fn verify_all(ctx: &Ctx) -> Result<Verdict> {
    let (mut after, mut n_verified) = (0, 0);
    loop {
        let verdict = verify(ctx, Question { after, noted: None }).await?;
        n_verified += verdict.n_verified;
        match verdict.next {
            Some(next) => after = next,
            None => return Ok(Verdict { n_verified, ..verdict }),
        }
    }
}
