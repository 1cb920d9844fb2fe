//! The built server, over real sockets: SQLite in a file, PostgreSQL, Redis, nginx,
//! SMTP to a listener, signals, kills, a browser, attackers.

#![allow(clippy::expect_used, unreachable_pub)]

mod attacks;
mod audit;
mod browser;
mod commands;
mod crash;
mod database;
mod hang_up;
mod http;
mod live;
mod live_page;
mod moving;
mod nodes;
mod outbound;
mod passkey;
mod process;
mod proof;
mod proxied;
mod push_page;
mod readme;
mod receiver;
mod smtp;
mod smtp_faults;
mod stand_in;
mod stop;
mod wait;
mod webhooks;
