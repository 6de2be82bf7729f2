//! Notifications' functions: send-email.
