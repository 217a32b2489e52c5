//! What the gauges show of the whole database: counts by state and the age of the oldest, in one statement.
//!
//! Where rows may pile up without end, the count stops at a bound, so that a look costs the same on a bad day. Every part is
//! served by a partial index, or reads a table that grows with tenants and connections only.

use chrono::{DateTime, TimeDelta, Utc};
use gangway_domain::{connection::ConnectionState, job::JobClass, record::Stream};
use sea_orm::FromQueryResult;

use crate::{
    Error, Result, SystemTx,
    micros::{from_micros, to_micros},
    queue::{ASIDE, class_of},
};

/// More than this of a kind are counted as one more than it.
pub const MOST: i64 = 100_000;
/// The same for syncs that are overdue.
pub const MOST_OVERDUE: i64 = 999;
/// How long after its time a sync counts as overdue.
const OVERDUE: TimeDelta = TimeDelta::minutes(5);

/// How many there are, and since when the oldest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many.
    pub n: i64,
    /// Since when.
    pub oldest: Option<DateTime<Utc>>,
}

/// What was found, but for tenants and connections without what belongs to suspended tenants. What is not named there is not
/// there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Jobs that could run now; the oldest by when it was due.
    pub waiting: Vec<(JobClass, Amount)>,
    /// Jobs that failed for good.
    pub n_failed: i64,
    /// Runs under way; the oldest by when it was made.
    pub running: Vec<(Stream, Amount)>,
    /// Syncs that should have been started.
    pub n_overdue: i64,
    /// Batches of deletions that wait for a human.
    pub held: Amount,
    /// Connections by state.
    pub connections: Vec<(ConnectionState, i64)>,
    /// Connections whose scheduled runs rest.
    pub n_paused: i64,
    /// Audit entries without a place.
    pub unchained: Amount,
    /// Tenants that are active, and that are suspended.
    pub tenants: (i64, i64),
}

impl Figures {
    fn add_waiting(&mut self, class: JobClass, amount: Amount, most: i64) {
        if amount.n == 0 {
            return;
        }
        match self.waiting.iter_mut().find(|(found, _)| *found == class) {
            Some((_, sum)) => {
                sum.n = (sum.n + amount.n).min(most);
                sum.oldest = sum.oldest.into_iter().chain(amount.oldest).min();
            }
            None => self.waiting.push((class, amount)),
        }
    }
}

/// Reading figures.
#[derive(Debug)]
pub struct SystemFigures<'a>(pub(crate) &'a SystemTx);

#[derive(FromQueryResult)]
struct Row {
    what: String,
    label: String,
    n: i64,
    oldest: Option<i64>,
}

/// What waits for a suspended tenant to be resumed is nobody's fault and calls for nothing.
pub(crate) const IS_SERVED: &str = "tenant_id NOT IN (SELECT tenant.id FROM tenant WHERE tenant.state = 'suspended')";

/// Each queue and class up to its own bound: however many wait in one, the others are seen.
const WAITING: &str = "
    SELECT 'waiting' AS what, '{class}' AS label, count(*) AS n, min(run_at) AS oldest
      FROM (SELECT run_at FROM job WHERE queue = '{queue}' AND class = {class} AND state = 'pending' AND fair_at < {aside}
            AND {is_served} LIMIT $1) AS waiting
    UNION ALL";

const SQL: &str = "
    SELECT 'failed' AS what, '' AS label, count(*) AS n, CAST(NULL AS BIGINT) AS oldest
      FROM (SELECT 1 FROM job WHERE state = 'failed' AND finished_at IS NOT NULL LIMIT $1) AS failed
    UNION ALL SELECT 'running', stream, count(*), min(created_at) FROM sync_run
      WHERE state = 'running' AND {is_served} GROUP BY stream
    UNION ALL SELECT 'overdue', '', count(*), CAST(NULL AS BIGINT) FROM (
      SELECT 1 FROM sync AS s JOIN tenant AS t ON t.id = s.tenant_id
      WHERE s.next_run_at IS NOT NULL AND s.next_run_at < $2 AND t.state = 'active' LIMIT $3) AS overdue
    UNION ALL SELECT 'held', '', count(*), min(created_at) FROM held_batch
      WHERE state IN ('open', 'releasing') AND {is_served}
    UNION ALL SELECT 'connection', state, count(*), CAST(NULL AS BIGINT) FROM connection GROUP BY state
    UNION ALL SELECT 'paused', '', count(*), CAST(NULL AS BIGINT) FROM connection WHERE paused_until > $4
    UNION ALL SELECT 'unchained', '', count(*), min(at)
      FROM (SELECT at FROM audit_entry WHERE sequence IS NULL AND {is_served} LIMIT $1) AS unchained
    UNION ALL SELECT 'tenant', state, count(*), CAST(NULL AS BIGINT) FROM tenant WHERE id <> {platform} GROUP BY state";

impl SystemFigures<'_> {
    /// Reads them all. `queues` are those there are, whose names hold no quote; of jobs in a queue and class, as of whatever else
    /// may pile up, `most` are counted and one.
    pub async fn read(&self, now: DateTime<Utc>, queues: &[&'static str], most: i64) -> Result<Figures> {
        let platform = if self.0.is_postgres() { "'00000000-0000-0000-0000-000000000000'" } else { "zeroblob(16)" };
        let values =
            vec![(most + 1).into(), to_micros(now - OVERDUE).into(), (MOST_OVERDUE + 1).into(), to_micros(now).into()];
        let waiting = queues.iter().flat_map(|queue| {
            let of_class = |class: JobClass| WAITING.replace("{class}", &class.rank().to_string());
            JobClass::ALL.map(|class| of_class(class).replace("{queue}", queue))
        });
        let sql = waiting
            .chain([SQL.to_owned()])
            .collect::<String>()
            .replace("{platform}", platform)
            .replace("{aside}", &ASIDE.to_string())
            .replace("{is_served}", IS_SERVED);
        let rows = self.0.query::<Row>(&sql, values).await?;
        let mut figures = Figures::default();
        for Row { what, label, n, oldest } in rows {
            let amount = Amount { n, oldest: oldest.map(from_micros).transpose()? };
            match what.as_str() {
                "waiting" => {
                    let class = label.parse().map_err(|_| Error::corrupt("job", "unknown class"))?;
                    figures.add_waiting(class_of(class)?, amount, most + 1);
                }
                "failed" => figures.n_failed = n,
                "running" => {
                    let stream = Stream::parse(&label).ok_or_else(|| Error::corrupt("sync_run", "unknown stream"))?;
                    figures.running.push((stream, amount));
                }
                "overdue" => figures.n_overdue = n,
                "held" => figures.held = amount,
                "connection" => {
                    let state = ConnectionState::parse(&label);
                    figures.connections.push((state.ok_or_else(|| Error::corrupt("connection", "unknown state"))?, n));
                }
                "paused" => figures.n_paused = n,
                "unchained" => figures.unchained = amount,
                _ if label == "active" => figures.tenants.0 = n,
                _ => figures.tenants.1 += n,
            }
        }
        Ok(figures)
    }
}
