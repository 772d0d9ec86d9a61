INSERT INTO api_key (id, name, hash, scopes) VALUES ($1, $2, $3, $4)
