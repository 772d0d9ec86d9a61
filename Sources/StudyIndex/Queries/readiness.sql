-- Of the studies that one source should hold as another does: what is known of each, by reason, and the studies that do not
-- simply match. $1 from, $2 to, $3 since (days since 2000-01-01)
WITH held AS (
    SELECT o.study_uid, o.study_day, o.changed_at,
           EXISTS (SELECT 1 FROM observation t
                   WHERE t.study_uid = o.study_uid AND t.source_id = $2 AND t.vanished_at IS NULL) AS is_there
    FROM observation o
    WHERE o.source_id = $1 AND o.vanished_at IS NULL AND o.study_day >= date '2000-01-01' + $3::int4
), names AS (
    SELECT ARRAY[(SELECT name FROM source WHERE id = $1), (SELECT name FROM source WHERE id = $2)] AS pair
), differing AS (
    -- The worst of what distinguishes the two copies.
    SELECT DISTINCT ON (d.study_uid) d.study_uid, d.class
    FROM discrepancy d, names
    WHERE d.state <> 'resolved' AND d.severity <> 'cosmetic' AND d.other_uid IS NULL AND d.sources @> names.pair
    ORDER BY d.study_uid, array_position(ARRAY['critical', 'major', 'minor'], d.severity), d.class
), judged AS (
    SELECT h.study_uid,
           CASE WHEN h.is_there THEN CASE WHEN d.class IS NULL THEN 'matched' ELSE 'mismatched' END
                WHEN p.state = 'proven' AND a.confirmed_at >= h.changed_at THEN 'missing'
                ELSE 'unreachable' END AS outcome,
           CASE WHEN h.is_there THEN coalesce(d.class, '')
                WHEN p.state = 'proven' AND a.confirmed_at >= h.changed_at THEN 'CONFIRMED-BY-UID'
                WHEN p.state = 'proven' THEN 'NOT-CONFIRMED'
                WHEN p.state = 'enumerated' THEN 'DAY-ENUMERATED'
                WHEN p.state = 'hole' THEN 'DAY-IS-HOLE'
                ELSE 'DAY-NOT-ASKED' END AS reason
    FROM held h
    LEFT JOIN differing d ON d.study_uid = h.study_uid
    LEFT JOIN absence a ON a.study_uid = h.study_uid AND a.source_id = $2
    LEFT JOIN coverage p ON p.source_id = $2 AND p.level = 'STUDY' AND p.days @> h.study_day AND NOT h.is_there
)
SELECT outcome, reason, count(*), coalesce(array_agg(study_uid ORDER BY study_uid) FILTER (WHERE outcome <> 'matched'), '{}')
FROM judged GROUP BY outcome, reason ORDER BY outcome, reason
