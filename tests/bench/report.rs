//! Figures, each beside its limit or peer from the same run.

use std::fmt::Write as _;

/// Pairs of a measured value and what it is compared with, measured one after the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pairs(Vec<(f64, f64)>);

impl Pairs {
    pub(crate) fn push(&mut self, measured: f64, limit: f64) {
        self.0.push((measured, limit));
    }

    fn spread(&self, of: impl Fn(&(f64, f64)) -> f64) -> (f64, f64, f64) {
        let mut values: Vec<f64> = self.0.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        let middle = values.get(values.len() / 2).copied().unwrap_or(f64::NAN);
        (middle, values.first().copied().unwrap_or(f64::NAN), values.last().copied().unwrap_or(f64::NAN))
    }
}

/// A line of the table.
pub(crate) struct Line {
    what: String,
    measured: String,
    limit: String,
    ratio: String,
    goal: String,
    is_reached: Option<bool>,
}

/// What the run found.
#[derive(Default)]
pub(crate) struct Report(Vec<Line>);

impl Report {
    /// A rate beside a limit: the more the better.
    pub(crate) fn rate(&mut self, what: &str, unit: &str, limit: &str, pairs: &Pairs, least: Option<f64>) {
        self.compared(what, unit, limit, pairs, least.map(|least| (format!("≥ {least}"), least, true)));
    }

    /// A duration beside another: the less the better.
    pub(crate) fn duration(&mut self, what: &str, unit: &str, limit: &str, pairs: &Pairs, most: Option<f64>) {
        self.compared(what, unit, limit, pairs, most.map(|most| (format!("≤ {most}"), most, false)));
    }

    fn compared(&mut self, what: &str, unit: &str, limit: &str, pairs: &Pairs, goal: Option<(String, f64, bool)>) {
        let (measured, _, _) = pairs.spread(|pair| pair.0);
        let (beside, _, _) = pairs.spread(|pair| pair.1);
        let (ratio, least, most) = pairs.spread(|pair| pair.0 / pair.1);
        let is_reached = goal.as_ref().map(|(_, bound, more)| if *more { ratio >= *bound } else { ratio <= *bound });
        self.0.push(Line {
            what: what.to_owned(),
            measured: format!("{} {unit}", number(measured)),
            limit: format!("{limit}: {} {unit}", number(beside)),
            ratio: format!("{ratio:.3} ({least:.3}–{most:.3}, {} pairs)", pairs.0.len()),
            goal: goal.map_or_else(|| "–".to_owned(), |(text, ..)| text),
            is_reached,
        });
    }

    /// A value with a bound of its own.
    pub(crate) fn value(&mut self, what: &str, measured: String, goal: &str, is_reached: Option<bool>) {
        let limit = "–".to_owned();
        self.0.push(Line {
            what: what.to_owned(),
            measured,
            limit: limit.clone(),
            ratio: limit,
            goal: goal.to_owned(),
            is_reached,
        });
    }

    /// The table, in Markdown.
    pub(crate) fn table(&self) -> String {
        let mut text = "| what | measured | limit or peer, same run | ratio: median (min–max) | goal | reached |\n\
                        |---|---|---|---|---|---|\n"
            .to_owned();
        for Line { what, measured, limit, ratio, goal, is_reached } in &self.0 {
            let reached = match is_reached {
                Some(true) => "yes",
                Some(false) => "**no**",
                None => "–",
            };
            writeln!(text, "| {what} | {measured} | {limit} | {ratio} | {goal} | {reached} |")
                .expect("a string takes it");
        }
        text
    }
}

/// Three digits that count.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        big if big >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        middle if middle >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

/// The value below which this share of the values lie.
pub(crate) fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place")]
    let place = ((values.len() as f64 * share).ceil() as usize).saturating_sub(1);
    values.get(place.min(values.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}
