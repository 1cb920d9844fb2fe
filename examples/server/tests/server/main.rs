//! The built server, over real sockets: SQLite in a file, SMTP to a listener, signals, kills, a browser.

#![allow(clippy::expect_used, unreachable_pub)]

mod browser;
mod commands;
mod crash;
mod hang_up;
mod http;
mod process;
mod readme;
mod smtp;
mod stop;
