-- Who takes processes on, where that is not to be seen in the directory of the database: where each
-- keeps the lock that says that it lives.
CREATE TABLE hostledger_owner (
    id         CHAR(32) NOT NULL PRIMARY KEY,
    machine_id CHAR(32) NOT NULL REFERENCES machine_machine (id) ON DELETE CASCADE,
    -- NULL for those from before: every data directory was theirs.
    data_dir   TEXT,
    mark       TEXT,
    started_at DATETIME NOT NULL,
    seen_at    DATETIME NOT NULL
);

CREATE INDEX hostledger_owner_machine_idx ON hostledger_owner (machine_id);

INSERT OR IGNORE INTO hostledger_owner (id, machine_id, started_at, seen_at)
    SELECT owner, machine_id, modified_at, modified_at FROM machine_process
    WHERE owner IS NOT NULL AND status <> 'exited'
    UNION
    SELECT owner, machine_id, modified_at, modified_at FROM machine_binary
    WHERE owner IS NOT NULL;
