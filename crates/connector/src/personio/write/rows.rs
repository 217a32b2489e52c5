//! What became of each row of a call that creates several attendances.
//!
//! All rows fit: their ids come as a list. One does not: status 400, and of each row whether it fitted and perhaps an id, in which case
//! nobody says whether it was kept (developer.personio.de, read 2026-11-23). So what was to be kept is looked for.

use std::collections::{HashMap, HashSet};

use gangway_egress::Response;
use serde_json::{Map, Value};

use super::{
    answer::{Accepted, id_of, remark},
    attendance::Shown,
    compare, unseen,
};
use crate::{
    contract::{Error, ErrorKind, Outcome, Remarks, SourceRecord, Values, WriteError, Written},
    personio::envelope::{Document, flag},
};

const OPERATION: &str = "create attendances";

/// What an answer says about each row.
pub(super) struct Rows(Vec<Row>);

enum Row {
    /// Kept, by the vendor's word.
    Kept { id: String, remarks: Vec<String> },
    /// It fitted, and the call failed for another row.
    Fitted { id: Option<String> },
    /// Not kept.
    Refused { remarks: Vec<String> },
    /// Not said clearly.
    Unclear,
}

impl Rows {
    /// Reads an answer that tells of each row; none when it tells of the whole only.
    ///
    /// # Errors
    /// A doubt, when it cannot be said which row is meant: some may have been kept.
    pub(super) fn read(response: &Response, sent: &[Map<String, Value>]) -> Result<Option<Self>, WriteError> {
        let Ok(document) = Document::read(&response.body) else { return Ok(None) };
        let status = match (response.status, document.error_code) {
            (200..=299, Some(code)) => code,
            (status, _) => u64::from(status),
        };
        if document.success == Some(true) || !matches!(status, 200 | 400 | 409 | 422) {
            return Ok(None);
        }
        let value = document.value().unwrap_or_default();
        let Some(told) = value.pointer("/error/detailed_message") else { return Ok(None) };
        let told = told.as_array().map(Vec::as_slice).unwrap_or_default();
        // What the vendor repeats of a row must be that row's, as a number or as a text.
        let is_equal = |told: &Value, sent: &Value| {
            told == sent
                || told.as_str().and_then(|text| text.parse().ok()).is_some_and(|number| *sent == Value::Number(number))
        };
        let is_same = |(told, sent): (&Value, &Map<String, Value>)| {
            ["employee", "date", "start_time"].iter().all(|key| match (told.get(*key), sent.get(*key)) {
                (Some(told), Some(sent)) => is_equal(told, sent),
                (None, _) | (_, None) => true,
            })
        };
        if told.len() != sent.len() || !told.iter().zip(sent).all(is_same) {
            let message =
                "Personio refused some of the attendances and does not say clearly which, so all must be looked for";
            return Err(WriteError::Unknown(Error::new(ErrorKind::Protocol, OPERATION, message)));
        }
        let row = |told: &Value| match (
            told.get("success").and_then(|told| flag(&told.to_string())),
            told.get("id").filter(|id| !id.is_null()),
        ) {
            (Some(true), id) => Row::Fitted { id: id.and_then(id_of) },
            (Some(false), None) => {
                Row::Refused { remarks: told.get("error_msg").and_then(remark).into_iter().collect() }
            }
            (Some(false), Some(_)) | (None, _) => Row::Unclear,
        };
        Ok(Some(Self(told.iter().map(row).collect())))
    }

    /// The rows of a call that was accepted as a whole.
    ///
    /// # Errors
    /// A doubt, when it does not name as many ids as there are rows.
    pub(super) fn all(accepted: Accepted, n_rows: usize) -> Result<Self, WriteError> {
        let document = Document::read(&accepted.body).ok().and_then(|document| document.value());
        let ids = document.as_ref().and_then(|document| match document.pointer("/data/id")? {
            Value::Array(ids) => ids.iter().map(id_of).collect::<Option<Vec<String>>>(),
            one => id_of(one).map(|id| vec![id]),
        });
        let ids = ids.filter(|ids| ids.len() == n_rows && ids.iter().collect::<HashSet<_>>().len() == n_rows);
        let Some(ids) = ids else {
            let message =
                "Personio accepted the attendances and does not name an id for each, so they must be looked for";
            return Err(WriteError::Unknown(Error::new(ErrorKind::Protocol, OPERATION, message)));
        };
        let remarks = accepted.remarks;
        Ok(Self(ids.into_iter().map(|id| Row::Kept { id, remarks: remarks.clone() }).collect()))
    }
}

