//! What must hold whatever happened. It knows the account and the log, and nothing of how the engine works.

use std::collections::{BTreeMap, BTreeSet};

use gangway_app::{events, records::RecordView};
use gangway_domain::{
    connection::{ConnectionState, Pause},
    event::Event,
    id::SyncRunId,
    record::{RecordState, Stream},
    sync::RunMode,
};
use gangway_storage::PageRequest;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    super::support::everything,
    history::{SALARY, is_same, settled},
    world::World,
};

/// Members that vendors touch without meaning.
pub(super) const VOLATILE: [&str; 2] = ["created_at", "updated_at"];
/// The vendor's key of the salary.
const KEY_OF_SALARY: &str = "dynamic_2";
/// Events read at once.
const PAGE: u64 = 1_000;

/// A record's clear values, by their names in events.
type Values = BTreeMap<String, Value>;

/// What the log has told so far.
#[derive(Default)]
pub(super) struct Oracle {
    sequence: i64,
    /// What is known of each record from the log; none before the first load is complete.
    told: Option<BTreeMap<Uuid, Told>>,
    /// Tombstones of each run that no human asked for.
    n_buried: BTreeMap<SyncRunId, u32>,
}

struct Told {
    external: String,
    values: Values,
    /// Where each value stands among those that the account has had.
    places: BTreeMap<String, usize>,
    /// How often the salary was said to have changed.
    n_raises: usize,
    /// The salary that was held when it was looked at last, and how often it had been said to have changed by then.
    salary: Option<(Value, usize)>,
    state: RecordState,
}

impl Oracle {
    /// Judges what the log tells anew.
    pub(super) async fn follow(&mut self, world: &World<'_>) {
        for event in self.news(world).await {
            assert_eq!(event.sequence, self.sequence + 1, "the log has no gaps");
            self.sequence = event.sequence;
            self.judge(world, &event).await;
        }
    }

    async fn news(&self, world: &World<'_>) -> Vec<Event> {
        let page = PageRequest { limit: PAGE, after: Some(self.sequence) };
        events::list(&world.ctx, &[], page).await.unwrap().items
    }

    async fn judge(&mut self, world: &World<'_>, event: &Event) {
        let fact = &event.fact;
        if ["sync.completed", "sync.held"].contains(&fact.kind.as_str()) && fact.data["first"] == true {
            assert!(self.told.is_none(), "there is one first load");
            self.told = Some(snapshot(world).await);
            return;
        }
        match fact.kind.as_str() {
            "sync.completed" if fact.data["sweep"] == "released" => world.released.lock().unwrap().clear(),
            "sync.completed" if fact.data["sweep"] == "complete" => {
                let account = world.bench.vendor.account();
                world.unlisted.lock().unwrap().retain(|id| account.unlisted.contains(id));
            }
            "sync.held" => {
                let count = |name: &str| fact.data[name].as_u64().unwrap();
                // Whoever was refused is held still, so that the last one who goes empties the account. Nobody knows whose bytes cannot be read.
                let is_emptied = fact.data["counts"]["seen"] == fact.data["counts"]["quarantined"];
                let is_much = count("missing") > count("allowed") || is_emptied;
                assert!(is_much, "nobody need be asked about so few: {event:?}");
            }
            _ => {}
        }
        let Some(kind) = fact.kind.strip_prefix("employee.") else { return };
        let id = fact.subject.unwrap();
        let told = self.told.as_mut().unwrap_or_else(|| panic!("{event:?} tells of the first load"));
        match kind {
            "created" if fact.data["reappeared"] == true => {
                let told = told.get_mut(&id).unwrap();
                assert_eq!(fact.data["was"], json!(told.state.as_str()));
                assert_ne!(told.state, RecordState::Present);
                if told.state == RecordState::Deleted {
                    // Who was deleted is told whole.
                    told.values.clear();
                    told.places.clear();
                }
                told.state = RecordState::Present;
                told.change(world, event);
            }
            "created" => {
                let mut new = Told::new(external_id(world, id).await, RecordState::Present);
                new.change(world, event);
                assert!(told.insert(id, new).is_none(), "{id} came twice: {event:?}");
            }
            "updated" => {
                let told = told.get_mut(&id).unwrap();
                assert_eq!(told.state, RecordState::Present, "{event:?}");
                assert!(told.change(world, event) > 0, "an update that changes nothing: {event:?}");
            }
            "deleted" | "hidden" => {
                let told = told.get_mut(&id).unwrap();
                let state = if kind == "deleted" { RecordState::Deleted } else { RecordState::Hidden };
                let was = std::mem::replace(&mut told.state, state);
                let may_go = was == RecordState::Present || (was == RecordState::Hidden && kind == "deleted");
                assert!(may_go, "it went twice: {event:?}");
                told.salary = None;
                let external = told.external.clone();
                if kind == "hidden" {
                    let is_refused = world.bench.vendor.account().refused.contains(&external);
                    assert!(is_refused, "nobody refused to show {external}: {event:?}");
                    return;
                }
                let is_there = world.people().iter().any(|one| one.id == external);
                // Who is released goes by the word of who released them, once. Without single reads two sweeps must do, which see what
                // listings show.
                let is_released = world.released.lock().unwrap().remove(&external);
                let is_unlisted =
                    fact.data["confirmed_by"] == "two_sweeps" && world.unlisted.lock().unwrap().contains(&external);
                assert!(
                    !is_there || is_released || is_unlisted,
                    "a false tombstone: {external} is there, and {event:?}"
                );
                if fact.data["confirmed_by"] != "human" {
                    let n_buried = self.n_buried.entry(fact.run.unwrap()).or_default();
                    *n_buried += 1;
                    assert!(*n_buried <= world.most_believed, "nobody was asked about so many: {event:?}");
                }
            }
            other => panic!("nobody knows employee.{other}"),
        }
    }

