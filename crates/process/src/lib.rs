//! Control of processes for hostledger: identity, launch, output, termination.
