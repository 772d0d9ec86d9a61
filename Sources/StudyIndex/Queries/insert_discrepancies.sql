WITH new AS (
    INSERT INTO discrepancy (class, severity, study_uid, other_uid, sources, frozen, first_seen, last_seen)
    SELECT f.class, f.severity, f.study_uid, f.other_uid, f.sources, f.frozen, ledger_now(), ledger_now()
    FROM found f
    WHERE NOT EXISTS (
        SELECT 1 FROM discrepancy d
        WHERE d.class = f.class AND d.study_uid = f.study_uid AND coalesce(d.other_uid, '') = coalesce(f.other_uid, ''))
    ORDER BY f.class, f.study_uid, f.other_uid
    RETURNING id, severity
)
INSERT INTO discrepancy_event (discrepancy_id, at, event, severity)
SELECT id, ledger_now(), 'found', severity FROM new ORDER BY id
