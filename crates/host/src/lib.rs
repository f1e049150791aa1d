//! Which machine and network this is: host detection for hostledger.
