-- What a pass has examined and not found any more. $1 studies it has examined, $2 studies of which it has examined all pairs
-- (NULL each: all), $3 classes of studies and $4 of pairs; $5 classes and $6 Study UIDs of which it is too early to speak
WITH gone AS (
    UPDATE discrepancy d SET state = 'resolved', last_seen = ledger_now()
    WHERE d.state <> 'resolved'
      AND (d.class = 'missing-copy'
           OR d.class = ANY ($3::text[]) AND ($1::text[] IS NULL OR d.study_uid = ANY ($1::text[]))
           OR d.class = ANY ($4::text[])
              AND ($2::text[] IS NULL OR d.study_uid = ANY ($2::text[]) OR d.other_uid = ANY ($2::text[])))
      AND NOT EXISTS (
          SELECT 1 FROM found f
          WHERE f.class = d.class AND f.study_uid = d.study_uid AND coalesce(f.other_uid, '') = coalesce(d.other_uid, ''))
      AND NOT EXISTS (
          SELECT 1 FROM unnest($5::text[], $6::text[]) AS w (class, study_uid)
          WHERE w.class = d.class AND w.study_uid = d.study_uid)
    RETURNING d.id, d.severity
)
INSERT INTO discrepancy_event (discrepancy_id, at, event, severity)
SELECT id, ledger_now(), 'resolved', severity FROM gone ORDER BY id
