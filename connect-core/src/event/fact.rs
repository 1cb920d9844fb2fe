//! What happened.

use serde::{Deserialize, Serialize};

use crate::suppression::SuppressionReason;
use crate::template::MailTopic;
use crate::ticket::{Category, Channel, Priority, StatusName};
use crate::user::{Locale, StrongMethod};
use crate::{
    ApiKeyId, AttachmentId, ChallengeId, ContactId, DomainId, HeldReplyId, InvitationId, LabelId, LabelName, MessageId,
    PasskeyId, PushDeviceId, Role, RoleId, SessionId, SuppressionId, TeamId, TicketId, Timestamp, UserId, WebhookId,
};

/// What happened. The name in the journal is the event's type, such as `ticket.opened`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Fact {
    /// A workspace came to be.
    #[serde(rename = "workspace.created")]
    WorkspaceCreated {},
    /// Fields of the workspace changed.
    #[serde(rename = "workspace.updated")]
    WorkspaceUpdated {
        /// Their names.
        fields: Vec<String>,
    },
    /// A user came to be.
    #[serde(rename = "user.created")]
    UserCreated {
        /// Who.
        user: UserId,
    },
    /// Fields of a user changed.
    #[serde(rename = "user.updated")]
    UserUpdated {
        /// Who.
        user: UserId,
        /// Their names.
        fields: Vec<String>,
    },
    /// A user has another address.
    #[serde(rename = "user.address_changed")]
    UserAddressChanged {
        /// Who.
        user: UserId,
        /// How many addresses they had had before: the place of the old one among the former.
        nth: usize,
    },
    /// A key of a device signs a user in from now on.
    #[serde(rename = "user.passkey_added")]
    PasskeyAdded {
        /// Whom.
        user: UserId,
        /// Which.
        passkey: PasskeyId,
    },
    /// A passkey has another name. The name is no part of the journal.
    #[serde(rename = "user.passkey_renamed")]
    PasskeyRenamed {
        /// Whose.
        user: UserId,
        /// Which.
        passkey: PasskeyId,
    },
    /// A passkey signs a user in no more.
    #[serde(rename = "user.passkey_removed")]
    PasskeyRemoved {
        /// Whom.
        user: UserId,
        /// Which.
        passkey: PasskeyId,
    },
    /// An account elsewhere signs a user in from now on.
    #[serde(rename = "user.account_linked")]
    AccountLinked {
        /// Whom.
        user: UserId,
        /// The provider's name in the settings.
        provider: String,
    },
    /// An account elsewhere signs a user in no more.
    #[serde(rename = "user.account_unlinked")]
    AccountUnlinked {
        /// Whom.
        user: UserId,
        /// The provider's name in the settings.
        provider: String,
    },
    /// A user has begun to set up an app for one-time codes.
    #[serde(rename = "user.second_factor_begun")]
    SecondFactorBegun {
        /// Who.
        user: UserId,
    },
    /// A user has a second factor from now on, or another one of the kind.
    #[serde(rename = "user.second_factor_enrolled")]
    SecondFactorEnrolled {
        /// Who.
        user: UserId,
        /// Of which kind.
        method: StrongMethod,
    },
    /// A second factor of a user counts no more.
    #[serde(rename = "user.second_factor_removed")]
    SecondFactorRemoved {
        /// Whose.
        user: UserId,
        /// Of which kind.
        method: StrongMethod,
    },
    /// Somebody with a user's mailbox has asked to take the second factor away by e-mail alone, which takes days.
    #[serde(rename = "user.second_factor_reset_asked")]
    SecondFactorResetAsked {
        /// Whose.
        user: UserId,
    },
    /// A user has new recovery codes; the older ones count no more.
    #[serde(rename = "user.recovery_codes_made")]
    RecoveryCodesMade {
        /// Who.
        user: UserId,
    },
    /// A user became a member.
    #[serde(rename = "member.added")]
    MemberAdded {
        /// Who.
        user: UserId,
        /// As what.
        role: Role,
    },
    /// A member has another role.
    #[serde(rename = "member.role_changed")]
    MemberRoleChanged {
        /// Who.
        user: UserId,
        /// The old role.
        from: Role,
        /// The new role.
        to: Role,
        /// The custom role that is a part of it, if it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role_id: Option<RoleId>,
    },
    /// A member is one no more.
    #[serde(rename = "member.removed")]
    MemberRemoved {
        /// Who.
        user: UserId,
        /// The role they had.
        role: Role,
    },
    /// A member is held to the tickets of their teams, or no more.
    #[serde(rename = "member.narrowed")]
    MemberNarrowed {
        /// Who.
        user: UserId,
        /// Whether they are from now on.
        narrowed: bool,
    },
    /// A member has chosen what to be told of.
    #[serde(rename = "notifications.chosen")]
    NoticesChosen {
        /// Who.
        user: UserId,
    },
    /// Another system is to be told of what happens.
    #[serde(rename = "webhook.created")]
    WebhookCreated {
        /// Which webhook.
        webhook: WebhookId,
    },
    /// Fields of a webhook changed.
    #[serde(rename = "webhook.updated")]
    WebhookUpdated {
        /// Which.
        webhook: WebhookId,
        /// Their names.
        fields: Vec<String>,
    },
    /// A webhook has another secret.
    #[serde(rename = "webhook.rotated")]
    WebhookRotated {
        /// Which.
        webhook: WebhookId,
    },
    /// The desk has switched off a webhook that nobody answers.
    #[serde(rename = "webhook.switched_off")]
    WebhookSwitchedOff {
        /// Which.
        webhook: WebhookId,
    },
    /// A webhook is no more.
    #[serde(rename = "webhook.removed")]
    WebhookRemoved {
        /// Which.
        webhook: WebhookId,
    },
    /// A workspace has named a mail domain.
    #[serde(rename = "domain.added")]
    DomainAdded {
        /// Which.
        domain: DomainId,
    },
    /// A domain was seen to be the workspace's.
    #[serde(rename = "domain.proven")]
    DomainProven {
        /// Which.
        domain: DomainId,
    },
    /// People of a domain join as something else, or no more.
    #[serde(rename = "domain.join_changed")]
    DomainJoinChanged {
        /// Which.
        domain: DomainId,
        /// As what; none: not at all.
        role: Option<Role>,
    },
    /// A domain is the workspace's no more.
    #[serde(rename = "domain.removed")]
    DomainRemoved {
        /// Which.
        domain: DomainId,
    },
    /// A custom role came to be.
    #[serde(rename = "role.created")]
    RoleCreated {
        /// Which.
        role_id: RoleId,
        /// The built-in role it is a part of.
        base: Role,
        /// The words of what it may do.
        permissions: Vec<String>,
    },
    /// Fields of a custom role changed.
    #[serde(rename = "role.updated")]
    RoleUpdated {
        /// Which.
        role_id: RoleId,
        /// Their names.
        fields: Vec<String>,
        /// The words of what it may do from now on, if that is different.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        permissions: Option<Vec<String>>,
    },
    /// A custom role is no more.
    #[serde(rename = "role.removed")]
    RoleRemoved {
        /// Which.
        role_id: RoleId,
    },
    /// A team came to be.
    #[serde(rename = "team.created")]
    TeamCreated {
        /// Which.
        team: TeamId,
    },
    /// Fields of a team changed.
    #[serde(rename = "team.updated")]
    TeamUpdated {
        /// Which.
        team: TeamId,
        /// Their names.
        fields: Vec<String>,
    },
    /// A team is no more.
    #[serde(rename = "team.removed")]
    TeamRemoved {
        /// Which.
        team: TeamId,
    },
    /// A member came into a team.
    #[serde(rename = "team.member_added")]
    TeamMemberAdded {
        /// Which team.
        team: TeamId,
        /// Who.
        user: UserId,
    },
    /// A member is in a team no more.
    #[serde(rename = "team.member_removed")]
    TeamMemberRemoved {
        /// Which team.
        team: TeamId,
        /// Who.
        user: UserId,
    },
    /// Somebody was invited.
    #[serde(rename = "invitation.created")]
    InvitationCreated {
        /// The invitation.
        invitation: InvitationId,
        /// The role it promises.
        role: Role,
        /// The custom role that is a part of it, if it promises one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role_id: Option<RoleId>,
    },
    /// An invitation was accepted.
    #[serde(rename = "invitation.accepted")]
    InvitationAccepted {
        /// The invitation.
        invitation: InvitationId,
        /// By whom.
        user: UserId,
    },
    /// An invitation was withdrawn, or replaced by a newer one.
    #[serde(rename = "invitation.revoked")]
    InvitationRevoked {
        /// The invitation.
        invitation: InvitationId,
    },
    /// A contact came to be.
    #[serde(rename = "contact.created")]
    ContactCreated {
        /// Who.
        contact: ContactId,
    },
    /// Fields of a contact changed.
    #[serde(rename = "contact.updated")]
    ContactUpdated {
        /// Who.
        contact: ContactId,
        /// Their names.
        fields: Vec<String>,
    },
    /// A label came to be.
    #[serde(rename = "label.created")]
    LabelCreated {
        /// Which.
        label: LabelId,
    },
    /// A ticket was opened with its first message.
    #[serde(rename = "ticket.opened")]
    TicketOpened {
        /// For whom.
        contact: ContactId,
        /// The first message.
        message: MessageId,
        /// How it came.
        channel: Channel,
    },
    /// Somebody answered in public.
    #[serde(rename = "ticket.replied")]
    TicketReplied {
        /// The customer.
        contact: ContactId,
        /// The answer.
        message: MessageId,
        /// Whether the customer wrote it.
        by_customer: bool,
    },
    /// Somebody wrote an internal note.
    #[serde(rename = "ticket.noted")]
    TicketNoted {
        /// The note.
        message: MessageId,
    },
    /// Somebody else, or nobody, has the ticket now.
    #[serde(rename = "ticket.assigned")]
    TicketAssigned {
        /// Who had it.
        from: Option<UserId>,
        /// Who has it.
        to: Option<UserId>,
    },
    /// Another team, or none, has the ticket now.
    #[serde(rename = "ticket.moved")]
    TicketMoved {
        /// Which team had it.
        from: Option<TeamId>,
        /// Which team has it.
        to: Option<TeamId>,
    },
    /// The status changed.
    #[serde(rename = "ticket.status_changed")]
    TicketStatusChanged {
        /// The old status.
        from: StatusName,
        /// The new status.
        to: StatusName,
        /// What the new one stands for.
        category: Category,
    },
    /// Somebody wants to be told of what is said on a ticket.
    #[serde(rename = "ticket.followed")]
    TicketFollowed {
        /// Which.
        ticket: TicketId,
        /// Who.
        user: UserId,
    },
    /// Somebody does not want that any more.
    #[serde(rename = "ticket.left")]
    TicketLeft {
        /// Which.
        ticket: TicketId,
        /// Who.
        user: UserId,
    },
    /// Somebody has answered, and the answer waits: until then it can be taken back.
    #[serde(rename = "ticket.reply_held")]
    TicketReplyHeld {
        /// Which answer.
        held: HeldReplyId,
        /// When it is sent.
        send_at: Timestamp,
    },
    /// Its author has taken an answer back that waited.
    #[serde(rename = "ticket.reply_withdrawn")]
    TicketReplyWithdrawn {
        /// Which answer.
        held: HeldReplyId,
    },
    /// An answer that waited could not be sent when its time had come.
    #[serde(rename = "ticket.reply_refused")]
    TicketReplyRefused {
        /// Which answer.
        held: HeldReplyId,
        /// Who wrote it.
        author: UserId,
    },
    /// The priority changed.
    #[serde(rename = "ticket.priority_changed")]
    TicketPriorityChanged {
        /// The old priority.
        from: Priority,
        /// The new priority.
        to: Priority,
    },
    /// The subject changed.
    #[serde(rename = "ticket.subject_changed")]
    TicketSubjectChanged {},
    /// A label was put on.
    #[serde(rename = "ticket.labelled")]
    TicketLabelled {
        /// Which.
        label: LabelName,
    },
    /// A label was taken off.
    #[serde(rename = "ticket.unlabelled")]
    TicketUnlabelled {
        /// Which.
        label: LabelName,
    },
    /// A sign-in code was asked for.
    #[serde(rename = "auth.code_requested")]
    AuthCodeRequested {
        /// Which.
        challenge: ChallengeId,
        /// Whether no mail leaves, because the address has had its share. From outside it looks the same.
        muted: bool,
    },
    /// A code was entered that did not fit, had ended or was unknown.
    #[serde(rename = "auth.code_refused")]
    AuthCodeRefused {
        /// Which.
        challenge: ChallengeId,
    },
    /// A sign-in with a provider came to nothing.
    #[serde(rename = "auth.provider_refused")]
    AuthProviderRefused {
        /// The provider's name in the settings.
        provider: String,
        /// What did not hold, as a word of the desk's own.
        reason: String,
    },
    /// A passkey has proved who its holder is.
    #[serde(rename = "auth.passkey_used")]
    PasskeyUsed {
        /// Whose.
        user: UserId,
        /// Which.
        passkey: PasskeyId,
    },
    /// What was shown in the place of a passkey came to nothing.
    #[serde(rename = "auth.passkey_refused")]
    AuthPasskeyRefused {
        /// What did not hold, as a word of the desk's own.
        reason: String,
        /// Which passkey, where it is a known one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        passkey: Option<PasskeyId>,
    },
    /// Somebody signed in.
    #[serde(rename = "auth.signed_in")]
    AuthSignedIn {
        /// Who.
        user: UserId,
        /// Their new session.
        session: SessionId,
    },
    /// Somebody who is signed in proved once more who they are, and has a new session.
    #[serde(rename = "auth.stepped_up")]
    AuthSteppedUp {
        /// Who.
        user: UserId,
        /// The new session.
        session: SessionId,
    },
    /// Somebody signed in with a browser that was not known for the account.
    #[serde(rename = "auth.new_browser")]
    AuthNewBrowser {
        /// Who.
        user: UserId,
        /// Their new session.
        session: SessionId,
    },
    /// Sessions were ended.
    #[serde(rename = "auth.sessions_ended")]
    AuthSessionsEnded {
        /// Whose.
        user: UserId,
        /// Which, if it was one.
        session: Option<SessionId>,
    },
    /// A new session took the place of an older one of the same browser.
    #[serde(rename = "auth.session_replaced")]
    AuthSessionReplaced {
        /// The older one, which has ended.
        session: SessionId,
        /// The new one.
        by: SessionId,
    },
    /// A short code was not even looked at: its address has had its failures for the day.
    #[serde(rename = "auth.budget_spent")]
    AuthBudgetSpent {
        /// Which.
        challenge: ChallengeId,
    },
    /// An address has had its failures for the day. Told once a day and address.
    #[serde(rename = "auth.failures_repeated")]
    AuthFailuresRepeated {
        /// The last one that was tried.
        challenge: ChallengeId,
    },
    /// Somebody has shown their second factor.
    #[serde(rename = "auth.second_factor_shown")]
    AuthSecondFactorShown {
        /// Who.
        user: UserId,
        /// Of which kind.
        method: StrongMethod,
    },
    /// A recovery code was used in the place of a second factor.
    #[serde(rename = "auth.recovery_code_used")]
    AuthRecoveryCodeUsed {
        /// Whose.
        user: UserId,
        /// How many are left.
        left: usize,
    },
    /// A second factor was shown that was not right.
    #[serde(rename = "auth.second_factor_refused")]
    AuthSecondFactorRefused {
        /// Whose it should have been.
        user: UserId,
    },
    /// An account has had its failures for the day at its second factor. Told once a day and account.
    #[serde(rename = "auth.second_factor_failures_repeated")]
    AuthSecondFactorFailuresRepeated {
        /// Whose.
        user: UserId,
    },
    /// Somebody was not allowed to do something.
    #[serde(rename = "access.denied")]
    AccessDenied {
        /// What, as the matrix of roles calls it; empty where it is no action of the matrix.
        action: String,
        /// Where: method and template of the address.
        route: String,
    },
    /// A request came from a page of another site.
    #[serde(rename = "access.cross_site")]
    AccessCrossSite {
        /// Where to: method and template of the address.
        route: String,
    },
    /// There were too many requests of a kind.
    #[serde(rename = "access.limited")]
    AccessLimited {
        /// Where: method and template of the address.
        route: String,
    },
    /// Refusals of one client beyond those that were kept one by one.
    #[serde(rename = "access.suppressed")]
    AccessSuppressed {
        /// How many.
        count: u64,
    },
    /// Somebody took the journal of a workspace with them, as a table of more than a page.
    #[serde(rename = "audit.exported")]
    AuditExported {},
    /// A file was uploaded. Its name is no part of the journal.
    #[serde(rename = "attachment.uploaded")]
    AttachmentUploaded {
        /// Which.
        attachment: AttachmentId,
    },
    /// An uploaded file that no message carries was removed.
    #[serde(rename = "attachment.removed")]
    AttachmentRemoved {
        /// Which.
        attachment: AttachmentId,
    },
    /// An API key came to be.
    #[serde(rename = "api_key.created")]
    ApiKeyCreated {
        /// Which.
        key: ApiKeyId,
        /// The words of what it may do.
        scopes: Vec<String>,
    },
    /// An API key has a new secret.
    #[serde(rename = "api_key.rotated")]
    ApiKeyRotated {
        /// Which.
        key: ApiKeyId,
        /// Until when the old secret counts, too.
        overlap_ends_at: Timestamp,
    },
    /// An API key was ended.
    #[serde(rename = "api_key.revoked")]
    ApiKeyRevoked {
        /// Which.
        key: ApiKeyId,
    },
    /// An API key was used. Told at most once an hour of each key.
    #[serde(rename = "api_key.used")]
    ApiKeyUsed {
        /// Which.
        key: ApiKeyId,
    },
    /// The workspace has other words for its mail about a topic.
    #[serde(rename = "template.written")]
    TemplateWritten {
        /// About what.
        topic: MailTopic,
        /// In which language.
        language: Locale,
    },
    /// The workspace has none of its own any more.
    #[serde(rename = "template.removed")]
    TemplateRemoved {
        /// About what.
        topic: MailTopic,
        /// In which language.
        language: Locale,
    },
    /// Somebody had themselves mailed a template, to see it.
    #[serde(rename = "template.tested")]
    TemplateTested {
        /// About what.
        topic: MailTopic,
        /// In which language.
        language: Locale,
        /// Who.
        by: UserId,
    },
    /// A device of a member is sent messages from now on.
    #[serde(rename = "push_device.added")]
    PushDeviceAdded {
        /// Whose.
        user: UserId,
        /// Which.
        device: PushDeviceId,
    },
    /// It is not any more: its owner, or its service, has said so.
    #[serde(rename = "push_device.removed")]
    PushDeviceRemoved {
        /// Whose.
        user: UserId,
        /// Which.
        device: PushDeviceId,
    },
    /// Nothing is mailed to an address any more.
    #[serde(rename = "address.suppressed")]
    AddressSuppressed {
        /// The entry of the list; the address is there.
        suppression: SuppressionId,
        /// Why.
        reason: SuppressionReason,
    },
    /// An address is mailed to again.
    #[serde(rename = "address.released")]
    AddressReleased {
        /// The entry that was on the list.
        suppression: SuppressionId,
    },
    /// The mail with an answer came back, or its reader has complained of it.
    #[serde(rename = "ticket.mail_came_back")]
    TicketMailCameBack {
        /// The answer.
        message: MessageId,
        /// Whether it was a complaint.
        complained: bool,
    },
    /// A fact that a newer version wrote, as it was written. It is kept, and skipped by whoever does not know it.
    #[serde(untagged)]
    Unknown(serde_json::Map<String, serde_json::Value>),
}
