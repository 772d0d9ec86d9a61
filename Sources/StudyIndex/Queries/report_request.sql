-- How a source took a request, or an association that was asked for. $1 source, $2 place or NULL, $3 'success',
-- 'failure' or 'congestion' (it says that it has too many associations), $4 seconds it took, $5 jitter, 0 to 1.
-- Five failures in a row, or one of the association that tries whether it is well, make a source rest: 30 s, then twice as
-- long each time, to 15 min. Congestion rests openings at once, and gives one association up for an hour (F80).
-- Returns for how long the source has been failing, and how long it rests.
WITH facts AS MATERIALIZED (
    SELECT b.*, coalesce(b.trial = $2, false) AS is_trial, ledger_now() AS t FROM budget b WHERE source_id = $1 FOR UPDATE
), verdict AS MATERIALIZED (
    SELECT *, $3 = 'failure' AND (failures >= 4 OR is_trial) AS is_trip,
           CASE WHEN yielded_until > t THEN least(congestions + 1, 10) ELSE 1 END AS congested,
           0.5 + $5 / 2 AS jitter
    FROM facts
), noted AS (
    UPDATE budget b
    SET failures = CASE WHEN $3 = 'failure' AND NOT v.is_trip THEN v.failures + 1 ELSE 0 END,
        failing_since = CASE WHEN $3 <> 'success' THEN coalesce(v.failing_since, v.t) END,
        trips = CASE WHEN $3 = 'success' THEN 0 WHEN v.is_trip THEN least(v.trips + 1, 10) ELSE v.trips END,
        rest_until = CASE WHEN v.is_trip THEN v.t + make_interval(secs => least(30 * 2 ^ v.trips, 900) * v.jitter)
                          ELSE v.rest_until END,
        next_opening = CASE WHEN $3 = 'congestion'
                            THEN v.t + make_interval(secs => least(15 * 2 ^ v.congested, 900) * v.jitter)
                            ELSE v.next_opening END,
        trial = CASE WHEN v.is_trial THEN NULL ELSE v.trial END,
        congestions = CASE WHEN $3 = 'congestion' THEN v.congested ELSE v.congestions END,
        yielded = CASE WHEN $3 = 'congestion' THEN least(v.congested, v.associations - 1) ELSE v.yielded END,
        yielded_until = CASE WHEN $3 = 'congestion' THEN v.t + interval '1 hour' ELSE v.yielded_until END
    FROM verdict v WHERE b.source_id = v.source_id
    RETURNING b.failing_since, b.rest_until, b.next_opening, v.t
), rested AS (
    UPDATE source_lease l SET rest_until = v.t + make_interval(secs => $4 * (100.0 / w.utilisation - 1))
    FROM verdict v JOIN budget_window w
        ON w.source_id = v.source_id AND w.weekday = extract(isodow FROM v.t AT TIME ZONE v.time_zone)
        AND w.minutes @> (extract(hour FROM v.t AT TIME ZONE v.time_zone) * 60
                          + extract(minute FROM v.t AT TIME ZONE v.time_zone))::int4
    WHERE l.id = $2 AND w.utilisation BETWEEN 1 AND 99
)
SELECT extract(epoch FROM t - coalesce(failing_since, t))::float8,
       greatest(extract(epoch FROM rest_until - t), extract(epoch FROM next_opening - t), 0)::float8
FROM noted
