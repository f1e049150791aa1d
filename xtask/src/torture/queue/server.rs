//! The server of a ledger's database, and how it is killed.

use std::thread;
use std::time::Duration;

use hostledger_test_postgres::{Database, Server as Postgres};

use crate::torture::random::Random;

/// No longer than this is it gone, in most cases shorter: it has to recover, too.
const AWAY: Duration = Duration::from_millis(400);

/// A server with the database of one ledger.
pub(super) struct Server {
    /// Goes before its server.
    database: Database,
    postgres: Postgres,
    /// How often it was killed.
    pub(super) struck: usize,
}

impl Server {
    pub(super) fn start() -> Self {
        let postgres = Postgres::start();
        Self {
            database: postgres.database(),
            postgres,
            struck: 0,
        }
    }

    pub(super) fn url(&self) -> String {
        self.database.url()
    }

    /// Kills it, its first process alone or all of them, and starts it again.
    pub(super) fn strike(&mut self, random: &mut Random) {
        if random.below(2) == 0 {
            self.postgres.crash();
        } else {
            self.postgres.kill();
        }
        thread::sleep(random.within(AWAY));
        self.postgres.start_again();
        self.struck += 1;
    }
}
