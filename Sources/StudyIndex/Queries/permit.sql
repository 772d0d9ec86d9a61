-- Takes one request from a source's budget (GCRA). $1 source, $2 cost. Returns the seconds to wait; 0: granted.
-- A clock that stepped back leaves a tat further ahead than any spending explains: it is pulled back to that bound.
WITH now AS MATERIALIZED (SELECT source_id FROM budget WHERE source_id = $1 FOR UPDATE),
clock AS MATERIALIZED (SELECT clock_timestamp() AS t FROM now),
state AS (
    SELECT b.source_id, b.emission, b.tolerance, clock.t,
           least(greatest(b.tat, clock.t),
                 clock.t + make_interval(secs => b.tolerance + b.emission * $2)) AS tat
    FROM budget b, clock WHERE b.source_id = $1
),
decision AS (
    SELECT *, extract(epoch FROM tat - t)::float8 - tolerance AS wait FROM state
),
spent AS (
    UPDATE budget b SET tat = d.tat + make_interval(secs => d.emission * $2)
    FROM decision d WHERE b.source_id = d.source_id AND d.wait <= 0
    RETURNING 0
)
SELECT greatest(wait, 0)::float8 FROM decision
