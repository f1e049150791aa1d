//! The machine's id for one application.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// HMAC-SHA256 of the application id under the machine id, in lower-case hex.
///
/// `machine-id(5)` asks to publish no machine id itself but a keyed hash of it; this form is the
/// one of py-machineid's `hashed_id`, so that ArchiveBox gives a host the same guid.
pub(crate) fn guid(machine_id: &str, application_id: &str) -> String {
    #[expect(
        clippy::expect_used,
        reason = "HMAC takes a key of any length (RFC 2104, section 2)"
    )]
    let mut hmac = Hmac::<Sha256>::new_from_slice(machine_id.as_bytes())
        .expect("HMAC accepts a key of any length");
    hmac.update(application_id.as_bytes());
    hex(&hmac.finalize().into_bytes())
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_the_guid_that_archivebox_gives_it() {
        assert_eq!(
            guid("3d1219c7c4c5404aaa1f6d2a48adfda4", "archivebox"),
            "bccc288494bf09a8f1445ea40ba6a6d60be7300f6f2fe98b5b2828cae983a33a"
        );
    }

    #[test]
    fn another_application_gets_another_guid() {
        assert_ne!(
            guid("3d1219c7c4c5404aaa1f6d2a48adfda4", "other"),
            guid("3d12", "archivebox")
        );
        assert_eq!(guid("", "").len(), 64);
    }
}
