//! Publishes committed events to EventBridge.
