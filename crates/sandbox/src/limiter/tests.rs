//! Each limiter against an injected clock.

use std::net::Ipv4Addr;

use chrono::TimeDelta;

use super::*;

fn at(ms: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::milliseconds(ms)
}

fn limiter(limits: Limits) -> Limiter {
    Limiter::new(RateLimit::On(limits))
}

fn small(kind: LimiterKind) -> Limits {
    Limits { kind, limit: 4, window_s: 2, employees_burst_per_s: None, ..Limits::default() }
}

fn allowed(limiter: &mut Limiter, ms: i64) -> bool {
    limiter.request(0, Path::Other, at(ms)).is_allowed
}

#[test]
fn sliding_never_allows_more_than_the_limit_in_any_window() {
    let mut limiter = limiter(small(LimiterKind::Sliding));
    for ms in [1_500, 1_600, 1_700, 1_800] {
        assert!(allowed(&mut limiter, ms));
    }
    assert!(!allowed(&mut limiter, 2_100));
    assert!(!allowed(&mut limiter, 3_499));
    assert!(allowed(&mut limiter, 3_500));
    assert!(!allowed(&mut limiter, 3_599));
}

#[test]
fn fixed_windows_allow_twice_the_limit_across_their_edge() {
    let mut limiter = limiter(small(LimiterKind::Fixed));
    let times = [1_900, 1_950, 1_960, 1_970, 1_980, 2_000, 2_010, 2_020, 2_030, 2_040];
    let verdicts = times.map(|ms| allowed(&mut limiter, ms));
    assert_eq!(verdicts, [true, true, true, true, false, true, true, true, true, false]);
}

#[test]
fn a_bucket_refills_steadily_even_for_an_impatient_caller() {
    let mut limiter = limiter(small(LimiterKind::Bucket { burst: 2 }));
    assert!(allowed(&mut limiter, 0) && allowed(&mut limiter, 0) && !allowed(&mut limiter, 0));
    let n_allowed = (1..=2_000).filter(|ms| allowed(&mut limiter, *ms)).count();
    assert_eq!(n_allowed, 4, "four in two seconds is the rate");
}

#[test]
fn credentials_are_counted_apart() {
    let mut limiter = limiter(Limits { limit: 1, ..small(LimiterKind::Sliding) });
    assert!(limiter.request(0, Path::Other, at(0)).is_allowed);
    assert!(!limiter.request(0, Path::Other, at(0)).is_allowed);
    assert!(limiter.request(1, Path::Other, at(0)).is_allowed);
}

#[test]
fn the_employee_list_has_its_own_burst() {
    let mut limiter = limiter(Limits { employees_burst_per_s: Some(2), ..Limits::default() });
    let mut list = |ms| limiter.request(0, Path::EmployeeList, at(ms)).is_allowed;
    assert!(list(0) && list(10) && !list(20) && !list(999) && list(1_000));
    assert!(limiter.request(0, Path::Other, at(1_001)).is_allowed);
}

#[test]
fn one_address_has_a_limit_over_all_credentials() {
    let mut limiter = limiter(Limits { per_address_per_min: 2, ..Limits::default() });
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    assert!(limiter.address(here, at(0)).is_allowed && limiter.address(here, at(1)).is_allowed);
    assert!(!limiter.address(here, at(59_999)).is_allowed);
    assert!(limiter.address(IpAddr::V4(Ipv4Addr::BROADCAST), at(2)).is_allowed);
    assert!(limiter.address(here, at(60_000)).is_allowed);
}

#[test]
fn too_many_logins_close_the_door_for_a_minute() {
    let mut limiter = limiter(Limits { auth_per_min: 2, ..Limits::default() });
    let mut login = |ms| limiter.login(Some(0), at(ms)).is_allowed;
    assert!(login(0) && login(50_000) && !login(59_000));
    assert!(!login(61_000), "the window is over but the door is still closed");
    assert!(login(119_000));
}

#[test]
fn headers_follow_their_family() {
    let names = |headers| -> Vec<_> {
        let mut limiter = limiter(Limits { headers, limit: 1, ..small(LimiterKind::Sliding) });
        [0, 500].into_iter().map(|ms| limiter.request(0, Path::Other, at(ms)).headers).collect()
    };
    assert_eq!(names(HeaderFamily::None), [vec![], vec![]]);
    assert_eq!(names(HeaderFamily::RetryAfter), [vec![], vec![("retry-after", "2".to_owned())]]);
    let guide = names(HeaderFamily::Guide);
    let reset = (at(2_000).timestamp()).to_string();
    for headers in &guide {
        assert_eq!(
            headers,
            &[
                ("x-ratelimit-limit", "1".to_owned()),
                ("x-ratelimit-remaining", "0".to_owned()),
                ("x-ratelimit-reset", reset.clone())
            ]
        );
    }
    let replenish = names(HeaderFamily::Replenish);
    assert_eq!(replenish[0].last(), Some(&("x-ratelimit-remaining", "0".to_owned())));
}

#[test]
fn off_refuses_nobody() {
    let mut limiter = Limiter::new(RateLimit::Off);
    assert!((0..10_000).all(|_| limiter.request(0, Path::EmployeeList, at(0)).is_allowed));
    assert!((0..100).all(|_| limiter.login(None, at(0)).is_allowed));
}
