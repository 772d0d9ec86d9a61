-- $1 horizon, $2 basis
INSERT INTO reconciliation (horizon, basis, passes, ended) VALUES (($1::text)::xid8, $2, 1, ledger_now())
ON CONFLICT (single) DO UPDATE
SET horizon = excluded.horizon, basis = excluded.basis, passes = reconciliation.passes + 1, ended = excluded.ended
