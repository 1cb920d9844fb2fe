//! The desk over HTTP, through the real router, on the memory store and on SQLite.

#![allow(clippy::expect_used, unreachable_pub)]

mod address_pages;
mod api_key_abuse;
mod api_key_stores;
mod api_keys;
mod app;
mod attachment_pages;
mod attachments;
mod audit;
mod audit_page;
mod audit_reading;
mod auth;
mod bad_input;
mod blobs;
mod cors;
mod counting;
mod devices;
mod email_change;
mod enrolled;
mod faults;
mod floods;
mod hang_ups;
mod headers;
mod host_login;
mod limiter_faults;
mod limits;
mod links;
mod media_types;
mod members;
mod narrowed;
mod notices;
mod notifications;
#[cfg(feature = "oidc")]
mod oauth;
mod ownership;
mod pages;
#[cfg(feature = "passkeys")]
mod passkeys;
mod permissions;
mod proxies;
mod refused_files;
mod roles;
mod second_factor;
mod second_factor_pages;
mod second_factor_policy;
mod second_workspace;
mod serving;
mod session_reads;
mod sessions;
mod step_up;
mod teams;
mod tenancy;
mod tickets;
mod webhooks;
mod widget;