    /// Notes which salaries are held: when others are held later, that must have been told.
    pub(super) async fn note_salaries(&mut self, world: &World<'_>) {
        let Some(told) = &mut self.told else { return };
        for record in records(world).await {
            let salary = record.sensitive.as_ref().and_then(|sensitive| sensitive.get(KEY_OF_SALARY));
            if let (Some(told), Some(salary), RecordState::Present) = (told.get_mut(&record.id), salary, record.state) {
                told.salary = Some((salary.clone(), told.n_raises));
            }
        }
    }

    /// Another choice alone changes what is held.
    pub(super) fn forget_salaries(&mut self) {
        self.told.iter_mut().flat_map(BTreeMap::values_mut).for_each(|told| told.salary = None);
    }

    /// Compares everything, after a quiet time.
    pub(super) async fn conclude(self, world: &World<'_>) {
        let told = self.told.expect("the first load is complete");
        let held = snapshot(world).await;
        for (id, held) in &held {
            let told = told.get(id).unwrap_or_else(|| panic!("the log does not know {id}"));
            assert_eq!(told.state, held.state, "{id}: the state that the log told");
            let held =
                held.values.iter().filter(|(name, _)| told.values.contains_key(*name) || !may_be_untold(world, name));
            let held: Values = held.map(|(name, value)| (name.clone(), value.clone())).collect();
            assert_eq!(told.values, held, "{id}: the values that the log told");
            let n_raises = world.history.n_edits(&told.external, SALARY);
            assert!(
                told.n_raises <= n_raises,
                "{id}: the salary changed {n_raises} times, and the log told {}",
                told.n_raises
            );
        }
        assert_eq!(told.len(), held.len());

        let people = world.people();
        let records = records(world).await;
        for record in &records {
            let Some((before, n_raises)) = &told[&record.id].salary else { continue };
            let is_same = record.sensitive.as_ref().unwrap().get(KEY_OF_SALARY) == Some(before);
            assert!(
                is_same || told[&record.id].n_raises > *n_raises,
                "{}: nobody told of the salary",
                record.external.id
            );
        }
        let mut present = BTreeSet::new();
        for record in &records {
            let external = &record.external.id;
            let there = people.iter().find(|one| one.id == *external);
            match record.state {
                RecordState::Present => {
                    let there = there.unwrap_or_else(|| panic!("{external} is gone at the vendor and present here"));
                    for (field, value) in there.fields.iter().filter(|(field, _)| !VOLATILE.contains(&field.as_str())) {
                        let held = record.fields.get(field);
                        let is_same = held.is_some_and(|held| is_same(field, value, held));
                        assert!(is_same, "{external}: {field} is {value} at the vendor and {held:?} here");
                    }
                    let size = if world.is_mapped {
                        record.fields.get("position")
                    } else {
                        record.attributes.get("dynamic_1")
                    };
                    assert_eq!(size, Some(&there.attributes["dynamic_1"]), "{external}: the size");
                    let salary = record.sensitive.as_ref().unwrap().get(KEY_OF_SALARY);
                    let wanted = world.is_selected.then(|| &there.attributes[KEY_OF_SALARY]);
                    assert_eq!(salary, wanted, "{external}: the salary");
                    assert_eq!(record.stale, Vec::<String>::new(), "{external}");
                    assert!(present.insert(external.clone()), "{external} is present twice");
                }
                RecordState::Deleted => assert!(there.is_none(), "a false tombstone: {external} is there"),
                RecordState::Hidden => {
                    let is_refused = world.bench.vendor.account().refused.contains(external);
                    assert!(there.is_none() && is_refused, "{external} is not hidden");
                }
            }
        }
        let missing = people.iter().find(|one| !present.contains(&one.id)).map(|one| &one.id);
        assert_eq!(missing, None, "somebody of the vendor is not here");

        let connection = gangway_app::connections::get(&world.ctx, world.connection()).await.unwrap();
        assert_eq!((connection.state, connection.pause()), (ConnectionState::Active, Pause::None));
        let last = gangway_app::syncs::list_runs(&world.ctx, world.sync, everything()).await.unwrap().items;
        let last = last.iter().find(|run| run.mode == RunMode::Full).unwrap();
        let counts = &last.counts;
        assert_eq!((counts.created, counts.updated, counts.deleted, counts.quarantined), (0, 0, 0, 0), "{last:?}");
    }
}

