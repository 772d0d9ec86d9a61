-- The source is not asked any more in this run; a worker that still holds a slice of it is fenced. $1 run, $2 source, $3 reason
UPDATE slice SET state = 'dead', ended = ledger_now(), lease_until = NULL, claim_id = NULL, reason = $3
WHERE run_id = $1 AND source_id = $2 AND state IN ('ready', 'leased')
RETURNING level, axis, date_from - date '2000-01-01', date_to - date '2000-01-01', time_from, time_to,
          modality, patient_prefix, patient_id, uids
