//! The database, and what lies in it that must not pile up.

use super::instruments;
use crate::definition::{Definition, Label, Unit};

const POOL: Label = Label::listed("db.client.connection.pool.name", &["tenants", "system"]);

instruments! {
    /// Whether it answers.
    UP: Gauge<0> = Definition {
        name: "gangway.database.up",
        unit: Unit::Of("{answer}"),
        about: "Whether the database answered at the last look",
        look: "0: `/readyz` answers 503; requests get 503 and jobs wait until it is back",
        labels: [],
    };
    /// Looks at it.
    LOOKS: Counter<1> = Definition {
        name: "gangway.database.looks",
        unit: Unit::Of("{look}"),
        about: "Looks at the figures of the database; after a failed one every gauge that is read from it is what was found before",
        look: "`failed` again and again: the database is away, or so loaded that counting takes longer than 1.5 s",
        labels: [Label::listed("outcome", &["done", "failed"])],
    };
    /// Waits for a connection.
    CONNECTION_WAIT: Histogram<1> = Definition {
        name: "db.client.connection.wait_time",
        unit: Unit::Seconds,
        about: "From asking for a transaction until it has begun: the wait for a connection, and on SQLite for the turn to write",
        look: "above some milliseconds: the pool is too small (`database.max_connections`) or the database too slow",
        labels: [POOL],
    };
    /// Asked in vain.
    CONNECTION_TIMEOUTS: Counter<1> = Definition {
        name: "db.client.connection.timeouts",
        unit: Unit::Of("{timeout}"),
        about: "Transactions that could not begin",
        look: "the database is away or overloaded; whoever asked got 503 or tries again",
        labels: [POOL],
    };
    /// Connections.
    CONNECTIONS: Gauge<2> = Definition {
        name: "db.client.connection.count",
        unit: Unit::Of("{connection}"),
        about: "Connections of this process's pools",
        look: "no `idle` for long: see the wait time",
        labels: [POOL, Label::listed("db.client.connection.state", &["idle", "used"])],
    };
    /// Audit entries without a place.
    UNCHAINED: Gauge<0> = Definition {
        name: "gangway.audit.unchained",
        unit: Unit::Of("{entry}"),
        about: "Entries of audit logs that have no place in their chain yet (100,001 stands for more)",
        look: "see the next",
        labels: [],
    };
    /// The oldest of them.
    OLDEST_UNCHAINED: Gauge<0> = Definition {
        name: "gangway.audit.unchained.oldest",
        unit: Unit::Seconds,
        about: "How long the oldest of those has waited",
        look: "above ten minutes: the `chain-audit` jobs do not run; until then what was written last could be changed unseen",
        labels: [],
    };
    /// Data keys.
    DATA_KEYS: Gauge<1> = Definition {
        name: "gangway.data_keys",
        unit: Unit::Of("{key}"),
        about: "Data keys by the master key that wraps them",
        look: "`previous`: run `gangway key rewrap` before that master key goes; `missing`: set it, its tenants are locked out",
        labels: [Label::listed("master_key", &["current", "previous", "missing"])],
    };
    /// Tenants.
    TENANTS: Gauge<1> = Definition {
        name: "gangway.tenants",
        unit: Unit::Of("{tenant}"),
        about: "Tenants by state",
        look: "",
        labels: [Label::listed("state", &["active", "suspended"])],
    };
}
