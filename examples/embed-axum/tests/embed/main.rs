//! The shop and its desk, served over a real socket.

#![allow(clippy::expect_used, unreachable_pub)]

mod login;
mod prefix;
mod shop;
mod widget;
mod world;
