//! What comes when, above all where clocks are changed.

use jiff::tz::TimeZoneDatabase;
use proptest::prelude::*;

use super::*;

const BERLIN: &str = "Europe/Berlin";
const NEW_YORK: &str = "America/New_York";
const KOLKATA: &str = "Asia/Kolkata";

fn timetable(cron: &str, zone: &str) -> Timetable {
    Timetable::new(cron, zone, &TimeZoneDatabase::bundled()).unwrap()
}

/// The first times after a point in time, both written in RFC 3339, in UTC.
fn coming(cron: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
    let timetable = timetable(cron, zone);
    let mut now = Timestamp::from_ms(after.parse::<jiff::Timestamp>().unwrap().as_millisecond());
    let mut times = Vec::new();
    for _ in 0..count {
        now = timetable.next_after(now).unwrap();
        let text = jiff::Timestamp::from_millisecond(now.ms()).unwrap().to_string();
        times.push(text.trim_end_matches(":00Z").into());
    }
    times
}

#[test]
fn a_time_of_day_that_clocks_skip_comes_once_when_they_are_changed() {
    // Berlin goes from 2:00 to 3:00 on 28 March 2027, at 1:00 UTC.
    assert_eq!(
        coming("30 2 * * *", BERLIN, "2027-03-26T12:00:00Z", 3),
        ["2027-03-27T01:30", "2027-03-28T01:00", "2027-03-29T00:30"]
    );
    // New York goes from 2:00 to 3:00 on 14 March 2027, at 7:00 UTC.
    assert_eq!(
        coming("0 2 * * *", NEW_YORK, "2027-03-13T00:00:00Z", 3),
        ["2027-03-13T07:00", "2027-03-14T07:00", "2027-03-15T06:00"]
    );
}

#[test]
fn several_times_that_clocks_skip_come_together() {
    assert_eq!(
        coming("0,20,40 1,2,3 * * *", BERLIN, "2027-03-27T23:59:00Z", 8),
        [
            "2027-03-28T00:00",
            "2027-03-28T00:20",
            "2027-03-28T00:40",
            // What was to come at 2:00, 2:20, 2:40 and 3:00.
            "2027-03-28T01:00",
            "2027-03-28T01:20",
            "2027-03-28T01:40",
            "2027-03-28T23:00",
            "2027-03-28T23:20",
        ]
    );
}

#[test]
fn a_time_of_day_that_clocks_show_twice_comes_once() {
    // Berlin goes from 3:00 back to 2:00 on 31 October 2027, at 1:00 UTC.
    assert_eq!(
        coming("30 2 * * *", BERLIN, "2027-10-30T12:00:00Z", 2),
        ["2027-10-31T00:30", "2027-11-01T01:30"]
    );
    assert_eq!(
        coming("30 2,14 * * *", BERLIN, "2027-10-30T23:00:00Z", 3),
        ["2027-10-31T00:30", "2027-10-31T13:30", "2027-11-01T01:30"]
    );
    // New York goes from 2:00 back to 1:00 on 7 November 2027, at 6:00 UTC.
    assert_eq!(
        coming("0 1 * * *", NEW_YORK, "2027-11-06T12:00:00Z", 2),
        ["2027-11-07T05:00", "2027-11-08T06:00"]
    );
    // Asked between the two, it is over.
    assert_eq!(coming("30 2 * * *", BERLIN, "2027-10-31T01:15:00Z", 1), ["2027-11-01T01:30"]);
}

#[test]
fn intervals_go_by_what_clocks_show() {
    // An hour before, the skipped hour left out, and on.
    assert_eq!(
        coming("*/30 * * * *", BERLIN, "2027-03-28T00:15:00Z", 3),
        ["2027-03-28T00:30", "2027-03-28T01:00", "2027-03-28T01:30"]
    );
    assert_eq!(coming("*/30 2 * * *", BERLIN, "2027-03-27T12:00:00Z", 1), ["2027-03-29T00:00"]);
    // Both of the hours that are shown twice.
    assert_eq!(
        coming("30 * * * *", BERLIN, "2027-10-30T23:45:00Z", 3),
        ["2027-10-31T00:30", "2027-10-31T01:30", "2027-10-31T02:30"]
    );
    assert_eq!(
        coming("*/30 2 * * *", BERLIN, "2027-10-30T23:00:00Z", 5),
        ["2027-10-31T00:00", "2027-10-31T00:30", "2027-10-31T01:00", "2027-10-31T01:30", "2027-11-01T01:00"]
    );
    assert_eq!(
        coming("@hourly", NEW_YORK, "2027-11-07T04:30:00Z", 3),
        ["2027-11-07T05:00", "2027-11-07T06:00", "2027-11-07T07:00"]
    );
}

