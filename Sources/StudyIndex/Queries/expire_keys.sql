-- Lets the good keys of a name end, no later than they would. $1 name, $2 seconds from now
UPDATE api_key SET expires = least(expires, now() + make_interval(secs => $2))
WHERE name = $1 AND revoked IS NULL AND (expires IS NULL OR expires > now())
