//! Medians, ratios and rows of tables.

use crate::drive::Stretch;

/// What a ratio should be at least or at most.
pub(crate) mod aim {
    pub(crate) const LIST: &str = "≥ 0.8";
    pub(crate) const READ: &str = "≥ 0.8";
    pub(crate) const CREATE: &str = "≥ 0.8";
    pub(crate) const BUSY: &str = "≥ 0.5";
    pub(crate) const SCALE: &str = "≤ 1.3";
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// The median with so many digits; a dash where nothing was measured.
pub(crate) fn shown(values: Vec<f64>, digits: usize) -> String {
    if values.is_empty() { "–".to_owned() } else { format!("{:.digits$}", median(values)) }
}

/// Requests a second of each stretch.
pub(crate) fn rates(stretches: &[Stretch]) -> Vec<f64> {
    stretches.iter().map(|stretch| stretch.per_second).collect()
}

/// The middle of the answer times of each stretch, in milliseconds.
pub(crate) fn p50(stretches: &[Stretch]) -> Vec<f64> {
    stretches.iter().map(|stretch| stretch.p50.as_secs_f64() * 1000.0).collect()
}

/// The 99th percentile of the answer times of each stretch, in milliseconds.
pub(crate) fn p99(stretches: &[Stretch]) -> Vec<f64> {
    stretches.iter().map(|stretch| stretch.p99.as_secs_f64() * 1000.0).collect()
}

/// One by the other, round by round.
pub(crate) fn ratios(these: &[f64], those: &[f64]) -> Vec<f64> {
    these.iter().zip(those).map(|(this, that)| this / that).collect()
}

/// Prints a row of a table.
pub(crate) fn row(cells: &[&str]) {
    println!("| {} |", cells.join(" | "));
}

/// Prints the first two lines of a table.
pub(crate) fn header(cells: &[&str]) {
    row(cells);
    println!("{}|", "|---".repeat(cells.len()));
}

/// KiB as MiB.
pub(crate) fn mib(kib: u64) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let kib = kib as f64;
    kib / 1024.0
}
