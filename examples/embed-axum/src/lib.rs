//! A small shop with orders of its own that has a support desk under `/support`.
//!
//! The shop is [`shop`]; the glue to the desk is [`support`], under 30 lines.

pub mod shop;
pub mod support;
