//! Links that let whoever holds them read one attachment for a few minutes, without signing in: for a
//! program that fetches it elsewhere, or a preview.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connect_core::{Access, AttachmentId, Error, Result, Timestamp, WorkspaceId};

use crate::{Auth, KeyRing};

/// How long a link works.
const LIFETIME: Duration = Duration::from_secs(5 * 60);

const LABEL: &str = "attachment link";

/// The signed part of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentLink {
    /// When it ends, in seconds since 1970.
    pub expires: u64,
    /// What only the desk can make, for this workspace, attachment and end.
    pub signature: String,
}

fn parts(workspace: WorkspaceId, id: AttachmentId, expires: u64) -> [Vec<u8>; 3] {
    [workspace.to_string().into_bytes(), id.to_string().into_bytes(), expires.to_be_bytes().to_vec()]
}

fn seconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_micros() / 1_000_000).unwrap_or(0)
}

impl AttachmentLink {
    fn sign(keys: &KeyRing, workspace: WorkspaceId, id: AttachmentId, expires: u64) -> Self {
        let tag = keys.tag(LABEL, &parts(workspace, id, expires).each_ref().map(Vec::as_slice));
        Self { expires, signature: URL_SAFE_NO_PAD.encode(tag) }
    }

    /// Whether it was made for this attachment and has not ended. Compares in constant time.
    fn is_good(&self, keys: &KeyRing, workspace: WorkspaceId, id: AttachmentId, now: Timestamp) -> bool {
        let tag = URL_SAFE_NO_PAD.decode(&self.signature).ok().and_then(|tag| <[u8; 32]>::try_from(tag).ok());
        let parts = parts(workspace, id, self.expires);
        tag.is_some_and(|tag| keys.verify(LABEL, &parts.each_ref().map(Vec::as_slice), &tag))
            && seconds(now) < self.expires
    }

    /// When it ends.
    pub fn expires_at(&self) -> Timestamp {
        let seconds = i64::try_from(self.expires).unwrap_or(i64::MAX);
        Timestamp::from_micros(seconds.saturating_mul(1_000_000))
    }
}

impl Auth {
    /// A link to an attachment that the access may read.
    pub async fn attachment_link(&self, access: &Access, id: AttachmentId) -> Result<AttachmentLink> {
        self.inner.desk.attachments(access).get(id).await?;
        let expires = seconds(self.inner.desk.now().plus(LIFETIME));
        Ok(AttachmentLink::sign(&self.inner.keys, access.workspace_id(), id, expires))
    }

    /// The access that a link gives. It is the embedding application's, so it must be used for this
    /// attachment and for nothing else. A link that has ended or was altered answers like an attachment that
    /// does not exist.
    pub async fn follow_attachment_link(
        &self,
        workspace: &str,
        id: AttachmentId,
        link: &AttachmentLink,
    ) -> Result<Access> {
        let missing = |error: Error| match error {
            Error::NotFound(_) => Error::NotFound("attachment"),
            error => error,
        };
        let access = self.inner.desk.host(workspace).await.map_err(missing)?;
        if link.is_good(&self.inner.keys, access.workspace_id(), id, self.inner.desk.now()) {
            Ok(access)
        } else {
            Err(Error::NotFound("attachment"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_good_for_its_attachment_and_its_time_only() {
        let keys = |byte| KeyRing::new(vec![byte; 32], Vec::new()).expect("long enough");
        let (workspace, id) = (WorkspaceId::from_bits(1), AttachmentId::from_bits(2));
        let link = AttachmentLink::sign(&keys(1), workspace, id, 1000);
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        assert!(link.is_good(&keys(1), workspace, id, at(999)));
        assert!(!link.is_good(&keys(1), workspace, id, at(1000)), "it ends");
        assert!(!link.is_good(&keys(2), workspace, id, at(1)), "another secret");
        assert!(!link.is_good(&keys(1), WorkspaceId::from_bits(9), id, at(1)), "another workspace");
        assert!(!link.is_good(&keys(1), workspace, AttachmentId::from_bits(9), at(1)), "another attachment");
        let later = AttachmentLink { expires: 2000, ..link.clone() };
        assert!(!later.is_good(&keys(1), workspace, id, at(1)), "another end");
        for signature in ["", "AA", "!", &link.signature[1..], &format!("{}=", link.signature)] {
            let altered = AttachmentLink { signature: signature.to_owned(), ..link.clone() };
            assert!(!altered.is_good(&keys(1), workspace, id, at(1)), "{signature:?}");
        }
        assert_eq!(link.expires_at(), at(1000));
    }
}
