//! The exactly-once, in-order stream over breaking links.
