//! Tokens: who holds one, how long it lives and what the vendor says about a bad one.

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::answer::Answer;
use crate::config::Dialect;
use crate::quirks::{TokenMode, TokenReach};
use crate::seed::Seed;
use crate::v2::Scopes;

/// How long a token lives.
const LIFE: TimeDelta = TimeDelta::hours(24);

/// All tokens ever given out.
#[derive(Debug)]
pub(crate) struct Tokens {
    seed: Seed,
    dialect: Dialect,
    issued: u64,
    known: HashMap<String, Token>,
}

/// One token, as a state file keeps it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Token {
    credential: usize,
    issued_at: DateTime<Utc>,
    state: TokenState,
    /// What a token of version 2 may do; nothing is a token of version 1.
    #[serde(default)]
    scopes: Option<Scopes>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum TokenState {
    Live,
    Expired,
    Blacklisted,
}

/// Why a request is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Missing,
    Invalid,
    Blacklisted,
}

impl Refused {
    pub(crate) fn answer(self, dialect: Dialect) -> Answer {
        match (dialect, self) {
            (Dialect::Guide, _) => Answer::error(401, 401, "Unauthorized"),
            (Dialect::Vendor, Self::Missing) => Answer::error(401, 401, "Authorization is not provided"),
            (Dialect::Vendor, Self::Invalid) => Answer::error(403, 403, "Provided authorization is not valid"),
            (Dialect::Vendor, Self::Blacklisted) => Answer::error(401, 401, "The token has been blacklisted"),
        }
    }
}

impl Tokens {
    pub(crate) fn new(seed: Seed, dialect: Dialect) -> Self {
        Self { seed, dialect, issued: 0, known: HashMap::new() }
    }

    /// How many were given out in this life.
    pub(crate) const fn issued(&self) -> u64 {
        self.issued
    }

    /// All tokens, for a state file: a vendor does not forget them when it restarts.
    pub(crate) fn kept(&self) -> BTreeMap<String, Token> {
        self.known.iter().map(|(text, token)| (text.clone(), *token)).collect()
    }

    /// Takes up the tokens of an earlier life.
    pub(crate) fn restore(&mut self, kept: &BTreeMap<String, Token>) {
        self.known.extend(kept.iter().map(|(text, token)| (text.clone(), *token)));
    }

    /// The token of a credential after a login, with the seconds it still lives.
    pub(crate) fn login(&mut self, credential: usize, mode: TokenMode, now: DateTime<Utc>) -> (String, i64) {
        let live = self
            .known
            .iter()
            .find(|(_, token)| token.credential == credential && token.scopes.is_none() && token.lives(now));
        match (mode, live) {
            (TokenMode::Stable, Some((text, token))) => (text.clone(), (token.issued_at + LIFE - now).num_seconds()),
            _ => (self.issue(credential, None, now), LIFE.num_seconds()),
        }
    }

    /// A new token of version 2, with the seconds it lives.
    pub(crate) fn grant(&mut self, credential: usize, scopes: Scopes, now: DateTime<Utc>) -> (String, i64) {
        (self.issue(credential, Some(scopes), now), LIFE.num_seconds())
    }

    /// Ends the life of a token of version 2.
    pub(crate) fn revoke(&mut self, text: &str) {
        if let Some(token) = self.known.get_mut(text).filter(|token| token.scopes.is_some()) {
            token.state = TokenState::Expired;
        }
    }

    /// Whose token this is, for version 1.
    pub(crate) fn holder(&self, text: Option<&str>, reach: TokenReach, now: DateTime<Utc>) -> Result<usize, Refused> {
        let token = self.living(text, now)?;
        let is_let_in = token.scopes.is_none() || reach == TokenReach::BothVersions;
        is_let_in.then_some(token.credential).ok_or(Refused::Invalid)
    }

    /// Whose token this is and what it may do, for version 2; a token of version 1 may all that its credential may.
    pub(crate) fn v2_holder(
        &self,
        text: Option<&str>,
        reach: TokenReach,
        now: DateTime<Utc>,
    ) -> Result<(usize, Option<Scopes>), Refused> {
        let token = self.living(text, now)?;
        let is_let_in = token.scopes.is_some() || reach == TokenReach::BothVersions;
        is_let_in.then_some((token.credential, token.scopes)).ok_or(Refused::Invalid)
    }

    fn living(&self, text: Option<&str>, now: DateTime<Utc>) -> Result<&Token, Refused> {
        let token = self.known.get(text.ok_or(Refused::Missing)?).ok_or(Refused::Invalid)?;
        match token.state {
            TokenState::Blacklisted => Err(Refused::Blacklisted),
            _ if token.lives(now) => Ok(token),
            _ => Err(Refused::Invalid),
        }
    }

    /// Blacklists a used token and gives the next one.
    pub(crate) fn rotate(&mut self, used: &str, now: DateTime<Utc>) -> Option<String> {
        let token = self.known.get_mut(used)?;
        token.state = TokenState::Blacklisted;
        let Token { credential, scopes, .. } = *token;
        Some(self.issue(credential, scopes, now))
    }

    /// Ends the life of every token.
    pub(crate) fn expire_all(&mut self) {
        for token in self.known.values_mut().filter(|token| token.state == TokenState::Live) {
            token.state = TokenState::Expired;
        }
    }

    fn issue(&mut self, credential: usize, scopes: Option<Scopes>, now: DateTime<Utc>) -> String {
        self.issued += 1;
        self.known.retain(|_, token| now - token.issued_at < LIFE * 2);
        let mut bytes = self.seed.digest("token", self.issued).to_vec();
        // A restarted sandbox must not give out the tokens of its former life.
        bytes.extend(self.seed.digest("token-at", u64::try_from(now.timestamp_micros()).unwrap_or_default()));
        let word = URL_SAFE_NO_PAD.encode(&bytes);
        let text = match self.dialect {
            Dialect::Vendor => format!("papi-{word}"),
            Dialect::Guide => {
                let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
                let claims = URL_SAFE_NO_PAD.encode(format!(r#"{{"iat":{},"n":{}}}"#, now.timestamp(), self.issued));
                format!("{header}.{claims}.{word}")
            }
        };
        self.known.insert(text.clone(), Token { credential, issued_at: now, state: TokenState::Live, scopes });
        text
    }
}

impl Token {
    fn lives(&self, now: DateTime<Utc>) -> bool {
        self.state == TokenState::Live && now < self.issued_at + LIFE
    }
}
