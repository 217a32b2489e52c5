//! The names behind the ids of an employment: org units, legal entities, cost centres and workplaces. The vendor publishes more
//! members than `id` and `name`; the company knows none of them.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::people::{Unit, UnitKind};
use crate::state::State;

use super::employments::org_unit_kind;
use super::list::{HUNDRED, Listing};
use super::problem::Problem;
use super::{Call, Outcome};

/// `GET /v2/org-units`: of one type, which must be given (developer.personio.de/reference/listorgunits, read 2026-11-27).
pub(super) fn org_units(state: &State, call: &Call<'_>) -> Outcome {
    let listing = Listing::read(call, HUNDRED)?;
    let kind = org_unit_kind(listing.filter("type").unwrap_or_default())?;
    let units = state.world.organisation.units(kind).iter();
    Ok(listing.cut(units, |unit| unit.id).answer(call, |unit| org_unit_shape(kind, unit)))
}

/// `GET /v2/org-units/{id}`: the type must be given too (developer.personio.de/reference/org-units, read 2026-11-27).
pub(super) fn org_unit(state: &State, call: &Call<'_>, id: &str) -> Outcome {
    let kind = org_unit_kind(call.request.parameter("type").unwrap_or_default())?;
    let unit = find(state.world.organisation.units(kind), id)?;
    Ok(Answer::json(200, &org_unit_shape(kind, unit)))
}

pub(super) fn list(call: &Call<'_>, units: &[Unit]) -> Outcome {
    let listing = Listing::read(call, HUNDRED)?;
    Ok(listing.cut(units.iter(), |unit| unit.id).answer(call, shape))
}

pub(super) fn get(units: &[Unit], id: &str) -> Outcome {
    Ok(Answer::json(200, &shape(find(units, id)?)))
}

fn find<'a>(units: &'a [Unit], id: &str) -> Result<&'a Unit, Problem> {
    units.iter().find(|unit| unit.id.to_string() == id).ok_or(Problem::NotFound)
}

fn shape(unit: &Unit) -> Value {
    json!({"id": unit.id.to_string(), "name": unit.name})
}

fn org_unit_shape(kind: UnitKind, unit: &Unit) -> Value {
    let kind = if kind == UnitKind::Team { "team" } else { "department" };
    json!({"id": unit.id.to_string(), "type": kind, "name": unit.name})
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::v2::testing::V2;

    #[test]
    fn names_belong_to_the_ids_of_employments() {
        let v2 = V2::new();
        let person = v2.bench.handle.people()[10].clone();
        for (path, unit) in [
            ("/v2/org-units/{id}?type=department", "department"),
            ("/v2/org-units/{id}?type=team", "team"),
            ("/v2/legal-entities/{id}", "subcompany"),
        ] {
            let unit = &person[unit];
            let found = v2.ok(&path.replace("{id}", &unit["id"].to_string()));
            assert_eq!((&found["id"], &found["name"]), (&json!(unit["id"].to_string()), &unit["name"]));
        }
        assert_eq!(v2.all("/v2/legal-entities?limit=1").len(), 3);
        assert_eq!(v2.get("/v2/legal-entities/1").status, 404);
        assert_eq!(v2.get("/v2/legal-entities?limit=101").status, 400);
    }

    #[test]
    fn org_units_are_told_by_type() {
        let v2 = V2::new();
        let departments = v2.all_beta("/v2/org-units?type=department&limit=3");
        assert!(departments.len() == 8 && departments.iter().all(|unit| unit["type"] == "department"));
        assert_eq!(v2.all_beta("/v2/org-units?type=team").len(), 24);
        assert_eq!(v2.beta("/v2/org-units").status, 400);
        let id = departments[0]["id"].as_str().unwrap();
        assert_eq!(v2.get(&format!("/v2/org-units/{id}")).status, 400);
        assert_eq!(v2.get(&format!("/v2/org-units/{id}?type=team")).status, 404);
    }

    #[test]
    fn betas_are_not_there_unless_asked_for() {
        let v2 = V2::new();
        for (path, n) in [("/v2/org-units?type=team", 24), ("/v2/cost-centers", 5), ("/v2/workplaces", 6)] {
            assert_eq!(v2.get(path).status, 404, "{path}");
            assert_eq!(v2.all_beta(path).len(), n, "{path}");
        }
    }
}
