//! Laws that hold for every value, not only for examples.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]
#![expect(clippy::indexing_slicing, reason = "a helper of a test may fail the test")]

use core::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use quiver_wire::metadata::contexts::AddressPair;

mod metadata;
mod packets;

pub(crate) fn addresses() -> impl Strategy<Value = AddressPair> {
    prop_oneof![
        any::<(Ipv4Addr, Ipv4Addr)>().prop_map(|(src, dst)| AddressPair::V4 { src, dst }),
        any::<(Ipv6Addr, Ipv6Addr)>().prop_map(|(src, dst)| AddressPair::V6 { src, dst }),
    ]
}
