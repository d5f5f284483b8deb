//! The chat under faults.
