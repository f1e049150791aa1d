DROP INDEX machine_binary_abspath_idx;
DROP INDEX machine_binary_pending_idx;

ALTER TABLE machine_binary DROP COLUMN reasons;
ALTER TABLE machine_binary DROP COLUMN max_attempts;
ALTER TABLE machine_binary DROP COLUMN attempt;
ALTER TABLE machine_binary DROP COLUMN owner;
ALTER TABLE machine_binary DROP COLUMN min_version;
