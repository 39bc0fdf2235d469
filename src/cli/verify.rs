//! `quorate verify`: is the package whole, and does judging its evidence again give the same bytes?
