//! A connection on trial: the connector, connected to an emulated account through the real way out.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use gangway_connector::{
    AnyConnector, Checkpoint, Connection, Manifest, MemoryTokenStore, Page, ReadMode, ReadPage, Result, Runtime,
    Source, SourceRecord, WindowLimit,
};
use gangway_domain::{Clock, ManualClock, record::Stream};
use gangway_egress::{
    BudgetKey, Budgets, Class, Client, ClientConfig, Limit, Origin, PathLimit, Policy, VendorPortConfig,
};
use secrecy::SecretString;
use url::Url;

use super::{
    Harness,
    account::{Account, Size},
};

/// No account of the suite has more pages; a read that goes on is one that never ends.
const MOST_PAGES: usize = 200;
/// Where the suite's clock starts, so that failures can be repeated.
const START: &str = "2026-06-15T08:00:00Z";

/// How fast requests may follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As fast as they come: the budget never holds one back.
    Unhurried,
    /// As the manifest says, in real time.
    Manifest,
}

/// A connection on trial.
pub struct Subject {
    /// Names the variant in failures.
    pub name: String,
    /// The emulated account.
    pub account: Box<dyn Account>,
    /// The connector's promise.
    pub manifest: Manifest,
    /// The connection.
    pub connection: Arc<dyn Connection>,
    /// The clock of account, connection and way out.
    pub clock: ManualClock,
    connector: Arc<dyn AnyConnector>,
    client: Client,
}

/// A whole stream, read page by page.
#[derive(Debug, Default)]
pub struct Read {
    /// The records, in the vendor's order.
    pub records: Vec<SourceRecord>,
    /// How many pages they came on.
    pub n_pages: usize,
    /// A page said that the vendor's total had changed.
    pub total_changed: bool,
}

impl Read {
    /// The vendor's ids, in the vendor's order.
    pub fn ids(&self) -> Vec<String> {
        self.records.iter().map(|record| record.external.id.clone()).collect()
    }
}

impl Subject {
    /// A fresh account of that size and a connection to it.
    pub async fn start(harness: &Harness, size: Size) -> Self {
        let clock = ManualClock::new(start());
        let account = harness.emulator.start(size, Arc::new(clock.clone()));
        let connector = harness.emulator.connector();
        let client = client(&connector, account.as_ref(), Arc::new(clock.clone()));
        let (credential, now) = (account.credential(), Arc::new(clock.clone()));
        let connection = connect(&connector, account.as_ref(), &client, &credential, now, Pace::Unhurried).await;
        Self {
            name: harness.name.clone(),
            account,
            manifest: connector.manifest(),
            connection,
            clock,
            connector,
            client,
        }
    }

    /// Another connection to the same account, with a budget and a token store of its own.
    pub async fn connect(&self, credential: &SecretString) -> Arc<dyn Connection> {
        let clock = Arc::new(self.clock.clone());
        connect(&self.connector, self.account.as_ref(), &self.client, credential, clock, Pace::Unhurried).await
    }

    /// The ability to read.
    pub fn source(&self) -> &dyn Source {
        source(self.connection.as_ref())
    }

    /// The first page of a stream, with the window that holds everything where it needs one.
    pub fn first(&self, stream: Stream, mode: ReadMode) -> ReadPage {
        let windowed = self.manifest.stream(stream).is_some_and(|stream| stream.windowed);
        ReadPage::new(stream, mode, Class::Sweep).with_window(windowed.then(|| self.account.window()))
    }

    /// Reads the first page of everything in a stream.
    pub async fn first_page(&self, stream: Stream) -> Result<Page> {
        self.source().read_page(self.first(stream, ReadMode::All)).await
    }

    /// Reads a whole stream.
    pub async fn read(&self, stream: Stream, mode: ReadMode) -> Read {
        self.read_from(self.first(stream, mode), |_| {}).await
    }

