//! How everybody looks to a credential: rendered when the sandbox starts, and kept until a change touches it.
//!
//! Credentials with the same rights share one view. What a change touches is rendered anew by the first answer that
//! needs it, so an administrator never waits for a large company.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::config::Dialect;
use crate::cores;
use crate::pages::Window;
use crate::people::World;
use crate::shapes::{EmployeeWriter, Scene};
use crate::state::Credential;

/// The views, and which of them each credential has.
#[derive(Debug, Default)]
pub(crate) struct Views {
    views: Vec<View>,
    places: Vec<usize>,
}

/// The company as everybody with these rights sees it.
#[derive(Debug)]
pub(crate) struct View {
    whitelist: Option<BTreeSet<String>>,
    /// In the order of ids, which is that of lists.
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    id: u64,
    rendering: Option<Bytes>,
}

impl Views {
    /// Gives every credential the view of its rights, and drops the views that nobody has any more.
    pub(crate) fn assign(&mut self, credentials: &[Credential], world: &World) {
        let mut old = std::mem::take(&mut self.views);
        self.places.clear();
        for Credential { whitelist, .. } in credentials {
            let known = self.views.iter().position(|view| view.whitelist == *whitelist);
            let place = known.unwrap_or_else(|| {
                let kept = old.iter().position(|view| view.whitelist == *whitelist).map(|place| old.swap_remove(place));
                self.views.push(kept.unwrap_or_else(|| View::new(whitelist.clone(), world)));
                self.views.len() - 1
            });
            self.places.push(place);
        }
    }

    /// The view of a credential.
    pub(crate) fn of(&mut self, credential: usize) -> Option<&mut View> {
        self.places.get(credential).and_then(|place| self.views.get_mut(*place))
    }

    /// Renders everybody for everyone, on all cores.
    pub(crate) fn render(&mut self, scene: Scene<'_>, dialect: Dialect) {
        for View { whitelist, rows } in &mut self.views {
            let writer = EmployeeWriter::new(Scene { whitelist: whitelist.as_ref(), ..scene }, dialect, &[]);
            cores::for_shares(rows, |rows| render(rows, &writer));
        }
    }

    /// Makes room for somebody, and forgets how this person looked.
    pub(crate) fn put(&mut self, id: u64) {
        for view in &mut self.views {
            match view.search(id) {
                Ok(place) => view.rows.get_mut(place).into_iter().for_each(|row| row.rendering = None),
                Err(place) => view.rows.insert(place, Row { id, rendering: None }),
            }
        }
    }

    /// Takes somebody out.
    pub(crate) fn remove(&mut self, id: u64) {
        for view in &mut self.views {
            view.rows.retain(|row| row.id != id);
        }
    }

    /// Forgets how everybody looked.
    pub(crate) fn forget_all(&mut self) {
        self.views.iter_mut().flat_map(|view| &mut view.rows).for_each(|row| row.rendering = None);
    }
}

impl View {
    fn new(whitelist: Option<BTreeSet<String>>, world: &World) -> Self {
        Self { whitelist, rows: world.people.keys().map(|id| Row { id: *id, rendering: None }).collect() }
    }

    /// A part of the list of everybody.
    pub(crate) fn page(&mut self, scene: Scene<'_>, dialect: Dialect, window: Window) -> Vec<Bytes> {
        let start = window.offset.min(self.rows.len());
        let end = start.saturating_add(window.limit).min(self.rows.len());
        rendered(self.rows.get_mut(start..end).unwrap_or_default(), scene, dialect).collect()
    }

    /// One person, if there is one with this id.
    pub(crate) fn person(&mut self, scene: Scene<'_>, dialect: Dialect, id: u64) -> Option<Bytes> {
        let place = self.search(id).ok()?;
        rendered(self.rows.get_mut(place..=place)?, scene, dialect).next()
    }

    fn search(&self, id: u64) -> Result<usize, usize> {
        self.rows.binary_search_by_key(&id, |row| row.id)
    }
}

fn rendered(rows: &mut [Row], scene: Scene<'_>, dialect: Dialect) -> impl Iterator<Item = Bytes> {
    if rows.iter().any(|row| row.rendering.is_none()) {
        render(rows, &EmployeeWriter::new(scene, dialect, &[]));
    }
    rows.iter().filter_map(|row| row.rendering.clone())
}

