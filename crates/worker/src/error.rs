//! How a job fails, and how the worker does.

use std::{error::Error as StdError, fmt, time::Duration};

use gangway_app::{
    self as app,
    queue::{Outcome, Tries},
};
use gangway_domain::Code;

/// Why the worker ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A queue's worker ended with an error.
    #[error("the workers of a queue ended with an error")]
    Monitor(#[source] apalis::prelude::MonitorError),
}

/// Why a job failed, and whether to try again. Its text is stored and shown: no secrets, no personal data.
#[derive(Debug)]
pub struct JobError {
    message: String,
    retry: Retry,
    tries: Option<Tries>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Retry {
    Never,
    Backoff,
    After(Duration),
}

impl JobError {
    /// May succeed later: tried again after our own backoff, while tries are left.
    pub fn retry(message: impl Into<String>) -> Self {
        Self { message: message.into(), retry: Retry::Backoff, tries: None, source: None }
    }

    /// May succeed after `after`, and not earlier.
    pub fn retry_after(message: impl Into<String>, after: Duration) -> Self {
        Self { message: message.into(), retry: Retry::After(after), tries: None, source: None }
    }

    /// Will not succeed by itself.
    pub fn fail(message: impl Into<String>) -> Self {
        Self { message: message.into(), retry: Retry::Never, tries: None, source: None }
    }

    /// Says that the try was not in vain, so that it does not use up those that are left. What never succeeds fails all the same.
    #[must_use]
    pub fn with_tries(mut self, tries: Option<Tries>) -> Self {
        self.tries = tries;
        self
    }

    /// Whether a use case's error may pass by itself. Our own faults are tried again too: tries are few, and most such faults
    /// (a deploy, a lock) pass.
    pub fn is_worth_a_retry(error: &app::Error) -> bool {
        error.is_transient || error.code == Code::Internal
    }

    pub(crate) fn outcome(&self) -> Outcome {
        let error = self.message.clone();
        let after = match self.retry {
            Retry::Never => return Outcome::Fail { error },
            Retry::Backoff => None,
            Retry::After(after) => Some(after),
        };
        match self.tries {
            Some(tries) => Outcome::Later { error, after, tries },
            None => Outcome::Retry { error, after },
        }
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for JobError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn StdError + 'static))
    }
}

impl From<app::Error> for JobError {
    fn from(error: app::Error) -> Self {
        let retry = match (Self::is_worth_a_retry(&error), error.retry_after) {
            (false, _) => Retry::Never,
            (true, None) => Retry::Backoff,
            (true, Some(after)) => Retry::After(after),
        };
        Self { message: error.to_string(), retry, tries: None, source: Some(Box::new(error)) }
    }
}

/// An error with its causes in one line, for logs.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn StdError + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vendors_retry_after_is_kept() {
        let error = app::Error::new(Code::VendorLimited, "slow down").with_retry_after(Duration::from_secs(7));
        let outcome = JobError::from(error).outcome();
        assert!(matches!(outcome, Outcome::Retry { after: Some(after), .. } if after == Duration::from_secs(7)));
    }

    #[test]
    fn what_will_not_succeed_fails_however_far_it_came() {
        let moved = |error: JobError| error.with_tries(Some(Tries::Forgotten)).outcome();
        assert!(matches!(moved(JobError::retry("no")), Outcome::Later { tries: Tries::Forgotten, .. }));
        assert!(matches!(moved(JobError::fail("no")), Outcome::Fail { .. }));
    }

    #[test]
    fn what_needs_somebody_to_act_fails_at_once() {
        let error = app::Error::new(Code::CredentialRefused, "the vendor refused the credential");
        assert!(matches!(JobError::from(error).outcome(), Outcome::Fail { .. }));
    }

    #[test]
    fn the_stored_text_does_not_hold_the_cause() {
        let error = JobError::from(app::Error::internal("canary"));
        assert!(!error.to_string().contains("canary"));
        assert!(Chain(&error).to_string().contains("canary"));
    }
}
