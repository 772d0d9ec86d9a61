-- All that are not resolved, the worst first.
SELECT d.class, d.severity, d.study_uid, d.other_uid, d.sources, d.frozen::text, d.state, d.first_seen::date::text, d.id,
       (SELECT e.actor || CASE e.note WHEN '' THEN '' ELSE ': ' || e.note END
        FROM discrepancy_event e WHERE e.discrepancy_id = d.id AND e.event = 'acknowledged' AND d.state = 'acknowledged'
        ORDER BY e.id DESC LIMIT 1)
FROM discrepancy d WHERE d.state <> 'resolved'
ORDER BY array_position(ARRAY['critical', 'major', 'minor', 'cosmetic'], d.severity), d.class, d.study_uid, d.other_uid
