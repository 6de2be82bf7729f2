//! What can happen to a notification: intended, sent, failed.
