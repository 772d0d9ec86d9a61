-- The sources that a consolidated study's attributes were taken from, in the dictionary's order. $1 Study UID
SELECT ARRAY(SELECT coalesce(s.name, '') FROM unnest(t.provenance) WITH ORDINALITY AS p (id, position)
             LEFT JOIN source s ON s.id = p.id ORDER BY p.position)
FROM study t WHERE t.study_uid = $1
