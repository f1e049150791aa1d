DROP TABLE hostledger_worker_id;
DROP TABLE hostledger_attempt;
DROP TABLE machine_process;
DROP TABLE machine_binary;
DROP TABLE machine_networkinterface;
DROP TABLE machine_machine;
