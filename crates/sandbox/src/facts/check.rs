//! Holds one answer against the table.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Met;
use super::table::{Key, Kind, Row, Shape, Table, name};
use super::types::Type;

/// The body of an answer.
pub(super) enum Body {
    Nothing,
    Json(Value),
    Media(String),
}

impl Body {
    pub(super) fn of(media: &str, body: &[u8]) -> Self {
        if body.is_empty() {
            return Self::Nothing;
        }
        match serde_json::from_slice(body) {
            Ok(value) => Self::Json(value),
            Err(_) => Self::Media(media.to_owned()),
        }
    }

    pub(super) fn says_no(&self) -> bool {
        matches!(self, Self::Json(body) if body.get("success") == Some(&Value::Bool(false)))
    }
}

/// What the answer met, or where it parts from the table.
pub(super) fn check(table: &Table, key: Key<'_>, body: &Body) -> Result<BTreeSet<Met>, Vec<String>> {
    let Key { version, method, path, status } = key;
    let mut check = Check { table, met: BTreeSet::new(), problems: Vec::new() };
    let own = name(version, method, path, status);
    if let Some(shape) = table.shape_of(key) {
        check.whole(shape, body, &own);
    } else {
        let excepted = [own.clone(), name(version, "*", "*", status)];
        let mut excepted = excepted.iter().filter_map(|shape| table.exception(shape, "", &Kind::Unknown));
        match excepted.next() {
            Some(met) => drop(check.met.insert(met)),
            None => check.problems.push(format!("{own}: no fact tells of such an answer")),
        }
    }
    if check.problems.is_empty() { Ok(check.met) } else { Err(check.problems) }
}

struct Check<'a> {
    table: &'a Table,
    met: BTreeSet<Met>,
    problems: Vec<String>,
}

/// Where the rows of a value's members are found.
type Scope<'a> = (&'a Shape, String);

impl<'a> Check<'a> {
    fn whole(&mut self, shape: &'a Shape, body: &Body, place: &str) {
        let Some(root) = shape.root else { panic!("no row describes the whole of {}", shape.name) };
        match body {
            Body::Json(value) => self.value(shape, root, value, place),
            Body::Nothing | Body::Media(_) => {
                let fits = |kind: &Type| match (kind, body) {
                    (Type::Nothing, Body::Nothing) => true,
                    (Type::Media(told), Body::Media(shown)) => told == shown,
                    _ => false,
                };
                match self.types(root).iter().position(fits) {
                    Some(found) => drop(self.met.insert(Met::Type { row: root, place: found })),
                    None => self.problems.push(format!("{place}: no fact tells of such a body")),
                }
            }
        }
    }

    fn types(&self, row: usize) -> &'a [Type] {
        self.table.rows.get(row).map_or(&[], |row| &row.types)
    }

    fn value(&mut self, shape: &'a Shape, row: usize, value: &Value, place: &str) {
        let Some(Row { field, .. }) = self.table.rows.get(row) else { return };
        let fitting = self.types(row).iter().enumerate().filter(|(_, kind)| kind.fits(value));
        let fitting: Vec<(usize, &Type)> = fitting.collect();
        if fitting.is_empty() {
            match self.table.exception(&shape.name, field, &Kind::Other) {
                Some(met) => drop(self.met.insert(met)),
                None => self.problems.push(format!("{place}: no fact tells of {}", described(value))),
            }
            return;
        }
        let mut scopes: Vec<Scope<'a>> = vec![(shape, field.clone())];
        for (found, kind) in fitting {
            self.met.insert(Met::Type { row, place: found });
            if let Type::Shape(named) = kind {
                let named = self.table.named(shape, named);
                // The row of a named whole is met by whoever names it.
                let whole = named.root.and_then(|root| {
                    self.types(root).iter().position(|kind| kind.fits(value)).map(|found| (root, found))
                });
                self.met.extend(whole.map(|(row, place)| Met::Type { row, place }));
                scopes.push((named, String::new()));
            }
        }
        match value {
            Value::Object(members) => {
                for (key, member) in members {
                    self.member(&scopes, key, member, &format!("{place} .{key}"));
                }
                for (shape, field) in &scopes {
                    for (part, row) in shape.below.get(field).into_iter().flatten() {
                        let is_always = self.table.rows.get(*row).is_some_and(|row| row.is_always);
                        if is_always && part != "[]" && !part.contains('*') && !members.contains_key(part) {
                            self.problems.push(format!("{place}: {part} is not there"));
                        }
                    }
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.member(&scopes, "[]", item, &format!("{place} []"));
                }
            }
            _ => {}
        }
    }

    fn member(&mut self, scopes: &[Scope<'a>], key: &str, value: &Value, place: &str) {
        let fits = |part: &str| {
            part == key || (key != "[]" && part.strip_suffix('*').is_some_and(|start| key.starts_with(start)))
        };
        let found = scopes.iter().find_map(|(shape, field)| {
            let rows = shape.below.get(field)?;
            rows.iter().find(|(part, _)| fits(part)).map(|(_, row)| (*shape, *row))
        });
        if let Some((shape, row)) = found {
            return self.value(shape, row, value, place);
        }
        let joined = |field: &str| match (field, key) {
            (field, "[]") => format!("{field}[]"),
            ("", key) => key.to_owned(),
            (field, key) => format!("{field}.{key}"),
        };
        let mut excepted = scopes
            .iter()
            .filter_map(|(shape, field)| self.table.exception(&shape.name, &joined(field), &Kind::Unknown));
        match excepted.next() {
            Some(met) => drop(self.met.insert(met)),
            None => self.problems.push(format!("{place}: no fact tells of this field, which is {}", described(value))),
        }
    }
}

