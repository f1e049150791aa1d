DROP INDEX machine_process_owner_idx;
DROP INDEX machine_process_queued_idx;
CREATE INDEX machine_process_queued_idx ON machine_process (machine_id, retry_at)
    WHERE status = 'queued';
