//! Rows of every table as a version of before wrote them, recorded once, to be read by the present one.

use std::{collections::BTreeMap, fmt::Write as _};

use sea_orm::{ConnectionTrait as _, Database, DbBackend, Statement};
use serde::Deserialize;
use serde_json::Value;

use super::TestDb;

/// What was recorded.
#[derive(Deserialize)]
pub struct Sample {
    /// The newest migration of that time.
    pub schema: String,
    /// The master key, base64.
    pub master_key: String,
    /// A key of the operator.
    pub operator_key: String,
    /// A key of the tenant.
    pub tenant_key: String,
    /// Tables by name; bytes and ids as `{"hex": …}`.
    tables: BTreeMap<String, Table>,
}

#[derive(Deserialize)]
struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

impl Sample {
    /// Puts the rows into a database of the schema of their time.
    ///
    /// # Panics
    /// When they do not fit.
    pub async fn load(&self, db: &TestDb) {
        let mut sql = if db.is_postgres() {
            // Rows come in the order of the tables' names, not of what refers to what.
            "SET session_replication_role = replica;".to_owned()
        } else {
            "PRAGMA foreign_keys = OFF;".to_owned()
        };
        let connection = Database::connect(db.owner_url()).await.expect("the owner may connect");
        for (name, table) in &self.tables {
            // Migrations have put the platform's own rows into some.
            write!(sql, "DELETE FROM \"{name}\";").expect("a string takes everything");
            let types = if db.is_postgres() { types_of(&connection, name).await } else { BTreeMap::new() };
            for row in &table.rows {
                let values: Vec<String> = table
                    .columns
                    .iter()
                    .zip(row)
                    .map(|(column, value)| literal(value, types.get(column).map(String::as_str)))
                    .collect();
                write!(sql, "INSERT INTO \"{name}\" ({}) VALUES ({});", table.columns.join(", "), values.join(", "))
                    .expect("a string takes everything");
            }
        }
        // One statement after the other on one connection, which is what the first of them counts for.
        connection.execute_unprepared(&sql).await.unwrap_or_else(|error| panic!("the rows do not fit: {error}"));
        connection.close().await.expect("an idle pool closes");
    }
}

/// Types of a table's columns.
async fn types_of(connection: &sea_orm::DatabaseConnection, table: &str) -> BTreeMap<String, String> {
    let sql = format!(
        "SELECT column_name::text AS name, udt_name::text AS type FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name = '{table}'"
    );
    let rows = connection.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await;
    rows.expect("the catalogue can be read")
        .into_iter()
        .map(|row| {
            let text = |column: &str| row.try_get::<String>("", column).expect("the column is text");
            (text("name"), text("type"))
        })
        .collect()
}

/// A value as the database writes it: of `kind` in `PostgreSQL`, else as `SQLite` has it.
fn literal(value: &Value, kind: Option<&str>) -> String {
    let hex = value.get("hex").and_then(Value::as_str);
    match (value, hex, kind) {
        (Value::Null, ..) => "NULL".to_owned(),
        (_, Some(hex), None) => format!("x'{hex}'"),
        (_, Some(hex), Some("uuid")) => format!("'{hex}'::uuid"),
        (_, Some(hex), Some(_)) => format!("'\\x{hex}'::bytea"),
        (Value::Number(number), _, Some("bool")) => (number.as_i64() != Some(0)).to_string(),
        (Value::String(text), ..) => format!("'{}'", text.replace('\'', "''")),
        (other, ..) => other.to_string(),
    }
}
