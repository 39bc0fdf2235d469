//! Which endpoint of the contract a record names.
//!
//! In: the name in a record. Out: the endpoint as the contract declares it. Refuses to know what it promises.

use super::TestCx;
use crate::contract::Endpoint;
use crate::evidence::symbol::Sym;

/// The endpoint of a name; the only one when there is no name.
pub(super) fn endpoint<'a>(cx: &TestCx<'a>, name: Option<Sym>) -> Option<&'a Endpoint> {
    match (name, cx.contract().endpoints.as_slice()) {
        (Some(name), _) => cx.contract().endpoint(cx.evidence().text(name)),
        (None, [only]) => Some(only),
        (None, _) => None,
    }
}