    /// Reads from a request to the end; `between` is called with the number of pages read before each further one.
    pub async fn read_from(&self, mut request: ReadPage, mut between: impl FnMut(usize)) -> Read {
        let mut read = Read::default();
        loop {
            let page = self.source().read_page(request.clone()).await;
            let page = page.unwrap_or_else(|error| panic!("{}: page {}: {error:?}", self.name, read.n_pages));
            let next = self.take(&mut read, page);
            let Some(next) = next else { return read };
            between(read.n_pages);
            request = request.with_checkpoint(Some(next));
        }
    }

    fn take(&self, read: &mut Read, page: Page) -> Option<Checkpoint> {
        assert!(page.bad.is_empty(), "{}: set aside: {:?}", self.name, page.bad);
        assert_eq!(page.done, page.next.is_none(), "{}: the last page, and only that, has no next", self.name);
        read.records.extend(page.records);
        read.n_pages += 1;
        read.total_changed |= page.total_changed;
        assert!(read.n_pages <= MOST_PAGES, "{}: the read does not end", self.name);
        // As if paced: emulated limits by the second are not what is on trial here.
        self.advance_s(1);
        page.next
    }

    /// Moves the clock.
    pub fn advance_s(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }
}

/// The ability to read.
pub(super) fn source(connection: &dyn Connection) -> &dyn Source {
    connection.source().expect("the connection can read")
}

fn start() -> DateTime<Utc> {
    START.parse().expect("the constant is a moment")
}

/// A way out that may lead to the account's origin and nowhere else.
pub fn client(connector: &Arc<dyn AnyConnector>, account: &dyn Account, clock: Arc<dyn Clock>) -> Client {
    let origin = Origin::of(&base_url(connector, account)).expect("the emulator has an origin");
    let config = ClientConfig { allowed_origins: vec![origin], ..ClientConfig::default() };
    Client::with_clock(config, clock).expect("the client can be built")
}

fn base_url(connector: &Arc<dyn AnyConnector>, account: &dyn Account) -> Url {
    connector.base_url(&account.config()).expect("the emulator's config has a base URL")
}

/// Connects with a budget and a token store of its own.
pub async fn connect(
    connector: &Arc<dyn AnyConnector>,
    account: &dyn Account,
    client: &Client,
    credential: &SecretString,
    clock: Arc<dyn Clock>,
    pace: Pace,
) -> Arc<dyn Connection> {
    let port = VendorPortConfig {
        headers: Vec::new(),
        base_url: base_url(connector, account),
        allowed_origins: Vec::new(),
        budget_key: BudgetKey::new([7; 32]),
        policy: Arc::new(match pace {
            Pace::Unhurried => unhurried(),
            Pace::Manifest => policy(&connector.manifest()),
        }),
        budgets: Budgets::default(),
        max_wait: Duration::from_secs(30),
    };
    let port = client.vendor_port(port).expect("the emulator's origin is allowed");
    let tokens = Arc::new(MemoryTokenStore::new(Arc::clone(&clock)));
    let runtime = Runtime::new(Arc::new(port), tokens, clock);
    connector.connect(&account.config(), credential, runtime).await.expect("the config and credential are well-formed")
}

fn unhurried() -> Policy {
    let many = Limit::new(1_000_000, Duration::from_secs(1));
    Policy {
        ceiling: many.limit,
        window: many.window,
        pacing: false,
        authentication: many,
        address: None,
        ..Policy::default()
    }
}

/// The manifest's limits as a budget wants them.
fn policy(manifest: &Manifest) -> Policy {
    let span = |limit: WindowLimit| Duration::from_secs(u64::from(limit.window_seconds));
    let limit = |limit: WindowLimit| Limit::new(limit.requests, span(limit));
    let limits = &manifest.limits;
    let paths = limits.paths.iter();
    Policy {
        ceiling: limits.credential.requests,
        window: span(limits.credential),
        pacing: true,
        max_in_flight: limits.in_flight,
        paths: paths.map(|path| PathLimit::new(path.template, path.limit.requests, span(path.limit))).collect(),
        authentication: limit(limits.authentication),
        address: limits.address.map(limit),
    }
}