impl Told {
    fn new(external: String, state: RecordState) -> Self {
        Self { external, values: Values::new(), places: BTreeMap::new(), n_raises: 0, salary: None, state }
    }

    /// Takes up the changes that an event tells; answers how many.
    fn change(&mut self, world: &World<'_>, event: &Event) -> usize {
        let changes = event.fact.data["changes"].as_object().unwrap();
        for (name, change) in changes {
            let name = settled(name);
            if change.get("changed").is_some() {
                assert_eq!(name, SALARY, "only what is sealed is not spoken of: {event:?}");
                let is_difference = event.fact.kind == "employee.updated" || event.fact.data["was"] == "hidden";
                assert!(is_difference, "that somebody has a salary is not told: {event:?}");
                self.n_raises += usize::from(event.fact.kind == "employee.updated");
                continue;
            }
            assert_ne!(name, SALARY, "what is sealed is not spoken of: {event:?}");
            let (old, new) = (&change["old"], &change["new"]);
            assert_ne!(old, new, "{name}: {event:?}");
            assert!(!new.is_null(), "the vendor never takes {name} away: {event:?}");
            let before = self.values.get(name).unwrap_or(&Value::Null);
            let is_first = before.is_null() && may_be_untold(world, name);
            assert!(before == old || is_first, "{name}: the log told {before} before {event:?}");
            self.hold(world, name, new, &format!("{event:?}"));
        }
        changes.len()
    }

    /// Takes up a value, which must be one that the account has had after the one before it.
    fn hold(&mut self, world: &World<'_>, name: &str, value: &Value, told_by: &str) {
        let place = world.history.place(&self.external, name, value);
        let place = place.unwrap_or_else(|| panic!("{}: {name} never was {value}: {told_by}", self.external));
        let before = self.places.insert(name.to_owned(), place);
        assert!(
            before.is_none_or(|before| before < place),
            "{}: {name} went back to {value}: {told_by}",
            self.external
        );
        self.values.insert(name.to_owned(), value.clone());
    }
}

/// Whether a value can be there of which the log told nothing: an attribute's first value that is read after another choice was
/// made, or another mapping, may have been at the vendor all the time (`docs/syncs.md`).
fn may_be_untold(world: &World<'_>, name: &str) -> bool {
    world.has_chosen && name.starts_with("attributes.")
}

async fn external_id(world: &World<'_>, id: Uuid) -> String {
    gangway_app::records::get(&world.ctx, Stream::Employees, id).await.unwrap().external.id
}

/// Every record, whatever its state.
async fn records(world: &World<'_>) -> Vec<RecordView> {
    let mut all = Vec::new();
    for state in [RecordState::Present, RecordState::Deleted, RecordState::Hidden] {
        let query = gangway_app::records::RecordQuery { state: Some(state), ..Default::default() };
        all.extend(gangway_app::records::list(&world.ctx, Stream::Employees, query, everything()).await.unwrap().items);
    }
    all
}

/// The clear values of every record.
async fn snapshot(world: &World<'_>) -> BTreeMap<Uuid, Told> {
    let told = |record: &RecordView| {
        let fields =
            record.fields.iter().filter(|(name, value)| !VOLATILE.contains(&name.as_str()) && !value.is_null());
        let fields = fields.map(|(name, value)| (name.clone(), value));
        let attributes = record.attributes.iter().map(|(key, value)| (format!("attributes.{key}"), value));
        let mut told = Told::new(record.external.id.clone(), record.state);
        for (name, value) in fields.chain(attributes) {
            told.hold(world, settled(&name), value, "what is held");
        }
        told
    };
    records(world).await.iter().map(|record| (record.id, told(record))).collect()
}
