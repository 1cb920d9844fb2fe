//! What the tests of the other packages need of the development commands: throwaway servers.

pub mod services;
pub mod tools;
