//! Attachments: uploading, reading, and links for others to read.

mod content;
pub(super) mod link;
pub(crate) mod read;
pub(crate) mod shape;
pub(super) mod upload;
