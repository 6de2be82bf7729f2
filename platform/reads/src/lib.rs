//! Runs the reads that a matrix lists, and no others.
