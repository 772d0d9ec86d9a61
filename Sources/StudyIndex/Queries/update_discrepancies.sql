-- What was known and is found again keeps its frozen values, its first sight and what people made of it. What was resolved and
-- is back is open again, and so is what was acknowledged and has become worse.
WITH again AS (
    UPDATE discrepancy d
    SET severity = f.severity, sources = f.sources, last_seen = ledger_now(),
        state = CASE WHEN d.state = 'resolved' OR d.state = 'acknowledged' AND f.is_worse THEN 'open' ELSE d.state END,
        frozen = CASE WHEN d.state = 'resolved' THEN f.frozen ELSE d.frozen END,
        current = CASE WHEN d.state = 'resolved' OR f.frozen = d.frozen THEN NULL ELSE f.frozen END,
        first_seen = CASE WHEN d.state = 'resolved' THEN ledger_now() ELSE d.first_seen END
    FROM (
        SELECT f.*, old.id, old.state AS old_state,
               array_position(ARRAY['critical', 'major', 'minor', 'cosmetic'], f.severity)
               < array_position(ARRAY['critical', 'major', 'minor', 'cosmetic'], old.severity) AS is_worse
        FROM found f JOIN discrepancy old
            ON old.class = f.class AND old.study_uid = f.study_uid AND coalesce(old.other_uid, '') = coalesce(f.other_uid, '')
    ) AS f
    WHERE d.id = f.id
    RETURNING d.id, d.severity, f.old_state, f.is_worse
)
INSERT INTO discrepancy_event (discrepancy_id, at, event, severity)
SELECT id, ledger_now(), CASE WHEN old_state = 'resolved' THEN 'reopened' ELSE 'worsened' END, severity
FROM again WHERE old_state = 'resolved' OR old_state = 'acknowledged' AND is_worse ORDER BY id