fn render(rows: &mut [Row], writer: &EmployeeWriter<'_>) {
    let mut text = Vec::with_capacity(8_192);
    for row in rows.iter_mut().filter(|row| row.rendering.is_none()) {
        let Some(person) = writer.scene.world.people.get(&row.id) else { continue };
        text.clear();
        writer.put(&mut text, person);
        row.rendering = Some(Bytes::copy_from_slice(&text));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::{Config, CredentialConfig};
    use crate::testing::Bench;

    const NOBODY: Vec<u64> = Vec::new();

    /// Two credentials that may read everything and one that may not.
    fn bench() -> Bench {
        let credential = |id: &str, whitelist: Option<&str>| CredentialConfig {
            client_id: id.to_owned(),
            client_secret: "secret".into(),
            whitelist: whitelist.map(|key| vec![key.to_owned()]),
            forbid_discovery: false,
        };
        let credentials = vec![credential("one", None), credential("narrow", Some("email")), credential("two", None)];
        Bench::of(|config| Config { credentials, ..config.without_rate_limit() })
    }

    /// Who would be rendered by the next answer, in each view.
    fn stale(bench: &Bench) -> Vec<Vec<u64>> {
        let state = bench.handle.0.lock();
        let rows = |view: &View| view.rows.iter().filter(|row| row.rendering.is_none()).map(|row| row.id).collect();
        state.views.views.iter().map(rows).collect()
    }

    /// Renders whatever is stale.
    fn look(bench: &Bench) {
        let mut state = bench.handle.0.lock();
        for credential in 0..3 {
            let dialect = state.dialect;
            let (scene, view) = state.scene_and_view(credential).unwrap();
            view.page(scene, dialect, Window { offset: 0, limit: usize::MAX });
        }
    }

    #[test]
    fn everybody_is_rendered_before_the_first_request_and_once_for_the_same_rights() {
        assert_eq!(stale(&bench()), [NOBODY, NOBODY]);
    }

    #[test]
    fn a_change_renders_anew_only_what_it_touches() {
        let bench = bench();
        let people = bench.handle.people();
        let id = |place: usize| people[place]["id"].as_u64().unwrap();
        let reports: Vec<u64> = (1..=8).map(id).collect();

        bench.handle.change_person(id(0), &json!({"position": "Vorstand"})).unwrap();
        assert_eq!(stale(&bench), [vec![id(0)], vec![id(0)]]);
        look(&bench);
        bench.handle.change_person(id(0), &json!({"last_name": "Anders"})).unwrap();
        let with_reports: Vec<u64> = std::iter::once(id(0)).chain(reports).collect();
        assert_eq!(stale(&bench), [with_reports.clone(), with_reports]);
        look(&bench);
        let new =
            bench.handle.add_person(&json!({"first_name": "A", "last_name": "B", "email": "a@b.example"})).unwrap();
        assert_eq!(stale(&bench), [vec![new], vec![new]]);
        look(&bench);
        bench.handle.remove_person(new).unwrap();
        bench.handle.change_switches(&json!({"metadata": false, "error_language": "english"})).unwrap();
        bench.handle.change_switches(&json!({"expire_tokens": true})).unwrap();
        assert_eq!(stale(&bench), [NOBODY, NOBODY]);
        bench.handle.change_switches(&json!({"label_language": "german"})).unwrap();
        assert!(stale(&bench).iter().all(|view| view.len() == people.len()));
    }

    #[test]
    fn other_rights_get_a_view_of_their_own_and_the_same_ones_share_it() {
        let bench = bench();
        bench.handle.set_whitelist("two", Some(vec!["position".into()])).unwrap();
        assert_eq!(stale(&bench).iter().map(Vec::len).collect::<Vec<_>>(), [0, 0, 60]);
        bench.handle.set_whitelist("two", Some(vec!["email".into()])).unwrap();
        assert_eq!(stale(&bench), [NOBODY, NOBODY]);
        bench.handle.set_whitelist("narrow", None).unwrap();
        bench.handle.set_whitelist("two", None).unwrap();
        assert_eq!(stale(&bench), [NOBODY]);
    }

    #[test]
    fn what_is_kept_is_what_would_be_rendered() {
        let mut bench = bench();
        bench.log_in();
        let people = bench.handle.people();
        let id = |place: usize| people[place]["id"].as_u64().unwrap();
        let changes = [(0, json!({"email": "chef@acme.example"})), (9, json!({"supervisor": id(4), "team": null}))];
        for (place, change) in changes {
            bench.handle.change_person(id(place), &change).unwrap();
        }
        bench.handle.remove_person(id(2)).unwrap();
        bench.handle.add_person(&json!({"first_name": "A", "last_name": "B", "email": "a@b.example"})).unwrap();
        bench.handle.change_switches(&json!({"string_hours": false, "credentials": [{"client_id": "one"}]})).unwrap();
        let target = "/v1/company/employees?limit=100";
        let kept = bench.ok(target);
        bench.handle.0.lock().views.forget_all();
        assert_eq!(kept, bench.ok(target));
    }
}
