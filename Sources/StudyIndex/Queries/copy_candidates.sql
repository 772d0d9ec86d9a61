-- Studies that share issuer, patient ID, accession number and study date with one of another Study UID.
WITH shared AS (
    SELECT issuer, patient_id, accession_number, study_day
    FROM observation
    WHERE patient_id <> '' AND accession_number <> '' AND study_day IS NOT NULL AND vanished_at IS NULL
    GROUP BY issuer, patient_id, accession_number, study_day
    HAVING count(DISTINCT study_uid) > 1
)
SELECT DISTINCT dense_rank() OVER (ORDER BY s.issuer, s.patient_id, s.accession_number, s.study_day), o.study_uid
FROM shared s JOIN observation o
  ON (o.issuer, o.patient_id, o.accession_number, o.study_day)
   = (s.issuer, s.patient_id, s.accession_number, s.study_day)
ORDER BY 1, 2
