-- An association's place at a source, if one may be opened now. $1 source, $2 purpose, $3 seconds until it expires.
-- Every user of the source waits for the budget's row first, so that the count is true when it is acted on.
-- One row: the seconds to wait and why; or the place, and whether it is the one that tries a source that was resting; and
-- for how long the source has been failing.
WITH now AS MATERIALIZED (
    SELECT ledger_now() AS t, ledger_id() AS id
), live AS MATERIALIZED (
    SELECT count(*) AS places, count(*) FILTER (WHERE l.purpose <> 'live') AS bulk,
           min(l.expires) AS first_free, array_agg(l.id) AS ids
    FROM source_lease l, now WHERE l.source_id = $1 AND l.expires > now.t
), allowed AS MATERIALIZED (
    SELECT b.*, now.t, now.id AS new_id, live.places, live.bulk,
           b.trips > 0 AND b.rest_until <= now.t AS is_trying,
           b.trial IS NOT NULL AND b.trial = ANY (coalesce(live.ids, '{}')) AS is_tried,
           greatest(1, least(b.associations, coalesce(w.associations, b.associations))
               - CASE WHEN b.yielded_until > now.t THEN b.yielded ELSE 0 END) AS most,
           coalesce(w.utilisation, 100) AS utilisation
    FROM budget b CROSS JOIN now CROSS JOIN live
    LEFT JOIN budget_window w
        ON w.source_id = b.source_id AND w.weekday = extract(isodow FROM now.t AT TIME ZONE b.time_zone)
        AND w.minutes @> (extract(hour FROM now.t AT TIME ZONE b.time_zone) * 60
                          + extract(minute FROM now.t AT TIME ZONE b.time_zone))::int4
    WHERE b.source_id = $1
), decision AS MATERIALIZED (
    SELECT *, CASE
        WHEN paused THEN 'paused'
        WHEN utilisation = 0 THEN 'window'
        WHEN rest_until > t THEN 'resting'
        WHEN is_trying AND is_tried THEN 'trial'
        WHEN places >= most OR ($2 <> 'live' AND bulk >= least(most, bulk_associations)) THEN 'places'
        WHEN next_opening > t THEN 'gap'
        END AS reason
    FROM allowed
), opened AS (
    INSERT INTO source_lease (id, source_id, purpose, expires)
    SELECT new_id, source_id, $2, t + make_interval(secs => $3) FROM decision WHERE reason IS NULL
), noted AS (
    UPDATE budget b
    SET next_opening = d.t + make_interval(secs => d.opening_gap),
        trial = CASE WHEN d.is_trying THEN d.new_id ELSE b.trial END
    FROM decision d WHERE b.source_id = d.source_id AND d.reason IS NULL
)
SELECT CASE reason WHEN 'resting' THEN extract(epoch FROM rest_until - t)
                   WHEN 'gap' THEN extract(epoch FROM next_opening - t)
                   WHEN 'places' THEN CASE WHEN $2 = 'live' THEN 0.25 ELSE 2 END ELSE 1 END::float8,
       reason, CASE WHEN reason IS NULL THEN new_id END, is_trying,
       extract(epoch FROM t - coalesce(failing_since, t))::float8
FROM decision
