-- What was found takes the place of what was known; rows that are as they were are not written.
ANALYZE staged_identity, staged_link;
DELETE FROM patient_identity i
WHERE NOT EXISTS (SELECT 1 FROM staged_identity s
                  WHERE (s.issuer, s.patient_id, s.patient_name, s.patient_birth_date, s.patient_sex)
                      = (i.issuer, i.patient_id, i.patient_name, i.patient_birth_date, i.patient_sex));
INSERT INTO patient_identity (issuer, patient_id, patient_name, patient_birth_date, patient_sex)
SELECT issuer, patient_id, patient_name, patient_birth_date, patient_sex FROM staged_identity
EXCEPT
SELECT issuer, patient_id, patient_name, patient_birth_date, patient_sex FROM patient_identity
ORDER BY issuer, patient_id, patient_name, patient_birth_date, patient_sex;
UPDATE staged_identity s SET id = i.id
FROM patient_identity i
WHERE (s.issuer, s.patient_id, s.patient_name, s.patient_birth_date, s.patient_sex)
    = (i.issuer, i.patient_id, i.patient_name, i.patient_birth_date, i.patient_sex);
UPDATE patient_identity i SET person_id = p.person_id
FROM (SELECT id, CASE WHEN person IS NOT NULL THEN min(id) OVER (PARTITION BY person) END AS person_id
      FROM staged_identity) p
WHERE i.id = p.id AND i.person_id IS DISTINCT FROM p.person_id;
DELETE FROM person_link l
WHERE NOT EXISTS (SELECT 1 FROM staged_link s
                  JOIN staged_identity one ON one.number = s.left_number
                  JOIN staged_identity other ON other.number = s.right_number
                  WHERE l.left_id = least(one.id, other.id) AND l.right_id = greatest(one.id, other.id));
INSERT INTO person_link (left_id, right_id, grade, weight, caution, evidence)
SELECT least(one.id, other.id), greatest(one.id, other.id), s.grade, s.weight::float8, s.caution, s.evidence::jsonb
FROM staged_link s
JOIN staged_identity one ON one.number = s.left_number
JOIN staged_identity other ON other.number = s.right_number
ON CONFLICT (left_id, right_id) DO UPDATE
SET grade = excluded.grade, weight = excluded.weight, caution = excluded.caution, evidence = excluded.evidence
WHERE (person_link.grade, person_link.weight, person_link.caution, person_link.evidence)
    IS DISTINCT FROM (excluded.grade, excluded.weight, excluded.caution, excluded.evidence);
