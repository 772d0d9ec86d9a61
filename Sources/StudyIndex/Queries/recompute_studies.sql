-- Consolidates anew the studies of a merge that existed before it: the patient group together from the first source by
-- priority that names a patient, every other attribute from the first that returned it.
-- Observations are fetched study by study (LATERAL, OFFSET 0): a plan that reads the whole table would cost more with
-- every study of the archive. The aggregates take their rows as sorted below.
WITH touched AS (
    -- Rows that this transaction has inserted are whole already.
    SELECT study_uid FROM staged JOIN study USING (study_uid) WHERE study.xmin <> pg_current_xact_id()::xid
), ranked AS (
    SELECT o.*, row_number() OVER by_priority AS rank,
           first_value(o.source_id) OVER by_patient AS lead_source,
           -- All that can be asked of it; of what was normalised also whether there was anything.
           ROW(o.patient_id, o.issuer, o.name_key, o.patient_name IS NULL, o.birth_day, o.patient_birth_date IS NULL,
               o.patient_sex, o.study_day, o.study_date IS NULL, o.study_clock, o.study_time IS NULL,
               o.accession_number, o.study_id, o.study_description, o.physician_name_id,
               o.referring_physician_name IS NULL, o.modalities, o.series_count,
               o.number_of_study_related_series IS NULL, o.instance_count,
               o.number_of_study_related_instances IS NULL)::text COLLATE "C" AS told
    FROM touched
    CROSS JOIN LATERAL (
        SELECT * FROM observation WHERE study_uid = touched.study_uid AND vanished_at IS NULL OFFSET 0
    ) AS o
    JOIN source ON source.id = o.source_id
    WINDOW by_priority AS (PARTITION BY o.study_uid ORDER BY source.priority, source.id),
           by_patient AS (PARTITION BY o.study_uid
                          ORDER BY coalesce(o.patient_id, '') = '', source.priority, source.id)
), merged AS (
    SELECT o.study_uid, min(o.lead_source) AS lead_source,
           array_agg(o.source_id) AS source_ids,
           bool_and(o.lossy IS NULL) AND min(o.told) = max(o.told) AS uniform,
           ARRAY[
               min(o.lead_source), min(o.lead_source), min(o.lead_source), min(o.lead_source),
               min(o.lead_source), min(o.lead_source),
               (array_agg(o.source_id) FILTER (WHERE o.study_date <> ''))[1],
               (array_agg(o.source_id) FILTER (WHERE o.study_time <> ''))[1],
               (array_agg(o.source_id) FILTER (WHERE o.accession_number <> ''))[1],
               (array_agg(o.source_id) FILTER (WHERE o.study_id <> ''))[1],
               (array_agg(o.source_id) FILTER (WHERE o.study_description <> ''))[1],
               (array_agg(o.source_id) FILTER (WHERE o.referring_physician_name <> ''))[1],
               (array_agg(o.source_id) FILTER (WHERE o.modalities_in_study <> ''))[1],
               (array_agg(o.source_id) FILTER (WHERE o.number_of_study_related_series <> ''))[1],
               (array_agg(o.source_id) FILTER (WHERE o.number_of_study_related_instances <> ''))[1],
               (array_agg(o.source_id) FILTER (WHERE o.instance_availability <> ''))[1],
               (array_agg(o.source_id) FILTER (WHERE o.retrieve_ae_title <> ''))[1],
               (array_agg(o.source_id) FILTER (WHERE o.timezone_offset_from_utc <> ''))[1]
           ] AS provenance,
           coalesce((array_agg(o.study_date) FILTER (WHERE o.study_date <> ''))[1], min(o.study_date)) AS study_date,
           (array_agg(o.study_day) FILTER (WHERE o.study_date <> ''))[1] AS study_day,
           min(o.study_day) AS first_day, max(o.study_day) AS last_day,
           coalesce((array_agg(o.study_time) FILTER (WHERE o.study_time <> ''))[1], min(o.study_time)) AS study_time,
           (array_agg(o.study_clock) FILTER (WHERE o.study_time <> ''))[1] AS study_clock,
           coalesce((array_agg(o.accession_number) FILTER (WHERE o.accession_number <> ''))[1], min(o.accession_number)) AS accession_number,
           coalesce((array_agg(o.study_id) FILTER (WHERE o.study_id <> ''))[1], min(o.study_id)) AS study_id,
           coalesce((array_agg(o.study_description) FILTER (WHERE o.study_description <> ''))[1], min(o.study_description)) AS study_description,
           coalesce((array_agg(o.referring_physician_name) FILTER (WHERE o.referring_physician_name <> ''))[1], min(o.referring_physician_name)) AS referring_physician_name,
           coalesce((array_agg(o.modalities_in_study) FILTER (WHERE o.modalities_in_study <> ''))[1], min(o.modalities_in_study)) AS modalities_in_study,
           string_to_array((array_agg(array_to_string(o.modalities, '\'))
               FILTER (WHERE o.modalities_in_study <> ''))[1], '\') AS modalities,
           coalesce((array_agg(o.number_of_study_related_series) FILTER (WHERE o.number_of_study_related_series <> ''))[1], min(o.number_of_study_related_series)) AS number_of_study_related_series,
           (array_agg(o.series_count) FILTER (WHERE o.number_of_study_related_series <> ''))[1] AS series_count,
           coalesce((array_agg(o.number_of_study_related_instances) FILTER (WHERE o.number_of_study_related_instances <> ''))[1], min(o.number_of_study_related_instances)) AS number_of_study_related_instances,
           (array_agg(o.instance_count) FILTER (WHERE o.number_of_study_related_instances <> ''))[1] AS instance_count,
           coalesce((array_agg(o.instance_availability) FILTER (WHERE o.instance_availability <> ''))[1], min(o.instance_availability)) AS instance_availability,
           coalesce((array_agg(o.retrieve_ae_title) FILTER (WHERE o.retrieve_ae_title <> ''))[1], min(o.retrieve_ae_title)) AS retrieve_ae_title,
           coalesce((array_agg(o.timezone_offset_from_utc) FILTER (WHERE o.timezone_offset_from_utc <> ''))[1], min(o.timezone_offset_from_utc)) AS timezone_offset_from_utc
    FROM (SELECT * FROM ranked ORDER BY study_uid, rank) o GROUP BY o.study_uid
)
UPDATE study
SET source_ids = m.source_ids, provenance = m.provenance, uniform = m.uniform,
    patient_id = p.patient_id, issuer_of_patient_id = p.issuer_of_patient_id, patient_name = p.patient_name,
    patient_birth_date = p.patient_birth_date, patient_sex = p.patient_sex, issuer = p.issuer,
    name_key = p.name_key, birth_day = p.birth_day,
    study_date = m.study_date, study_day = m.study_day, study_time = m.study_time, study_clock = m.study_clock,
    accession_number = m.accession_number, study_id = m.study_id, study_description = m.study_description,
    referring_physician_name = m.referring_physician_name,
    modalities_in_study = m.modalities_in_study,
    -- Returned empty, and not returned, are not the same.
    modalities = CASE WHEN m.uniform THEN p.modalities ELSE m.modalities END,
    number_of_study_related_series = m.number_of_study_related_series, series_count = m.series_count,
    number_of_study_related_instances = m.number_of_study_related_instances, instance_count = m.instance_count,
    instance_availability = m.instance_availability, retrieve_ae_title = m.retrieve_ae_title,
    timezone_offset_from_utc = m.timezone_offset_from_utc,
    differing_days = CASE WHEN m.first_day IS DISTINCT FROM m.study_day OR m.last_day IS DISTINCT FROM m.study_day
                          THEN daterange(m.first_day, m.last_day, '[]') END
FROM merged m JOIN observation p ON p.study_uid = m.study_uid AND p.source_id = m.lead_source
WHERE study.study_uid = m.study_uid
