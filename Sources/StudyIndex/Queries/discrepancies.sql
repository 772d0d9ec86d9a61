SELECT class, severity, study_uid, other_uid, sources, frozen::text, state, first_seen::date::text
FROM discrepancy WHERE state <> 'resolved'
ORDER BY array_position(ARRAY['critical', 'major', 'minor', 'cosmetic'], severity), class, study_uid, other_uid
