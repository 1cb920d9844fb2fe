//! The scripts: one step, one script.
//!
//! Signing in has eleven tables, each one key: rows by id in a hash, their ends in a sorted set, and indexes.
//! Every script is given all of them, in the order of [`TABLES`](super::TABLES), so it never makes up the name
//! of a key. A row is a line: the fields that steps change, then the document.
//!
//! - Instants stay the texts they came as wherever they are stored. They become numbers to be compared
//!   only: Lua would print them as `1.8e+15`.
//! - A row that does not read is an error with the code `CORRUPT`, and nothing is written.
//! - Checks come first, then a write that Redis refuses when its memory is full: so a step is whole or not.
//! - Rows an hour past their end go when others of their kind come, ten at a time, swept or not. An hour,
//!   because the clocks of nodes differ.

use std::sync::LazyLock;

use ::redis::Script;

/// What the scripts of signing in share.
const SHARED: &str = r"
local sessions, session_ends, tokens, users,
  challenges, challenge_ends, accounts, budgets, budget_ends, flows, flow_ends = unpack(KEYS)

local function corrupt(what)
  return redis.error_reply('CORRUPT ' .. what .. ' does not read')
end

local function before(a, b)
  return tonumber(a) < tonumber(b)
end

-- Lets keys live at least so long; never shortens what others asked for.
local function keep(ms, ...)
  for _, key in ipairs({...}) do
    if before(redis.call('PTTL', key), ms) then redis.call('PEXPIRE', key, ms) end
  end
end

local function challenge(row)
  local c = {}
  c.attempts, c.max, c.sends, c.used, c.ends, c.account, c.secret, c.mac, c.sealed, c.doc =
    string.match(row, '^(%d+) (%d+) (%d+) ([01]) (%-?%d+) (%S+) (%x+) (%x+) (%x*) (.*)$')
  return c.attempts and c
end

local function challenge_row(c)
  return table.concat(
    { c.attempts, c.max, c.sends, c.used, c.ends, c.account, c.secret, c.mac, c.sealed, c.doc }, ' ')
end

local function session(row)
  local s = {}
  s.user, s.token, s.idle, s.ends, s.seen, s.doc =
    string.match(row, '^(%S+) (%x+) (%-?%d+) (%-?%d+) (%-?%d+) (.*)$')
  return s.user and s
end

local function drop_challenge(id)
  local row = redis.call('HGET', challenges, id)
  local c = row and challenge(row)
  if c then redis.call('ZREM', accounts, c.account .. ' ' .. id) end
  redis.call('HDEL', challenges, id)
  redis.call('ZREM', challenge_ends, id)
end

local function drop_session(id)
  local row = redis.call('HGET', sessions, id)
  local s = row and session(row)
  if s then
    redis.call('HDEL', tokens, s.token)
    redis.call('ZREM', users, s.user .. ' ' .. id)
  end
  redis.call('HDEL', sessions, id)
  redis.call('ZREM', session_ends, id)
  return row and 1 or 0
end

local function drop_budget(account)
  redis.call('HDEL', budgets, account)
  redis.call('ZREM', budget_ends, account)
end

local function drop_flow(id)
  redis.call('HDEL', flows, id)
  redis.call('ZREM', flow_ends, id)
end

-- Drops rows that have ended by then, the oldest first, and answers how many.
local function trim(ends, drop, now, most)
  local ended = redis.call('ZRANGEBYSCORE', ends, '-inf', now, 'LIMIT', 0, most)
  for _, id in ipairs(ended) do drop(id) end
  return #ended
end

-- Whether a session may begin in the place of this one, which must be live, or of none: then it is empty. The
-- second answer is an error, if there is one.
local function may_begin(old, now)
  if old == '' then return true end
  local row = redis.call('HGET', sessions, old)
  if not row then return false end
  local s = session(row)
  if not s then return false, corrupt('a session') end
  return before(now, s.idle) and before(now, s.ends)
end

local function put_session(id, user, token, ends, row, ms, long_ago)
  redis.call('HSET', sessions, id, row)
  redis.call('ZADD', session_ends, ends, id)
  redis.call('HSET', tokens, token, id)
  redis.call('ZADD', users, 0, user .. ' ' .. id)
  trim(session_ends, drop_session, long_ago, 10)
  keep(ms, sessions, session_ends, tokens, users)
end

