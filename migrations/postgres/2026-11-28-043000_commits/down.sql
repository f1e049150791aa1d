DROP TABLE hostledger_commit;
