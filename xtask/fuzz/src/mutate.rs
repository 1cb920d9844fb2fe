//! Inputs made of other inputs.

/// A quick generator of numbers; what it made can be made again from its seed.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// A generator that begins here.
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// A number below another one, which is not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        // Marsaglia's xorshift, with Vigna's multiplication.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(drawn).unwrap_or(0) % limit.max(1)
    }
}

/// Signs that texts are rarely tried with.
const RARE: [&str; 12] = [
    "\0",
    "\u{7f}",
    "\u{85}",
    "\u{a0}",
    "ß",
    "\u{130}",
    "\u{202e}",
    "\u{2028}",
    "\u{3316}",
    "\u{fdfa}",
    "\u{feff}",
    "\u{10ffff}",
];

/// The longest input.
const MOST: usize = 4096;

/// Another input, made of those that are there.
pub fn another(pool: &[Vec<u8>], words: &[&str], dice: &mut Dice) -> Vec<u8> {
    let mut input = pool.get(dice.below(pool.len())).cloned().unwrap_or_default();
    for _ in 0..=dice.below(4) {
        let at = dice.below(input.len() + 1);
        let end = at + dice.below((input.len() - at).min(16) + 1);
        match dice.below(9) {
            0 if at < input.len() => input[at] ^= 1 << dice.below(8),
            1 if at < input.len() => input[at] = u8::try_from(dice.below(256)).unwrap_or(0),
            2 => drop(input.drain(at..end)),
            3 => {
                let part = input[at..end].to_vec();
                let times = 1 + dice.below(8);
                input.splice(at..at, part.repeat(times));
            }
            4 | 5 => put(&mut input, at, words.get(dice.below(words.len()))),
            6 => put(&mut input, at, RARE.get(dice.below(RARE.len()))),
            7 => {
                let other = pool.get(dice.below(pool.len())).map(Vec::as_slice).unwrap_or_default();
                let from = dice.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            _ => input.insert(at, b' ' + u8::try_from(dice.below(95)).unwrap_or(0)),
        }
    }
    input.truncate(MOST);
    input
}

fn put(input: &mut Vec<u8>, at: usize, word: Option<&&str>) {
    input.splice(at..at, word.map(|word| word.bytes()).into_iter().flatten());
}
