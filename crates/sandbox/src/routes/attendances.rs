//! Attendances: a range is required, and `offset` counts items.

use crate::answer::Answer;
use crate::config::Dialect;
use crate::pages;
use crate::people::Attendance;
use crate::request::Request;
use crate::shapes::{guide, put_list, vendor};
use crate::state::State;

use super::time_offs::{Filter, echoed};

pub(super) fn list(state: &State, request: &Request) -> Answer {
    let filter = match Filter::optional(request).and_then(Filter::with_range) {
        Ok(filter) => filter,
        Err(answer) => return answer,
    };
    let with_pending = matches!(request.parameter("includePending"), Some("1" | "true"));
    let takes = |attendance: &&Attendance| {
        filter.start.is_none_or(|start| attendance.date >= start)
            && filter.end.is_none_or(|end| attendance.date <= end)
            && filter.takes_change(attendance.employee_id, attendance.updated_at)
            && (with_pending || state.dialect == Dialect::Guide || attendance.status == "confirmed")
    };
    let matching: Vec<&Attendance> = state.world.attendances.values().filter(takes).collect();
    let (limit, offset) = super::paging(request, 200, 200);
    let page = matching.iter().skip(offset).take(limit);
    let mut body = Vec::new();
    match state.dialect {
        Dialect::Vendor => {
            let absent = vendor::AbsentDays::of(&state.world, page.clone().map(|attendance| attendance.employee_id));
            body.extend_from_slice(br#"{"success":true,"#);
            if state.quirks.metadata {
                body.extend_from_slice(pages::metadata(matching.len(), offset / limit.max(1), limit).as_bytes());
            }
            body.extend_from_slice(br#""data":"#);
            put_list(&mut body, page.map(|attendance| vendor::attendance(&absent, attendance)));
            body.extend_from_slice(&echoed(request, offset, limit));
        }
        Dialect::Guide => put_list(&mut body, page.map(|attendance| guide::attendance(attendance))),
    }
    Answer::bytes(200, "application/json", body)
}
