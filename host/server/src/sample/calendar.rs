//! How many orders a branch has on a day: growth, season, weekday, festivals. Whole numbers throughout.

use jiff::civil::{Date, date};

use super::places::Branch;

/// The first day of the first of `MONTHS` months.
pub(super) const START: Date = date(2024, 7, 1);
/// Two years.
pub(super) const MONTHS: i32 = 24;
/// The last day with orders, on which the sample is "today".
pub(super) const END: Date = date(2026, 6, 30);

/// A month whose number of orders is known to the one: documentation and tests count on it.
pub(super) const PINNED: (&str, Date, u64) = ("DEL", date(2026, 3, 1), 1842);

/// Demand in a thousand, January first. Winter weddings, March's end of the financial year, Diwali in October.
const SEASON: [u64; 12] = [930, 900, 1180, 920, 900, 880, 900, 1000, 1020, 1250, 1050, 960];

/// Demand in a thousand, Monday first.
const WEEKDAY: [u64; 7] = [950, 930, 950, 980, 1050, 1120, 1020];

/// A festival: demand grows for `lead` days up to it, to `peak` thousandths. No branches means: all of them.
struct Festival {
    day: Date,
    lead: i32,
    peak: u64,
    branches: &'static [&'static str],
}

const fn festival(day: Date, lead: i32, peak: u64, branches: &'static [&'static str]) -> Festival {
    Festival { day, lead, peak, branches }
}

#[rustfmt::skip] // a table
static FESTIVALS: [Festival; 12] = [
    festival(date(2024, 10, 31), 16, 2300, &[]),                    // Diwali
    festival(date(2025, 10, 20), 16, 2300, &[]),
    festival(date(2024, 10, 12), 12, 1900, &["CCU"]),               // Durga Puja
    festival(date(2025, 10, 2), 12, 1900, &["CCU"]),
    festival(date(2024, 9, 15), 10, 2000, &["COK"]),                // Onam
    festival(date(2025, 9, 5), 10, 2000, &["COK"]),
    festival(date(2024, 9, 7), 8, 1700, &["BOM", "PNQ", "HYD"]),    // Ganesh Chaturthi
    festival(date(2025, 8, 27), 8, 1700, &["BOM", "PNQ", "HYD"]),
    festival(date(2025, 1, 14), 8, 1800, &["MAA", "BLR", "AMD"]),   // Pongal, Sankranti, Uttarayan
    festival(date(2026, 1, 14), 8, 1800, &["MAA", "BLR", "AMD"]),
    festival(date(2025, 3, 14), 7, 1400, &["DEL", "JAI"]),          // Holi
    festival(date(2026, 3, 4), 7, 1400, &["DEL", "JAI"]),
];

/// The first days of the months, in order.
pub(super) fn months() -> impl Iterator<Item = Date> {
    let mut day = START;
    (0..MONTHS).map(move |_| {
        let this = day;
        day = day.last_of_month().tomorrow().unwrap_or(Date::MAX);
        this
    })
}

/// The days of the month that begins with `first`.
pub(super) fn days(first: Date) -> impl Iterator<Item = Date> {
    first.series(jiff::Span::new().days(1)).take(first.days_in_month() as usize)
}

/// Demand of one branch on one day, in thousandths of an average day.
pub(super) fn demand(branch: &Branch, day: Date) -> u64 {
    let month = i32::from(day.year() - START.year()) * 12 + i32::from(day.month() - START.month());
    let growth = 450 + 1050 * u64::try_from(month).unwrap_or(0) / (MONTHS as u64 - 1);
    let season = SEASON[day.month() as usize - 1];
    let weekday = WEEKDAY[day.weekday().to_monday_zero_offset() as usize];
    let festivals: u64 = FESTIVALS
        .iter()
        .filter(|f| f.branches.is_empty() || f.branches.contains(&branch.code))
        .map(|f| {
            let ahead = day.until(f.day).map_or(-1, |span| span.get_days());
            if (0..f.lead).contains(&ahead) {
                (f.peak - 1000) * (f.lead - ahead) as u64 / f.lead as u64
            } else {
                0
            }
        })
        .sum();
    growth * season / 1000 * weekday / 1000 * (1000 + festivals) / 1000
}

/// Orders of one branch in one month, given the demand of its days.
pub(super) fn orders(branch: &Branch, first: Date, demand: &[u64]) -> u64 {
    if (branch.code, first) == (PINNED.0, PINNED.1) {
        return PINNED.2;
    }
    // An average month has 30.4 days.
    branch.orders * demand.iter().sum::<u64>() * 10 / 304_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_months_are_those_of_two_years() {
        let months: Vec<Date> = months().collect();
        assert_eq!(months.len(), 24);
        assert_eq!(months[20], PINNED.1);
        assert_eq!(months[23].last_of_month(), END);
        assert_eq!(days(date(2024, 2, 1)).last(), Some(date(2024, 2, 29)));
    }
}
