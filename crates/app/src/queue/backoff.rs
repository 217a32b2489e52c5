//! How long a failed job waits. The wait is stored in the row: no slot is held meanwhile.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(15);

/// Doubles with each try from one second to a quarter of an hour; of that, between half and all, by `jitter` in `[0, 1)`.
pub fn backoff(attempt: i32, jitter: f64) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(0).min(16);
    let full = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    full.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_a_quarter_of_an_hour() {
        let full: Vec<_> = [1, 2, 3, 10, 11, i32::MAX].map(|attempt| backoff(attempt, 1.0).as_secs()).into();
        assert_eq!(full, [1, 2, 4, 512, 900, 900]);
    }

    #[test]
    fn never_waits_less_than_half() {
        assert_eq!(backoff(3, 0.0), Duration::from_secs(2));
        assert_eq!(backoff(i32::MIN, 0.0), Duration::from_millis(500));
    }
}
