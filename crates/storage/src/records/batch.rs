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

/// `select` once for each of `count` tuples of values from `$first` on, which its `columns` equal. PostgreSQL then enters an index
/// by all of them, whatever its statistics say; an `IN` it may take for a filter on all that the other conditions leave, as long as
/// it has none: 20,000 rows for each page of a first sync.
pub(crate) fn each(select: &str, columns: &[&str], first: usize, count: usize) -> String {
    let tuples: Vec<String> =
        (0..count).map(|tuple| format!("({})", places(first + tuple * columns.len(), columns.len()))).collect();
    let names: Vec<String> = (0..columns.len()).map(|n| format!("v{n}")).collect();
    let equal: Vec<String> = columns.iter().zip(&names).map(|(column, name)| format!("{column} = n.{name}")).collect();
    format!(
        "SELECT f.* FROM (VALUES {}) AS n ({}) CROSS JOIN LATERAL ({select} AND {} OFFSET 0) AS f",
        tuples.join(", "),
        names.join(", "),
        equal.join(" AND ")
    )
}

/// `select` for the rows whose `column` is one of `count` values from `$first` on.
pub(crate) fn one_of(is_postgres: bool, select: &str, column: &str, first: usize, count: usize) -> String {
    if is_postgres {
        each(select, &[column], first, count)
    } else {
        format!("{select} AND {column} IN ({})", places(first, count))
    }
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
    fn each_tuple_is_looked_up_by_itself() {
        assert_eq!(
            each("SELECT t.c FROM t WHERE t.tenant_id = $1", &["t.a", "t.b"], 2, 2),
            "SELECT f.* FROM (VALUES ($2, $3), ($4, $5)) AS n (v0, v1) CROSS JOIN LATERAL \
             (SELECT t.c FROM t WHERE t.tenant_id = $1 AND t.a = n.v0 AND t.b = n.v1 OFFSET 0) AS f"
        );
    }

    #[test]
    fn refused_rows_take_over_the_columns_named() {
        assert_eq!(take_over(&["a", "b"]), "a = excluded.a, b = excluded.b");
    }
}
