-- Accession numbers that studies have or had anywhere. $1 Study UIDs
SELECT accession_number FROM observation WHERE study_uid = ANY ($1::text[]) AND accession_number <> ''
UNION
SELECT texts[9] FROM observation_history WHERE study_uid = ANY ($1::text[]) AND texts[9] <> ''
ORDER BY 1
