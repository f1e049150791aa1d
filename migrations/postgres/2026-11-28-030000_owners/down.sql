DROP TABLE hostledger_owner;
