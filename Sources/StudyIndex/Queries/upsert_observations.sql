-- $1 source
INSERT INTO observation (
    source_id, first_seen, changed_at, counted_at,
    study_uid, patient_id, issuer_of_patient_id, patient_name, patient_birth_date, patient_sex, study_date,
    study_time, accession_number, study_id, study_description, referring_physician_name, modalities_in_study,
    number_of_study_related_series, number_of_study_related_instances, instance_availability,
    retrieve_ae_title, timezone_offset_from_utc, issuer, name_key, name_id, physician_name_id, study_day, study_clock,
    birth_day, modalities, series_count, instance_count, lossy, content_hash, institution_name, facility_id, uniform
)
SELECT $1, moment.t, moment.t,
       -- Its day was known already: the study has only just arrived, and may still grow.
       CASE WHEN moment.is_known THEN moment.t END,
       study_uid, patient_id, issuer_of_patient_id, patient_name, patient_birth_date, patient_sex, study_date,
       study_time, accession_number, study_id, study_description, referring_physician_name,
       modalities_in_study, number_of_study_related_series, number_of_study_related_instances,
       instance_availability, retrieve_ae_title, timezone_offset_from_utc, issuer, name_key, name_id,
       physician_name_id, study_day, study_clock, birth_day, modalities, series_count, instance_count, lossy, content_hash,
       institution_name, f.facility_id,
       -- Of a study that only it shows; of others a later statement finds out.
       lossy IS NULL
FROM (
    SELECT ledger_now() AS t, EXISTS (
        SELECT 1 FROM coverage c
        WHERE c.source_id = $1 AND c.level = 'STUDY' AND c.state <> 'hole'
          AND c.days @> (SELECT daterange(min(study_day), max(study_day), '[]') FROM staged)) AS is_known
    OFFSET 0
) AS moment, staged
LEFT JOIN LATERAL facility_of($1::int4, issuer, patient_id, accession_number, lossy, institution_name) f ON true
ORDER BY study_uid
ON CONFLICT (study_uid, source_id) DO UPDATE
SET changed_at = CASE WHEN observation.content_hash = excluded.content_hash THEN observation.changed_at
                      ELSE excluded.changed_at END,
    counted_at = CASE WHEN (observation.series_count, observation.instance_count)
                           IS NOT DISTINCT FROM (excluded.series_count, excluded.instance_count)
                           AND observation.vanished_at IS NULL
                      THEN observation.counted_at ELSE excluded.changed_at END,
    missing_since = NULL, missed_nights = 0, last_missed = NULL, vanished_at = NULL,
    patient_id = excluded.patient_id, issuer_of_patient_id = excluded.issuer_of_patient_id,
    patient_name = excluded.patient_name, patient_birth_date = excluded.patient_birth_date,
    patient_sex = excluded.patient_sex, study_date = excluded.study_date, study_time = excluded.study_time,
    accession_number = excluded.accession_number, study_id = excluded.study_id,
    study_description = excluded.study_description,
    referring_physician_name = excluded.referring_physician_name,
    modalities_in_study = excluded.modalities_in_study,
    number_of_study_related_series = excluded.number_of_study_related_series,
    number_of_study_related_instances = excluded.number_of_study_related_instances,
    instance_availability = excluded.instance_availability, retrieve_ae_title = excluded.retrieve_ae_title,
    timezone_offset_from_utc = excluded.timezone_offset_from_utc, issuer = excluded.issuer,
    name_key = excluded.name_key, name_id = excluded.name_id, physician_name_id = excluded.physician_name_id,
    study_day = excluded.study_day,
    study_clock = excluded.study_clock, birth_day = excluded.birth_day, modalities = excluded.modalities,
    series_count = excluded.series_count, instance_count = excluded.instance_count, lossy = excluded.lossy,
    content_hash = excluded.content_hash, institution_name = excluded.institution_name, facility_id = excluded.facility_id,
    uniform = observation.uniform AND excluded.uniform
