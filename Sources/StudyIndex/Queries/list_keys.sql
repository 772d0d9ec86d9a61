SELECT id, name, scopes, created::timestamp(0)::text, revoked::timestamp(0)::text, expires::timestamp(0)::text, facilities
FROM api_key ORDER BY created
