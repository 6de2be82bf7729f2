//! Parses and proves the access-pattern matrices, and derives tables from them.
