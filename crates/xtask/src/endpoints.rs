//! The table of a vendor's endpoints in `docs/connectors/personio.md`, made from the connector's list of them.
//!
//! The list is read as text, so that this tool needs none of the platform's crates. What its columns claim is checked by the
//! tests of the connector.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

const LIST: &str = include_str!("../../connector/src/personio/endpoints.tsv");
const BEGIN: &str = "<!-- Made from crates/connector/src/personio/endpoints.tsv: `cargo xtask endpoints`. -->\n";
const END: &str = "<!-- end of what is made -->\n";

/// Puts the table into the document.
pub(crate) fn write() -> anyhow::Result<()> {
    let path = document();
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let text = with_table(&text).with_context(|| format!("{} has no place for the table", path.display()))?;
    std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
}

fn document() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/connectors/personio.md")
}

/// The document with the table of today between the two marks.
fn with_table(text: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}\n{END}{after}", table()))
}

fn table() -> String {
    let mut lines = vec![
        "| request | what | supported | sandbox | tested | page | offset counts | changes since | source |".to_owned(),
        "|---|---|---|---|---|---|---|---|---|".to_owned(),
    ];
    lines.extend(LIST.lines().skip(1).map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        let (request, others) = cells.split_at(cells.len().min(2));
        let others: Vec<&str> = others.iter().map(|cell| if *cell == "no" { "–" } else { *cell }).collect();
        format!("| `{}` | {} |", request.join(" "), others.join(" | "))
    }));
    lines.push(String::new());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_table_is_the_list() {
        let committed = std::fs::read_to_string(document()).unwrap_or_default();
        let made = with_table(&committed).expect("the document has both marks");
        assert!(committed == made, "run `cargo xtask endpoints`");
    }
}
