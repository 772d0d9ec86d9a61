-- Gives up runs that several servers have begun and none has ended, and forgets what ended long ago, or what a key has more
-- than it may keep. $1 attempts at most, $2 seconds kept, $3 kept of one key
WITH abandoned AS (
    UPDATE query_run
    SET state = 'failed', ended = ledger_now(), lease_until = NULL,
        reason = 'the server that ran it ended, ' || attempts || ' times: ask again'
    WHERE state = 'running' AND lease_until < ledger_now() AND attempts >= $1
)
DELETE FROM query_run WHERE ended IS NOT NULL AND (
    ended < ledger_now() - make_interval(secs => $2)
    OR id IN (SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY key_id ORDER BY created DESC) AS place
                              FROM query_run WHERE ended IS NOT NULL) AS ranked WHERE place > $3))
