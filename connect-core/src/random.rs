//! Randomness as a parameter.

/// Where random bytes come from.
///
/// # Contract
///
/// Bytes are uniform and independent. Codes, tokens and ids are made from them, so in production the
/// source must be the operating system's.
pub trait Random: std::fmt::Debug + Send + Sync {
    /// Fills the slice.
    fn fill(&self, bytes: &mut [u8]);
}

/// The generator of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    fn fill(&self, bytes: &mut [u8]) {
        // A machine that cannot give random bytes can neither sign anyone in nor name anything: to stop
        // is the only safe answer, and no caller or request can bring this about.
        #[allow(clippy::disallowed_methods)]
        if let Err(error) = getrandom::fill(bytes) {
            panic!("the operating system gives no random bytes: {error}");
        }
    }
}

impl dyn Random + '_ {
    /// An array of random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}
