-- How a binary that is asked for comes to be installed: our own columns, after ArchiveBox's.

ALTER TABLE machine_binary ADD COLUMN min_version VARCHAR(32);
-- Who is at work on it.
ALTER TABLE machine_binary ADD COLUMN owner CHAR(32);
ALTER TABLE machine_binary ADD COLUMN attempt INTEGER NOT NULL DEFAULT 1;
-- NULL for as many as it takes.
ALTER TABLE machine_binary ADD COLUMN max_attempts INTEGER;
-- Why providers did not come up with it, in the latest attempt.
ALTER TABLE machine_binary ADD COLUMN reasons TEXT CHECK (JSON_VALID(reasons) OR reasons IS NULL);

-- Few are asked for at a time, while those that are installed stay for ever.
CREATE INDEX machine_binary_pending_idx ON machine_binary (machine_id, retry_at)
    WHERE status IN ('queued', 'started');
CREATE INDEX machine_binary_abspath_idx ON machine_binary (abspath)
    WHERE abspath <> '';