#[test]
fn midnight_that_clocks_skip_comes_when_they_are_changed() {
    // Cairo goes from 0:00 to 1:00 on 30 April 2027, at 22:00 UTC the day before.
    assert_eq!(
        coming("0 0 * * *", "Africa/Cairo", "2027-04-29T00:00:00Z", 2),
        ["2027-04-29T22:00", "2027-04-30T21:00"]
    );
    // Lord Howe changes its clocks by half an hour: from 2:00 to 2:30 on 3 October 2027, at 15:30 UTC the day before.
    assert_eq!(
        coming("15 2 * * *", "Australia/Lord_Howe", "2027-10-02T00:00:00Z", 2),
        ["2027-10-02T15:30", "2027-10-03T15:15"]
    );
}

#[test]
fn where_clocks_are_never_changed_every_day_is_alike() {
    assert_eq!(
        coming("30 2 * * *", KOLKATA, "2027-03-27T00:00:00Z", 3),
        ["2027-03-27T21:00", "2027-03-28T21:00", "2027-03-29T21:00"]
    );
    assert_eq!(
        coming("30 2 * * *", KOLKATA, "2027-10-30T00:00:00Z", 2),
        ["2027-10-30T21:00", "2027-10-31T21:00"]
    );
}

#[test]
fn names_seconds_and_last_days_are_known() {
    let after = "2027-01-30T12:00:00.250Z";
    assert_eq!(coming("@monthly", "UTC", after, 1), ["2027-02-01T00:00"]);
    assert_eq!(coming("@daily", "UTC", after, 1), ["2027-01-31T00:00"]);
    assert_eq!(coming("0 9 * * mon-fri", "UTC", after, 1), ["2027-02-01T09:00"]);
    assert_eq!(coming("0 9 L feb *", "UTC", after, 1), ["2027-02-28T09:00"]);
    assert_eq!(coming("0 9 * * FRI#2", "UTC", after, 1), ["2027-02-12T09:00"]);
    assert_eq!(coming("*/20 * * * * *", "UTC", after, 2), ["2027-01-30T12:00:20Z", "2027-01-30T12:00:40Z"]);
}

#[test]
fn a_time_zone_has_the_name_that_the_iana_gave_it() {
    assert_eq!(timetable("@daily", "europe/BERLIN").time_zone(), BERLIN);
    assert_eq!(timetable("@daily", "utc").time_zone(), "UTC");
}

