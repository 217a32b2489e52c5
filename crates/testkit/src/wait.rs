//! Waiting for what must come, however slow the machine.

use std::time::Duration;

/// Generous: the machine may build something beside.
const PATIENCE: Duration = Duration::from_mins(2);
const LOOK: Duration = Duration::from_millis(20);

/// Waits until a condition holds.
///
/// # Panics
/// With `what`, when it never does.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    eventually_some(what, async || holds().await.then_some(())).await;
}

/// Asks until there is an answer.
///
/// # Panics
/// With `what`, when there never is.
pub async fn eventually_some<T>(what: &str, ask: impl AsyncFnMut() -> Option<T>) -> T {
    eventually_some_within(PATIENCE, what, ask).await
}

/// Asks until there is an answer, where pauses of ours are longer than what is usual.
///
/// # Panics
/// With `what`, when there is none in that time.
pub async fn eventually_some_within<T>(patience: Duration, what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(patience, asking).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}
