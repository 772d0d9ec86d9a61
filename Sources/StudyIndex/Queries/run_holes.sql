-- $1 run. Ranges that the run did not prove.
SELECT s.name, l.level, l.axis, l.date_from - date '2000-01-01', l.date_to - date '2000-01-01', l.time_from, l.time_to,
       l.modality, l.patient_prefix, l.patient_id, l.uids, l.state, coalesce(l.reason, 'not asked yet')
FROM slice l JOIN source s ON s.id = l.source_id
WHERE l.run_id = $1 AND l.state IN ('ready', 'leased', 'irreducible', 'dead')
ORDER BY s.name, l.date_from NULLS FIRST, l.time_from, l.modality, l.patient_prefix, l.patient_id, l.id
