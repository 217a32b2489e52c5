//! Statements over many rows: multi-row inserts and `IN` lists in chunks that both databases take.
//!
//! SQLite refuses more than 32,766 binds in a statement; 500 rows of the widest table stay well below.

use sea_orm::Value;

use crate::{Result, TenantTx};

/// Rows or list members in one statement.
pub(crate) const CHUNK: usize = 500;

/// Inserts rows whose first column is the tenant; `on_conflict` is the text after `ON CONFLICT`, empty for none. Answers how
/// many rows were written.
pub(crate) async fn insert(
    tx: &TenantTx,
    table: &str,
    columns: &[&str],
    on_conflict: &str,
    rows: Vec<Vec<Value>>,
) -> Result<u64> {
    let mut written = 0;
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let mut values: Vec<Value> = vec![tx.tenant().uuid().into()];
        let mut tuples = Vec::with_capacity(CHUNK);
        for row in rows.by_ref().take(CHUNK) {
            let places: Vec<String> = (1..=row.len()).map(|offset| format!("${}", values.len() + offset)).collect();
            tuples.push(format!("($1, {})", places.join(", ")));
            values.extend(row);
        }
        let conflict = if on_conflict.is_empty() { String::new() } else { format!(" ON CONFLICT {on_conflict}") };
        let sql =
            format!("INSERT INTO {table} (tenant_id, {}) VALUES {}{conflict}", columns.join(", "), tuples.join(", "));
        written += tx.execute(&sql, values).await?.rows_affected();
    }
    Ok(written)
}

/// Places `$first …` for `count` values, to stand between the parentheses of an `IN`.
pub(crate) fn places(first: usize, count: usize) -> String {
    let places: Vec<String> = (first..first + count).map(|place| format!("${place}")).collect();
    places.join(", ")
}

/// Columns set to what the refused row held.
pub(crate) fn take_over(columns: &[&str]) -> String {
    let sets: Vec<String> = columns.iter().map(|column| format!("{column} = excluded.{column}")).collect();
    sets.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_numbered_from_the_first() {
        assert_eq!(places(3, 3), "$3, $4, $5");
        assert_eq!(places(1, 0), "");
    }

    #[test]
    fn refused_rows_take_over_the_columns_named() {
        assert_eq!(take_over(&["a", "b"]), "a = excluded.a, b = excluded.b");
    }
}
