-- Who takes processes on, and where each keeps the lock that says that it lives.
CREATE TABLE hostledger_owner (
    id         uuid PRIMARY KEY,
    machine_id uuid NOT NULL REFERENCES machine_machine (id) ON DELETE CASCADE,
    -- NULL for those from before: every data directory was theirs.
    data_dir   text,
    mark       text,
    started_at timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL
-- Workers say every half minute that they live.
) WITH (fillfactor = 50);

CREATE INDEX hostledger_owner_machine_idx ON hostledger_owner (machine_id);

INSERT INTO hostledger_owner (id, machine_id, started_at, seen_at)
    SELECT owner, machine_id, modified_at, modified_at FROM machine_process
    WHERE owner IS NOT NULL AND status <> 'exited'
    UNION
    SELECT owner, machine_id, modified_at, modified_at FROM machine_binary
    WHERE owner IS NOT NULL
    ON CONFLICT DO NOTHING;
