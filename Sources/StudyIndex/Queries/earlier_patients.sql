-- What sources that still hold the studies said of their patients before. $1 Study UIDs
SELECT h.study_uid, s.name, h.texts[2], h.texts[4], h.texts[5], h.texts[6]
FROM observation_history h JOIN source s ON s.id = h.source_id
WHERE h.study_uid = ANY ($1::text[]) AND h.event <> 'vanished'
ORDER BY h.study_uid, s.name, h.id
