-- Which studies have these accession numbers; of those that more than $2 share, one more than that. $1 accession numbers
SELECT a.accession_number, o.study_uid
FROM unnest($1::text[]) AS a (accession_number)
CROSS JOIN LATERAL (
    SELECT DISTINCT study_uid FROM observation
    WHERE left(accession_number, 64) = left(a.accession_number, 64) AND accession_number = a.accession_number
      AND vanished_at IS NULL
    LIMIT $2::int8 + 1
) AS o
ORDER BY 1, 2
