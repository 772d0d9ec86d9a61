-- How each source is at the moment.
SELECT s.name, b.paused, greatest(extract(epoch FROM b.rest_until - ledger_now()), 0)::float8, b.brake,
       (SELECT count(*) FROM source_lease l WHERE l.source_id = s.id AND l.expires > ledger_now())
FROM source s JOIN budget b ON b.source_id = s.id
