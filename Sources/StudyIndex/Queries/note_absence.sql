-- $1 source, $2 Study UID
INSERT INTO absence (study_uid, source_id, confirmed_at) VALUES ($2, $1, ledger_now())
ON CONFLICT (study_uid, source_id) DO UPDATE SET confirmed_at = excluded.confirmed_at
