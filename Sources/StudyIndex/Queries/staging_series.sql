-- Where a slice's series wait for the merge, emptied by each commit.
CREATE TEMP TABLE IF NOT EXISTS staged_series (
    series_uid text, study_uid text, modality text, series_number text, series_description text,
    body_part_examined text, series_date text, series_time text, number_of_series_related_instances text,
    instance_count int4, lossy text[], content_hash bytea
) ON COMMIT DELETE ROWS
