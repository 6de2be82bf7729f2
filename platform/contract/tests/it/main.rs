//! Contracts: written and read back, refused where they are broken, compared with what readers rely on.

mod compatible;
mod fixture;
mod refused;
mod text;
