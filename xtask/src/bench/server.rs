//! A PostgreSQL of the measurement's own, with the settings it comes with: a commit is on the disk
//! when it is answered.

use hostledger_test_postgres::{PORT, Server, available};

use super::disk::Disk;

/// What the harness of the tests has otherwise, as it cares for no disk.
const SETTINGS: &str = "
listen_addresses = ''
fsync = on
full_page_writes = on
shared_buffers = 128MB
max_wal_size = 1GB
";

/// What is told where there is no PostgreSQL.
pub(super) const ABSENT: &str =
    "PostgreSQL was left out: it is not installed (Debian: apt-get install postgresql)";

/// Starts one; none where PostgreSQL is not installed.
pub(super) fn start(disk: &Disk<'_>) -> Option<Server> {
    available().then(|| Server::below(disk.root(), SETTINGS, &[], PORT))
}
