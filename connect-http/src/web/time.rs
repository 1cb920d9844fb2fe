//! Times for people.

use connect_core::Timestamp;

/// A time for a `<time>` element: the exact one, and how it reads.
#[derive(Debug, Clone)]
pub(super) struct When {
    pub(super) exact: String,
    pub(super) text: String,
}

impl When {
    /// A time as seen at `now`.
    pub(super) fn new(at: Timestamp, now: Timestamp) -> Self {
        let exact = at.to_string();
        let seconds = now.since(at).as_secs();
        let text = match seconds {
            0..60 => "just now".to_owned(),
            60..3600 => format!("{} min ago", seconds / 60),
            3600..86_400 => format!("{} h ago", seconds / 3600),
            86_400..604_800 => format!("{} d ago", seconds / 86_400),
            _ => exact.get(..10).unwrap_or(&exact).to_owned(),
        };
        Self { exact, text }
    }
}
