-- Replaces a source's rules where they are others than before; its copies are then to be assigned anew. $1 source, by rule in
-- their order ('' for what a rule does not ask): $2 facilities, $3 issuers, $4 and $5 prefixes of patient IDs and accession numbers,
-- $6 institutions
WITH wanted AS (
    SELECT r.position::int4, f.id AS facility_id, nullif(r.issuer, '') AS issuer,
           nullif(r.patient_id_prefix, '') AS patient_id_prefix, nullif(r.accession_prefix, '') AS accession_prefix,
           nullif(r.institution, '') AS institution
    FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
         WITH ORDINALITY AS r (facility, issuer, patient_id_prefix, accession_prefix, institution, position)
    JOIN facility f ON f.name = r.facility
), present AS (
    SELECT position, facility_id, issuer, patient_id_prefix, accession_prefix, institution FROM facility_rule WHERE source_id = $1
), difference AS (
    (SELECT * FROM wanted EXCEPT SELECT * FROM present) UNION ALL (SELECT * FROM present EXCEPT SELECT * FROM wanted)
), gone AS (
    DELETE FROM facility_rule r
    WHERE r.source_id = $1 AND r.position > (SELECT count(*) FROM wanted)
), written AS (
    INSERT INTO facility_rule (source_id, position, facility_id, issuer, patient_id_prefix, accession_prefix, institution)
    SELECT $1, position, facility_id, issuer, patient_id_prefix, accession_prefix, institution FROM wanted
    WHERE EXISTS (SELECT 1 FROM difference)
    ON CONFLICT (source_id, position) DO UPDATE
    SET facility_id = excluded.facility_id, issuer = excluded.issuer, patient_id_prefix = excluded.patient_id_prefix,
        accession_prefix = excluded.accession_prefix, institution = excluded.institution
)
UPDATE source SET facilities_assigned = false WHERE id = $1 AND EXISTS (SELECT 1 FROM difference)