-- Members of an index that belong to an owner: those that begin with it and a space. '!' follows the space.
local function owned(index, owner)
  local ids = {}
  for _, member in ipairs(redis.call('ZRANGEBYLEX', index, '[' .. owner .. ' ', '(' .. owner .. '!')) do
    table.insert(ids, string.sub(member, #owner + 2))
  end
  return ids
end
";

fn step(body: &str) -> Script {
    Script::new(&[SHARED, body].concat())
}

/// id, account, ends, now, cap, row, ms, long ago: 1, or 0 at the cap.
pub(super) static PUT_CHALLENGE: LazyLock<Script> = LazyLock::new(|| {
    step(
        r"
local id, account, ends, now, cap, row, ms, long_ago = unpack(ARGV)
local live = 0
for _, other in ipairs(owned(accounts, account)) do
  local score = redis.call('ZSCORE', challenge_ends, other)
  if score and before(now, score) then live = live + 1 end
end
if live >= tonumber(cap) then return 0 end
redis.call('HSET', challenges, id, row)
redis.call('ZADD', challenge_ends, ends, id)
redis.call('ZADD', accounts, 0, account .. ' ' .. id)
trim(challenge_ends, drop_challenge, long_ago, 10)
keep(ms, challenges, challenge_ends, accounts)
return 1
",
    )
});

/// id: the row, or nil.
pub(super) static CHALLENGE: LazyLock<Script> =
    LazyLock::new(|| step("return redis.call('HGET', challenges, ARGV[1])"));

/// id, secret, now, most sends, mac, sealed: the row as it is now, or nil.
pub(super) static RESEND: LazyLock<Script> = LazyLock::new(|| {
    step(
        r"
local id, secret, now, most, mac, sealed = unpack(ARGV)
local row = redis.call('HGET', challenges, id)
if not row then return false end
local c = challenge(row)
if not c then return corrupt('a challenge') end
if c.used == '1' or not before(now, c.ends) or c.secret ~= secret then return false end
if not before(c.sends, most) or not before(c.attempts, c.max) then return false end
c.mac, c.sealed, c.sends = mac, sealed, string.format('%.0f', c.sends + 1)
row = challenge_row(c)
redis.call('HSET', challenges, id, row)
return row
",
    )
});

/// id, secret, now: the row with one guess more, or nil.
pub(super) static ATTEMPT: LazyLock<Script> = LazyLock::new(|| {
    step(
        r"
local id, secret, now = unpack(ARGV)
local row = redis.call('HGET', challenges, id)
if not row then return false end
local c = challenge(row)
if not c then return corrupt('a challenge') end
if c.used == '1' or not before(now, c.ends) or c.secret ~= secret then return false end
if not before(c.attempts, c.max) then return false end
c.attempts = string.format('%.0f', c.attempts + 1)
row = challenge_row(c)
redis.call('HSET', challenges, id, row)
return row
",
    )
});

/// challenge, now, session, user, token, its end, its row, ms, replaced session or nothing, long ago: 1 or 0.
pub(super) static CONSUME: LazyLock<Script> = LazyLock::new(|| {
    step(
        r"
local id, now, new, user, token, ends, new_row, ms, old, long_ago = unpack(ARGV)
local row = redis.call('HGET', challenges, id)
if not row then return 0 end
local c = challenge(row)
if not c then return corrupt('a challenge') end
if c.used == '1' or not before(now, c.ends) then return 0 end
local may, broken = may_begin(old, now)
if not may then return broken or 0 end
c.used = '1'
redis.call('HSET', challenges, id, challenge_row(c))
redis.call('ZREM', accounts, c.account .. ' ' .. id)
if old ~= '' then drop_session(old) end
put_session(new, user, token, ends, new_row, ms, long_ago)
return 1
",
    )
});

/// now, session, user, token, its end, its row, ms, replaced session or nothing, long ago: 1 or 0.
pub(super) static RENEW: LazyLock<Script> = LazyLock::new(|| {
    step(
        r"
local now, new, user, token, ends, row, ms, old, long_ago = unpack(ARGV)
local may, broken = may_begin(old, now)
if not may then return broken or 0 end
if old ~= '' then drop_session(old) end
put_session(new, user, token, ends, row, ms, long_ago)
return 1
",
    )
});

/// account, limit, now, end of a new window, ms, long ago: 1 or 0.
pub(super) static SPEND: LazyLock<Script> = LazyLock::new(|| {
    step(
        r"
local account, limit, now, ends, ms, long_ago = unpack(ARGV)
local row = redis.call('HGET', budgets, account)
local units = 0
if row then
  local known, known_ends = string.match(row, '^(%d+) (%-?%d+)$')
  if not known then return corrupt('a budget') end
  if before(now, known_ends) then units, ends = tonumber(known), known_ends end
end
if units >= tonumber(limit) then return 0 end
redis.call('HSET', budgets, account, string.format('%.0f', units + 1) .. ' ' .. ends)
redis.call('ZADD', budget_ends, ends, account)
trim(budget_ends, drop_budget, long_ago, 10)
keep(ms, budgets, budget_ends)
return 1
",
    )
});

/// account, now, units: 1 if some were given back.
pub(super) static GIVE_BACK: LazyLock<Script> = LazyLock::new(|| {
    step(
        r"
local account, now, back = unpack(ARGV)
local row = redis.call('HGET', budgets, account)
if not row then return 0 end
local units, ends = string.match(row, '^(%d+) (%-?%d+)$')
if not units then return corrupt('a budget') end
if not before(now, ends) or tonumber(units) == 0 then return 0 end
redis.call('HSET', budgets, account, string.format('%.0f', math.max(units - back, 0)) .. ' ' .. ends)
return 1
",
    )
});

/// account: the row, or nil.
pub(super) static SPENT: LazyLock<Script> = LazyLock::new(|| step("return redis.call('HGET', budgets, ARGV[1])"));

/// token: the row, or nil.
pub(super) static SESSION: LazyLock<Script> = LazyLock::new(|| {
    step(
        r"
local id = redis.call('HGET', tokens, ARGV[1])
return id and redis.call('HGET', sessions, id)
",
    )
});

/// id, now, idle end, ms: 1, or 0 if it is gone or has ended.
pub(super) static TOUCH: LazyLock<Script> = LazyLock::new(|| {
    step(
        r"
local id, now, idle, ms = unpack(ARGV)
local row = redis.call('HGET', sessions, id)
if not row then return 0 end
local s = session(row)
if not s then return corrupt('a session') end
if not before(now, s.idle) or not before(now, s.ends) then return 0 end
redis.call('HSET', sessions, id, table.concat({ s.user, s.token, idle, s.ends, now, s.doc }, ' '))
redis.call('ZADD', session_ends, before(idle, s.ends) and idle or s.ends, id)
keep(ms, sessions, session_ends, tokens, users)
return 1
",
    )
});

/// user: the rows, in no order.
pub(super) static SESSIONS: LazyLock<Script> = LazyLock::new(|| {
    step(
        r"
local rows = {}
for _, id in ipairs(owned(users, ARGV[1])) do
  local row = redis.call('HGET', sessions, id)
  if row then table.insert(rows, row) end
end
return rows
",
    )
});

/// user, `one`, `but` or `all`, id: how many there were.
pub(super) static REVOKE: LazyLock<Script> = LazyLock::new(|| {
    step(
        r"
local user, which, named = unpack(ARGV)
local count = 0
for _, id in ipairs(owned(users, user)) do
  if which == 'all' or (which == 'one') == (id == named) then count = count + drop_session(id) end
end
return count
",
    )
});

/// id, now, its end, its row, ms, long ago: 1, or 0 if there is one that has not ended.
pub(super) static PUT_FLOW: LazyLock<Script> = LazyLock::new(|| {
    step(
        r"
local id, now, ends, row, ms, long_ago = unpack(ARGV)
local known = redis.call('ZSCORE', flow_ends, id)
if known and before(now, known) then return 0 end
redis.call('HSET', flows, id, row)
redis.call('ZADD', flow_ends, ends, id)
trim(flow_ends, drop_flow, long_ago, 10)
keep(ms, flows, flow_ends)
return 1
",
    )
});

/// id: the row, which is gone, or nil.
pub(super) static TAKE_FLOW: LazyLock<Script> = LazyLock::new(|| {
    step(
        r"
local row = redis.call('HGET', flows, ARGV[1])
drop_flow(ARGV[1])
return row
",
    )
});

/// now, most of each kind: how many.
pub(super) static SWEEP: LazyLock<Script> = LazyLock::new(|| {
    step(
        r"
local now, most = unpack(ARGV)
return trim(session_ends, drop_session, now, most) + trim(challenge_ends, drop_challenge, now, most)
  + trim(budget_ends, drop_budget, now, most) + trim(flow_ends, drop_flow, now, most)
",
    )
});

/// One key. limit, now, end of a new window, ms of one: whether it is allowed, the count, the end.
pub(super) static TAKE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local limit, now, ends, ms = unpack(ARGV)
local row = redis.call('GET', KEYS[1])
local count = 0
if row then
  local known, known_ends = string.match(row, '^(%d+) (%-?%d+)$')
  if not known then return redis.error_reply('CORRUPT a counter does not read') end
  if tonumber(now) < tonumber(known_ends) then
    count, ends = tonumber(known), known_ends
    -- SET forgets the expiry, so it is worked out again; a later instant of the caller makes it shorter.
    local left = math.ceil((tonumber(ends) - tonumber(now)) / 1000) + 60000
    ms = string.format('%.0f', math.min(left, 315360060000))
  end
end
if count >= tonumber(limit) then return { 0, count, ends } end
redis.call('SET', KEYS[1], string.format('%.0f', count + 1) .. ' ' .. ends, 'PX', ms)
return { 1, count + 1, ends }
",
    )
});

/// One key. now: 1 if one was taken back.
pub(super) static UNTAKE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local now = ARGV[1]
local row = redis.call('GET', KEYS[1])
if not row then return 0 end
local count, ends = string.match(row, '^(%d+) (%-?%d+)$')
if not count then return redis.error_reply('CORRUPT a counter does not read') end
if tonumber(now) >= tonumber(ends) or tonumber(count) == 0 then return 0 end
local left = math.ceil((tonumber(ends) - tonumber(now)) / 1000) + 60000
redis.call('SET', KEYS[1], string.format('%.0f', count - 1) .. ' ' .. ends, 'PX',
  string.format('%.0f', math.min(left, 315360060000)))
return 1
",
    )
});
