//! The engine as one static library: Wasmtime's C API, re-exported so that its symbols are kept.
//!
//! There is deliberately no code of ours here; everything else is C.

pub use wasmtime_c_api::*;
