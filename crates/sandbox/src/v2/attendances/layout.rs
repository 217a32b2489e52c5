//! One attendance of version 1 as the periods of version 2: work, its break, and the work after it, without gaps between.

use chrono::{NaiveDateTime, NaiveTime, TimeDelta};

use crate::people::{Attendance, Thing};

/// What a period is of its attendance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Work,
    Break,
    Rest,
}

impl Part {
    pub(super) const ALL: [Self; 3] = [Self::Work, Self::Break, Self::Rest];

    /// What its id names.
    pub(super) const fn thing(self) -> Thing {
        match self {
            Self::Work => Thing::Work,
            Self::Break => Thing::Break,
            Self::Rest => Thing::Rest,
        }
    }

    pub(super) const fn type_name(self) -> &'static str {
        match self {
            Self::Break => "BREAK",
            Self::Work | Self::Rest => "WORK",
        }
    }
}

/// From when to when; without an end it still runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: NaiveDateTime,
    pub(super) end: Option<NaiveDateTime>,
}

/// The periods of an attendance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Layout {
    pub(super) work: Option<Span>,
    pub(super) pause: Option<Span>,
    pub(super) rest: Option<Span>,
}

impl Layout {
    /// Puts the break where it is known to be, else in the middle. While an attendance runs there is no middle.
    pub(super) fn of(attendance: &Attendance, break_start: Option<NaiveTime>) -> Self {
        let on_clock = |time: NaiveTime| attendance.date.and_time(time);
        let read = |text: &str| NaiveTime::parse_from_str(text, "%H:%M").unwrap_or_default();
        let start = on_clock(read(&attendance.start_time));
        // What ends before it starts ends on the next day.
        let not_before = |at: NaiveDateTime| if at < start { at + TimeDelta::days(1) } else { at };
        let end = attendance.end_time.as_deref().map(|text| not_before(on_clock(read(text))));
        let length = TimeDelta::minutes(attendance.break_minutes.into());
        let length = end.map_or(length, |end| length.min(end - start));
        let spare = end.map(|end| end - start - length);
        let known = break_start.map(|time| not_before(on_clock(time)));
        let known = known.filter(|at| spare.is_none_or(|spare| *at - start <= spare));
        let in_the_middle = spare.map(|spare| start + TimeDelta::minutes(spare.num_minutes() / 2 / 15 * 15));
        let (Some(pause), false) = (known.or(in_the_middle), length.is_zero()) else {
            return Self { work: Some(Span { start, end }), ..Self::default() };
        };
        let back = pause + length;
        let span = |start, end| (start < end).then_some(Span { start, end: Some(end) });
        let rest = end.is_none_or(|end| back < end).then_some(Span { start: back, end });
        Self { work: span(start, pause), pause: span(pause, back), rest }
    }

    pub(super) const fn get(self, part: Part) -> Option<Span> {
        match part {
            Part::Work => self.work,
            Part::Break => self.pause,
            Part::Rest => self.rest,
        }
    }

    pub(super) fn parts(self) -> impl Iterator<Item = (Part, Span)> {
        Part::ALL.into_iter().filter_map(move |part| Some((part, self.get(part)?)))
    }

    /// All of it.
    pub(super) fn whole(self) -> Option<Span> {
        let start = self.parts().next()?.1.start;
        Some(Span { start, end: self.parts().last()?.1.end })
    }

    /// Moves a part; what adjoins it follows, as an attendance has no gaps.
    pub(super) fn moved(mut self, part: Part, to: Span) -> Self {
        let ends_at = |span: &mut Option<Span>, at| span.iter_mut().for_each(|span| span.end = at);
        let starts_at = |span: &mut Option<Span>, at: Option<NaiveDateTime>| {
            span.iter_mut().zip(at).for_each(|(span, at)| span.start = at);
        };
        match part {
            Part::Work => {
                self.work = Some(to);
                starts_at(&mut self.pause, to.end);
            }
            Part::Break => {
                self.pause = Some(to);
                ends_at(&mut self.work, Some(to.start));
                starts_at(&mut self.rest, to.end);
            }
            Part::Rest => {
                self.rest = Some(to);
                ends_at(&mut self.pause, Some(to.start));
            }
        }
        self
    }

    /// Takes a part out. Without the break the work around it is one; without work the break stands alone.
    pub(super) fn without(mut self, part: Part) -> Self {
        match (part, self.work, self.rest) {
            (Part::Break, Some(work), Some(rest)) => {
                self = Self { work: Some(Span { start: work.start, end: rest.end }), ..Self::default() };
            }
            (Part::Break, ..) => self.pause = None,
            (Part::Work, ..) => self.work = None,
            (Part::Rest, ..) => self.rest = None,
        }
        self
    }

    /// Whether every part lasts, and all of it less than a day.
    pub(super) fn is_possible(self) -> bool {
        let lasts = |(_, span): (Part, Span)| span.end.is_none_or(|end| end > span.start);
        let is_short = |span: Span| span.end.is_none_or(|end| end - span.start < TimeDelta::days(1));
        self.parts().all(lasts) && self.whole().is_some_and(is_short)
    }

    /// Writes the times into an attendance, and answers when its break begins.
    pub(super) fn write(self, attendance: &mut Attendance) -> Option<NaiveTime> {
        let clock = |at: NaiveDateTime| at.format("%H:%M").to_string();
        if let Some(Span { start, end }) = self.whole() {
            attendance.date = start.date();
            attendance.start_time = clock(start);
            attendance.end_time = end.map(clock);
        }
        let minutes = self.pause.and_then(|pause| Some((pause.end? - pause.start).num_minutes()));
        attendance.break_minutes = minutes.and_then(|minutes| u32::try_from(minutes).ok()).unwrap_or_default();
        self.pause.map(|pause| pause.start.time())
    }
}

impl Span {
    pub(super) fn overlaps(self, other: Self) -> bool {
        let ends_after = |end: Option<NaiveDateTime>, start| end.is_none_or(|end| end > start);
        ends_after(self.end, other.start) && ends_after(other.end, self.start)
    }
}
