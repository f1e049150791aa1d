-- What submitted work asks for beside what is run at once.

-- Whether attempts that nobody saw start or end are tried again.
ALTER TABLE machine_process ADD COLUMN retry_lost BOOLEAN NOT NULL DEFAULT 0;
-- The process that this one does again. No key: the older record may be pruned first.
ALTER TABLE machine_process ADD COLUMN restart_of CHAR(32);
