//! Jobs: how they run, and how many wait.

use super::instruments;
use crate::definition::{Definition, Label, Unit};

const KIND: Label =
    Label::named("job.kind", "a kind of [jobs](jobs.md), or `other` for one that this version does not know");
const CLASS: Label = Label::listed("class", &["interactive", "normal", "bulk"]);

instruments! {
    /// Turns of jobs.
    TURNS: Histogram<2> = Definition {
        name: "gangway.job.duration",
        unit: Unit::Seconds,
        about: "One turn of a job, from its claim until its result is written; its count is the number of turns",
        look: "`failed` stays visible in `GET /v1/jobs?state=failed` until it is retried; `retried` alone mends itself",
        labels: [
            KIND,
            Label::listed("outcome", &["done", "again", "given_back", "retried", "later", "failed"]),
        ],
    };
    /// Jobs under way.
    ACTIVE: Level<1> = Definition {
        name: "gangway.jobs.active",
        unit: Unit::Of("{job}"),
        about: "Jobs that this process runs now",
        look: "at `worker.concurrency` all the time, while jobs wait: add workers",
        labels: [KIND],
    };
    /// Leases that ended.
    LEASES: Counter<1> = Definition {
        name: "gangway.job.leases.ended",
        unit: Unit::Of("{lease}"),
        about: "Leases that ran out and were taken back",
        look: "a worker died or stalled; `lost`: the result of a stalled one was refused, so that nothing was done twice",
        labels: [Label::listed("outcome", &["returned", "failed", "lost"])],
    };
    /// The clockwork.
    TICKS: Counter<1> = Definition {
        name: "gangway.schedule.ticks",
        unit: Unit::Of("{tick}"),
        about: "Looks at what is due, one a second",
        look: "none for a minute: no worker runs; `failed`: the database does not answer",
        labels: [Label::listed("outcome", &["done", "failed"])],
    };
    /// Jobs that wait.
    WAITING: Gauge<1> = Definition {
        name: "gangway.jobs.waiting",
        unit: Unit::Of("{job}"),
        about: "Jobs that could run now, in the whole database (100,001 of a queue stands for more)",
        look: "grows without end: add workers; which tenant's they are does not matter to the others",
        labels: [CLASS],
    };
    /// The oldest of them.
    OLDEST_WAITING: Gauge<1> = Definition {
        name: "gangway.jobs.waiting.oldest",
        unit: Unit::Seconds,
        about: "How long the oldest of those has been due (of the first 100,001 found, when there are more)",
        look: "`interactive` above some seconds: the workers are away or too few",
        labels: [CLASS],
    };
    /// Jobs that failed.
    FAILED: Gauge<0> = Definition {
        name: "gangway.jobs.failed",
        unit: Unit::Of("{job}"),
        about: "Jobs that failed for good and are still kept (100,001 stands for more)",
        look: "`GET /v1/jobs?state=failed` of the tenant shows why, and retries",
        labels: [],
    };
}
