-- $1 studies that a pass has examined (NULL: all), $2 those to look at again and $3 when (seconds since 1970)
WITH done AS (
    DELETE FROM reconciliation_due
    WHERE ($1::text[] IS NULL OR study_uid = ANY ($1::text[])) AND NOT (study_uid = ANY ($2::text[]))
)
INSERT INTO reconciliation_due (study_uid, due)
SELECT study_uid, to_timestamp(due) FROM unnest($2::text[], $3::int8[]) AS d (study_uid, due)
ON CONFLICT (study_uid) DO UPDATE SET due = excluded.due
