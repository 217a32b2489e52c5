//! How steps change the account.

use gangway_connector::ErrorKind;
use serde_json::json;

use super::{
    super::vendor::{Object, employee},
    steps::Step,
    world::{CATALOGUE, STREAM, World},
};

const KINDS: [ErrorKind; 6] = [
    ErrorKind::Unavailable,
    ErrorKind::RateLimited,
    ErrorKind::Protocol,
    ErrorKind::Forbidden,
    ErrorKind::Unauthenticated,
    ErrorKind::NotFound,
];
impl World<'_> {
    /// Something in the account changes.
    pub(super) fn change(&mut self, step: Step) {
        let now = self.bench.now();
        self.n_changes += 1;
        let n = self.n_changes;
        let vendor = &self.bench.vendor;
        match step {
            Step::Hire(people) => {
                let ids = self.n_people + 1..self.n_people + people + 1;
                vendor.hire(ids.clone(), now);
                ids.for_each(|id| self.history.hired(&employee(id, now)));
                self.n_people += people;
            }
            Step::Rename(who) => self.edit(who, "first_name", &format!("Name{n}")),
            Step::Resize(who) => self.edit(who, "attributes.dynamic_1", &format!("S{n}")),
            Step::Raise(who) => self.edit(who, "attributes.dynamic_2", &n.to_string()),
            Step::Leave(who) => self.edit(who, "status", "inactive"),
            Step::Remove(who) => {
                if let Some(id) = self.name(who) {
                    self.remove(|one| one.id == id);
                }
            }
            Step::RemoveMany => {
                let mut place = 0;
                self.remove(|_| {
                    place += 1;
                    place % 3 != 0
                });
            }
            Step::RemoveAll => self.remove(|_| true),
            Step::Rehire(who) if !self.gone.is_empty() => {
                self.n_people += 1;
                let former = self.gone[who as usize % self.gone.len()].fields["email"].clone();
                let mut again = employee(self.n_people, now);
                again.fields.insert("email".into(), former);
                self.history.hired(&again);
                vendor.add(STREAM, again);
            }
            Step::Reappear(who) if !self.gone.is_empty() => {
                let mut again = self.gone.remove(who as usize % self.gone.len());
                again.changed_at = now;
                vendor.add(STREAM, again);
            }
            Step::Withdraw => vendor.account().unsent = vec!["dynamic_1"],
            Step::Grant => vendor.account().unsent.clear(),
            Step::ForbidDiscovery => vendor.account().catalogue = None,
            Step::AllowDiscovery => vendor.account().catalogue = Some(CATALOGUE.into()),
            Step::Hide(who) => {
                if let Some(id) = self.name(who) {
                    self.unlisted.get_mut().unwrap().insert(id.clone());
                    let mut account = vendor.account();
                    account.unlisted.push(id.clone());
                    account.hidden.push(id);
                }
            }
            Step::Unlist(who) => {
                let name = self.name(who);
                self.unlisted.get_mut().unwrap().extend(name.clone());
                vendor.account().unlisted.extend(name);
            }
            Step::DropSingles => vendor.account().no_single_reads = true,
            Step::OfferSingles => vendor.account().no_single_reads = false,
            Step::ShowAll => {
                let mut account = vendor.account();
                account.unlisted.clear();
                account.hidden.clear();
            }
            Step::Spoil(who) => {
                let name = self.name(who);
                vendor.account().unreadable.extend(name);
            }
            Step::Mend => vendor.account().unreadable.clear(),
            Step::Fail { n, kind } => {
                let kind = KINDS[kind as usize % KINDS.len()];
                vendor.account().failures.extend((0..n).map(|place| (place % 2 == 0).then_some(kind)));
            }
            Step::FailSingle { n, kind } => {
                let kind = KINDS[kind as usize % 4];
                vendor.account().single_failures.extend((0..n).map(|_| Some(kind)));
            }
            Step::Starve(calls) => vendor.account().budget_refusals += calls as usize,
            Step::Miscount(total) => vendor.account().claimed_total = Some(total.into()),
            Step::Count => vendor.account().claimed_total = None,
            Step::Pages(size) => vendor.account().page_size = size as usize,
            _ => {}
        }
    }

    /// Gives somebody another value, of a field or an attribute by its name in events.
    fn edit(&mut self, who: u32, name: &str, value: &str) {
        let Some(id) = self.name(who) else { return };
        self.bench.vendor.change(STREAM, &id, self.bench.now(), |one| match name.strip_prefix("attributes.") {
            Some(key) => drop(one.attributes.insert(key.to_owned(), json!(value))),
            None => drop(one.fields.insert(name.to_owned(), json!(value))),
        });
        self.history.edited(&id, name, json!(value));
    }

    /// The id of somebody in the account.
    fn name(&self, who: u32) -> Option<String> {
        let account = self.bench.vendor.account();
        let people = account.objects.get(&STREAM)?;
        people.get(who as usize % people.len().max(1)).map(|one| one.id.clone())
    }

    fn remove(&mut self, mut is_one: impl FnMut(&Object) -> bool) {
        let mut account = self.bench.vendor.account();
        let people = account.objects.entry(STREAM).or_default();
        let (gone, left) = std::mem::take(people).into_iter().partition(|one| is_one(one));
        *people = left;
        self.gone.extend::<Vec<Object>>(gone);
    }
}
