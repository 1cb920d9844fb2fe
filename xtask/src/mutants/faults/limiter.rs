//! Faults in the limiter in memory.

use super::{Adapter, Fault};

const fn limiter(name: &'static str, find: &'static str, replace: &'static str, caught_by: &'static str) -> Fault {
    Fault { name, file: "connect-store/src/limiter.rs", find, replace, caught_by, adapter: Adapter::Limiter }
}

pub(super) const FAULTS: &[Fault] = &[
    limiter(
        "one call too many passes",
        "let allowed = window.count < quota.limit;",
        "let allowed = window.count <= quota.limit;",
        "limits::exactly_the_limit_passes",
    ),
    limiter("calls are not counted", "window.count += u32::from(allowed);", "", "limits::exactly_the_limit_passes"),
    limiter(
        "a window lasts a moment too long",
        "if now >= window.ends_at {",
        "if now > window.ends_at {",
        "limits::a_window_ends",
    ),
    limiter(
        "every call prolongs the window",
        "let allowed = window.count < quota.limit;",
        r"window.ends_at = now.plus(quota.window);
        let allowed = window.count < quota.limit;",
        "limits::a_window_ends",
    ),
    limiter(
        "all keys share a counter",
        "windows.entry(key).or_insert(fresh)",
        "windows.entry(key.chars().take(0).collect()).or_insert(fresh)",
        "limits::keys_count_apart",
    ),
    limiter(
        "the verdict does not tell what is left",
        "quota.limit - window.count.min(quota.limit)",
        "quota.limit",
        "limits::the_verdict_tells_what_is_left",
    ),
    limiter(
        "the verdict tells a whole window",
        "reset: window.ends_at.since(now)",
        "reset: quota.window",
        "limits::the_verdict_tells_what_is_left",
    ),
    limiter(
        "looking counts",
        "let fresh = Window { count: 0, ends_at: now.plus(quota.window) };",
        "let fresh = Window { count: 0, ends_at: now.plus(quota.window.max(Duration::from_secs(1))) };",
        "limits::a_window_of_no_length_only_looks",
    ),
    limiter(
        "nothing is given back",
        "window.count = window.count.saturating_sub(1);",
        "let _ = window;",
        "limits::what_is_given_back_may_be_taken_again",
    ),
    limiter(
        "more is given back than was taken",
        "window.count = window.count.saturating_sub(1);",
        "window.count = window.count.wrapping_sub(1);",
        "limits::what_is_given_back_may_be_taken_again",
    ),
];
