//! The port to what signs links that come back without anybody signing in.

/// Signs what leaves in a mail and comes back as it left.
///
/// # Contract
///
/// Whoever does not hold the secret cannot make a signature for parts that were not signed with it. What an older secret
/// signed is still genuine while that secret counts. Pure, and quick.
pub trait Signer: std::fmt::Debug + Send + Sync {
    /// The signature over these parts under a label, as text that fits into an address.
    fn sign(&self, label: &'static str, parts: &[&str]) -> String;

    /// Whether it is the signature over these parts. Takes the same time however wrong it is.
    fn is_genuine(&self, label: &'static str, parts: &[&str], signature: &str) -> bool;
}
