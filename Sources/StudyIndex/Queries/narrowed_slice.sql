-- What narrowing a slice has made before, where only the word of it was lost. $1 slice, $2 claim, $3 its first day (days since
-- 2000-01-01).
SELECT n.id FROM slice s JOIN slice n ON n.run_id = s.run_id AND n.source_id = s.source_id
WHERE s.id = $1 AND n.claim_id = $2 AND n.state = 'leased' AND n.date_from = date '2000-01-01' + $3::int4
