-- Not where two keys of the name are good already: the old one and the new one. $1 id, $2 name, $3 hash, $4 scopes,
-- $5 facilities, $6 requests a second and $7 at once (NULL: the server's), $8 seconds until it expires (NULL: never)
INSERT INTO api_key (id, name, hash, scopes, facilities, requests_per_second, concurrent_requests, expires)
SELECT $1, $2, $3, $4, $5, $6::int8, $7::int8, now() + make_interval(secs => $8::float8)
WHERE (SELECT count(*) FROM api_key
       WHERE name = $2 AND revoked IS NULL AND (expires IS NULL OR expires > now())) < 2
