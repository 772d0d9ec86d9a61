-- What a pass has found waits here for the end of its transaction.
CREATE TEMP TABLE found (
    class text COLLATE "C", severity text, study_uid text COLLATE "C", other_uid text COLLATE "C", sources text[], frozen jsonb
) ON COMMIT DROP
