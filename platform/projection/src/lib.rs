//! Folds streams into rows: version gate, gap fill, publish then advance.
