//! Signing in with a provider: honest ones, and ones that lie in every field.

mod ask;
mod domains;
mod liar;
mod lies;
mod linking;
mod notices;
mod real;
mod strong;
mod world;
