-- Takes one request from a source's budget (GCRA). $1 source, $2 place. Returns the seconds to wait, 0: granted; whether
-- the place is still ours, and the source neither paused nor in a window in which nothing may be asked; whether the source's reference question is due; and whether success is to be reported, too.
-- Everything is read from the locked row itself: another reference to the table would see it as it was before the wait
-- for the lock, and grant the same moment twice. The clock is read after the lock, too.
-- A clock that stepped back leaves a tat further ahead than any spending explains: it is pulled back to that bound.
WITH locked AS MATERIALIZED (
    SELECT * FROM budget WHERE source_id = $1 FOR UPDATE
), clock AS MATERIALIZED (
    SELECT locked.*, ledger_now() AS t FROM locked
), place AS MATERIALIZED (
    SELECT l.id, l.purpose <> 'live' AS is_bulk, l.rest_until FROM source_lease l, clock
    WHERE l.id = $2 AND l.source_id = $1 AND l.expires > clock.t
), state AS MATERIALIZED (
    SELECT c.source_id, c.t, p.id AS place, p.is_bulk, c.tolerance,
           c.emission / c.brake AS emission, c.bulk_emission / c.brake AS bulk_emission,
           least(greatest(c.tat, c.t), c.t + make_interval(secs => c.tolerance + c.emission / c.brake)) AS tat,
           least(greatest(c.bulk_tat, c.t), c.t + make_interval(secs => c.tolerance + c.bulk_emission / c.brake))
               AS bulk_tat,
           greatest(CASE WHEN c.paused THEN 1 ELSE 0 END,
                    CASE WHEN coalesce(w.utilisation, 100) = 0 THEN 1 ELSE 0 END,
                    extract(epoch FROM c.rest_until - c.t),
                    extract(epoch FROM p.rest_until - c.t),
                    -- While one association tries a source that was resting, the others wait for what it finds.
                    CASE WHEN c.trips > 0 AND c.rest_until <= c.t AND c.trial IS DISTINCT FROM p.id AND EXISTS (
                             SELECT 1 FROM source_lease o WHERE o.id = c.trial AND o.expires > c.t) THEN 1 ELSE 0 END
           )::float8 AS rest,
           c.paused OR coalesce(w.utilisation, 100) = 0 AS is_shut,
           c.trips > 0 AND c.rest_until <= c.t AS is_trying, c.reference_due <= c.t AS reference_due,
           c.failures > 0 OR c.trips > 0 OR coalesce(w.utilisation, 100) < 100 AS reports_wanted
    FROM clock c LEFT JOIN place p ON true
    LEFT JOIN budget_window w
        ON w.source_id = c.source_id AND w.weekday = extract(isodow FROM c.t AT TIME ZONE c.time_zone)
        AND w.minutes @> (extract(hour FROM c.t AT TIME ZONE c.time_zone) * 60
                          + extract(minute FROM c.t AT TIME ZONE c.time_zone))::int4
), decision AS MATERIALIZED (
    SELECT *, greatest(
        rest, extract(epoch FROM tat - t)::float8 - tolerance,
        CASE WHEN is_bulk THEN extract(epoch FROM bulk_tat - t)::float8 - tolerance ELSE 0 END) AS wait
    FROM state
), spent AS (
    UPDATE budget b
    SET tat = d.tat + make_interval(secs => CASE WHEN d.wait <= 0 THEN d.emission ELSE 0 END),
        bulk_tat = d.bulk_tat + make_interval(
            secs => CASE WHEN d.wait <= 0 AND d.is_bulk THEN d.bulk_emission ELSE 0 END),
        trial = CASE WHEN d.wait <= 0 AND d.is_trying THEN d.place ELSE b.trial END,
        reference_due = CASE WHEN d.wait <= 0 AND d.reference_due THEN d.t + interval '1 minute'
                             ELSE b.reference_due END
    FROM decision d
    WHERE b.source_id = d.source_id AND d.place IS NOT NULL
      AND (d.wait <= 0 OR b.tat > d.tat OR b.bulk_tat > d.bulk_tat)
)
SELECT greatest(wait, 0)::float8, place IS NOT NULL AND NOT is_shut, reference_due AND wait <= 0, reports_wanted FROM decision
