-- Accession numbers that several studies share, and not so many that they are none. $1 studies at most
SELECT accession_number FROM observation
WHERE accession_number <> '' AND vanished_at IS NULL
GROUP BY accession_number HAVING count(DISTINCT study_uid) BETWEEN 2 AND $1
ORDER BY accession_number
