use std::sync::Arc;

use super::*;
use crate::testing::{ManualClock, SeededRandom};
use crate::{Action, Actor, Clock, EmailAddress, Error, Ids, Moment, Result};

const DAY: Duration = Duration::from_secs(24 * 3600);
const OWNER: KeyOwner = KeyOwner { user: UserId::from_bits(2), proven: true };

struct Table {
    clock: Arc<ManualClock>,
    ids: Ids,
}

impl Table {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let ids = Ids::new(clock.clone(), Arc::new(SeededRandom::new(3)));
        Self { clock, ids }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn create(&self, new: NewApiKey, may: impl Fn(Action) -> bool, limits: &KeyLimits) -> Result<ApiKey> {
        let moment = Moment::new(&self.ids, self.now(), Actor::User(OWNER.user));
        ApiKey::create(new, OWNER, may, limits, |_| trace("first"), &moment).map(|(key, _)| key)
    }

    fn key(&self) -> ApiKey {
        self.create(new(), |_| true, &KeyLimits::USUAL).expect("a key")
    }

    fn rotate(&self, key: &ApiKey, overlap: Option<Duration>, to: &str) -> Result<ApiKey> {
        key.rotate(OWNER, overlap, &KeyLimits::USUAL, trace(to), self.now()).map(|(key, _)| key)
    }
}

fn trace(secret: &str) -> SecretTrace {
    SecretTrace { hash: secret.to_owned(), last_four: "abcd".to_owned() }
}

fn new() -> NewApiKey {
    let scopes = [Action::ReadTickets, Action::ReplyToTickets].into_iter().collect();
    NewApiKey { name: Name::parse("name", "Robot").expect("a name"), scopes, expires_at: None, networks: Vec::new() }
}

fn hashes(key: &ApiKey, now: Timestamp) -> Vec<&str> {
    key.secrets(now).map(|secret| secret.hash.as_str()).collect()
}

