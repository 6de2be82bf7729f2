//! Lists the parts, in the order in which a commit passes them.

use crate::consuming::Consuming;
use crate::explore::{Explored, part};
use crate::following::Following;
use crate::projecting::Projecting;
use crate::rebuilding::Rebuilding;
use crate::recounting::Recounting;
use crate::writing::Writing;

/// All of them.
pub fn parts() -> Vec<Box<dyn Explored>> {
    vec![
        part::<Writing>(),
        part::<Projecting>(),
        part::<Rebuilding>(),
        part::<Following>(),
        part::<Recounting>(),
        part::<Consuming<true>>(),
        part::<Consuming<false>>(),
    ]
}
