SELECT id, name, scopes, created::timestamp(0)::text, revoked::timestamp(0)::text FROM api_key ORDER BY created
