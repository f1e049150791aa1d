-- What workers ask: what is due, in its order, and what an owner has taken on.

-- In the order in which they are taken on: many may be due at the same moment, and sorting them
-- anew at each claim would cost more the more there are.
DROP INDEX machine_process_queued_idx;
CREATE INDEX machine_process_queued_idx ON machine_process (machine_id, retry_at, created_at, id)
    WHERE status = 'queued';
-- What somebody has taken on is little, however much waits.
CREATE INDEX machine_process_owner_idx ON machine_process (machine_id, owner)
    WHERE owner IS NOT NULL;
