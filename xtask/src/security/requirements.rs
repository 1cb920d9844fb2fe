//! What security asks of the desk: the numbers and levels of the project's requirements, a short title of each,
//! and what is not held yet.

/// One requirement.
pub(super) struct Requirement {
    /// Its number; a test that holds it is called `sec_NN_…`.
    pub(super) number: u32,
    /// 1: before any release, 2: before version 1.0, 3: later.
    pub(super) level: u8,
    /// What it asks, in a few words.
    pub(super) what: &'static str,
    /// Tests that hold it too, and are called otherwise.
    pub(super) also: &'static [&'static str],
    /// Why nothing holds it yet.
    pub(super) open: Option<&'static str>,
}

const fn held(number: u32, level: u8, what: &'static str) -> Requirement {
    Requirement { number, level, what, also: &[], open: None }
}

const fn with(number: u32, level: u8, what: &'static str, also: &'static [&'static str]) -> Requirement {
    Requirement { number, level, what, also, open: None }
}

const fn open(number: u32, level: u8, what: &'static str, why: &'static str) -> Requirement {
    Requirement { number, level, what, also: &[], open: Some(why) }
}

/// All of them, in order.
pub(super) const REQUIREMENTS: &[Requirement] = &[
    held(1, 1, "codes are uniform, leading zeros included"),
    held(2, 1, "codes end; a longer life is refused at the start"),
    held(3, 1, "parallel right codes give one session"),
    held(4, 1, "parallel guesses are counted exactly"),
    held(5, 1, "a guess stays counted when its client hangs up"),
    with(
        6,
        1,
        "one suite for all stores: memory, SQLite, PostgreSQL, Redis",
        &["guesses_are_counted_exactly", "a_challenge_is_used_once", "an_ended_challenge_is_refused"],
    ),
    with(
        7,
        1,
        "a wrong guess prolongs nothing; every row has an end",
        &["a_wrong_guess_does_not_prolong", "what_has_ended_is_swept"],
    ),
    held(8, 1, "a code needs its secret, address, purpose and workspace"),
    held(9, 1, "the identity is the stored address"),
    held(10, 1, "strangers use nothing up"),
    held(11, 1, "another code keeps count and end"),
    held(12, 1, "another browser ends nothing"),
    held(13, 1, "keyed and rotatable at rest"),
    held(14, 1, "the code is in the mail only"),
    held(15, 1, "looking at a code costs an attempt"),
    held(16, 1, "one budget for every path that looks at one"),
    held(17, 1, "failures lead to long codes, not to a lock; the alarm; the bound"),
    held(18, 1, "a known browser has budgets of its own"),
    held(19, 1, "addresses look alike from outside, and take as long"),
    with(
        20,
        1,
        "one generic failure",
        &["sec_04_parallel_wrong_guesses_are_counted_exactly", "sec_08_a_code_needs_its_challenge_secret_and_address"],
    ),
    held(21, 1, "captured mail needs a loopback listener"),
    held(22, 1, "the first proof of a mailbox ends what was planted"),
    held(23, 1, "another address: a recent proof, a code sent to it, the old one told"),
    held(24, 2, "addresses that the desk reads sign nobody in"),
    with(25, 1, "tokens are stored as hashes", &["a_session_is_found_by_its_token"]),
    with(
        26,
        1,
        "signing in and stepping up issue a new token and end the old",
        &["a_revoked_session_is_not_renewed", "a_code_replaces_no_revoked_session"],
    ),
    held(27, 1, "tokens of somebody else's making are nothing"),
    held(28, 1, "idle and absolute ends"),
    with(
        29,
        1,
        "revocation at once, on other nodes within a second",
        &["ending_all_sessions_ends_those_that_are_being_renewed"],
    ),
    held(30, 1, "disabling and removing hold at once"),
    with(31, 1, "people see and end their sessions", &["sec_29_revocation_holds_at_once"]),
    held(32, 2, "an admin ends the access to the own workspace only"),
    held(33, 1, "a change of address ends other sessions unless kept"),
    held(34, 1, "what raises rights needs a recent proof"),
    held(35, 1, "streams: our pages only, ended with their session"),
    with(36, 1, "cookie attributes", &["a_code_signs_in_with_a_cookie_or_a_token"]),
    held(37, 1, "cross-site requests are refused"),
    with(38, 1, "other media types are 415", &["bodies_that_are_no_json_are_refused"]),
    held(39, 1, "reading changes nothing"),
    with(
        40,
        1,
        "another site cannot sign anybody in",
        &["forms_from_elsewhere_and_broken_ones_are_refused_with_a_page"],
    ),
    held(41, 1, "named origins only; no cookies beside a credential"),
    held(42, 1, "providers: PKCE, state and nonce, each once, for one browser and provider"),
    held(43, 1, "providers: no absent, repeated or replayed state"),
    held(44, 1, "providers: one is not taken for another"),
    held(45, 1, "providers: signed statements are checked whole"),
    held(46, 1, "providers: an account is known by issuer and subject, not by address"),
    held(47, 1, "providers: accounts are linked by proof only"),
    held(48, 1, "providers: a profile changes neither address nor rights"),
    held(49, 1, "targets after sign-in are plain paths"),
    held(50, 1, "providers: what is fetched is https, bounded, and of public addresses"),
    held(51, 2, "providers: a workspace's domains act on that workspace, and once they are proved"),
    held(52, 2, "providers: their tokens are kept nowhere"),
    with(53, 1, "every path asks who comes", &["every_path_below_a_workspace_asks_who_comes"]),
    with(
        54,
        1,
        "the workspace that let somebody in is the one that is used",
        &[
            "sec_55_an_id_of_another_workspace_answers_as_a_missing_one",
            "sec_64_in_another_workspace_a_key_finds_nothing",
        ],
    ),
    with(55, 1, "an id of another workspace answers as a missing one", &["records_of_one_id_stay_apart"]),
    with(
        56,
        1,
        "ids in bodies and queries are resolved in the workspace",
        &["sec_55_an_id_of_another_workspace_answers_as_a_missing_one"],
    ),
    held(57, 1, "nobody climbs; the last owner stays"),
    held(58, 1, "the matrix, cell by cell"),
    with(
        59,
        1,
        "invitations: bound, once, seven days",
        &[
            "an_invitation_is_mailed_and_accepted_once_by_its_mailbox",
            "a_newer_invitation_replaces_the_older_and_one_that_ended_is_none",
        ],
    ),
    with(
        60,
        1,
        "lists, search, events and answers show one workspace",
        &["lists_show_one_workspace", "events_and_deliveries_show_one_workspace", "answers_belong_to_one_workspace"],
    ),
    open(61, 1, "mail that comes in never acts as an agent by its sender alone", "no mail comes in yet"),
    held(62, 1, "keys have a prefix, kind, id, secret and check sum, and are shown once"),
    held(63, 1, "keys: stored as a hash, found by id, shown as prefix and last four"),
    held(64, 1, "keys: one workspace, the owner's rights now, dead with the membership"),
    held(65, 1, "keys: scopes are a part of the creator's rights; they never administer"),
    held(66, 1, "keys: made by a person with a fresh proof, who is their owner"),
    held(67, 2, "keys: end, revocation, rotation, last use, networks, header only"),
    held(68, 1, "the client is the peer, or whom trusted proxies saw"),
    held(69, 1, "IPv6 by network and site, mapped as IPv4"),
    held(70, 1, "limits by session or address, however paths and addresses are written"),
    with(71, 1, "exactly the limit on all nodes; a success clears nothing of others", &["exactly_the_limit_passes"]),
    held(72, 1, "limits on codes, addresses, guesses, mail"),
    with(
        73,
        1,
        "what cannot be counted is 503; a flood evicts no count",
        &["a_server_that_evicts_is_refused_until_it_no_longer_does"],
    ),
    held(74, 2, "a refusal tells the caller's own quota, and no other"),
    held(75, 1, "headers on every answer"),
    held(76, 1, "links and redirects come from the settings"),
    held(77, 1, "hostile addresses are refused"),
    held(78, 1, "codes are read strictly"),
    held(79, 1, "what people write is escaped in mail and pages"),
    held(80, 1, "who, what, from where: sign-ins, refusals, limits and changes are in the journal"),
    with(81, 1, "events commit with their change; refusals stay", &["all_parts_are_kept_together"]),
    with(
        82,
        2,
        "append-only, sealed, read by owner and admin only",
        &["a_seal_is_kept_with_its_route", "one_of_many_routers_seals"],
    ),
    held(83, 1, "no secrets, and nothing from a header breaks a line"),
    held(
        84,
        2,
        "the person is mailed about an unknown browser, a changed address or factor, a new key or account, repeated \
         failures",
    ),
    held(85, 3, "passkeys: challenges on the server, once; a failure cannot be overlooked"),
    held(86, 2, "a workspace can require a second factor; no path skips it, and none skips showing one's own"),
    held(87, 3, "second factors: a recent proof, the last one stays where it is asked for, e-mail is a way back"),
];
