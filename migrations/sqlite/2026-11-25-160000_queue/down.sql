ALTER TABLE machine_process DROP COLUMN restart_of;
ALTER TABLE machine_process DROP COLUMN retry_lost;
