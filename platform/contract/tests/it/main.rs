//! Contracts: written and read back, refused where they are broken, compared with what readers rely on.

mod asked;
mod clients;
mod compatible;
mod fixture;
mod refused;
mod routes;
mod text;
