-- $1 source, $2 name, $3 value, $4 evidence
INSERT INTO source_capability (source_id, name, value, evidence, learned_at) VALUES ($1, $2, $3, $4, ledger_now())
ON CONFLICT (source_id, name) DO UPDATE
SET value = excluded.value, evidence = excluded.evidence, learned_at = excluded.learned_at
