//! What must hold whatever happened. It knows the account and the log, and nothing of how the engine works.

use std::collections::{BTreeMap, BTreeSet};

use gangway_app::{events, records::RecordView};
use gangway_domain::{
    connection::{ConnectionState, Pause},
    event::Event,
    record::{RecordState, Stream},
    sync::RunMode,
};
use gangway_storage::PageRequest;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{super::support::everything, world::World};

/// Members that vendors touch without meaning.
const VOLATILE: [&str; 2] = ["created_at", "updated_at"];
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
    /// Vendor ids that a single read was refused for.
    were_hidden: BTreeSet<String>,
}

struct Told {
    values: Values,
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
                }
                told.state = RecordState::Present;
                told.change(world, event);
            }
            "created" => {
                let mut new = Told { values: Values::new(), state: RecordState::Present };
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
                assert_ne!(told.state, RecordState::Deleted, "it went twice: {event:?}");
                told.state = state;
                let external = external_id(world, id).await;
                let is_there = world.people().iter().any(|one| one.id == external);
                // Deletions that were released go by the word of who released them: of whom nothing else said that they are gone, and
                // of who came back after the sweep and was not read since.
                let by_word = fact.data["confirmed_by"] == "human" || world.returned.contains(&external);
                let is_released = world.has_released && by_word;
                assert!(
                    kind == "hidden" || !is_there || is_released,
                    "a false tombstone: {external} is there, and {event:?}"
                );
                if kind == "hidden" {
                    self.were_hidden.insert(external);
                }
            }
            other => panic!("nobody knows employee.{other}"),
        }
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
        }
        assert_eq!(told.len(), held.len());

        let people = world.people();
        let records = records(world).await;
        let mut present = BTreeSet::new();
        for record in &records {
            let external = &record.external.id;
            let there = people.iter().find(|one| one.id == *external);
            match record.state {
                RecordState::Present => {
                    let there = there.unwrap_or_else(|| panic!("{external} is gone at the vendor and present here"));
                    for (field, value) in there.fields.iter().filter(|(field, _)| !VOLATILE.contains(&field.as_str())) {
                        let held = record.fields.get(field);
                        let is_same = match (field.as_str(), value, held) {
                            ("email", Value::String(one), Some(Value::String(other))) => {
                                one.eq_ignore_ascii_case(other)
                            }
                            _ => held == Some(value),
                        };
                        assert!(is_same, "{external}: {field} is {value} at the vendor and {held:?} here");
                    }
                    let size = &there.attributes["dynamic_1"];
                    assert_eq!(record.attributes.get("dynamic_1"), Some(size), "{external}");
                    let salary = record.sensitive.as_ref().unwrap().get("dynamic_2");
                    assert!(
                        salary.is_none_or(|salary| *salary == there.attributes["dynamic_2"]),
                        "{external}: {salary:?}"
                    );
                    assert_eq!(record.stale, Vec::<String>::new(), "{external}");
                    assert!(present.insert(external.clone()), "{external} is present twice");
                }
                RecordState::Deleted => assert!(there.is_none(), "a false tombstone: {external} is there"),
                RecordState::Hidden => {
                    assert!(there.is_none() && self.were_hidden.contains(external), "{external} is not hidden");
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
    /// Takes up the changes that an event tells; answers how many.
    fn change(&mut self, world: &World<'_>, event: &Event) -> usize {
        let changes = event.fact.data["changes"].as_object().unwrap();
        for (name, change) in changes {
            if change.get("changed").is_some() {
                continue;
            }
            let (old, new) = (&change["old"], &change["new"]);
            assert_ne!(old, new, "{name}: {event:?}");
            assert!(!new.is_null(), "the vendor never takes {name} away: {event:?}");
            let before = self.values.get(name).unwrap_or(&Value::Null);
            let is_first = before.is_null() && may_be_untold(world, name);
            assert!(before == old || is_first, "{name}: the log told {before} before {event:?}");
            self.values.insert(name.clone(), new.clone());
        }
        changes.len()
    }
}

/// Whether a value can be there of which the log told nothing: an attribute's first value that is read after another choice was
/// made may have been at the vendor all the time (`docs/syncs.md`).
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
    let values = |record: &RecordView| {
        let fields =
            record.fields.iter().filter(|(name, value)| !VOLATILE.contains(&name.as_str()) && !value.is_null());
        let attributes = record.attributes.iter().map(|(key, value)| (format!("attributes.{key}"), value.clone()));
        fields.map(|(name, value)| (name.clone(), value.clone())).chain(attributes).collect()
    };
    let records = records(world).await;
    records.iter().map(|record| (record.id, Told { values: values(record), state: record.state })).collect()
}