fn code(outcome: Result<ApiKey>) -> String {
    match outcome {
        Err(Error::Invalid(errors)) => format!("{} {}", errors[0].field, errors[0].code),
        Err(Error::Refused { code, .. }) => code.to_owned(),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn sec_65_nobody_gives_a_key_what_they_may_not_do_themselves() {
    let table = Table::new();
    let beyond = table.create(new(), |action| action != Action::ReplyToTickets, &KeyLimits::USUAL);
    assert!(matches!(beyond, Err(Error::Forbidden("tickets.reply"))), "the scope is named: {beyond:?}");
    assert!(table.create(new(), |_| true, &KeyLimits::USUAL).is_ok());
}

#[test]
fn sec_67_keys_end_by_themselves_within_the_limits() {
    let table = Table::new();
    let made = |expires_at, endless| {
        let limits = KeyLimits { endless, ..KeyLimits::USUAL };
        table.create(NewApiKey { expires_at, ..new() }, |_| true, &limits)
    };
    let now = table.now();
    assert_eq!(table.key().expires_at, Some(now.plus(DAY * 90)), "by default");
    assert_eq!(made(Some(Some(now.plus(DAY * 365))), false).expect("a year").expires_at, Some(now.plus(DAY * 365)));
    assert_eq!(code(made(Some(Some(now.plus(DAY * 365).plus(DAY))), false)), "expires_at out_of_range");
    assert_eq!(code(made(Some(Some(now)), false)), "expires_at out_of_range");
    assert_eq!(code(made(Some(None), false)), "expires_at required");
    let endless = made(Some(None), true).expect("where it is allowed");
    assert!(endless.is_live(now.plus(DAY * 10_000)));
    let limits = KeyLimits { endless: true, ..KeyLimits::USUAL };
    let (rotated, _) = endless.rotate(OWNER, None, &limits, trace("second"), now).expect("rotated");
    assert_eq!(rotated.expires_at, None);
    let rotated = table.rotate(&endless, None, "second").expect("rotated");
    assert_eq!(rotated.expires_at, Some(now.plus(DAY * 90)), "where that is allowed no more, it gets an end");
    let key = table.key();
    assert!(key.is_live(now.plus(DAY * 89)) && !key.is_live(now.plus(DAY * 90)), "the end itself is past");
}

#[test]
fn sec_67_a_replaced_secret_counts_for_the_overlap_and_no_longer() {
    let table = Table::new();
    let key = table.key();
    table.clock.advance(DAY * 30);
    let rotated = table.rotate(&key, None, "second").expect("rotated");
    let now = table.now();
    assert_eq!(hashes(&rotated, now), ["second", "first"]);
    assert_eq!(hashes(&rotated, now.plus(DAY).minus(Duration::from_micros(1))), ["second", "first"]);
    assert_eq!(hashes(&rotated, now.plus(DAY)), ["second"], "a day by default");
    assert_eq!(rotated.expires_at, Some(now.plus(DAY * 90)), "it lasts as long again");
    assert_eq!((rotated.id, rotated.owner, &rotated.scopes), (key.id, key.owner, &key.scopes), "and is the same key");

    assert_eq!(code(table.rotate(&rotated, None, "third")), "overlap_running", "no third secret meanwhile");
    let at_once = table.rotate(&rotated, Some(Duration::ZERO), "third").expect("rotated");
    assert_eq!(hashes(&at_once, now), ["third"], "an overlap of nothing ends them all");
    assert_eq!(code(table.rotate(&key, Some(DAY * 8), "x")), "overlap_seconds out_of_range");
    assert!(table.rotate(&key, Some(DAY * 7), "x").is_ok());
    table.clock.advance(DAY);
    assert!(table.rotate(&rotated, None, "third").is_ok(), "after the overlap");
}

#[test]
fn sec_67_an_overlap_does_not_outlast_the_old_secrets_own_end() {
    let table = Table::new();
    let key = table.key();
    table.clock.advance(DAY * 89 + DAY / 2);
    let end = key.expires_at.expect("an end");
    let rotated = table.rotate(&key, None, "second").expect("rotated");
    assert_eq!(hashes(&rotated, end.minus(Duration::from_secs(1))), ["second", "first"]);
    assert_eq!(hashes(&rotated, end), ["second"]);
    table.clock.advance(DAY);
    let late = table.rotate(&key, None, "second").expect("rotated");
    assert_eq!(hashes(&late, table.now()), ["second"], "what has ended is not brought back");
}

#[test]
fn sec_22_a_key_remembers_whether_its_owner_was_proven() {
    let table = Table::new();
    let moment = Moment::new(&table.ids, table.now(), Actor::User(OWNER.user));
    let nobody = KeyOwner { proven: false, ..OWNER };
    let make = |owner| ApiKey::create(new(), owner, |_| true, &KeyLimits::USUAL, |_| trace("first"), &moment);
    let email = EmailAddress::parse("email", "ada@example.org").expect("an address");
    let (unseen, _) = User::register(email.clone(), Name::from_address(&email), &moment);
    let seen = User { proven: true, ..unseen.clone() };
    let (planted, _) = make(nobody).expect("a key");
    assert!(planted.is_planted(&seen) && !planted.is_planted(&unseen));
    let (good, _) = make(OWNER).expect("a key");
    assert!(!good.is_planted(&seen) && !good.is_planted(&unseen), "it came from a desk that had seen its owner");
    let (stolen, _) = good.rotate(nobody, None, &KeyLimits::USUAL, trace("x"), table.now()).expect("rotated");
    assert!(stolen.is_planted(&seen), "a secret that was given out before the proof");
    let text = serde_json::to_string(&good).expect("text");
    assert!(!text.contains("unproven"), "keys of before are written as they were: {text}");
}

#[test]
fn sec_67_only_the_owner_gets_a_new_secret() {
    let table = Table::new();
    let other = KeyOwner { user: UserId::from_bits(3), proven: true };
    let other = table.key().rotate(other, None, &KeyLimits::USUAL, trace("x"), table.now());
    assert!(matches!(other, Err(Error::Forbidden(_))));
}

#[test]
fn sec_67_use_is_noted_once_in_a_while() {
    let table = Table::new();
    let key = table.key();
    assert!(key.used(table.now(), USE_IS_TOLD_AFTER).is_some(), "the first time");
    let used = ApiKey { last_used_at: Some(table.now()), ..key };
    table.clock.advance(USE_IS_TOLD_AFTER / 2);
    assert!(used.used(table.now(), USE_IS_TOLD_AFTER).is_none());
    table.clock.advance(USE_IS_TOLD_AFTER / 2);
    assert!(used.used(table.now(), USE_IS_TOLD_AFTER).is_some());
}

#[test]
fn sec_67_a_key_of_certain_networks_is_let_in_from_nowhere_else() {
    let table = Table::new();
    let network = Network::parse("networks", "192.0.2.0/24").expect("a network");
    let key = table.create(NewApiKey { networks: vec![network], ..new() }, |_| true, &KeyLimits::USUAL).expect("a key");
    let ip = |text: &str| Some(text.parse().expect("an address"));
    assert!(key.lets_in(ip("192.0.2.7")) && key.lets_in(ip("::ffff:192.0.2.7")));
    assert!(!key.lets_in(ip("192.0.3.7")) && !key.lets_in(ip("::1")));
    assert!(!key.lets_in(None), "an address that is not known is in no network");
    assert!(table.key().lets_in(None), "unless it does not matter");
    let many = NewApiKey { networks: vec![network; 51], ..new() };
    assert_eq!(code(table.create(many, |_| true, &KeyLimits::USUAL)), "networks too_many");
}
