//! What became of mail, as providers and mail servers tell it.

pub(super) mod hear;
