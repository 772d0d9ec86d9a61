-- The series of these studies have been asked for. $1 source, $2 Study UIDs, $3 seconds since they were asked
INSERT INTO series_sweep (study_uid, source_id, verified_at, series)
SELECT uid, $1, ledger_now() - make_interval(secs => $3),
       (SELECT count(*) FROM staged_series s WHERE s.study_uid = uid)
FROM unnest($2::text[]) AS uid ORDER BY uid
ON CONFLICT (study_uid, source_id) DO UPDATE SET verified_at = excluded.verified_at, series = excluded.series