fn described(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FACTS: &str = "version,method,path,status,field,types,presence,source,read
v1,GET,/a,200,,object,always,somewhere,2026-11-23
v1,GET,/a,200,id,integer|null,always,somewhere,2026-11-23
v1,GET,/a,200,list,array,optional,somewhere,2026-11-23
v1,GET,/a,200,list[],@Item,optional,somewhere,2026-11-23
v1,,@Item,,,object,always,somewhere,2026-11-23
v1,,@Item,,name,text,always,somewhere,2026-11-23
v1,,@Item,,dynamic_*,date,optional,somewhere,2026-11-23
";
    const EXCEPTIONS: &str = "version,method,path,status,field,kind,types,why
v1,GET,/a,200,extra,unknown,,nothing is published of this one
v1,GET,/a,200,id,never,null,the sandbox always has an id here
";

    fn outcome(body: Value) -> Result<BTreeSet<Met>, Vec<String>> {
        let table = Table::read(FACTS, EXCEPTIONS);
        check(&table, Key { version: "v1", method: "GET", path: "/a", status: "200" }, &Body::Json(body))
    }

    #[test]
    fn an_answer_that_the_table_tells_passes() {
        let full = json!({"id": 1, "extra": {}, "list": [{"name": "x", "dynamic_7": "2026-01-31"}]});
        let met = outcome(full).unwrap();
        assert_eq!(Table::read(FACTS, EXCEPTIONS).unmet(&met), Vec::<String>::new());
        assert!(outcome(json!({"id": null})).is_ok());
    }

    #[test]
    fn what_the_table_does_not_tell_is_named() {
        for (body, problem) in [
            (json!({"id": "1"}), "v1 GET /a 200 .id: no fact tells of \"1\""),
            (json!({}), "v1 GET /a 200: id is not there"),
            (json!({"id": 1, "more": 1}), "v1 GET /a 200 .more: no fact tells of this field, which is 1"),
            (json!({"id": 1, "list": [{}]}), "v1 GET /a 200 .list []: name is not there"),
            (
                json!({"id": 1, "list": [{"name": "x", "dynamic_7": 1}]}),
                "v1 GET /a 200 .list [] .dynamic_7: no fact tells of 1",
            ),
        ] {
            assert_eq!(outcome(body).unwrap_err(), [problem]);
        }
        let table = Table::read(FACTS, EXCEPTIONS);
        let elsewhere = Key { version: "v1", method: "GET", path: "/b", status: "200" };
        assert!(check(&table, elsewhere, &Body::Nothing).is_err());
    }

    #[test]
    fn rows_and_exceptions_that_nothing_meets_are_named() {
        let table = Table::read(FACTS, EXCEPTIONS);
        let met = outcome(json!({"id": null})).unwrap();
        let unmet = table.unmet(&met);
        assert!(unmet.iter().any(|one| one.starts_with("v1 @Item \"name\": no answer ever showed")), "{unmet:?}");
        assert!(unmet.iter().any(|one| one.starts_with("v1 GET /a 200 \"extra\": the exception is needed no more")));
        assert!(
            unmet.iter().any(|one| one.contains("\"id\": no answer ever showed")),
            "the exception is for null alone"
        );
    }
}
