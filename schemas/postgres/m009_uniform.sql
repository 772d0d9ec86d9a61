-- Where all live copies of a study agree in everything that can be asked of them, and none lost characters, one row tells all:
-- searches need not look at the others. Most studies have one copy.
--
-- Both columns say the same of one study; false where it is not known, which costs time and nothing else. Merges keep them
-- (recompute_studies.sql, mark_uniform.sql).
ALTER TABLE study ADD COLUMN uniform boolean NOT NULL DEFAULT false;
ALTER TABLE observation ADD COLUMN uniform boolean NOT NULL DEFAULT false;

UPDATE study SET uniform = true
FROM (SELECT study_uid FROM observation WHERE vanished_at IS NULL
      GROUP BY study_uid HAVING count(*) = 1 AND bool_and(lossy IS NULL)) AS single
WHERE study.study_uid = single.study_uid;
UPDATE observation o SET uniform = true
FROM study s WHERE s.study_uid = o.study_uid AND s.uniform AND o.vanished_at IS NULL;

-- A search by name lists the places of all matches: of uniform studies it reads them here, and fetches those of its page. Not
-- partial, though only current copies are searched: a merge, which reads those of one study, would be planned to read all of it.
DROP INDEX observation_name;
CREATE INDEX observation_name ON observation (name_id)
    INCLUDE (study_uid, source_id, study_day, study_clock, uniform, vanished_at);
