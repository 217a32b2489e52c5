//! The schema as the databases themselves describe it, and from it one minimal row per table and tenant.
//!
//! Nothing here knows a table's name but `tenant`'s, so a new table is covered the day it is made.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, DbBackend, QueryResult};
use uuid::Uuid;

use super::support::{rows, run, uuid_literal};

/// Tables that belong to nobody, and why there is nothing of a tenant in them.
pub(super) const GLOBAL: &[(&str, &str)] = &[
    ("deployment", "one row of the installation"),
    ("process_lease", "which process works, while vendor budgets lie in its memory"),
    ("queue_clock", "virtual time per queue and class"),
    ("seaql_migrations", "which migrations have run"),
];

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) is_nullable: bool,
    has_default: bool,
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ForeignKey {
    pub(super) parent: String,
    /// Column here, column there.
    pub(super) columns: Vec<(String, String)>,
}

/// A table.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    /// Primary and unique keys without a condition.
    pub(super) keys: BTreeSet<Vec<String>>,
    pub(super) foreign_keys: Vec<ForeignKey>,
}

impl Table {
    pub(super) fn is_global(&self) -> bool {
        GLOBAL.iter().any(|(name, _)| *name == self.name)
    }

    /// The column that names the tenant.
    pub(super) fn tenant_column(&self) -> &'static str {
        if self.name == "tenant" { "id" } else { "tenant_id" }
    }
}

/// Every table, parents before children.
pub(super) async fn read(connection: &impl ConnectionTrait) -> Vec<Table> {
    let (columns, keys, foreign_keys) = if connection.get_database_backend() == DbBackend::Postgres {
        (POSTGRES_COLUMNS, POSTGRES_KEYS, POSTGRES_FOREIGN_KEYS)
    } else {
        (SQLITE_COLUMNS, SQLITE_KEYS, SQLITE_FOREIGN_KEYS)
    };
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for row in rows(connection, columns).await.unwrap() {
        let name = text(&row, 0);
        let table = tables.entry(name.clone()).or_insert_with(|| Table { name, ..Table::default() });
        table.columns.push(Column {
            name: text(&row, 1),
            kind: text(&row, 2),
            is_nullable: number(&row, 3) == 0,
            has_default: number(&row, 4) == 1,
        });
    }
    let mut parts: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for row in rows(connection, keys).await.unwrap() {
        parts.entry((text(&row, 0), text(&row, 1))).or_default().push(text(&row, 2));
    }
    for ((table, _), columns) in parts {
        tables.get_mut(&table).unwrap().keys.insert(columns);
    }
    let mut links: BTreeMap<(String, String), ForeignKey> = BTreeMap::new();
    for row in rows(connection, foreign_keys).await.unwrap() {
        let link = links.entry((text(&row, 0), text(&row, 1))).or_default();
        link.parent = text(&row, 2);
        link.columns.push((text(&row, 3), text(&row, 4)));
    }
    for ((table, _), link) in links {
        tables.get_mut(&table).unwrap().foreign_keys.push(link);
    }
    parents_first(tables)
}

/// The tables whose rows belong to a tenant, parents before children.
pub(super) async fn tenant_tables(connection: &impl ConnectionTrait) -> Vec<Table> {
    read(connection).await.into_iter().filter(|table| !table.is_global()).collect()
}

fn parents_first(mut left: BTreeMap<String, Table>) -> Vec<Table> {
    let mut sorted: Vec<Table> = Vec::new();
    while !left.is_empty() {
        let ready: Vec<String> = left
            .values()
            .filter(|table| table.foreign_keys.iter().all(|link| !left.contains_key(&link.parent)))
            .map(|table| table.name.clone())
            .collect();
        assert!(!ready.is_empty(), "foreign keys in a circle: {:?}", left.keys());
        sorted.extend(ready.iter().map(|name| left.remove(name).unwrap()));
    }
    sorted
}

/// Writes minimal rows, and remembers what their children must point at.
#[derive(Default)]
pub(super) struct RowMaker {
    n_made: u128,
    last: BTreeMap<String, BTreeMap<String, String>>,
}

