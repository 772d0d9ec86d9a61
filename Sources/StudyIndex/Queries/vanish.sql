-- A study that two nights have missed, and a UID query did not find, is not there any more. $1 source, $2 Study UIDs
WITH gone AS (
    UPDATE observation SET vanished_at = ledger_now()
    WHERE source_id = $1 AND study_uid = ANY ($2::text[]) AND vanished_at IS NULL AND missed_nights >= 2
    RETURNING study_uid
)
INSERT INTO staged (study_uid) SELECT study_uid FROM gone
