-- Patient IDs that a source has shown. $1 source, $2 after this one, $3 at most
SELECT DISTINCT patient_id FROM observation
WHERE source_id = $1 AND patient_id > $2 AND vanished_at IS NULL
ORDER BY patient_id LIMIT $3