impl RowMaker {
    /// Inserts one row of the tenant into every table, in order. The role must be allowed to.
    pub(super) async fn fill(&mut self, connection: &impl ConnectionTrait, tables: &[Table], tenant: Uuid) {
        for table in tables {
            let sql = self.insert(connection.get_database_backend(), table, tenant);
            run(connection, &sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
    }

    /// The statement that inserts a row of the tenant; its parents are the rows made last.
    pub(super) fn insert(&mut self, backend: DbBackend, table: &Table, tenant: Uuid) -> String {
        let mut values = BTreeMap::new();
        for column in table.columns.iter().filter(|column| !column.is_nullable && !column.has_default) {
            self.n_made += 1;
            let parent = table.foreign_keys.iter().find_map(|link| {
                let (_, there) = link.columns.iter().find(|(here, _)| *here == column.name)?;
                self.last.get(&link.parent)?.get(there).cloned()
            });
            let value = if column.name == table.tenant_column() {
                uuid_literal(backend, tenant)
            } else {
                parent.unwrap_or_else(|| literal(backend, column, self.n_made))
            };
            values.insert(column.name.clone(), value);
        }
        let columns: Vec<&str> = values.keys().map(String::as_str).collect();
        let literals: Vec<&str> = values.values().map(String::as_str).collect();
        let sql = format!("INSERT INTO {} ({}) VALUES ({})", table.name, columns.join(", "), literals.join(", "));
        self.last.insert(table.name.clone(), values);
        sql
    }
}

fn literal(backend: DbBackend, column: &Column, n: u128) -> String {
    let is_id = column.name == "id" || column.name.ends_with("_id");
    match column.kind.as_str() {
        "uuid" => uuid_literal(backend, Uuid::from_u128(n << 64)),
        // SQLite keeps ids and bytes alike.
        "BLOB" if is_id => uuid_literal(backend, Uuid::from_u128(n << 64)),
        "BLOB" => format!("X'{n:064x}'"),
        "bytea" => format!("'\\x{n:064x}'::bytea"),
        "text" | "TEXT" => format!("'{n}'"),
        "boolean" => "false".to_owned(),
        _ => "1".to_owned(),
    }
}

fn text(row: &QueryResult, index: usize) -> String {
    row.try_get_by_index(index).unwrap()
}

fn number(row: &QueryResult, index: usize) -> i64 {
    row.try_get_by_index(index).unwrap()
}

// Every schema but the server's own, so that a table cannot hide outside `public`.
const POSTGRES_COLUMNS: &str = "
    SELECT c.relname::text, a.attname::text, format_type(a.atttypid, NULL)::text, a.attnotnull::int::bigint,
           a.atthasdef::int::bigint
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
    ORDER BY c.relname, a.attnum";

const POSTGRES_KEYS: &str = "
    SELECT c.relname::text, i.indexrelid::text, a.attname::text
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
    CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
    WHERE i.indisunique AND i.indpred IS NULL AND c.relnamespace = 'public'::regnamespace
    ORDER BY c.relname, i.indexrelid, k.place";

const POSTGRES_FOREIGN_KEYS: &str = "
    SELECT f.conrelid::regclass::text, f.oid::text, f.confrelid::regclass::text, here.attname::text, there.attname::text
    FROM pg_constraint f
    CROSS JOIN LATERAL unnest(f.conkey, f.confkey) WITH ORDINALITY AS k (here, there, place)
    JOIN pg_attribute here ON here.attrelid = f.conrelid AND here.attnum = k.here
    JOIN pg_attribute there ON there.attrelid = f.confrelid AND there.attnum = k.there
    WHERE f.contype = 'f' ORDER BY f.conrelid, f.oid, k.place";

const SQLITE_COLUMNS: &str = "
    SELECT t.name, c.name, c.type, (c.\"notnull\" OR c.pk > 0), c.dflt_value IS NOT NULL
    FROM sqlite_schema t JOIN pragma_table_info(t.name) c
    WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY t.name, c.cid";

const SQLITE_KEYS: &str = "
    SELECT t.name, i.name, k.name
    FROM sqlite_schema t JOIN pragma_index_list(t.name) i JOIN pragma_index_info(i.name) k
    WHERE t.type = 'table' AND i.\"unique\" AND NOT i.partial ORDER BY t.name, i.name, k.seqno";

const SQLITE_FOREIGN_KEYS: &str = "
    SELECT t.name, CAST(f.id AS TEXT), f.\"table\", f.\"from\", coalesce(f.\"to\", 'id')
    FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) f
    WHERE t.type = 'table' ORDER BY t.name, f.id, f.seq";