#[test]
fn a_leap_day_is_waited_for_and_a_day_that_never_comes_is_told() {
    assert_eq!(coming("0 0 29 2 *", BERLIN, "2027-01-01T00:00:00Z", 1), ["2028-02-28T23:00"]);
    for never in ["0 0 31 2 *", "0 0 31 4,6,9,11 *", "0 0 30 2 +MON"] {
        let error = timetable(never, BERLIN).next_after(Timestamp::from_ms(1_800_000_000_000)).unwrap_err();
        assert_eq!(error.code(), "cron_never_comes");
        assert!(error.to_string().contains(never), "{error}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let zones = TimeZoneDatabase::bundled();
    for (cron, part) in [
        ("", "it has 0 fields"),
        ("0 12 * *", "it has 4 fields"),
        ("0 12 * * * * 2030", "it has 7 fields"),
        ("61 * * * *", "its minute is \"61\""),
        ("0 24 * * *", "its hour is \"24\""),
        ("0 0 0 * *", "its day of month is \"0\""),
        ("0 0 * 13 *", "its month is \"13\""),
        ("0 0 * * 8", "its day of week is \"8\""),
        ("0 0 * FRI *", "\"FRI\" is none of JAN"),
        ("0 JAN * * *", "it has numbers only"),
        ("0 0 * * MONDAY", "\"MONDAY\" is none of SUN"),
        ("*/0 * * * *", "step cannot be zero"),
        (",,, * * * *", "an item of the list is empty"),
        ("1,2, * * * *", "an item of the list is empty"),
        ("0 0 * * +", "an item of the list is empty"),
        ("5-1 * * * *", "its minute is \"5-1\""),
        ("@reboot", "there is no such name"),
        ("é * * * *", "its minute is"),
        (&"1,".repeat(1_000), "more than 200 bytes"),
    ] {
        let error = Timetable::new(cron, "UTC", &zones).unwrap_err();
        assert_eq!(error.code(), "invalid_cron");
        assert!(error.to_string().contains(part), "{error}");
    }
    for zone in ["", "Mars/Olympus", "../../etc/passwd", "+05:30", "CEST"] {
        let error = Timetable::new("0 0 * * *", zone, &zones).unwrap_err();
        assert_eq!(error.code(), "unknown_time_zone");
    }
}

/// A field of numbers from `least` to `most`, of every form.
fn field(least: u32, most: u32) -> impl Strategy<Value = String> {
    let number = least..=most;
    prop_oneof![
        3 => Just("*".to_owned()),
        3 => number.clone().prop_map(|one| one.to_string()),
        1 => prop::collection::vec(number.clone(), 1..4)
            .prop_map(|list| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")),
        1 => (number.clone(), number).prop_map(|(one, other)| format!("{}-{}", one.min(other), one.max(other))),
        1 => (2..=most).prop_map(|step| format!("*/{step}")),
    ]
}

fn any_cron() -> impl Strategy<Value = String> {
    let day = prop_oneof![4 => Just("*".to_owned()), 1 => field(1, 28)];
    let week = prop_oneof![4 => Just("*".to_owned()), 1 => field(0, 6)];
    let month = prop_oneof![8 => Just("*".to_owned()), 1 => field(1, 12)];
    let second = prop::option::weighted(0.2, field(0, 59));
    (second, field(0, 59), field(0, 23), day, month, week).prop_map(
        |(second, minute, hour, day, month, week)| {
            let second = second.map(|second| second + " ").unwrap_or_default();
            format!("{second}{minute} {hour} {day} {month} {week}")
        },
    )
}

fn any_zone() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&["UTC", BERLIN, NEW_YORK, KOLKATA, "Australia/Lord_Howe", "Africa/Cairo"][..])
}

/// Any time, half of them near a change of some clocks.
fn any_time() -> impl Strategy<Value = i64> {
    let changes = [
        "2027-03-28T01:00:00Z",
        "2027-10-31T01:00:00Z",
        "2027-03-14T07:00:00Z",
        "2027-11-07T06:00:00Z",
        "2027-10-02T15:30:00Z",
        "2027-04-03T15:00:00Z",
        "2027-04-29T22:00:00Z",
    ];
    prop_oneof![
        1_790_000_000_000_i64..1_850_000_000_000,
        (prop::sample::select(changes.to_vec()), -14_400_000_i64..14_400_000)
            .prop_map(|(change, off)| change.parse::<jiff::Timestamp>().unwrap().as_millisecond() + off),
    ]
}

proptest! {
    #[test]
    fn each_time_is_after_the_one_before(cron in any_cron(), zone in any_zone(), now in any_time()) {
        let timetable = timetable(&cron, zone);
        let mut now = Timestamp::from_ms(now);
        for _ in 0..5 {
            let next = timetable.next_after(now).unwrap();
            prop_assert!(next > now, "{} after {}", next.ms(), now.ms());
            prop_assert_eq!(next.ms() % 1_000, 0);
            now = next;
        }
    }

    /// Nothing is left out: asked at any point before the next time, the answer is that time.
    #[test]
    fn the_next_time_is_next_until_it_comes(
        cron in any_cron(), zone in any_zone(), now in any_time(), share in 0.0_f64..1.0,
    ) {
        let timetable = timetable(&cron, zone);
        let now = Timestamp::from_ms(now);
        let next = timetable.next_after(now).unwrap();
        let between = now.ms() + ((next.ms() - now.ms() - 1) as f64 * share) as i64;
        prop_assert_eq!(timetable.next_after(Timestamp::from_ms(between)).unwrap(), next);
    }

    /// Whatever somebody writes, there is an answer, and soon.
    #[test]
    fn any_text_is_read_or_refused(cron in "[0-9*,/LW#+?A-Z@ -]{0,30}", time in any::<i64>()) {
        let zones = TimeZoneDatabase::bundled();
        let begun = std::time::Instant::now();
        if let Ok(timetable) = Timetable::new(&cron, BERLIN, &zones) {
            let _ = timetable.next_after(Timestamp::from_ms(time));
        }
        prop_assert!(begun.elapsed().as_secs() < 20, "{cron:?} took too long");
    }

    #[test]
    fn any_five_fields_are_read_or_refused(
        fields in prop::collection::vec("(\\*|[0-9]{1,2}|[0-9,#LW/*-]{1,5}|MON|JAN)", 5..=6), time in 0_i64..4_000_000_000_000,
    ) {
        let zones = TimeZoneDatabase::bundled();
        let begun = std::time::Instant::now();
        if let Ok(timetable) = Timetable::new(&fields.join(" "), BERLIN, &zones) {
            let now = Timestamp::from_ms(time);
            if let Ok(next) = timetable.next_after(now) {
                prop_assert!(next > now);
            }
        }
        prop_assert!(begun.elapsed().as_secs() < 20, "{fields:?} took too long");
    }
}
