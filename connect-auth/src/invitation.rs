//! Invitations by mail. The secret of the link is derived from the server's secret and the invitation's
//! id, so the mail can be written, and written again after a crash, without the secret being stored.

use connect_core::member::{Invitation, InvitationToken, Offer};
use connect_core::{Access, EmailAddress, InvitationId, Result, Role, WorkspaceId};

use crate::KeyRing;
use crate::auth::{Auth, Identity};

const LABEL: &str = "invitation";

/// The token of an invitation that was made with the newest secret.
fn token(keys: &KeyRing, workspace: WorkspaceId, id: InvitationId) -> InvitationToken {
    InvitationToken::new(keys.tag(LABEL, &parts(workspace, id).each_ref().map(Vec::as_slice)))
}

fn parts(workspace: WorkspaceId, id: InvitationId) -> [Vec<u8>; 2] {
    [workspace.to_string().into_bytes(), id.to_string().into_bytes()]
}

/// The token whose hash the invitation holds, whichever of the secrets made it.
pub(crate) fn token_of(keys: &KeyRing, workspace: WorkspaceId, invitation: &Invitation) -> Option<InvitationToken> {
    let tags = keys.tags(LABEL, &parts(workspace, invitation.id).each_ref().map(Vec::as_slice));
    tags.into_iter().map(InvitationToken::new).find(|token| invitation.is_token(token))
}

impl Auth {
    /// Invites somebody by mail.
    pub async fn invite(&self, access: &Access, email: EmailAddress, offer: Offer) -> Result<Invitation> {
        let workspace = access.workspace_id();
        self.inner.desk.members(access).invite(email, offer, |id| token(&self.inner.keys, workspace, id)).await
    }

    /// Accepts an invitation for a person who is signed in with the mailbox it is bound to.
    pub async fn accept_invitation(
        &self,
        identity: &Identity,
        workspace: &str,
        id: InvitationId,
        token: &InvitationToken,
    ) -> Result<Role> {
        self.inner.desk.accept_invitation(&identity.person(), workspace, id, token).await
    }
}
