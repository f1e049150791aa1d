-- The last transaction of each session that writes, by which it is recognised when COMMIT had
-- no answer.
CREATE TABLE hostledger_commit (
    session   uuid PRIMARY KEY,
    batch     bigint NOT NULL,
    -- Nothing of the session can be committed any more: somebody was told what was.
    closed    boolean NOT NULL DEFAULT false,
    marked_at timestamptz NOT NULL
-- Written by each transaction.
) WITH (fillfactor = 50);
