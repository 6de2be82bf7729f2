//! Seals personal data per person with keys that can be destroyed.
