//! A few generated documents for each person. The vendor's shape was not at hand: these are the members that its filter and its
//! other resources name.

use chrono::TimeDelta;
use serde_json::json;

use crate::people::{Person, Thing};
use crate::state::State;

use super::list::{Listing, TWO_HUNDRED};
use super::problem::{Problem, stamp};
use super::{Call, Outcome};

const NAMES: [&str; 4] = ["Arbeitsvertrag.pdf", "Zeugnis.pdf", "Bescheinigung – Kopie.pdf", "Foto.png"];

/// `GET /v2/document-management/documents?owner_id=`
pub(super) fn list(state: &State, call: &Call<'_>) -> Outcome {
    let listing = Listing::read(call, TWO_HUNDRED)?;
    let owner = listing.filter("owner_id").ok_or_else(|| Problem::parameter("owner_id"))?;
    let owner: u64 = owner.parse().map_err(|_| Problem::parameter("owner_id"))?;
    let documents: Vec<_> = state.world.people.get(&owner).into_iter().flat_map(of).collect();
    let page = listing.cut(documents.into_iter(), |document| document.number);
    Ok(page.answer(call, |Document { number, name, person }| {
        let made_at = person.created_at + TimeDelta::days(i64::from(u8::try_from(number % 8).unwrap_or_default()));
        json!({
            "id": state.world.uuids.of(Thing::Document, number),
            "name": name,
            "owner": {"id": person.id.to_string()},
            "created_at": stamp(made_at),
        })
    }))
}

struct Document<'a> {
    number: u64,
    name: &'static str,
    person: &'a Person,
}

fn of(person: &Person) -> impl Iterator<Item = Document<'_>> {
    let n = usize::try_from(person.id % 5).unwrap_or_default();
    let named = (person.id * 8..).zip(NAMES);
    named.take(n).map(move |(number, name)| Document { number, name, person })
}

#[cfg(test)]
mod tests {
    use crate::v2::testing::V2;

    #[test]
    fn each_person_has_the_same_few_documents() {
        let v2 = V2::new();
        let mut n = 0;
        for id in v2.person_ids() {
            let page = v2.ok(&format!("/v2/document-management/documents?owner_id={id}"));
            let documents = page["_data"].as_array().unwrap();
            assert_eq!(documents.len() as u64, id.parse::<u64>().unwrap() % 5);
            assert!(documents.iter().all(|one| one["owner"]["id"] == id));
            n += documents.len();
            assert_eq!(page, V2::new().ok(&format!("/v2/document-management/documents?owner_id={id}")));
        }
        assert!(n > 0);
        assert!(v2.ok("/v2/document-management/documents?owner_id=1")["_data"].as_array().unwrap().is_empty());
        assert_eq!(v2.get("/v2/document-management/documents").status, 400);
    }
}
