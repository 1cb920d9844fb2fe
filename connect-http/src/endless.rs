//! Marks an answer whose body goes on for as long as its reader stays.

/// An extension of such a response. The serving loop then keeps the connection without the buffers that a further request
/// would need; other loops pass it over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Endless;
