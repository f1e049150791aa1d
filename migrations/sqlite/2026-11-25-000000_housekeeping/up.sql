-- Logs with a bound, secrets kept for processes that wait, and what housekeeping asks for.

-- Bytes that are no longer in the log; NULL when all are.
ALTER TABLE machine_process ADD COLUMN stdout_dropped BIGINT;
ALTER TABLE machine_process ADD COLUMN stderr_dropped BIGINT;
-- Names the file in the data directory that keeps the secret values.
ALTER TABLE machine_process ADD COLUMN secret_batch CHAR(32);

ALTER TABLE hostledger_attempt ADD COLUMN stdout_dropped BIGINT;
ALTER TABLE hostledger_attempt ADD COLUMN stderr_dropped BIGINT;

-- Only rows that have what they are about are in these, so most rows cost nothing.
CREATE INDEX machine_process_secret_batch_idx ON machine_process (secret_batch)
    WHERE secret_batch IS NOT NULL AND status <> 'exited';
CREATE INDEX machine_process_name_idx ON machine_process (name, created_at)
    WHERE name IS NOT NULL;
-- What older writers put for a process that they found gone, until it is mended.
CREATE INDEX machine_process_found_gone_idx ON machine_process (id)
    WHERE exit_code = -1;

-- The last id that was given to a worker of a type. Apart from the processes, as it outlives
-- those that are deleted.
CREATE TABLE hostledger_worker_id (
    worker_type VARCHAR(32) PRIMARY KEY NOT NULL,
    last_id     BIGINT NOT NULL
) WITHOUT ROWID;
