-- Where a slice's new and changed observations wait for the merge, emptied by each commit.
CREATE TEMP TABLE IF NOT EXISTS staged (
    study_uid text, patient_id text, issuer_of_patient_id text, patient_name text, patient_birth_date text,
    patient_sex text, study_date text, study_time text, accession_number text, study_id text,
    study_description text, referring_physician_name text, modalities_in_study text,
    number_of_study_related_series text, number_of_study_related_instances text, instance_availability text,
    retrieve_ae_title text, timezone_offset_from_utc text, issuer text, name_key text, name_id int8,
    physician_name_id int8, study_day date, study_clock int8, birth_day date, modalities text[], series_count int4,
    instance_count int4, lossy text[], content_hash bytea, institution_name text
) ON COMMIT DELETE ROWS
