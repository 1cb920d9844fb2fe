//! `GET /metrics`: what was dispatched and what waits, in the text format of Prometheus.
//!
//! It holds numbers of the whole desk and names of channels, nothing of any workspace or person. It is there only where
//! [`HttpSettings::metrics`](crate::HttpSettings::metrics) says so.

use std::fmt::Write;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use connect_core::delivery::QueueDepth;
use connect_core::dispatch::{Measured, Outcome};
use connect_core::{Error, Timestamp};
use http::header::CONTENT_TYPE;

use crate::app::App;
use crate::problem::Problem;

/// One family of figures: its name, its kind, what it is, and its samples.
fn family(text: &mut String, name: &str, kind: &str, help: &str, samples: &[(String, f64)]) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for (labels, value) in samples {
        let _ = writeln!(text, "{name}{labels} {value}");
    }
}

/// A label's value as the format wants it.
fn labelled(pairs: &[(&str, &str)]) -> String {
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    format!("{{{}}}", pairs.join(","))
}

#[allow(clippy::cast_precision_loss)]
fn number(value: u64) -> f64 {
    value as f64
}

fn page(measured: &Measured, queue: &[QueueDepth], now: Timestamp) -> String {
    let mut text = String::new();
    let routed = [(String::new(), number(measured.routed))];
    family(&mut text, "connect_events_routed_total", "counter", "Events routed by this process.", &routed);
    let planned: Vec<_> =
        measured.planned.iter().map(|(channel, n)| (labelled(&[("channel", channel)]), number(*n))).collect();
    family(&mut text, "connect_deliveries_planned_total", "counter", "Deliveries planned by this process.", &planned);
    let attempt = |((channel, outcome), count): (&(String, Outcome), &u64)| {
        (labelled(&[("channel", channel), ("outcome", outcome.as_str())]), number(*count))
    };
    let attempts: Vec<_> = measured.attempts.iter().map(attempt).collect();
    family(
        &mut text,
        "connect_delivery_attempts_total",
        "counter",
        "Attempts at deliveries, by how they ended.",
        &attempts,
    );
    let taken: Vec<_> =
        measured.taken.iter().map(|(channel, sum)| (labelled(&[("channel", channel)]), sum.as_secs_f64())).collect();
    family(
        &mut text,
        "connect_delivery_attempt_seconds_total",
        "counter",
        "Time that attempts have taken in all.",
        &taken,
    );
    let waited = measured.waited.iter();
    let (mut sums, mut counts) = (Vec::new(), Vec::new());
    for (channel, (sum, count)) in waited {
        sums.push((labelled(&[("channel", channel)]), sum.as_secs_f64()));
        counts.push((labelled(&[("channel", channel)]), number(*count)));
    }
    family(
        &mut text,
        "connect_delivery_wait_seconds_sum",
        "counter",
        "Time from planning to the first attempt, in all.",
        &sums,
    );
    family(&mut text, "connect_delivery_wait_seconds_count", "counter", "Deliveries whose wait was measured.", &counts);
    let of = |value: fn(&QueueDepth, Timestamp) -> f64| -> Vec<(String, f64)> {
        queue.iter().map(|depth| (labelled(&[("channel", &depth.channel)]), value(depth, now))).collect()
    };
    let queued = of(|depth, _| number(depth.queued));
    family(
        &mut text,
        "connect_deliveries_queued",
        "gauge",
        "Deliveries that wait or are being sent, on all nodes.",
        &queued,
    );
    let failed = of(|depth, _| number(depth.failed));
    family(
        &mut text,
        "connect_deliveries_failed",
        "gauge",
        "Deliveries that were given up and not dropped, on all nodes.",
        &failed,
    );
    let age = of(|depth, now| depth.oldest_due.map_or(0.0, |due| now.since(due).as_secs_f64()));
    family(
        &mut text,
        "connect_delivery_queue_age_seconds",
        "gauge",
        "For how long the longest waiting delivery is due.",
        &age,
    );
    text
}

pub(crate) async fn handle(State(app): State<App>) -> Result<Response, Problem> {
    if !app.settings().metrics {
        return Err(Error::NotFound("page").into());
    }
    let queue = app.desk().store().queue().await.map_err(Error::from)?;
    let text = page(&app.desk().meter().read(), &queue, app.desk().now());
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn figures_are_written_as_prometheus_reads_them() {
        let mut measured = Measured { routed: 7, ..Measured::default() };
        measured.attempts.insert(("mail".to_owned(), Outcome::Sent), 3);
        measured.attempts.insert(("we\"ird\\".to_owned(), Outcome::Failed), 1);
        measured.waited.insert("mail".to_owned(), (Duration::from_millis(1500), 3));
        let now = Timestamp::from_micros(90_000_000);
        let due = Some(Timestamp::from_micros(60_000_000));
        let queue = [QueueDepth { channel: "mail".to_owned(), queued: 2, failed: 1, oldest_due: due }];
        let text = page(&measured, &queue, now);
        for line in [
            "connect_events_routed_total 7",
            "connect_delivery_attempts_total{channel=\"mail\",outcome=\"sent\"} 3",
            "connect_delivery_attempts_total{channel=\"we\\\"ird\\\\\",outcome=\"failed\"} 1",
            "connect_delivery_wait_seconds_sum{channel=\"mail\"} 1.5",
            "connect_deliveries_queued{channel=\"mail\"} 2",
            "connect_delivery_queue_age_seconds{channel=\"mail\"} 30",
        ] {
            assert!(text.lines().any(|known| known == line), "{line} in\n{text}");
        }
        for line in text.lines() {
            assert!(line.starts_with('#') || line.split_once("} ").or(line.split_once(' ')).is_some(), "{line}");
        }
    }
}
