//! Appends commits to a service's log and loads streams back.