/// Compares what the answer says with what the list shows.
pub(super) fn settle(rows: Rows, values: &[Values], shown: &Shown) -> Vec<Result<Written, WriteError>> {
    let named: HashSet<String> = rows.0.iter().filter_map(|row| row.id().map(str::to_owned)).collect();
    let ended: Vec<_> =
        rows.0.into_iter().zip(values).map(|(row, values)| settle_one(row, values, shown, &named)).collect();
    let mut n_rows: HashMap<String, usize> = HashMap::new();
    for written in ended.iter().flatten() {
        *n_rows.entry(written.external_id.clone()).or_default() += 1;
    }
    let only_one = |written: Written| match n_rows.get(&written.external_id) {
        Some(2..) => {
            let message = "Personio names ids that do not fit the rows of the call, so this one must be looked for";
            Err(WriteError::Unknown(Error::new(ErrorKind::Protocol, OPERATION, message)))
        }
        _ => Ok(written),
    };
    ended.into_iter().map(|row| row.and_then(only_one)).collect()
}

impl Row {
    fn id(&self) -> Option<&str> {
        match self {
            Self::Kept { id, .. } | Self::Fitted { id: Some(id) } => Some(id),
            Self::Fitted { id: None } | Self::Refused { .. } | Self::Unclear => None,
        }
    }
}

fn settle_one(row: Row, values: &Values, shown: &Shown, named: &HashSet<String>) -> Result<Written, WriteError> {
    // Nobody promises that ids come in the order of the rows.
    let own = row.id().and_then(|id| shown.find(id)).filter(|record| is_row(values, record));
    let found = own.or_else(|| {
        let mut others = shown.records.iter().filter(|record| named.contains(&record.external.id));
        row.id().and_then(|_| others.find(|record| is_row(values, record)))
    });
    let written = |record: &SourceRecord, remarks: Vec<String>| {
        let mut written = Written::accepted(record.external.id.clone());
        written.outcomes = compare::outcomes(values, record);
        written.remarks = Remarks(remarks);
        written
    };
    let is_alone = named.len() == 1;
    match (row, found) {
        (Row::Kept { remarks, .. }, Some(record)) => Ok(written(record, remarks)),
        // Which of several rows an id stands for is known only when the record is shown.
        (Row::Kept { .. }, None) if !is_alone => Err(unclear()),
        (Row::Kept { id, remarks }, None) => match shown.find(&id).map(|record| written(record, Vec::new())) {
            // Kept, and not as it was meant; but never somebody else's.
            Some(written) if written.outcomes.get("employee") == Some(&Outcome::Ignored) => Err(unclear()),
            Some(mut written) => {
                written.remarks = Remarks(remarks);
                Ok(written)
            }
            None => {
                let mut unread = Written::accepted(id);
                unread.outcomes = unseen(values);
                unread.remarks = Remarks(remarks);
                Ok(unread)
            }
        },
        (Row::Fitted { .. }, Some(record)) => Ok(written(record, Vec::new())),
        (Row::Fitted { id: None }, None)
            if shown.is_whole && !shown.records.iter().any(|record| is_row(values, record)) =>
        {
            Err(not_kept())
        }
        (Row::Fitted { .. } | Row::Unclear, _) => Err(unclear()),
        (Row::Refused { remarks }, _) => {
            let message = "Personio refuses this attendance, perhaps because it overlaps another";
            let error = Error::new(ErrorKind::ConfigInvalid, OPERATION, message);
            Err(WriteError::Refused { error, remarks: Remarks(remarks) })
        }
    }
}

fn not_kept() -> WriteError {
    let message = "Personio refused other rows of the call and did not keep this one; send it again without them";
    WriteError::refused(Error::new(ErrorKind::ConfigInvalid, OPERATION, message))
}

fn unclear() -> WriteError {
    let message = "Personio does not say clearly what became of this attendance, so it must be looked for";
    WriteError::Unknown(Error::new(ErrorKind::Protocol, OPERATION, message))
}

/// Whether a record is what a row asked for: of the same person, day and beginning.
fn is_row(values: &Values, record: &SourceRecord) -> bool {
    let outcomes = compare::outcomes(values, record);
    ["employee", "date", "starts_at"].iter().all(|field| outcomes.get(*field) == Some(&Outcome::Kept))
}
