-- Institutions as conditions of facilities. InstitutionName is asked of sources that have such a rule, and of no others.

-- As the source sent it, without spaces at the ends; several, where series have different ones, joined by '\'. NULL: not
-- returned. It decides to whom a copy belongs, and is no part of searches, nor of what is told of a study.
ALTER TABLE observation ADD COLUMN institution_name text COLLATE "C";

ALTER TABLE facility_rule ADD COLUMN institution text COLLATE "C";
ALTER TABLE facility_rule DROP CONSTRAINT facility_rule_check;
ALTER TABLE facility_rule ADD CONSTRAINT facility_rule_asks_something
    CHECK (num_nonnulls(issuer, patient_id_prefix, accession_prefix, institution) > 0);

-- As before (m002_index.sql), and by institution: of several, and of one that lost characters, it cannot be told.
DROP FUNCTION facility_of(int4, text, text, text, text[]);
CREATE FUNCTION facility_of(
    source int4, issuer text, patient_id text, accession_number text, lossy text[], institution_name text
)
RETURNS TABLE (facility_id int4) LANGUAGE sql STABLE AS
$$
    SELECT CASE WHEN claims.truth THEN r.facility_id END
    FROM facility_rule r, LATERAL (SELECT
        (r.issuer IS NULL OR CASE WHEN 'issuer_of_patient_id' = ANY ($5) THEN NULL ELSE r.issuer = $2 END)
        AND (r.patient_id_prefix IS NULL
             OR CASE WHEN 'patient_id' = ANY ($5) THEN NULL ELSE starts_with($3, r.patient_id_prefix) END)
        AND (r.accession_prefix IS NULL
             OR CASE WHEN 'accession_number' = ANY ($5) THEN NULL ELSE starts_with($4, r.accession_prefix) END)
        AND (r.institution IS NULL
             OR CASE WHEN $6 = r.institution THEN true
                     WHEN $6 IS NULL OR strpos($6, U&'\FFFD') > 0 OR r.institution = ANY (string_to_array($6, '\'))
                     THEN NULL ELSE false END)
    ) AS claims (truth)
    WHERE r.source_id = $1 AND claims.truth IS NOT FALSE
    ORDER BY r.position LIMIT 1
$$;
