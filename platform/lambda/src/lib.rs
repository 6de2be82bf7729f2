//! What every function needs at its edge: clients, clock, problem answers, metrics, logs.
