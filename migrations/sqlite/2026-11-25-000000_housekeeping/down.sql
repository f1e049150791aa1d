DROP TABLE hostledger_worker_id;
DROP INDEX machine_process_found_gone_idx;
DROP INDEX machine_process_name_idx;
DROP INDEX machine_process_secret_batch_idx;
ALTER TABLE hostledger_attempt DROP COLUMN stderr_dropped;
ALTER TABLE hostledger_attempt DROP COLUMN stdout_dropped;
ALTER TABLE machine_process DROP COLUMN secret_batch;
ALTER TABLE machine_process DROP COLUMN stderr_dropped;
ALTER TABLE machine_process DROP COLUMN stdout_dropped;
